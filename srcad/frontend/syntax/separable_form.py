"""The form of a function in which inactive code can be parted from the rest: one statement for each of the two.

>>> from srcad.frontend.syntax.activity import Activity
>>> tree = gast.parse('''def f(x, lines):
...     rng, t = make(2), x
...     for line in lines:
...         try:
...             v = float(line)
...         except ValueError:
...             continue
...         t = t * v * rng.random()
...     return t''').body[0]
>>> print(gast.unparse(separable(tree, Activity(tree, {"x"}, lambda call: True))).strip())
def f(x, lines):
    rng = make(2)
    t = x
    for line in lines:
        skipped = False
        try:
            v = float(line)
        except ValueError:
            skipped = True
        if skipped:
            continue
        t = t * v * rng.random()
    return t
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gast

from srcad.frontend.syntax.activity import Activity, bindings
from srcad.frontend.syntax.control_exits import BREAK, CONTINUE, NEXT, RETURN, exits, may_go_on
from srcad.ir.names import unused_name

_EXITS = frozenset({BREAK, CONTINUE, RETURN})
_BLOCKS = ("body", "orelse", "finalbody", "handlers")


def separable(tree: Any, activity: Activity) -> Any:
    """The function with parallel assignments of both kinds one by one, and with inactive `try` that end in the loop.

    What is left as it was is shared with the given tree, which is not modified.
    """
    return _Rewriting(tree, activity).of(tree)


class _Rewriting:
    def __init__(self, tree: Any, activity: Activity) -> None:
        self._activity = activity
        self._names = {node.id for node in gast.walk(tree) if isinstance(node, gast.Name)}

    def of(self, stmt: Any) -> Any:
        """A statement with the blocks in it rewritten."""
        changed = {}
        for name in _BLOCKS:
            block = getattr(stmt, name, None) or []
            made = [self.of(one) for one in block] if name == "handlers" else self._block(block)
            if len(made) != len(block) or any(one is not other for one, other in zip(made, block, strict=True)):
                changed[name] = made
        return _with(stmt, changed) if changed else stmt

    def _block(self, body: Sequence[Any]) -> list[Any]:
        return [made for stmt in body for made in self._statement(stmt)]

    def _statement(self, stmt: Any) -> list[Any]:
        match stmt:
            case gast.Assign(targets=[gast.Tuple(elts=targets)], value=gast.Tuple(elts=values)):
                return self._assignment(stmt, targets, values)
            case gast.Try() if may_go_on(stmt) and exits([stmt]) & _EXITS and self._is_inactive(stmt):
                return self._left(stmt)
            case gast.FunctionDef() | gast.ClassDef():
                return [stmt]
        return [self.of(stmt)]

    def _is_inactive(self, stmt: Any) -> bool:
        return not (self._activity.is_under_active(stmt) or self._activity.is_active(stmt))

    def _assignment(self, stmt: Any, targets: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        """A parallel assignment of active and inactive names: one by one, where no value is read that was bound."""
        names = [one.id for one in targets if isinstance(one, gast.Name)]
        pairs = list(bindings(stmt.targets, stmt.value))
        is_active = [self._activity.is_active(to) or self._activity.is_active(of) for to, of in pairs]
        read = {n.id for value in values[1:] for n in gast.walk(value) if isinstance(n, gast.Name)}
        is_apart = len(set(names)) == len(targets) == len(values) and read.isdisjoint(names)
        if not is_apart or all(is_active) or not any(is_active) or self._activity.is_under_active(stmt):
            return [stmt]
        return [gast.copy_location(gast.Assign([to], of, None), stmt) for to, of in zip(targets, values, strict=True)]

    def _left(self, stmt: gast.Try) -> list[Any]:
        """A `try` that flags say how it was left, and behind it the jumps themselves."""
        ways = exits([stmt]) & _EXITS
        is_else_left_out = stmt.orelse and exits(stmt.body) & _EXITS
        if RETURN in ways or is_else_left_out or exits(stmt.finalbody) & _EXITS:
            return [stmt]
        flags = {}
        for way, noun in ((BREAK, "stopped"), (CONTINUE, "skipped")):
            if way in ways:
                flags[way] = unused_name(noun, self._names)
                self._names.add(flags[way])
        body, orelse = _flagged(stmt.body, flags), _flagged(stmt.orelse, flags)
        handled = [_flagged(one.body, flags) for one in stmt.handlers]
        if body is None or orelse is None or None in handled:
            return [stmt]
        handlers = [_with(one, {"body": new}) for one, new in zip(stmt.handlers, handled, strict=True)]
        made = self.of(_with(stmt, {"body": body, "orelse": orelse, "handlers": handlers}))
        begin = [_set(flag, False, stmt) for flag in flags.values()]
        jumps = {BREAK: gast.Break(), CONTINUE: gast.Continue()}
        leave = [
            _at(gast.If(gast.Name(flag, gast.Load(), None, None), [jumps[way]], []), stmt)
            for way, flag in flags.items()
        ]
        return [*begin, made, *leave]


def _flagged(body: Sequence[Any], flags: dict[str, str]) -> list[Any] | None:
    """A block that sets flags where it has left; None where what is left out then stands behind more than an `if`."""
    at = next((k for k, stmt in enumerate(body) if exits([stmt]) & _EXITS), None)
    if at is None:
        return list(body)
    before, stmt, rest = body[:at], body[at], body[at + 1 :]
    match stmt:
        case gast.Break():
            return [*before, _set(flags[BREAK], True, stmt)]
        case gast.Continue():
            return [*before, _set(flags[CONTINUE], True, stmt)]
        case gast.If(body=then, orelse=orelse) if not (rest and NEXT in exits(then) and NEXT in exits(orelse)):
            blocks = [_flagged([*one, *(rest if NEXT in exits(one) else ())], flags) for one in (then, orelse)]
            return None if None in blocks else [*before, _with(stmt, {"body": blocks[0], "orelse": blocks[1]})]
    return None


def _set(flag: str, value: bool, at: Any) -> Any:
    return _at(gast.Assign([gast.Name(flag, gast.Store(), None, None)], gast.Constant(value, None), None), at)


def _at(made: Any, place: Any) -> Any:
    for node in gast.walk(made):
        if isinstance(node, gast.expr | gast.stmt):
            gast.copy_location(node, place)
    return made


def _with(node: Any, fields: dict[str, Any]) -> Any:
    """A copy of a node with some fields replaced."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made

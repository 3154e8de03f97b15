"""Control-flow structuring: `break`, `continue`, early `return` and loop `else` become nested branches or flags."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import gast

from srcad.frontend.source.scopes import is_named_insertion
from srcad.frontend.syntax.control_exits import (
    BREAK,
    CONTINUE,
    NEXT,
    RAISE,
    RETURN,
    as_try,
    contains_exit,
    endless,
    exits,
    raises_only,
    reachable,
    returns,
)

Node = TypeVar("Node", bound=gast.AST)


def structure_exits(tree: gast.FunctionDef) -> gast.FunctionDef:
    """The same function with one `return`, its last statement, and loops that only terminate at their heads.

    >>> text = '''
    ... def first_negative(x):
    ...     for v in x:
    ...         if v > 0.0:
    ...             continue
    ...         return v
    ...     return 0.0
    ... '''
    >>> print(gast.unparse(structure_exits(gast.parse(text).body[0])).strip())
    def first_negative(x):
        returned = False
        for v in x:
            if not v > 0.0:
                result = v
                returned = True
        if not returned:
            result = 0.0
        return result

    A `for` with an early exit has the name of its flag in the attribute `exit_flag` (here "returned"): true at the end
    of an iteration, it terminates the loop. A `while` tests its flag before its own condition. Nested functions are
    left alone. The given tree is not modified; unchanged subtrees are shared with it.
    """
    return _Rewriter(tree).function(tree)


@dataclass(frozen=True)
class _Loop:
    """The flags of a loop: `stopped` is None where its only early exit is `return`."""

    stopped: str | None
    skipped: str


class _Rewriter:
    """The rewriting of one function. Flags have placeholder names ("%stopped.2") until it is known which are read."""

    def __init__(self, tree: gast.FunctionDef) -> None:
        self.taken = set(_names(tree))
        self.flags: list[str] = []
        self.read: set[str] = set()
        self.returned = self.flag("returned")
        self.result: str | None = None
        self.keep_return = False

    def function(self, tree: gast.FunctionDef) -> gast.FunctionDef:
        body = reachable(tree.body)
        if NEXT in exits(body):
            body = [*body, _located(gast.Return(_constant(None)), body[-1])]
        found = list(returns(body))
        self.keep_return = len(found) == 1 and found[0] is body[-1]
        if not self.keep_return and not all(_is_none(statement.value) for statement in found):
            self.result = self.fresh("result")
        out = _without_dead_flags(self.block(body, ()), frozenset())
        if not self.keep_return:
            value = _constant(None) if self.result is None else _name(self.result, gast.Load())
            out.append(_located(gast.Return(value), found[-1] if found else body[-1]))
        for flag in self.flags:
            if flag in self.read:
                _initialise(out, flag)
        _rename(out, {flag: self.fresh(_base(flag)) for flag in self.flags if flag in self.read})
        return _with(tree, body=out)

    def block(self, body: Sequence[gast.stmt], loops: tuple[_Loop, ...]) -> list[gast.stmt]:
        out: list[gast.stmt] = []
        body = reachable(body)
        for at, written in enumerate(body):
            rest = body[at + 1 :]
            statement = (as_try(written) if isinstance(written, gast.With) else None) or written
            match statement:
                case gast.Return():
                    return out + self.return_statement(statement, loops)
                case gast.Break():
                    assert loops[-1].stopped is not None
                    return [*out, _set(loops[-1].stopped, True, statement)]
                case gast.Continue():
                    return [*out, _set(loops[-1].skipped, True, statement)]
                case gast.If():
                    nested = self.nested(statement, rest, loops)
                    if nested is not None:
                        return [*out, nested]
                    then, orelse = self.block(statement.body, loops), self.block(statement.orelse, loops)
                    out.append(_with(statement, body=then, orelse=orelse))
                    if left := exits([statement]) - {NEXT, RAISE}:
                        return out + self.after(left, rest, loops, statement)
                case gast.For() | gast.While():
                    return out + self.loop(statement, rest, loops)
                case gast.With() if not is_named_insertion(statement.items[0].context_expr):
                    out.append(_with(statement, body=self.block(statement.body, loops)))
                    if left := exits(statement.body) - {NEXT, RAISE}:
                        return out + self.after(left, rest, loops, statement)
                case gast.Try():
                    out += self.attempt(statement, loops)
                    if left := exits([statement]) - {NEXT, RAISE}:
                        return out + self.after(left, rest, loops, statement)
                case _:
                    out.append(statement)
        return out

    def attempt(self, statement: gast.Try, loops: tuple[_Loop, ...]) -> list[gast.stmt]:
        """A `try`, whose `else` is left out where its body has been left, and what comes at last behind it.

        It keeps what comes at last for the errors that pass.
        """
        body = self.block(statement.body, loops)
        left = exits(statement.body) - {NEXT, RAISE}
        orelse = self.after(left, statement.orelse, loops, statement) if left else self.block(statement.orelse, loops)
        handlers = [_with(one, body=self.block(one.body, loops)) for one in statement.handlers]
        passed = [] if contains_exit(statement.finalbody) else copy.deepcopy(statement.finalbody)
        new = _with(statement, body=body, handlers=handlers, orelse=orelse, finalbody=passed)
        new.cleans_up = any(not isinstance(one, gast.Pass) for one in statement.finalbody)
        new.raises_only = raises_only(statement)
        return [new, *self.block(statement.finalbody, loops)]

    def after(
        self, exits_taken: frozenset[str], rest: Sequence[gast.stmt], loops: tuple[_Loop, ...], location: gast.AST
    ) -> list[gast.stmt]:
        """What stands behind a statement that some paths leave by these exits."""
        return self.guarded(self.flags_of(exits_taken, loops), rest, loops, location) if rest else []

    def nested(self, statement: gast.If, rest: Sequence[gast.stmt], loops: tuple[_Loop, ...]) -> gast.If | None:
        """The `if` with `rest` moved into the one branch that falls through; None where both or neither do."""
        then, orelse = exits(statement.body), exits(statement.orelse)
        if not (then | orelse) - {NEXT, RAISE} or (NEXT in then and NEXT in orelse):
            return None
        into_then = [*statement.body, *rest] if NEXT in then else statement.body
        into_else = [*statement.orelse, *rest] if NEXT in orelse else statement.orelse
        return _with(statement, body=self.block(into_then, loops), orelse=self.block(into_else, loops))

    def loop(
        self, statement: gast.For | gast.While, rest: Sequence[gast.stmt], loops: tuple[_Loop, ...]
    ) -> list[gast.stmt]:
        exits_taken = exits(statement.body)
        flags_of_loop = _Loop(self.flag("stopped") if BREAK in exits_taken else None, self.flag("skipped"))
        new = _with(statement, body=self.block(statement.body, (*loops, flags_of_loop)), orelse=[])
        flag = flags_of_loop.stopped or (self.returned if RETURN in exits_taken else None)
        if flag is not None and isinstance(new, gast.While):
            go_on = self.none_of([flag], statement)
            new.test = (
                go_on if endless(statement) else _located(gast.BoolOp(gast.And(), [go_on, new.test]), statement.test)
            )
        elif flag is not None:
            self.read.add(flag)
            new.exit_flag = flag
        if flags_of_loop.stopped is None:
            rest = [*statement.orelse, *rest]
        elif statement.orelse and not endless(statement):
            orelse = gast.If(self.none_of([flags_of_loop.stopped], statement), statement.orelse, [])
            rest = [_located(orelse, statement), *rest]
        if NEXT not in exits([_with(statement, orelse=[])]):
            return [new]
        if RETURN in exits_taken and rest:
            return [new, *self.guarded([self.returned], rest, loops, statement)]
        return [new, *self.block(rest, loops)]

    def return_statement(self, statement: gast.Return, loops: tuple[_Loop, ...]) -> list[gast.stmt]:
        if self.keep_return:
            return [statement]
        out: list[gast.stmt] = []
        if self.result is not None:
            value = statement.value or _constant(None)
            out.append(_located(gast.Assign([_name(self.result, gast.Store())], value, None), statement))
        stopped = [loop.stopped for loop in loops if loop.stopped is not None]
        return out + [_set(flag, True, statement) for flag in (*stopped, self.returned)]

    def flags_of(self, exits_taken: frozenset[str], loops: tuple[_Loop, ...]) -> list[str]:
        """The flags of which one is true if control took one of the exits `left`."""
        flags = [loops[-1].skipped] if CONTINUE in exits_taken else []
        if BREAK in exits_taken and loops[-1].stopped is not None:
            return [loops[-1].stopped, *flags]  # a return in this loop sets it too
        return [self.returned, *flags] if RETURN in exits_taken else flags

    def guarded(
        self, flags: list[str], rest: Sequence[gast.stmt], loops: tuple[_Loop, ...], location: gast.AST
    ) -> list[gast.stmt]:
        return [_located(gast.If(self.none_of(flags, location), self.block(rest, loops), []), location)]

    def none_of(self, flags: list[str], location: gast.AST) -> gast.expr:
        self.read.update(flags)
        names = [_name(flag, gast.Load()) for flag in flags]
        return _located(
            gast.UnaryOp(gast.Not(), names[0] if len(names) == 1 else gast.BoolOp(gast.Or(), names)), location
        )

    def flag(self, base: str) -> str:
        self.flags.append(f"%{base}.{len(self.flags)}")
        return self.flags[-1]

    def fresh(self, base: str) -> str:
        name, count = base, 0
        while name in self.taken:
            count += 1
            name = f"{base}_{count}"
        self.taken.add(name)
        return name


def _without_dead_flags(body: Sequence[gast.stmt], live: frozenset[str]) -> list[gast.stmt]:
    """The block without assignments to dead flags (`live`: those read after the block), and without empty branches."""
    out: list[gast.stmt] = []
    for statement in reversed(body):
        match statement:
            case gast.Assign(targets=[gast.Name(id=name)]) if name.startswith("%") and name not in live:
                continue
            case gast.If():
                then, orelse = _without_dead_flags(statement.body, live), _without_dead_flags(statement.orelse, live)
                if orelse and not then:
                    out.append(_with(statement, test=_negated(statement.test), body=orelse, orelse=[]))
                else:
                    out.append(_with(statement, body=then or [_located(gast.Pass(), statement)], orelse=orelse))
            case gast.For() | gast.While():
                # `skipped` is dead at the end of an iteration; the other flags are read by the loop's head and after it
                live_in_body = live | {flag for flag in _read(statement) if _base(flag) != "skipped"}
                inside = _without_dead_flags(statement.body, live_in_body)
                out.append(_with(statement, body=inside or [_located(gast.Pass(), statement)]))
            case gast.With():
                inside = _without_dead_flags(statement.body, live)
                out.append(_with(statement, body=inside or [_located(gast.Pass(), statement)]))
            case gast.Try():
                live_in_body = live | _read(statement)
                inside = _without_dead_flags(statement.body, live_in_body)
                out.append(
                    _with(
                        statement,
                        body=inside or [_located(gast.Pass(), statement)],
                        handlers=[_with(one, body=_without_dead_flags(one.body, live)) for one in statement.handlers],
                        orelse=_without_dead_flags(statement.orelse, live),
                    )
                )
            case _:
                out.append(statement)
        live |= _read(statement)
    return out[::-1]


def _read(statement: gast.stmt) -> frozenset[str]:
    """The flags a statement reads."""
    nodes = list(gast.walk(statement))
    names = {n.id for n in nodes if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Load) and n.id[0] == "%"}
    return frozenset(names | {n.exit_flag for n in nodes if hasattr(n, "exit_flag")})


def _initialise(body: list[gast.stmt], flag: str) -> None:
    """Set `flag` to False in the innermost block that contains all its uses, before the first of them."""
    while True:
        users = [at for at, statement in enumerate(body) if _uses(statement, flag)]
        match body[users[0]] if len(users) == 1 else None:
            case gast.If(test=test, body=then, orelse=orelse) if not _uses(test, flag):
                inner = [block for block in (then, orelse) if any(_uses(s, flag) for s in block)]
            case gast.While(test=test, body=inside) if not _uses(test, flag):
                inner = [inside]
            case gast.For(body=inside) as loop if getattr(loop, "exit_flag", None) != flag:
                inner = [inside]
            case gast.With(body=inside):
                inner = [inside]
            case gast.Try(body=inside, handlers=handlers, orelse=orelse, finalbody=last):
                blocks = [inside, *(one.body for one in handlers), orelse, last]
                inner = [block for block in blocks if any(_uses(s, flag) for s in block)]
            case _:
                inner = []
        if len(inner) != 1:
            break
        body = inner[0]
    body.insert(users[0], _set(flag, False, body[users[0]]))


def _uses(node: gast.AST, flag: str) -> bool:
    return any(
        (isinstance(n, gast.Name) and n.id == flag) or getattr(n, "exit_flag", None) == flag for n in gast.walk(node)
    )


def _rename(body: Sequence[gast.stmt], names: dict[str, str]) -> None:
    for node in (n for statement in body for n in gast.walk(statement)):
        if isinstance(node, gast.Name) and node.id in names:
            node.id = names[node.id]
        elif getattr(node, "exit_flag", None) in names:
            node.exit_flag = names[node.exit_flag]


def _base(flag: str) -> str:
    return flag[1:].rpartition(".")[0]


def _names(tree: gast.AST) -> Iterator[str]:
    """All names that occur in a function, those of nested functions included."""
    for node in gast.walk(tree):
        match node:
            case gast.Name(id=name) | gast.FunctionDef(name=name) | gast.ClassDef(name=name):
                yield name
            case (
                gast.MatchAs(name=str() as name)
                | gast.MatchStar(name=str() as name)
                | gast.MatchMapping(rest=str() as name)
            ):
                yield name
            case gast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
            case gast.Global(names=names) | gast.Nonlocal(names=names):
                yield from names


def _set(flag: str, value: bool, location: gast.AST) -> gast.stmt:
    return _located(gast.Assign([_name(flag, gast.Store())], _constant(value), None), location)


def _negated(test: gast.expr) -> gast.expr:
    """`not test`; comparisons are not inverted, since `a < b` and `a >= b` are both false for a NaN."""
    match test:
        case gast.UnaryOp(op=gast.Not(), operand=operand):
            return operand
        case _:
            return _located(gast.UnaryOp(gast.Not(), test), test)


def _is_none(value: gast.expr | None) -> bool:
    return value is None or (isinstance(value, gast.Constant) and value.value is None)


def _name(name: str, context: gast.expr_context) -> gast.Name:
    return gast.Name(name, context, None, None)


def _constant(value: object) -> gast.Constant:
    return gast.Constant(value, None)


def _with(node: Node, **fields: object) -> Node:
    """A copy of `node` with some fields replaced."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _located(node: Node, location: gast.AST) -> Node:
    """`node` with the source location of `like`, for all parts of it that have none yet."""
    if isinstance(node, gast.expr | gast.stmt) and not hasattr(node, "lineno"):
        gast.copy_location(node, location)
        for child in gast.iter_child_nodes(node):
            _located(child, location)
    return node

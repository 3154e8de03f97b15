"""Ranks and shapes of expressions of a syntax tree, before anything of the function has run.

>>> tree = gast.parse('''def f(x, w):
...     m = w @ x
...     for i in range(3):
...         s = m[i] * 0.5''').body[0]
>>> ranks = StaticRanks(tree, lambda node: {"x": 1, "w": 2}.get(getattr(node, "id", "")), lambda call: None)
>>> ranks.rank(gast.parse("m").body[0].value), ranks.rank(gast.parse("s + 1.0").body[0].value)
(1, 0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gast

_UNKNOWN_YET = -1
"""The rank of a name while its own bindings are looked at."""


class StaticRanks:
    """`given` has the ranks of parameters, and of parts of them, that keep them; `of_call` says what a call gives.

    That is "elementwise", as the arguments, "scalar", or None where it is not known.
    """

    def __init__(self, tree: Any, given: Callable[[Any], int | None], of_call: Callable[[Any], str | None]) -> None:
        self._given, self._of_call = given, of_call
        self._bindings: dict[str, list[tuple[Any, int]]] = {}
        """By name, the expressions that it is bound to, and how many axes are taken off them."""
        known: set[int] = set()
        for node in gast.walk(tree):
            match node:
                case gast.Assign(targets=targets, value=value):
                    for target in targets:
                        if isinstance(target, gast.Name):
                            self._bind(target, value, 0, known)
                case gast.AugAssign(target=gast.Name() as target, op=op, value=value):
                    read = gast.Name(target.id, gast.Load(), None, None)
                    self._bind(target, gast.BinOp(read, op, value), 0, known)
                case gast.For(target=gast.Name() as target, iter=iterable):
                    is_range = isinstance(iterable, gast.Call) and getattr(iterable.func, "id", None) == "range"
                    self._bind(target, gast.Constant(0, None) if is_range else iterable, 0 if is_range else 1, known)
        names = [node for node in gast.walk(tree) if isinstance(node, gast.Name)]
        stored = [node for node in names if not isinstance(node.ctx, gast.Load | gast.Param)]
        self._unclear = {node.id for node in stored if id(node) not in known}

    def _bind(self, target: Any, value: Any, fewer: int, known: set[int]) -> None:
        known.add(id(target))
        self._bindings.setdefault(target.id, []).append((value, fewer))

    def only_value(self, name: str) -> Any:
        """The expression that a variable is bound to, if that is one."""
        found = self._bindings.get(name, [])
        return found[0][0] if len(found) == 1 and name not in self._unclear and not found[0][1] else None

    def rank(self, node: Any, inside: frozenset[str] = frozenset()) -> int | None:
        """The rank of the value of an expression, 0 of a number; None where it is not known."""
        given = self._given(node)
        if given is not None:
            return given
        match node:
            case gast.Constant(value=bool() | int() | float()):
                return 0
            case gast.Name(id=name):
                return self._of_name(name, inside)
            case gast.UnaryOp(operand=operand):
                return self.rank(operand, inside)
            case gast.BinOp(left=left, op=op, right=right):
                a, b = self.rank(left, inside), self.rank(right, inside)
                if a is None or b is None:
                    return None
                if isinstance(op, gast.MatMult):
                    return {(1, 1): 0, (2, 1): 1, (1, 2): 1, (2, 2): 2}.get((a, b))
                return max(a, b)
            case (
                gast.Attribute(value=value, attr="T")
                | gast.Call(func=gast.Attribute(value=value, attr="copy"), args=[])
            ):
                return self.rank(value, inside)
            case gast.Subscript(value=value, slice=index):
                return self._of_part(value, index, inside)
            case gast.List(elts=[first, *_]) | gast.Tuple(elts=[first, *_]) if (
                inner := self.rank(first, inside)
            ) is not None:
                return inner + 1
            case gast.Call(args=args, keywords=keywords):
                kind = self._of_call(node)
                ranks = [self.rank(arg, inside) for arg in (*args, *(keyword.value for keyword in keywords))]
                if kind == "elementwise" and None not in ranks:
                    return max(rank for rank in ranks if rank is not None)
                return 0 if kind == "scalar" else None
        return None

    def _of_name(self, name: str, inside: frozenset[str]) -> int | None:
        if name in inside:
            return _UNKNOWN_YET
        if name in self._unclear or name not in self._bindings:
            return None
        ranks = set()
        for value, fewer in self._bindings[name]:
            rank = self.rank(value, inside | {name})
            if rank != _UNKNOWN_YET:
                ranks.add(None if rank is None or rank < fewer else rank - fewer)
        return ranks.pop() if len(ranks) == 1 else None

    def _of_part(self, value: Any, index: Any, inside: frozenset[str]) -> int | None:
        rank = self.rank(value, inside)
        parts = index.elts if isinstance(index, gast.Tuple) else [index]
        if rank is None or rank < len(parts):
            return None
        integers = [part for part in parts if not isinstance(part, gast.Slice)]
        if any(isinstance(part, gast.Constant) and not isinstance(part.value, int) for part in integers):
            return None
        if any(self.rank(part, inside) != 0 for part in integers):
            return None
        return rank - len(integers)

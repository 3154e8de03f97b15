"""Assignments that belong together, on one line: `rows, cols = u.shape`, `a, b = b, a`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, Block, Comment, Expr, Function, Op, Return, Stmt, Store, Var
from srcad.ir.traversal import names, own_exprs, own_writes, reads, walk
from srcad.ir.types import Array, Scalar, Type

Group = tuple[Stmt, ...]
"""What becomes one statement: one, or `Assign`s and `Store`s whose values are all evaluated before any is assigned."""


class StatementGroups:
    """Finds the groups in the blocks of one function."""

    def __init__(self, function: Function) -> None:
        self._types: Mapping[str, Type] = function.types
        body = (*function.body, Return(function.results))
        self._uses = Counter(n for s in walk(body) for e in own_exprs(s) for n in reads(e))
        self._writes = Counter(n for s in walk(body) for n in own_writes(s))

    def groups(self, block: Block) -> list[Group]:
        """The block in its order, cut into groups."""
        found: list[Group] = []
        rest = list(block)
        while rest:
            if length := self._axes(rest):
                found.append(tuple(rest[:length]))
                rest = rest[length:]
            elif traded := self._traded(rest):
                remark = rest[1] if isinstance(rest[1], Comment) else None
                found += [traded] if remark is None else [(remark,), traded]
                rest = rest[3 if remark is None else 4 :]
            else:
                found.append((rest.pop(0),))
        return found

    def _axes(self, stmts: list[Stmt]) -> int:
        """How many statements at the start take the lengths of all axes of one array, in order; 0 if not all."""
        match stmts[0]:
            case Assign(_, Op("shape", (Var(array),), _)):
                known = self._types.get(array)
            case _:
                return 0
        rank = known.rank if isinstance(known, Array) else 0
        targets = set()
        for axis, stmt in enumerate(stmts[:rank]):
            if not isinstance(stmt, Assign) or stmt.value != Op("shape", (Var(array),), (("axis", axis),)):
                return 0
            targets.add(stmt.target)
        return rank if rank > 1 and len(targets) == rank == len(stmts[:rank]) and array not in targets else 0

    def _traded(self, stmts: list[Stmt]) -> Group | None:
        """`a = f; b = e` where `t = e; a = f; b = t` begins the statements, and nothing else reads t."""
        three = stmts[:3] if len(stmts) < 2 or not isinstance(stmts[1], Comment) else [stmts[0], *stmts[2:4]]
        if len(three) < 3:
            return None
        first, second, third = three
        if not isinstance(first, Assign) or not isinstance(third, Assign | Store) or third.value != Var(first.target):
            return None
        kept = first.target
        if self._uses[kept] != 1 or self._writes[kept] != 1 or not is_pure(first.value):
            return None
        match second, third:
            case Assign(a, value), Assign(b) if a != b and a in names(first.value) and is_pure(value):
                other = Assign(b, first.value, third.span)
                return (second, other) if isinstance(first.value, Var) else (other, second)
            case Store(base, index, value, None), Store(other, at, _, None) if base == other and is_pure(value):
                # two elements of one array: the places must not depend on what is in it
                elements = first.value == Op("index", (base, *index)) and value == Op("index", (base, *at))
                if elements and self._is_number(kept) and all(map(self._is_fixed, (*index, *at))):
                    return second, Store(other, at, first.value, None, third.span)
        return None

    def _is_number(self, name: str) -> bool:
        return isinstance(self._types.get(name), Scalar)

    def _is_fixed(self, item: Expr) -> bool:
        """Whether an index is made of numbers alone."""
        return all(map(self._is_number, names(item)))

"""Grouping of assignments into one statement: `rows, cols = u.shape`, `a, b = b, a`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import takewhile

from srcad.analysis.memory.may_alias import may_alias
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, Block, Comment, Expr, Function, Op, Return, Stmt, Store, Var
from srcad.ir.traversal import names, own_exprs, own_writes, place, reads, walk
from srcad.ir.types import Array, Scalar, Tuple, Type

Group = tuple[Stmt, ...]
"""The IR statements of one Python statement: one, or assignments whose values are all evaluated before any target."""


class StatementGroups:
    """Finds the groups in the blocks of one function.

    >>> from srcad.ir.notation import parse
    >>> body = parse("t = b\\nb = a\\na = t\\nc = a")
    >>> groups = StatementGroups(Function("f", (), body, (), {})).groups(body)
    >>> [[stmt.target for stmt in group] for group in groups]
    [['b', 'a'], ['c']]
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._types: Mapping[str, Type] = function.types
        body = (*function.body, Return(function.results))
        self._uses = Counter(n for s in walk(body) for e in own_exprs(s) for n in reads(e))
        self._writes = Counter(n for s in walk(body) for n in own_writes(s))

    def groups(self, block: Block) -> list[Group]:
        """The block partitioned into groups, in order. A comment between statements of a group stands above it."""
        comments: list[list[Group]] = [[]]  # above each statement, and at the end
        stmts: list[Stmt] = []
        for stmt in self._results_together(block):
            if isinstance(stmt, Comment):
                comments[-1].append((stmt,))
            else:
                stmts.append(stmt)
                comments.append([])
        found: list[Group] = []
        at = 0
        while at < len(stmts):
            rest = stmts[at:]
            axes = self._axes(rest) or self._results(rest)
            swap = None if axes else self._swap(rest)
            length = 3 if swap else axes or 1
            found += [comment for above in comments[at : at + length] for comment in above]
            found.append(swap or tuple(rest[:length]))
            at += length
        return found + comments[-1]

    def _results_together(self, block: Block) -> Block:
        """The block with the results of each call next to one another: what saves one of them comes after all."""
        out: list[Stmt] = []
        saves: list[Store] = []
        results: str | None = None
        for stmt in block:
            if results is not None and _is_result(stmt, results) and all(self._passes(one, stmt) for one in saves):
                out.append(stmt)
            elif results is not None and isinstance(stmt, Store) and self._is_save(stmt):
                saves.append(stmt)
            else:
                out += (*saves, stmt)
                saves = []
                is_call = isinstance(stmt, Assign) and isinstance(self._types.get(stmt.target), Tuple)
                results = stmt.target if isinstance(stmt, Assign) and is_call else None
        return (*out, *saves)

    def _is_save(self, stmt: Store) -> bool:
        tape = isinstance(stmt.base, Var) and stmt.base.name in self._function.tape
        return tape and stmt.op is None and isinstance(stmt.value, Var) and all(map(self._is_scalar_index, stmt.index))

    def _passes(self, save: Store, stmt: Stmt) -> bool:
        """Whether a statement that assigns a result may come before one that saves another."""
        if isinstance(stmt, Assign):
            return not any(stmt.target in names(e) for e in own_exprs(save))
        if not isinstance(stmt, Store) or not all(map(self._is_scalar_index, stmt.index)):
            return False
        alias = may_alias(self._function.body, self._types)
        classes = {alias.class_of(n) for e in (save.base, save.value) for n in names(e)}
        return classes.isdisjoint(alias.class_of(n) for n in names(stmt.base))

    def _axes(self, stmts: list[Stmt]) -> int:
        """How many statements at the start assign the lengths of all axes of one array, in order; 0 if not all."""
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

    def _results(self, stmts: list[Stmt]) -> int:
        """How many statements at the start are a call with several results and the assignments of all that are read."""
        match stmts[0]:
            case Assign(results, Op("call")) if isinstance(self._types.get(results), Tuple):
                pass
            case _:
                return 0
        found = [s for s in takewhile(lambda s: _is_result(s, results), stmts[1:]) if isinstance(s, Assign | Store)]
        assigned = [s.target for s in found if isinstance(s, Assign)]
        places = [place(s) for s in found if isinstance(s, Store)]
        distinct = len({s.value for s in found}) == len({*assigned, *places}) == len(found)
        fixed = not any(set(assigned) & names(e) for e in places)
        read_here = self._uses[results] == len(found) * self._writes[results]
        return 1 + len(found) if distinct and fixed and read_here else 0

    def _swap(self, stmts: list[Stmt]) -> Group | None:
        """The swap `a = f; b = e`, where the statements begin with `t = e; a = f; b = t`, and t has no other read."""
        if len(stmts) < 3:
            return None
        first, second, third = stmts[:3]
        if not isinstance(first, Assign) or not isinstance(third, Assign | Store) or third.value != Var(first.target):
            return None
        temporary = first.target
        if self._uses[temporary] != 1 or self._writes[temporary] != 1 or not is_pure(first.value):
            return None
        match second, third:
            case Assign(a, value), Assign(b) if a != b and a in names(first.value) and is_pure(value):
                other = Assign(b, first.value, first.span or third.span)
                return (second, other) if isinstance(first.value, Var) else (other, second)
            case Store(base, index, value, None), Store(other, at, _, None) if base == other and is_pure(value):
                # two elements of one array: the indices must not depend on its content
                elements = first.value == Op("index", (base, *index)) and value == Op("index", (base, *at))
                if elements and self._is_scalar(temporary) and all(map(self._is_scalar_index, (*index, *at))):
                    return second, Store(other, at, first.value, None, first.span or third.span)
        return None

    def _is_scalar(self, name: str) -> bool:
        return isinstance(self._types.get(name), Scalar)

    def _is_scalar_index(self, item: Expr) -> bool:
        """Whether an index depends on scalars only."""
        return all(map(self._is_scalar, names(item)))


def _is_result(stmt: Stmt, results: str) -> bool:
    match stmt:
        case Assign(_, Op("result", (Var(of),))) | Store(_, _, Op("result", (Var(of),)), None):
            return of == results
    return False

"""Elimination of zero initialisations: the first accumulation into an adjoint becomes an assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.reordering import conflicts_with_target
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, If, Op, Slice, Stmt, Store, Var
from srcad.ir.result_memory import is_read_only, roots
from srcad.ir.traversal import blocks, names, place, with_blocks
from srcad.ir.types import Array, Type
from srcad.rules.traits import having
from srcad.typing.typeof import same_type, typeof

_ZEROS = having(lambda p: p.contents == "zeros")


def assign_first_contribution(block: Block, types: Mapping[str, Type], shared: MayAlias | None = None) -> Block:
    """Where the next access to an accumulator set to zero is a `+=`, drop the zero and assign.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> print(show(assign_first_contribution(parse('''
    ... d = 0.0
    ... e = f * 2.0
    ... d += e
    ... '''), {"d": Scalar("float64"), "e": Scalar("float64")})))
    e = f * 2.0
    d = e

    What was taken from an element is not put back into it: `t = d[i]; d[i] = 0.0; d[i] += t` is `t = d[i]`. An array is
    only assigned a value known to have its dtype and shape, and memory of its own (or a copy).
    """
    return _ZeroElimination(types, shared or may_alias(block, types)).block(block)


class _ZeroElimination:
    def __init__(self, types: Mapping[str, Type], shared: MayAlias) -> None:
        self.types = types
        self.shared = shared

    def block(self, block: Block) -> Block:
        stmts = [with_blocks(s, [self.block(b) for b in blocks(s)]) for s in block]
        i = 0
        while i < len(stmts):
            if _is_zero(stmts[i]):
                self._eliminate(stmts, i)
            i += 1
        left = [s for s in stmts if s is not _REMOVED]
        return tuple(s for k, s in enumerate(left) if not k or not _puts_back(left[k - 1], s))

    def _eliminate(self, stmts: list[Stmt], i: int) -> None:
        """Remove the zero at `i`, where the next access to its target can assign."""
        base, index = _target(stmts[i])
        for j in range(i + 1, len(stmts)):
            stmt = stmts[j]
            if stmt is _REMOVED:
                continue
            if isinstance(stmt, AugAssign | Store) and _target(stmt) == (base, index):
                new = self._assigned(stmts[i], stmt)
                if new is not None:
                    stmts[i], stmts[j] = _REMOVED, new
                return
            if conflicts_with_target((stmt,), base, index, self.shared):
                if isinstance(stmt, If) and isinstance(stmts[i], Assign) and self._removable_in_both(stmt, stmts[i]):
                    # push the zero into both branches: both accumulate into it first
                    zero = stmts[i]
                    stmts[i] = _REMOVED
                    stmts[j] = with_blocks(stmt, [self.block((zero, *b)) for b in blocks(stmt)])
                return

    def _removable_in_both(self, stmt: If, zero: Stmt) -> bool:
        """Whether the zero could be eliminated in each branch, if it stood at the start of both."""
        target = _target(zero)[0]
        return not names(stmt.cond) & names(target) and all(zero not in self.block((zero, *b)) for b in blocks(stmt))

    def _assigned(self, zero: Stmt, add: AugAssign | Store) -> Stmt | None:
        """`d = e` for `d += e`, `d[i] = e` for `d[i] += e`; None where that is not known to be the same."""
        base, index = _target(zero)
        value = add.value
        if add.op not in ("+", "-") or not is_pure(value):
            return None
        name = add.target if isinstance(add, AugAssign) else None
        if conflicts_with_target((Assign("", value),), base, index, self.shared):
            return None
        if add.op == "-":
            value = Op("neg", (value,))
        if isinstance(zero, Store):
            return replace(add, op=None, value=value) if isinstance(add, Store) else None
        assert isinstance(zero, Assign)
        target = self.types.get(zero.target)
        known = typeof(value, self.types)
        if target is None or not same_type(target, known):
            return None
        if isinstance(target, Array) and (roots(value) or is_read_only(value)):
            value = Op("copy", (value,))
        return Assign(name or zero.target, value, add.span)


_REMOVED = Assign("", Const(None))
"""Placeholder for a removed statement, so that positions stay valid."""


def _puts_back(taken: Stmt, new: Stmt) -> bool:
    """Whether one statement takes what an element holds, and the next one stores just that into it."""
    match taken, new:
        case Assign(name, value), Store(value=Var(stored), op=None) if name == stored and name not in names(place(new)):
            return value in (place(new), Op("copy", (place(new),)))
    return False


def _is_zero(stmt: Stmt) -> bool:
    match stmt:
        case Assign(_, Const(float(value))):
            return value == 0.0
        case Assign(_, Op(prim)):
            return prim in _ZEROS
        case Store(_, _, Const(float(value)), None):
            return value == 0.0
    return False


def _target(stmt: Stmt) -> tuple[Expr, tuple[Expr, ...]]:
    match stmt:
        case Assign(target) | AugAssign(target):
            return Var(target), ()
        case Store(base, index):
            return base, () if all(item == Slice() for item in index) else index
    raise AssertionError(stmt)

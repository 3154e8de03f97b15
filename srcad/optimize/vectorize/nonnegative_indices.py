"""Wraparound check elimination: indices that range analysis proves nonnegative are cast to unsigned.

`x[-1]` is the last item: before every access, Numba tests whether the index is negative, and in most loops that do not
start at 0 LLVM cannot prove the answer by itself. An unsigned index needs no test, and the loop is vectorised. What is
proved nonnegative is therefore cast: `x[np.uint64(j)]`. Only innermost loops are vectorised, so other statements are
left as they are. So are the indices of simple loops from 0 or 1, where LLVM proves as much itself, and those of loops
with other steps than 1 and -1, where its vector code is slower than scalar code. A loop-invariant index is left as
well: its test is hoisted out of the loop, and LLVM's run-time alias checks are weaker with unsigned indices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from srcad.analysis.integers.value_ranges import Form, ValueRanges
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root
from srcad.ir.traversal import defined, names, rewrite, walk
from srcad.ir.types import Array, Type

UNSIGNED_CAST = "np.uint64"
_Loop = TypeVar("_Loop", For, While)


def mark_nonnegative_indices(f: Function) -> Function:
    """Cast the indices that are proved nonnegative.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Scalar, dim
    >>> body = parse('''
    ...     for i in range(n):
    ...         for j in range(i + 1, n):
    ...             x[i] -= x[j] * x[j - i - 1] * x[j - 2]
    ... ''')
    >>> types = {"x": Array("float64", (dim(4),)), **dict.fromkeys("ijn", Scalar("int64"))}
    >>> print(show(mark_nonnegative_indices(Function("f", (), body, (), types)).body))
    for i in range(n):
        for j in range(i + 1, n, 1):
            x[i] -= (x[np.uint64(j)] * x[np.uint64((j - i) - 1)]) * x[j - 2]
    """
    return replace(f, body=_IndexMarker(f.types).block(f.body, ValueRanges(f.types)))


class _IndexMarker:
    """A forward walk: every method rewrites, and leaves in `now` the ranges that hold afterwards."""

    def __init__(self, types: dict[str, Type]) -> None:
        self._types = types
        self._simple: frozenset[str] = frozenset()
        self._strided: frozenset[str] = frozenset()
        self._varying: frozenset[str] = frozenset()

    def block(self, block: Block, now: ValueRanges) -> Block:
        return tuple(self._stmt(stmt, now) for stmt in block)

    def _stmt(self, stmt: Stmt, now: ValueRanges) -> Stmt:
        match stmt:
            case If():
                return self._if(stmt, now)
            case For():
                return self._for(stmt, now)
            case While():
                return self._while(stmt, now)
        new = rewrite(stmt, lambda e: self._expr(e, now))
        match stmt, new:
            case Assign(target, value), _:
                now.assign(target, now.value(value) if now.is_counter(target) else None)
            case AugAssign(target, op, value), _:
                now.assign(target, now.value(Op(op, (Var(target), value))) if now.is_counter(target) else None)
            case Store(base, index), Store(new_base, new_index):
                items = self._items(base, index, new_index, now)
                return replace(new, base=new_base, index=items)
            case Effect(Op("check", (condition, *_))), _:
                now.assume(condition)
            case Effect(Op("delete", args)), _:
                now.forget(n for arg in args for n in names(arg))
        return new

    def _if(self, stmt: If, now: ValueRanges) -> If:
        cond = self._expr(stmt.cond, now)
        one, other = now.copy(), now.copy()
        one.assume(stmt.cond)
        other.assume(stmt.cond, False)
        then, orelse = self.block(stmt.then, one), self.block(stmt.orelse, other)
        now.join(one, other)
        return replace(stmt, cond=cond, then=then, orelse=orelse)

    # ---- loops -------------------------------------------------------------------------------

    def _for(self, stmt: For, now: ValueRanges) -> For:
        start, stop = now.value(stmt.start), now.value(stmt.stop)
        first, last, step = (self._expr(e, now) for e in (stmt.start, stmt.stop, stmt.step))
        by = stmt.step.value if isinstance(stmt.step, Const) and type(stmt.step.value) is int else 0

        def rewrite_iteration(here: ValueRanges) -> For:
            index = here.unknown()
            if by > 0:
                here.add_fact(index - start, stop - index - 1)
            elif by < 0:
                here.add_fact(start - index, index - stop - 1)
            here.assign(stmt.index, index)
            body = self.block(stmt.body, here)
            exit_condition = None if stmt.exit is None else self._expr(stmt.exit, here)
            return replace(stmt, start=first, stop=last, step=step, body=body, exit=exit_condition)

        before = self._simple, self._strided, self._varying
        self._varying = defined((stmt,)) if _is_innermost(stmt.body) else frozenset()
        index = frozenset({stmt.index})
        simple = by == 1 and stmt.start in (Const(0), Const(1)) and stmt.index not in defined(stmt.body)
        self._simple = self._simple - defined((stmt,)) | (index if simple else frozenset())
        self._strided = frozenset() if abs(by) == 1 else index
        new = _with_loop_invariants(defined((stmt,)), now, rewrite_iteration)
        self._simple, self._strided, self._varying = before
        return new

    def _while(self, stmt: While, now: ValueRanges) -> While:
        def rewrite_iteration(here: ValueRanges) -> While:
            test = self.block(stmt.test, here)
            cond = self._expr(stmt.cond, here)
            here.assume(stmt.cond)
            return replace(stmt, test=test, cond=cond, body=self.block(stmt.body, here))

        before = self._simple, self._strided, self._varying
        self._simple, self._strided = self._simple - defined((stmt,)), frozenset()
        self._varying = defined((stmt,)) if _is_innermost((*stmt.test, *stmt.body)) else frozenset()
        new = _with_loop_invariants(defined((stmt,)), now, rewrite_iteration)
        self.block(stmt.test, now)
        now.assume(stmt.cond, False)
        self._simple, self._strided, self._varying = before
        return new

    # ---- expressions -------------------------------------------------------------------------

    def _expr(self, expr: Expr, now: ValueRanges) -> Expr:
        if not self._varies(expr):
            return expr
        match expr:
            case Op("index", (base, *items), static):
                new = tuple(self._expr(item, now) for item in items)
                return Op("index", (self._expr(base, now), *self._items(base, tuple(items), new, now)), static)
            case Op("select", (cond, then, orelse), static):
                parts = (
                    self._expr(cond, now),
                    self._on_branch(cond, then, now),
                    self._on_branch(cond, orelse, now, False),
                )
                return Op("select", parts, static)
            case Op("and" | "or" as prim, (a, b), static):
                return Op(prim, (self._expr(a, now), self._on_branch(a, b, now, prim == "and")), static)
            case Op(prim, args, static):
                return Op(prim, tuple(self._expr(arg, now) for arg in args), static)
            case Slice(lower, upper, step):
                return Slice(*(None if part is None else self._expr(part, now) for part in (lower, upper, step)))
        return expr

    def _on_branch(self, cond: Expr, expr: Expr, now: ValueRanges, truth: bool = True) -> Expr:
        """An expression that is evaluated only where the condition has this truth value."""
        branch = now.copy()
        branch.assume(cond, truth)
        return self._expr(expr, branch)

    def _items(self, base: Expr, items: tuple[Expr, ...], new: tuple[Expr, ...], now: ValueRanges) -> tuple[Expr, ...]:
        """The rewritten items `new`, cast where `items`, the originals, are nonnegative."""
        if not isinstance(self._types.get(root(base) or ""), Array):
            return new
        return tuple(
            Op(UNSIGNED_CAST, (to,)) if self._needs_cast(item, now) else to for item, to in zip(items, new, strict=True)
        )

    def _needs_cast(self, item: Expr, now: ValueRanges) -> bool:
        if isinstance(item, Slice | Const) or (isinstance(item, Var) and item.name in self._simple):
            return False
        if not self._varies(item) or names(item) & self._strided or not now.is_int64(item):
            return False
        return now.is_nonnegative(now.value(item))

    def _varies(self, item: Expr) -> bool:
        """Whether the index varies in the innermost loop: the test of an invariant index is hoisted out of it."""
        return bool(names(item) & self._varying)


def _is_innermost(body: Block) -> bool:
    return not any(isinstance(stmt, For | While) for stmt in walk(body))


def _with_loop_invariants(
    changed: frozenset[str], now: ValueRanges, rewrite_iteration: Callable[[ValueRanges], _Loop]
) -> _Loop:
    """The loop that `rewrite_iteration` gives under the loop invariants; `now` then holds what is true after the loop.

    The candidate invariants: each integer that the loop changes is nonnegative, not below and not above its value
    before the loop. Those that an iteration does not preserve are dropped, and the iteration is analysed again.
    """
    entry = {name: form for name in sorted(changed) if (form := now.form(name)) is not None}
    heads = {name: now.unknown() for name in entry}
    invariants = [(n, invariant) for n, form in entry.items() for invariant in (heads[n] - form, form - heads[n])]
    invariants += [(n, heads[n]) for n, form in entry.items() if now.is_nonnegative(form)]

    def at_head(state: ValueRanges) -> ValueRanges:
        state.forget(changed)
        for name, head in heads.items():
            state.assign(name, head)
        state.add_fact(*(invariant for _, invariant in invariants))
        return state

    while True:
        here = at_head(now.copy())
        new = rewrite_iteration(here)
        preserved = [
            (name, invariant)
            for name, invariant in invariants
            if _is_preserved(invariant, heads[name], here.form(name), here)
        ]
        if len(preserved) == len(invariants):
            at_head(now)
            return new
        invariants = preserved


def _is_preserved(invariant: Form, head: Form, end: Form | None, here: ValueRanges) -> bool:
    """Whether the iteration preserves an invariant."""
    return end is not None and here.is_nonnegative(invariant.with_value(head.terms[0][0], end))

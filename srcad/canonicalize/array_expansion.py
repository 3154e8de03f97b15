"""Array expansion: a privatizable array gets an axis for each enclosing loop, so each iteration has a row of its own.

An iteration writes all it reads of a privatizable array (`analysis/memory/privatization`), so `xc[i]` in iteration k
may be `xc_saved[k, i]`. Then no iteration overwrites what the reversal of another reads, and nothing is copied to be
restored: the forward sweep writes to the memory that the reverse sweep reads. Parallelizing compilers expand arrays
for the same reason: it removes output and anti dependences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from srcad.ir.nodes import Assign, Block, Const, Expr, For, Function, Op, Recovery, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, rewrite, stmt_reads, walk, with_blocks
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.typing.builder import Builder


@dataclass(frozen=True)
class ArrayExpansion:
    """A privatizable array, and the loops around all its uses whose iterations get rows, outermost first.

    A loop is given by the name of its index. It has a trip count, in terms of names defined before the outermost loop,
    and the number of the current iteration, from 0.
    """

    array: str
    loops: tuple[str, ...]
    trip_counts: tuple[Expr, ...]
    iteration_numbers: tuple[Expr, ...]


SAVED = "_saved"
"""Ending of the name of an array that is saved for the reverse sweep."""
WHY = "each iteration fills it anew, in a row of its own"


def expand_arrays(
    f: Function, builder: Builder, wanted: Iterable[ArrayExpansion], before: Mapping[str, int]
) -> tuple[Function, Mapping[str, int]]:
    """Rewrite a function in normal form; also, by array, the number of leading axes that select the iteration.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.canonicalize.index_checks import remove_index_checks
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def total(x, n):
    ...     u = np.empty(2)
    ...     s = 0.0
    ...     for i in range(n):
    ...         u[1] = x * s
    ...         s = s + u[1]
    ...     return s
    >>> f = remove_index_checks(normal_form(total, 1.0, 3))
    >>> u = ArrayExpansion("u.0", ("i.0",), (Var("n"),), (Var("i.0"),))
    >>> expanded, leading_axes = expand_arrays(f, Builder.resume(f), [u], {})
    >>> print(text(expanded))
    total(x: float64, n: int64):
        s.0 = 0.0
        u_saved.0 = np.empty(n, 2)
        s.3 = for i.0 in range(0, n, 1) carrying s.1 = s.0:
            %product.0 = x * s.1
            u_saved.0[i.0, 1] = %product.0
            %item.0 = u_saved.0[i.0, 1]
            s.2 = s.1 + %item.0
            yield s.2
        return s.3
    >>> leading_axes
    {'u_saved.0': 1}
    """
    axes = dict(before)
    for rows in wanted:
        expansion = _Expansion(builder, rows)
        made = next((s.span for s in walk(f.body) if isinstance(s, Assign) and s.target == rows.array), None)
        builder.recoveries += (Recovery(builder.variable(rows.array), "saved", WHY, made),)
        f = replace(f, body=expansion.block(f.body))
        axes[expansion.expanded.name] = axes.pop(rows.array, 0) + len(rows.loops)
    return replace(f, types=builder.types), axes


class _Expansion:
    """The rewriting of one array: its allocation, the iteration numbers in the loops, and its uses."""

    def __init__(self, builder: Builder, rows: ArrayExpansion) -> None:
        self.builder = builder
        self.rows = rows
        old = builder.types[rows.array]
        assert isinstance(old, Array)
        with builder.block() as self.size_statements:
            self.sizes = [self._atom(e) for e in rows.trip_counts]
        types = [builder.typeof(size) for size in self.sizes]
        extra = tuple(t.dim or dim(Symbol(rows.array, None)) for t in types if isinstance(t, Scalar))
        self.old = old
        variable = builder.variable(rows.array)
        self.expanded = builder.keep(variable, SAVED, Array(old.dtype, (*extra, *old.dims)))
        self.view = builder.fresh(variable, old)

    def block(self, block: Block) -> Block:
        """The block with the allocation moved to just before the statement that contains the loops."""
        allocation = next((s for s in block if isinstance(s, Assign) and s.target == self.rows.array), None)
        if allocation is None:
            return tuple(with_blocks(s, [self.block(b) for b in blocks(s)]) for s in block)
        out: list[Stmt] = []
        for stmt in block:
            if any(isinstance(s, For) and s.index == self.rows.loops[0] for s in walk((stmt,))):
                out += [*self.size_statements, *self._allocated(allocation), self._in_loops(stmt, ())]
            elif stmt is not allocation:
                assert self.rows.array not in stmt_reads(stmt)
                out.append(stmt)
        return tuple(out)

    def _allocated(self, allocation: Assign) -> list[Stmt]:
        op = allocation.value
        assert isinstance(op, Op)
        with self.builder.block() as emitted:
            lengths = op.args
            if op.prim.endswith("_like"):
                lengths = tuple(self.builder.op("shape", op.args[0], axis=axis) for axis in range(self.old.rank))
            static = () if self.old.dtype == "float64" else (("dtype", self.old.dtype),)
            self.builder.emit(
                Assign(self.expanded.name, Op("np.empty", (*self.sizes, *lengths), static), allocation.span)
            )
        return emitted

    def _atom(self, e: Expr) -> Expr:
        if not isinstance(e, Op):
            return e
        return self.builder.op(e.prim, *map(self._atom, e.args), hint="turns", **dict(e.static))

    def _in_loops(self, stmt: Stmt, at: tuple[Expr, ...]) -> Stmt:
        """In the loops: the iteration numbers at the start of each body, then the row in place of the array."""
        if not isinstance(stmt, For) or stmt.index != self.rows.loops[len(at)]:
            return with_blocks(stmt, [tuple(self._in_loops(s, at) for s in b) for b in blocks(stmt)])
        with self.builder.block() as emitted:
            at = (*at, self._atom(self.rows.iteration_numbers[len(at)]))
        if len(at) < len(self.rows.loops):
            body = tuple(self._in_loops(s, at) for s in stmt.body)
        else:
            body = tuple(self._select_row(s, at) for s in stmt.body)
            if any(self.view.name in stmt_reads(s) for s in body):
                emitted.append(Assign(self.view.name, Op("index", (self.expanded, *at))))
        return replace(stmt, body=(*emitted, *body))

    def _select_row(self, stmt: Stmt, at: tuple[Expr, ...]) -> Stmt:
        """`array[items]` is `expanded[at, items]`; the full array is the view of its row."""

        def one(e: Expr) -> Expr:
            match e:
                case Op("index", (base, *items)) if base == self.view and Const(None) not in items:
                    return Op("index", (self.expanded, *at, *items), e.static)
                case Op("shape", (base,), (("axis", int(axis)),)) if base == self.view:
                    return Op("shape", (self.expanded,), (("axis", axis + len(at)),))
                case Var(name) if name == self.rows.array:
                    return self.view
            return e

        def stores(s: Stmt) -> Stmt:
            if isinstance(s, Store) and s.base == self.view:
                return replace(s, base=self.expanded, index=(*at, *s.index))
            return with_blocks(s, [tuple(map(stores, b)) for b in blocks(s)])

        return stores(rewrite(stmt, lambda e: map_expr(e, one)))

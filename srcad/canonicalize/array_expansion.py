"""Scratch arrays get a row of their own for each turn of a loop.

A turn writes all it reads of a scratch array (`analysis/memory/privatization`), so `xc[i]` in turn k may be
`xc_saved[k, i]`. Then no turn overwrites what the reversal of another reads, and nothing is copied to be restored: the
forward sweep writes to where the reverse sweep reads (array expansion, as in compilers that run loops in parallel).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from srcad.ir.nodes import Assign, Block, Const, Expr, For, Function, Op, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, rewrite, stmt_reads, walk, with_blocks
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.typing.builder import Builder


@dataclass(frozen=True)
class ArrayExpansion:
    """A scratch array, and the loops around all its uses whose turns get rows, outermost first.

    The loops go by the names of their indices; each has its number of turns, in terms of what is known before
    the outermost, and the number of the turn, from 0.
    """

    array: str
    loops: tuple[str, ...]
    turns: tuple[Expr, ...]
    numbers: tuple[Expr, ...]


SAVED = "_saved"
"""What the name of an array that is kept for the reverse sweep ends in."""


def expand_arrays(
    f: Function, builder: Builder, wanted: Iterable[ArrayExpansion], before: Mapping[str, int]
) -> tuple[Function, Mapping[str, int]]:
    """Rewrite a function in normal form; also the number of leading axes that say whose row it is, by array."""
    axes = dict(before)
    for rows in wanted:
        widening = _Widening(builder, rows)
        f = replace(f, body=widening.block(f.body))
        axes[widening.wide.name] = axes.pop(rows.array, 0) + len(rows.loops)
    return replace(f, types=builder.types), axes


class _Widening:
    def __init__(self, builder: Builder, rows: ArrayExpansion) -> None:
        self.builder = builder
        self.rows = rows
        old = builder.types[rows.array]
        assert isinstance(old, Array)
        with builder.block() as self.sizing:
            self.sizes = [self._atom(e) for e in rows.turns]
        types = [builder.typeof(size) for size in self.sizes]
        extra = tuple(t.dim or dim(Symbol(rows.array, None)) for t in types if isinstance(t, Scalar))
        self.old = old
        base = rows.array.rsplit(".", 1)[0].removesuffix(SAVED)
        self.wide = builder.keep(base + SAVED, Array(old.dtype, (*extra, *old.dims)))
        self.view = builder.fresh(base, old)

    def block(self, block: Block) -> Block:
        """The block with the allocation moved to just before the statement that holds the loops."""
        allocation = next((s for s in block if isinstance(s, Assign) and s.target == self.rows.array), None)
        if allocation is None:
            return tuple(with_blocks(s, [self.block(b) for b in blocks(s)]) for s in block)
        out: list[Stmt] = []
        for stmt in block:
            if any(isinstance(s, For) and s.index == self.rows.loops[0] for s in walk((stmt,))):
                out += [*self.sizing, *self._allocated(allocation), self._inside(stmt, ())]
            elif stmt is not allocation:
                assert self.rows.array not in stmt_reads(stmt)
                out.append(stmt)
        return tuple(out)

    def _allocated(self, allocation: Assign) -> list[Stmt]:
        op = allocation.value
        assert isinstance(op, Op)
        with self.builder.block() as made:
            lengths = op.args
            if op.prim.endswith("_like"):
                lengths = tuple(self.builder.op("shape", op.args[0], axis=axis) for axis in range(self.old.rank))
            static = () if self.old.dtype == "float64" else (("dtype", self.old.dtype),)
            self.builder.emit(Assign(self.wide.name, Op("np.empty", (*self.sizes, *lengths), static), allocation.span))
        return made

    def _atom(self, e: Expr) -> Expr:
        if not isinstance(e, Op):
            return e
        return self.builder.op(e.prim, *map(self._atom, e.args), hint="turns", **dict(e.static))

    def _inside(self, stmt: Stmt, at: tuple[Expr, ...]) -> Stmt:
        """In the loops: the numbers of the turns at their start, then the row in place of the array."""
        if not isinstance(stmt, For) or stmt.index != self.rows.loops[len(at)]:
            return with_blocks(stmt, [tuple(self._inside(s, at) for s in b) for b in blocks(stmt)])
        with self.builder.block() as made:
            at = (*at, self._atom(self.rows.numbers[len(at)]))
        if len(at) < len(self.rows.loops):
            body = tuple(self._inside(s, at) for s in stmt.body)
        else:
            body = tuple(self._row(s, at) for s in stmt.body)
            if any(self.view.name in stmt_reads(s) for s in body):
                made.append(Assign(self.view.name, Op("index", (self.wide, *at))))
        return replace(stmt, body=(*made, *body))

    def _row(self, stmt: Stmt, at: tuple[Expr, ...]) -> Stmt:
        """`array[items]` is `wide[at, items]`; the array as a whole is the view of its row."""

        def one(e: Expr) -> Expr:
            match e:
                case Op("index", (base, *items)) if base == self.view and Const(None) not in items:
                    return Op("index", (self.wide, *at, *items), e.static)
                case Op("shape", (base,), (("axis", int(axis)),)) if base == self.view:
                    return Op("shape", (self.wide,), (("axis", axis + len(at)),))
                case Var(name) if name == self.rows.array:
                    return self.view
            return e

        def stores(s: Stmt) -> Stmt:
            if isinstance(s, Store) and s.base == self.view:
                return replace(s, base=self.wide, index=(*at, *s.index))
            return with_blocks(s, [tuple(map(stores, b)) for b in blocks(s)])

        return stores(rewrite(stmt, lambda e: map_expr(e, one)))

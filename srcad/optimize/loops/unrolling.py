"""Inner loops of a few turns, known in advance, are written out: what they index is then at places that are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.loop_nest import LoopNest, body_of, read_elements, written_elements
from srcad.ir.nodes import Block, Comment, Const, Expr, For, Function, If, Op, Stmt, Store, While
from srcad.ir.traversal import (
    blocks,
    map_expr,
    names,
    ops,
    own_exprs,
    own_writes,
    rewrite,
    substitute,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Type
from srcad.optimize.memory.scalar_replacement_candidates import MAX_ELEMENTS
from srcad.optimize.shapes.shape_environment import representative
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS, RING

_FOLDED = RING | COMPARISONS

TURNS = 16
"""A statement is written out at most so many times: text grows with the source, not with what it computes."""
STATEMENTS = 64
"""The longest text that a loop may become."""


def unroll_short_loops(f: Function) -> Function:
    """The function with the short loops inside other loops written out.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> body = parse('''
    ... for t in range(n):
    ...     for i in range(2):
    ...         x[t, i + 1] = y[i]
    ... ''')
    >>> types = {"x": Array("float64", (dim(4), dim(3))), "y": Array("float64", (dim(2),))}
    >>> print(show(unroll_short_loops(Function("f", (), body, (), types)).body))
    for t in range(n):
        x[t, 1] = y[0]
        x[t, 2] = y[1]
    """
    return replace(f, body=_Unrolled(f.types, _read_outside(f)).block(f.body, False))


def _read_outside(f: Function) -> frozenset[str]:
    """The counters that are read where no loop counts with them."""
    found = {n for e in f.results for n in names(e)}

    def go(block: Block, counting: frozenset[str]) -> None:
        for stmt in block:
            inner = counting | {stmt.index} if isinstance(stmt, For) else counting
            for e in own_exprs(stmt):
                found.update(names(e) - inner)
            for b in blocks(stmt):
                go(b, inner)

    go(f.body, frozenset())
    return frozenset(found)


class _Unrolled:
    def __init__(self, types: Mapping[str, Type], outside: frozenset[str]) -> None:
        self._types = types
        self._outside = outside

    def block(self, block: Block, inside: bool) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt, inside))

    def _stmt(self, stmt: Stmt, inside: bool) -> Block:
        if inside and isinstance(stmt, For):
            written = self._written_out(stmt, TURNS)
            if written is not None:
                return written
        if isinstance(stmt, LoopNest):
            return (stmt,)
        looped = inside or isinstance(stmt, For | While)
        return (with_blocks(stmt, [self.block(b, looped) for b in blocks(stmt)]),)

    def _written_out(self, loop: For, left: int) -> Block | None:
        match loop.start, loop.stop, loop.step:
            case Const(int(start)), Const(int(stop)), Const(int(step)) if step:
                turns = range(start, stop, step)
            case _:
                return None
        if isinstance(loop, LoopNest) and not self._meets_small(loop):
            return None
        if loop.exit is not None or len(turns) > left or loop.index in self._outside or not self._places(loop):
            return None
        body: list[Stmt] = []
        for stmt in loop.body:
            if isinstance(stmt, While) or loop.index in own_writes(stmt):
                return None
            inner: Block | None = (stmt,)
            if isinstance(stmt, For):
                inner = self._written_out(stmt, left // max(len(turns), 1))
            elif any(isinstance(s, For | While) or loop.index in own_writes(s) for s in walk((stmt,))):
                return None
            if inner is None:
                return None
            body += inner
        if sum(1 for _ in walk(tuple(body))) * len(turns) > STATEMENTS:
            return None
        made: list[Stmt] = []
        for k in turns:
            turn = tuple(body) if k == turns[0] else tuple(s for s in body if not isinstance(s, Comment))
            made += fold_constants(substitute(turn, {loop.index: Const(k)}))
        return tuple(made)

    def _meets_small(self, loops: LoopNest) -> bool:
        """Whether there is an array that may become numbers when it is written out."""
        met = {name for s in body_of(loops) for name, _ in (*read_elements(s), *written_elements(s))}
        kinds = [kind for name in met if isinstance(kind := self._types.get(name), Array)]
        shapes = [[representative(d, loops.equal) for d in kind.dims] for kind in kinds]
        return any(all(not d.terms for d in s) and math.prod(d.const for d in s) <= MAX_ELEMENTS for s in shapes)

    def _places(self, loop: For) -> bool:
        """Whether the counter says where something is."""
        return any(
            op.prim == "index" and any(loop.index in names(item) for item in op.args[1:])
            for s in walk(loop.body)
            for e in (*own_exprs(s), *_place(s))
            for op in ops(e)
        )


def _place(stmt: Stmt) -> tuple[Expr, ...]:
    return (Op("index", (stmt.base, *stmt.index)),) if isinstance(stmt, Store) else ()


def fold_constants(block: Block) -> Block:
    """The block with what numbers alone decide decided."""
    found: list[Stmt] = []
    for stmt in block:
        stmt = rewrite(stmt, lambda e: map_expr(e, _evaluated))
        match stmt:
            case If(Const(bool(holds)), then, orelse):
                found += fold_constants(then if holds else orelse)
            case _:
                found.append(with_blocks(stmt, [fold_constants(b) for b in blocks(stmt)]) if blocks(stmt) else stmt)
    return tuple(found)


def _evaluated(expr: Expr) -> Expr:
    match expr:
        case Op(prim, (Const(int(a)), Const(int(b)))) if prim in _FOLDED and type(a) is type(b) is int:
            return Const(PRIMITIVES[prim].evaluate(a, b))
        case Op("select", (Const(bool(holds)), then, orelse)):
            return then if holds else orelse
    return expr

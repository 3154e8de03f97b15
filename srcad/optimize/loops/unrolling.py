"""Full unrolling of inner loops with a small constant trip count: the indices in them become constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.loop_nest import LoopNest, body_of, read_elements, written_elements
from srcad.ir.nodes import Block, Const, Expr, For, Function, If, Op, Stmt, Store, While
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
from srcad.optimize.memory.element_maps import MAX_ELEMENTS
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS, RING

_FOLDED = RING | COMPARISONS

MAX_ITERATIONS = 16
"""The most copies of a statement: code size grows with the source, not with its trip counts."""
MAX_STATEMENTS = 64
"""The most statements of an unrolled loop."""


def unroll_short_loops(f: Function) -> Function:
    """Unroll the short loops inside other loops.

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
    return replace(f, body=_Unrolling(f.types, _read_outside(f)).block(f.body, False))


def _read_outside(f: Function) -> frozenset[str]:
    """The loop indices that are read outside of their loops."""
    found = {n for e in f.results for n in names(e)}

    def go(block: Block, enclosing: frozenset[str]) -> None:
        for stmt in block:
            inner = enclosing | {stmt.index} if isinstance(stmt, For) else enclosing
            for e in own_exprs(stmt):
                found.update(names(e) - inner)
            for b in blocks(stmt):
                go(b, inner)

    go(f.body, frozenset())
    return frozenset(found)


class _Unrolling:
    def __init__(self, types: Mapping[str, Type], outside: frozenset[str]) -> None:
        self._types = types
        self._outside = outside

    def block(self, block: Block, inside: bool) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt, inside))

    def _stmt(self, stmt: Stmt, inside: bool) -> Block:
        if inside and isinstance(stmt, For):
            written = self._unrolled(stmt, MAX_ITERATIONS)
            if written is not None:
                return written
        if isinstance(stmt, LoopNest):
            return (stmt,)
        looped = inside or isinstance(stmt, For | While)
        return (with_blocks(stmt, [self.block(b, looped) for b in blocks(stmt)]),)

    def _unrolled(self, loop: For, budget: int) -> Block | None:
        match loop.start, loop.stop, loop.step:
            case Const(int(start)), Const(int(stop)), Const(int(step)) if step:
                iterations = range(start, stop, step)
            case _:
                return None
        if isinstance(loop, LoopNest) and not self._accesses_small_array(loop):
            return None
        if (
            loop.exit is not None
            or len(iterations) > budget
            or loop.index in self._outside
            or not self._indexes_arrays(loop)
        ):
            return None
        body: list[Stmt] = []
        for stmt in loop.body:
            if isinstance(stmt, While) or loop.index in own_writes(stmt):
                return None
            inner: Block | None = (stmt,)
            if isinstance(stmt, For):
                inner = self._unrolled(stmt, budget // max(len(iterations), 1))
            elif any(isinstance(s, For | While) or loop.index in own_writes(s) for s in walk((stmt,))):
                return None
            if inner is None:
                return None
            body += inner
        if sum(1 for _ in walk(tuple(body))) * len(iterations) > MAX_STATEMENTS:
            return None
        unrolled: list[Stmt] = []
        for k in iterations:
            unrolled += fold_constants(substitute(tuple(body), {loop.index: Const(k)}))
        return tuple(unrolled)

    def _accesses_small_array(self, loops: LoopNest) -> bool:
        """Whether unrolling may let an array be replaced by scalars."""
        accessed = {name for s in body_of(loops) for name, _ in (*read_elements(s), *written_elements(s))}
        kinds = [kind for name in accessed if isinstance(kind := self._types.get(name), Array)]
        shapes = [[loops.facts.representative(d) for d in kind.dims] for kind in kinds]
        return any(all(not d.terms for d in s) and math.prod(d.const for d in s) <= MAX_ELEMENTS for s in shapes)

    def _indexes_arrays(self, loop: For) -> bool:
        """Whether the loop index is used in an index."""
        return any(
            op.prim == "index" and any(loop.index in names(item) for item in op.args[1:])
            for s in walk(loop.body)
            for e in (*own_exprs(s), *_stored_element(s))
            for op in ops(e)
        )


def _stored_element(stmt: Stmt) -> tuple[Expr, ...]:
    return (Op("index", (stmt.base, *stmt.index)),) if isinstance(stmt, Store) else ()


def fold_constants(block: Block) -> Block:
    """Constant folding, with branches on constant conditions removed."""
    found: list[Stmt] = []
    for stmt in block:
        stmt = rewrite(stmt, lambda e: map_expr(e, _folded))
        match stmt:
            case If(Const(bool(holds)), then, orelse):
                found += fold_constants(then if holds else orelse)
            case _:
                found.append(with_blocks(stmt, [fold_constants(b) for b in blocks(stmt)]) if blocks(stmt) else stmt)
    return tuple(found)


def _folded(expr: Expr) -> Expr:
    match expr:
        case Op(prim, (Const(int(a)), Const(int(b)))) if prim in _FOLDED and type(a) is type(b) is int:
            return Const(PRIMITIVES[prim].evaluate(a, b))
        case Op("select", (Const(bool(holds)), then, orelse)):
            return then if holds else orelse
    return expr

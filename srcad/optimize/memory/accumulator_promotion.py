"""Register promotion of accumulators: the innermost loop of a nest adds to a scalar instead of to one element."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.loop_nest import LoopNest, body_of, extents_of, indices_of, read_elements, written_elements
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, For, Function, If, Op, Stmt, Store, Var
from srcad.ir.traversal import blocks, names, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.memory.register_promotion import promote_loop_invariant_elements


def promote_accumulators(f: Function) -> Function:
    """`total = r[i]`, a loop with `total += ...`, `r[i] = total` for a loop with `r[i] += ...`.

    >>> from srcad.ir.loop_nest import loop_nest
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> body = parse("r[i] += x[i, j]")
    >>> nest = loop_nest(("i", "j"), (Const(8), Const(9)), (dim(8), dim(9)), body)
    >>> types = {"r": Array("float64", (dim(8),)), "x": Array("float64", (dim(8), dim(9)))}
    >>> print(show(promote_accumulators(Function("f", (), (nest,), (), types)).body))
    for i in range(8):
        r_total = r[i]
        for j in range(9):
            r_total += x[i, j]
        r[i] = r_total

    Only where nothing else in the loop may alias the element; the code would store in every iteration otherwise. For
    the nests of lowered array statements, and (see `promote_loop_invariant_elements`) for the function's own loops.
    """
    types = dict(f.types)
    body = _block(f.body, types, may_alias(f.body, f.types))
    return replace(f, body=body, types=types)


def _block(block: Block, types: dict[str, Type], shared: MayAlias) -> Block:
    def one(stmt: Stmt) -> Stmt:
        if isinstance(stmt, LoopNest):
            stmt = _nest(stmt, types, shared)
        if isinstance(stmt, For):
            new = promote_loop_invariant_elements(stmt, types, shared)
            if isinstance(new, If):
                return replace(new, then=tuple(inside(s) for s in new.then))
        return inside(stmt)

    def inside(stmt: Stmt) -> Stmt:
        return with_blocks(stmt, [_block(b, types, shared) for b in blocks(stmt)])

    return tuple(map(one, block))


def _nest(loops: LoopNest, types: dict[str, Type], shared: MayAlias) -> Stmt:
    *outer, innermost = zip(indices_of(loops), extents_of(loops), strict=True)
    if not outer:
        return loops
    before: list[Stmt] = []
    inner: list[Stmt] = []
    after: list[Stmt] = []
    body = body_of(loops)
    for at, stmt in enumerate(body):
        others = body[:at] + body[at + 1 :]
        match stmt:
            case Store(Var(base), index, value, "+", _, free) if (
                not any(innermost[0] in names(e) for e in index)
                and isinstance(kind := types.get(base), Array)
                and kind.dtype.startswith("float")
                and not any(
                    shared.class_of(name) == shared.class_of(base)
                    for s in others
                    for name, _ in (*read_elements(s), *written_elements(s))
                )
                and shared.class_of(base) not in {shared.class_of(name) for name, _ in read_elements(Assign("", value))}
            ):
                total = fresh_name(f"{base}_total", Scalar(kind.dtype), types)
                before.append(Assign(total, Op("index", (Var(base), *index))))
                inner.append(AugAssign(total, "+", value, free=free))
                after.append(Store(Var(base), index, Var(total)))
            case _:
                inner.append(stmt)
    if not before:
        return loops
    nest: Block = (*before, For(innermost[0], Const(0), innermost[1], Const(1), tuple(inner)), *after)
    for loop_index, extent in reversed(outer):
        nest = (For(loop_index, Const(0), extent, Const(1), nest),)
    return nest[0]

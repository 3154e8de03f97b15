"""Adjoints of shared arrays: shared arrays too, which the threads of a block set to zero before anything else.

d_s = cuda.shared.array(64, np.float64)
for k in range(cuda.threadIdx.x, 64, cuda.blockDim.x):
    d_s[k] = 0.0
cuda.syncthreads()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from srcad.backend.cuda.thread_tapes import free_name
from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Scalar
from srcad.rules.kernels import BARRIER, BLOCK_SIZE, LETTERS, SHARED_ARRAY, THREAD


def with_shared_adjoints(f: Function, axes: int) -> Function:
    """The function whose adjoints of shared arrays are shared; the block of threads has that many `axes`.

    Raises S521 for a shared array that is made in a loop.
    """
    made = {s.target: s.value for s in walk(f.body) if isinstance(s, Assign) and _is_shared(s.value)}
    _refuse_in_loops(f.body, False)
    adjoints: dict[str, Op] = {}
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, Op("np.zeros_like", (Var(of),))) if of in made:
                adjoints[target] = made[of]  # type: ignore[assignment]
    if not adjoints:
        return f

    def block(b: Block) -> Block:
        kept = (s for s in b if not (isinstance(s, Assign) and s.target in adjoints))
        return tuple(with_blocks(s, map(block, blocks(s))) for s in kept)

    index = free_name(f, "element")
    allocations = tuple(Assign(name, op) for name, op in adjoints.items())
    fills = tuple(_filled_with_zeros(name, op, index, axes) for name, op in adjoints.items())
    body = (*allocations, *fills, Effect(Op(BARRIER)), *block(f.body))
    return replace(f, body=_without_empty(body), types={**f.types, index: Scalar("int64")})


def _is_shared(value: Expr) -> bool:
    return isinstance(value, Op) and value.prim == SHARED_ARRAY


def _refuse_in_loops(block: Block, in_loop: bool) -> None:
    for stmt in block:
        if in_loop and isinstance(stmt, Assign) and _is_shared(stmt.value):
            why = "It is one array for all iterations, and their adjoints need one each."
            fail("S521", "a shared array that is made in a loop", stmt.span, why, "make it before the loop.")
        for inner in blocks(stmt):
            _refuse_in_loops(inner, in_loop or isinstance(stmt, For | While))


def _filled_with_zeros(name: str, op: Op, index: str, axes: int) -> Stmt:
    """A loop in which the threads of a block share the elements of an array among them."""
    lengths = [arg.value for arg in op.args if isinstance(arg, Const) and isinstance(arg.value, int)]
    first, step = _place_in_block(axes)
    store = Store(Var(name), _items(Var(index), lengths), Const(0.0))
    return For(index, first, Const(prod(lengths)), step, (store,))


def _place_in_block(axes: int) -> tuple[Expr, Expr]:
    """The index of the thread in its block, and how many threads that has."""
    place: Expr = Op(f"{THREAD}.{LETTERS[axes - 1]}")
    count: Expr = Op(f"{BLOCK_SIZE}.{LETTERS[axes - 1]}")
    for letter in reversed(LETTERS[: axes - 1]):
        own, size = Op(f"{THREAD}.{letter}"), Op(f"{BLOCK_SIZE}.{letter}")
        place, count = Op("+", (own, Op("*", (size, place)))), Op("*", (size, count))
    return place, count


def _items(at: Expr, lengths: Sequence[int]) -> tuple[Expr, ...]:
    """The indices of the element at a place in the order of memory."""
    items: list[Expr] = []
    for length in reversed(lengths[1:]):
        items.insert(0, Op("%", (at, Const(length))))
        at = Op("//", (at, Const(length)))
    return (at, *items)


def _without_empty(block: Block) -> Block:
    """The block without branches that have become empty."""
    out: list[Stmt] = []
    for stmt in block:
        stmt = with_blocks(stmt, map(_without_empty, blocks(stmt)))
        if not (isinstance(stmt, If) and not stmt.then and not stmt.orelse):
            out.append(stmt)
    return tuple(out)

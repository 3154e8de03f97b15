"""Construction of the nest over an iteration space: its loop indices, and its loops in a given order."""

from __future__ import annotations

from srcad.ir.loop_nest import LoopNest, loop_nest
from srcad.ir.nodes import Block, Expr
from srcad.ir.types import Dim
from srcad.optimize.array_statements.expression_trees import NotLowerable
from srcad.optimize.array_statements.lowering_state import LoweringState


def nest_indices(rank: int, state: LoweringState) -> tuple[str, ...]:
    """The loop indices of a nest; the same in all nests of a function, so that they can be fused."""
    if not 0 < rank <= len(state.indices):
        raise NotLowerable
    return state.indices[:rank]


def ordered_nest(
    indices: tuple[str, ...],
    extents: tuple[Expr, ...],
    lengths: tuple[Dim, ...],
    axes: tuple[int, ...],
    body: Block,
    state: LoweringState,
) -> LoopNest:
    """The nest with the loops in the order of `axes`, outermost first.

    >>> from srcad.ir.nodes import Const, Function
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> state, lengths = LoweringState(Function("f", (), (), (), {})), (dim(2), dim(3))
    >>> body = parse("y[i, j] = x[j, i]")
    >>> print(show((ordered_nest(nest_indices(2, state), (Const(2), Const(3)), lengths, (1, 0), body, state),)))
    for j in range(3):
        for i in range(2):
            y[i, j] = x[j, i]
    """
    return loop_nest(
        tuple(indices[k] for k in axes),
        tuple(state.spelled_extent(lengths[k], extents[k]) for k in axes),
        tuple(lengths[k] for k in axes),
        body,
        state.shapes.facts,
    )

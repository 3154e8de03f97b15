"""What is known only once a whole function is lowered: whether writes into arrays come in between."""

from __future__ import annotations

from srcad.frontend.values.context import Context
from srcad.frontend.values.iteration_order import check_iteration_order
from srcad.frontend.values.list_aliasing_check import check_list_aliasing
from srcad.frontend.values.overlap_check import check_masked_writes
from srcad.ir.nodes import Block


def check_writes(ctx: Context, body: Block) -> None:
    """Raise S125, S129 or S401 where the function writes into what a list, an iterable or a masked write relies on."""
    builder = ctx.builder
    check_list_aliasing(body, builder.types, ctx.appended)
    check_iteration_order(body, builder.types, builder.created, ctx.watches)
    check_masked_writes(body, builder.types, ctx.masked_writes)

"""Marking of 0-d arrays, which are compiled as scalars although NumPy's are memory that may have aliases.

A scalar is immutable. A 0-d array changes when something is written to the array it is a view of (`np.squeeze(m)`), or
when it is updated in place under another name (`t += 1`). A second lowering of the function, with `Context.zero_d`,
marks where 0-d arrays are created and updated, by identity operations: `analysis/memory/zero_dim_conflicts` then
refuses the programs for which a scalar is not enough. That lowering has no other use.

>>> import srcad
>>> def f(x):
...     t = np.squeeze(x)
...     x[0] = 5.0
...     return t
>>> try:
...     srcad.grad(f, target="python")(np.ones(1))
... except srcad.SrcadError as error:
...     print(error.problems[0].code)
S401
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from srcad.frontend.values.abstract_values import Abstract, HeapRef, Leaf, Record, Seq, ZeroD
from srcad.frontend.values.context import Context
from srcad.ir.nodes import Const, Function
from srcad.ir.result_memory import ZERO_D_KEPT, ZERO_D_MADE, ZERO_D_NUMBER, ZERO_D_UPDATED
from srcad.ir.traversal import block_stores
from srcad.ir.types import Array, Scalar
from srcad.rules.registry import METHODS

VIEWS = frozenset(
    {np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims, np.real}
    | {np.broadcast_to, np.broadcast_arrays, np.asarray, np.asanyarray, np.ascontiguousarray, np.diagonal, np.flip}
    | {np.atleast_1d, np.atleast_2d, np.atleast_3d, np.nan_to_num, np.asarray_chkfinite, np.require, np.real_if_close}
    | {np.lib.stride_tricks.sliding_window_view, np.apply_over_axes}
    | {METHODS[name] for name in ("reshape", "ravel", "transpose", "swapaxes", "squeeze", "conj", "conjugate")}
)
"""Functions that return their argument or a view of it, which may be a 0-d array, or a view of one."""

NEW = frozenset(
    {np.array, np.copy, np.zeros, np.ones, np.empty, np.full, np.zeros_like, np.ones_like, np.empty_like, np.full_like}
    | {np.where, np.select, np.tensordot, np.tile, np.pad, np.roll, np.cross, np.einsum, np.linalg.multi_dot}
    | {np.linalg.tensordot, np.linalg.tensorsolve, np.block, np.cov, np.isin, np.piecewise, np.polyint, np.resize}
    | {cast(Any, np.polynomial.polynomial.polyval), np.polyval, np.unique, np.unique_all, np.unique_inverse}
    | {np.fft.fft2, np.fft.ifft2, np.fft.fftn, np.fft.ifftn, np.i0, METHODS["copy"]}
)
"""Functions that may return a new 0-d array."""

NUMBERS = frozenset({float, int, bool, np.float64, np.float32, np.int64, np.int32, np.bool_, METHODS["item"]})
"""Functions that return the scalar in a 0-d array."""


def asks_about_zero_d(f: Function, seen: ZeroD, given: Collection[str]) -> bool:
    """Whether there are 0-d arrays and anything that may write to their memory; `given` are the parameters."""
    stored = seen.views and bool(block_stores(f.body))
    return (seen.made or bool(given)) and (seen.updated or stored)


def mark_result(
    ctx: Context, function: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract], result: Abstract
) -> Abstract:
    """Mark the result of a call of a NumPy function by the user."""
    if ctx.frame.library:
        return result
    if isinstance(result, Seq | HeapRef) and function is np.broadcast_arrays:
        items = result.items if isinstance(result, Seq) else ctx.heap[result.id].items
        return Seq(tuple(mark_created(ctx, item, *args) for item in items))
    if isinstance(result, Seq) and function in NEW:
        return replace(result, items=tuple(mark_result(ctx, function, args, keywords, item) for item in result.items))
    if not isinstance(result, Leaf):
        return result
    if function in VIEWS:
        return mark_created(ctx, result, *[*args, *keywords.values()][:1])
    if isinstance(result.type, Scalar):
        if function in NEW:
            return mark_created(ctx, result)
        if function in NUMBERS:
            return mark_scalar(ctx, result)
    return result


def mark_created(ctx: Context, value: Abstract, *sources: Abstract) -> Abstract:
    """Mark `value` as a 0-d array, or as an array that may be a view of one of `sources`."""
    if not isinstance(value, Leaf) or not isinstance(value.type, Scalar | Array):
        return value
    found = [leaf for source in sources for leaf in _leaves(ctx, source)]
    if isinstance(value.type, Array):
        found = [leaf for leaf in found if isinstance(leaf.type, Scalar)]
        if not found:
            return value
    ctx.zero_d_seen.made = True
    ctx.zero_d_seen.views |= any(isinstance(leaf.type, Array) for leaf in (value, *found))
    return _marked(ctx, ZERO_D_MADE, value, *found)


def mark_updated(ctx: Context, old: Abstract, new: Abstract) -> Abstract:
    """Mark the value of a name after `name op= ...`."""
    if not isinstance(old, Leaf) or not isinstance(old.type, Scalar) or not isinstance(new, Leaf) or ctx.frame.library:
        return new
    ctx.zero_d_seen.updated = True
    return _marked(ctx, ZERO_D_UPDATED, new, old)


def mark_stored(ctx: Context, item: Leaf) -> None:
    """Mark what is put into a list that grows in a run-time loop."""
    if isinstance(item.type, Scalar):
        _marked(ctx, ZERO_D_KEPT, item)


def mark_scalar(ctx: Context, value: Leaf) -> Leaf:
    return _marked(ctx, ZERO_D_NUMBER, value)


def _marked(ctx: Context, prim: str, value: Leaf, *others: Leaf) -> Leaf:
    if not ctx.zero_d:
        return value
    atoms = [value.atom, *(leaf.atom for leaf in others)]
    target = ctx.builder.identity(prim, *atoms)
    return Leaf(target, value.type, value.static)


def _leaves(ctx: Context, value: Abstract) -> Iterator[Leaf]:
    match value:
        case Leaf(Const()):
            return
        case Leaf(type=Scalar() | Array()):
            yield value
        case Seq(items):
            for item in items:
                yield from _leaves(ctx, item)
        case HeapRef(id):
            for item in ctx.heap[id].items:
                yield from _leaves(ctx, item)
        case Record(fields=pairs):
            for _, item in pairs:
                yield from _leaves(ctx, item)
        case _:
            return

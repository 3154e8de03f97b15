"""Lowering of what a kernel says in the terms of `numba.cuda`: indices of threads, shared arrays, barriers, atomics.

The module is not imported here, and in Numba's simulator it has most of its functions inside a kernel only: so its
members are known by their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, Constant, Leaf, Seq, TypeConflict
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.ir.nodes import Const, Effect, Expr, Op
from srcad.ir.types import Array, Scalar
from srcad.rules import kernels

_INDICES = (kernels.THREAD, kernels.BLOCK, kernels.BLOCK_SIZE, kernels.GRID_BLOCKS)
_PARTS = frozenset({*_INDICES, "cuda.shared", "cuda.local", "cuda.atomic"})
"""Members that have members of their own."""
_FUNCTIONS = frozenset(
    {kernels.GRID, kernels.GRID_SIZE, kernels.SHARED_ARRAY, "cuda.local.array", kernels.BARRIER, kernels.ATOMIC_ADD}
)


@dataclass(frozen=True)
class KernelName:
    """A member of `numba.cuda`, by its name with `cuda.` before it."""

    name: str


def is_cuda(module: ModuleType) -> bool:
    return module.__name__ == "numba.cuda"


def member(ctx: Context, of: str, name: str) -> Abstract:
    """`of.name`, where `of` is `cuda` or a member of it.

    Raises S524 for what cannot be differentiated.
    """
    whole = f"{of}.{name}"
    if of in _INDICES and name in kernels.LETTERS:
        return ctx.leaf(ctx.builder.op(whole, hint=kernels.NOUNS[of]))
    if whole not in _PARTS | _FUNCTIONS:
        _refuse(ctx, whole)
    return Constant(KernelName(whole))


def call_member(
    ctx: Context, called: KernelName, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """A call of a member."""
    match called.name:
        case kernels.GRID | kernels.GRID_SIZE:
            return _grid(ctx, called.name, *args, **keywords)
        case kernels.SHARED_ARRAY | "cuda.local.array":
            return _array(ctx, called.name, args, keywords)
        case kernels.BARRIER:
            ctx.builder.emit(Effect(Op(kernels.BARRIER), ctx.builder.span))
            return Constant(None)
        case kernels.ATOMIC_ADD:
            return _atomic_add(ctx, args, keywords)
    _refuse(ctx, called.name)


def _refuse(ctx: Context, name: str) -> NoReturn:
    why = (
        "Its meaning for the adjoint is not known: atomics other than add, shuffles within a warp, cooperative groups\n"
    )
    why += "and the like have no counterpart that runs backwards."
    advice = "write it with cuda.grid, shared arrays, cuda.syncthreads and cuda.atomic.add."
    ctx.fail("S524", f"{name} in a kernel that is differentiated", why, advice)


def _grid(ctx: Context, name: str, ndim: Abstract) -> Abstract:
    count = to_python(ctx, ctx.check(ndim))
    if count not in (1, 2, 3):
        ctx.fail("S524", f"{name} takes 1, 2 or 3, as a literal")
    axes = [
        ctx.leaf(ctx.builder.op(name, axis=axis, ndim=count, hint=kernels.NOUNS[name])) for axis in range(int(count))
    ]
    return axes[0] if count == 1 else Seq(tuple(axes))


def _array(ctx: Context, name: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    given = dict(zip(("shape", "dtype"), args, strict=False)) | dict(keywords)
    if set(given) != {"shape", "dtype"}:
        ctx.fail("S124", f"{name} takes a shape and a dtype")
    shape = to_python(ctx, ctx.check(given["shape"]))
    lengths = shape if isinstance(shape, tuple) else (shape,)
    if not all(type(length) is int and length > 0 for length in lengths):
        advice = "write it as a literal, or as an integer from outside of the kernel."
        ctx.fail("S521", f"the shape of {name} is not known", "Its size is a constant of the kernel.", advice)
    dtype = _dtype(ctx, given["dtype"], name)
    if name == kernels.SHARED_ARRAY:
        return ctx.leaf(ctx.builder.op(name, *map(Const, lengths), dtype=dtype, hint="shared"))
    static = {} if dtype == "float64" else {"dtype": dtype}
    return ctx.leaf(ctx.builder.op("np.empty", *map(Const, lengths), hint="array", **static))


def _dtype(ctx: Context, given: Abstract, name: str) -> str:
    value: Any = to_python(ctx, ctx.check(given))
    try:
        # a type of Numba's has the name of NumPy's dtype
        return str(np.dtype("bool" if str(value) == "bool" else getattr(value, "name", value)).name)
    except TypeError:
        ctx.fail("S524", f"the dtype of {name} is {'not known' if value is UNKNOWN else value}")


def _atomic_add(ctx: Context, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    if len(args) != 3 or keywords:
        ctx.fail("S124", f"{kernels.ATOMIC_ADD} takes an array, an index and a value")
    array, index, value = (ctx.check(arg) for arg in args)
    if not isinstance(array, Leaf) or not isinstance(array.type, Array):
        ctx.fail("S524", f"{kernels.ATOMIC_ADD} to {describe_value(array)}", None, "give it an array.")
    items = [_number(ctx, item) for item in (index.items if isinstance(index, Seq) else (index,))]
    if len(items) != array.type.rank:
        ctx.fail("S524", f"{kernels.ATOMIC_ADD} to a part of an array", None, "give an index for each axis.")
    operands = (array.atom, _number(ctx, value), *items)
    ctx.builder.emit(Effect(Op(kernels.ATOMIC_ADD, operands), ctx.builder.span))
    why = "It depends on the order of the threads, which the adjoint does not know."
    return TypeConflict("S524", f"the old value that {kernels.ATOMIC_ADD} returns", why)


def _number(ctx: Context, value: Abstract) -> Expr:
    leaf = array_of(ctx, ctx.check(value))
    if not isinstance(leaf.type, Scalar):
        ctx.fail("S524", f"{describe_value(value)} in {kernels.ATOMIC_ADD}", None, "give it numbers.")
    return leaf.atom

"""Functions that make arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_name, dtype_of, expands, is_float_name, is_packed, unsupported

cast = PRIMITIVES["astype"]
copy_of = PRIMITIVES["copy"]
array_of = PRIMITIVES["array"]
join = PRIMITIVES["np.concatenate"]
new_zeros = PRIMITIVES["np.zeros"]
new_ones = PRIMITIVES["np.ones"]
new_empty = PRIMITIVES["np.empty"]
new_full = PRIMITIVES["np.full"]
zeros_as = PRIMITIVES["np.zeros_like"]
ones_as = PRIMITIVES["np.ones_like"]
empty_as = PRIMITIVES["np.empty_like"]
count_up = PRIMITIVES["np.arange"]
spaced = PRIMITIVES["np.linspace"]
new_eye = PRIMITIVES["np.eye"]


def dims_of(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)


# ---- of a given shape ---------------------------------------------------------------------------


@expands(np.zeros)
def zeros(shape: Any, dtype: Any = float) -> Any:
    if len(dims_of(shape)) == 0:
        return cast(0.0, dtype=dtype_name(dtype))
    return new_zeros(*dims_of(shape), dtype=dtype_name(dtype))


@expands(np.ones)
def ones(shape: Any, dtype: Any = float) -> Any:
    if len(dims_of(shape)) == 0:
        return cast(1.0, dtype=dtype_name(dtype))
    return new_ones(*dims_of(shape), dtype=dtype_name(dtype))


@expands(np.empty)
def empty(shape: Any, dtype: Any = float) -> Any:
    if len(dims_of(shape)) == 0:
        return cast(0.0, dtype=dtype_name(dtype))
    return new_empty(*dims_of(shape), dtype=dtype_name(dtype))


@expands(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    name = dtype_of(fill_value) if dtype is None else dtype_name(dtype)
    if np.ndim(fill_value) != 0:
        return cast(np.broadcast_to(fill_value, shape), dtype=name)
    if len(dims_of(shape)) == 0:
        return cast(fill_value, dtype=name)
    value = fill_value if dtype_of(fill_value) == name else cast(fill_value, dtype=name)
    return new_full(value, *dims_of(shape), dtype=name)


# ---- like another array -------------------------------------------------------------------------


@expands(np.zeros_like)
def zeros_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    x = np.asarray(a)
    if dtype is not None or shape is not None or np.ndim(x) == 0:
        return zeros(np.shape(x) if shape is None else shape, dtype_of(x) if dtype is None else dtype)
    return zeros_as(x)


@expands(np.ones_like)
def ones_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    x = np.asarray(a)
    if dtype is not None or shape is not None or np.ndim(x) == 0:
        return ones(np.shape(x) if shape is None else shape, dtype_of(x) if dtype is None else dtype)
    return ones_as(x)


@expands(np.empty_like)
def empty_like(prototype: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    x = np.asarray(prototype)
    if dtype is not None or shape is not None or np.ndim(x) == 0:
        return empty(np.shape(x) if shape is None else shape, dtype_of(x) if dtype is None else dtype)
    return empty_as(x)


@expands(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    x = np.asarray(a)
    return full(np.shape(x) if shape is None else shape, fill_value, dtype_of(x) if dtype is None else dtype)


# ---- ranges and matrices ------------------------------------------------------------------------


@expands(np.arange)
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    floats = is_float_name(dtype_of(start)) or is_float_name(dtype_of(step))
    if dtype is not None and floats and not is_float_name(dtype_name(dtype)):
        unsupported("np.arange of floats as integers (its step is rounded first)")
    y = count_up(0, start, step) if stop is None else count_up(start, stop, step)
    return y if dtype is None else cast(y, dtype=dtype_name(dtype))


@expands(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: Any = True,
    retstep: Any = False,
    dtype: Any = None,
    axis: Any = 0,
) -> Any:
    y = points_between(start, stop, num, endpoint)
    if dtype is not None:
        y = cast(y if is_float_name(dtype_name(dtype)) else np.floor(y), dtype=dtype_name(dtype))
    if np.ndim(y) > 1 and axis != 0:
        y = np.moveaxis(y, 0, axis)
    if retstep:
        return y, (stop * 1.0 - start) / (num - 1 if endpoint else num)
    return y


def points_between(start: Any, stop: Any, num: Any, endpoint: Any) -> Any:
    if np.ndim(start) == 0 and np.ndim(stop) == 0:
        return spaced(start, stop, num) if endpoint else spaced(start, stop, num + 1)[:-1]
    first = start * 1.0
    width = stop * 1.0 - first
    y = np.empty((num,) + np.shape(width), dtype=dtype_of(width))  # noqa: RUF005
    for k in range(num):
        y[k] = first + width * (k / max(num - 1 if endpoint else num, 1))
    if endpoint and num > 1:
        y[num - 1] = stop
    return y


@expands(np.logspace)
def logspace(start: Any, stop: Any, num: Any = 50, endpoint: Any = True, base: Any = 10.0) -> Any:
    return base ** linspace(start, stop, num, endpoint)


@expands(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50) -> Any:
    return start * (stop / start) ** linspace(0.0, 1.0, num)


@expands(np.eye)
def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Any:
    y = new_eye(N, N if M is None else M, k=k)
    return y if dtype_name(dtype) == "float64" else cast(y, dtype=dtype_name(dtype))


@expands(np.identity)
def identity(n: Any, dtype: Any = None) -> Any:
    return eye(n, None, 0, float if dtype is None else dtype)


@expands(np.tri)
def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Any:
    return np.tril(ones((N, N if M is None else M), dtype), k)


# ---- from what there is -------------------------------------------------------------------------


@expands(np.asarray, np.asanyarray)
def asarray(a: Any, dtype: Any = None) -> Any:
    if isinstance(a, (tuple, list)):
        return array(a, dtype)
    if dtype is None or dtype_of(a) == dtype_name(dtype):
        return a
    return cast(a, dtype=dtype_name(dtype))


@expands(np.ascontiguousarray)
def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    x = np.atleast_1d(asarray(a, dtype))
    return x if is_packed(x) else packed(x)


packed = PRIMITIVES["np.ascontiguousarray"]


@expands(np.asfortranarray)
def asfortranarray(a: Any, dtype: Any = None) -> Any:
    x = asarray(a, dtype)
    return ascontiguousarray(x) if np.ndim(x) < 2 else np.transpose(packed(np.transpose(x)))


@expands(np.fromiter)
def fromiter(iter: Any, dtype: Any) -> Any:
    return np.array(list(iter), dtype=dtype)


@expands(np.asarray_chkfinite)
def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    x = in_order(asarray(a, dtype), order)
    if not np.all(np.isfinite(x)):
        raise ValueError("array must not contain infs or NaNs")
    return x


@expands(np.require)
def require(a: Any, dtype: Any = None, requirements: Any = None) -> Any:
    if requirements is not None:
        unsupported("np.require with requirements=")
    return asarray(a, dtype)


def in_order(x: Any, order: Any) -> Any:
    if order is not None and order not in ("C", "K", "A"):
        unsupported("order= other than 'C', of an array whose elements are not moved,")
    return x


@expands(np.array)
def array(object: Any, dtype: Any = None, *, copy: Any = True, ndmin: Any = 0) -> Any:
    y = new_array(object, dtype, copy)
    if np.ndim(y) >= ndmin:
        return y
    return np.full((1,) * ndmin, y) if np.ndim(y) == 0 else y[(None,) * (ndmin - np.ndim(y)) + (...,)]


def new_array(object: Any, dtype: Any, copy: Any) -> Any:
    if not isinstance(object, (tuple, list)):
        if copy is None:
            return asarray(object, dtype)
        if not copy:
            if dtype is not None and dtype_of(object) != dtype_name(dtype):
                unsupported("np.array with copy=False of another dtype")
            return object
        y = object if np.ndim(object) == 0 else copy_of(object)
    elif len(object) == 0:
        y = new_empty(0, dtype="float64")
    else:
        y = joined([rows(item) for item in object])
    return y if dtype is None or dtype_of(y) == dtype_name(dtype) else cast(y, dtype=dtype_name(dtype))


def rows(item: Any) -> Any:
    """An item of a nested list, two lists deep at most, as an array or number."""
    if isinstance(item, (tuple, list)):
        return joined([inner_rows(entry) for entry in item])
    return item


def inner_rows(item: Any) -> Any:
    if isinstance(item, (tuple, list)):
        return joined(item)
    return item


def joined(items: Any) -> Any:
    if np.ndim(items[0]) == 0:
        return array_of(*items)
    return join(*[item[None] for item in items], axis=0)


@expands(np.copy, methods=("copy",))
def copy(a: Any, order: Any = "C") -> Any:
    x = np.asarray(a)
    return x if np.ndim(x) == 0 else copy_of(x)


@expands(methods=("fill",))
def fill(a: Any, value: Any) -> None:
    a[...] = value


@expands(methods=("tolist",))
def tolist(a: Any) -> Any:
    if np.ndim(a) == 0:
        return item(a)
    if np.ndim(a) > 1:
        unsupported("tolist of an array of several axes")
    return list(a)


@expands(methods=("item",))
def item(a: Any, *index: Any) -> Any:
    y = a
    if np.ndim(a) != 0:
        if len(index) == 0:
            if a.size != 1:
                raise ValueError("can only convert an array of size 1 to a Python scalar")
            y = flat(a)[0]
        elif len(index) == 1:
            y = flat(a)[index[0]]
        else:
            y = a[index]
    # a number of Python's
    return cast(y, dtype="float64") if dtype_of(y) == "float32" else y

"""What stands in the place of a tangent while a sparsity pattern is found: the inputs that a value depends on.

>>> x, y = Dependence(frozenset([0])), Dependence(frozenset([1]))
>>> sorted(indices_of(2.0 * x - (y + 1.0) / 3.0))
[0, 1]

Tangents enter tangents linearly. A sum depends on what its terms depend on, and a factor, zero or not, leaves a
dependence as it is: what is found holds for other values, too, as long as these take the same branches.

>>> t = inputs((3,))
>>> np.concatenate((t[1:] * 2.0, t[:1])) + t
DependenceArray([Dependence([0, 1]), Dependence([1, 2]),
                 Dependence([0, 2])], dtype=object)

A function of NumPy that is not listed here mixes all that enters it.

>>> sorted(indices_of(np.linalg.solve(np.eye(3), t)[0]))
[0, 1, 2]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np

_MOST = 256
"""Indices in a set that is written out. A larger one is a union that is evaluated at the end: a sum that grows in a
loop would else be copied in each iteration."""


class Dependence:
    """A set of positions in the input. It does not change."""

    __slots__ = ("indices", "parts")
    __array_ufunc__ = None  # NumPy's numbers and arrays leave the operators to this class

    def __init__(self, indices: frozenset[int] | None = frozenset(), parts: tuple[Dependence, ...] = ()) -> None:
        self.indices = indices
        """None: those of the parts."""
        self.parts = parts

    def __add__(self, other: Any) -> Any:
        if type(other) is Dependence:
            return union(self, other)
        return joined(self, other) if isinstance(other, np.ndarray) else self

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __add__

    def __neg__(self) -> Dependence:
        return self

    __pos__ = __neg__

    def __repr__(self) -> str:
        return f"Dependence({sorted(indices_of(self))})"


NONE = Dependence()


def union(a: Any, b: Any) -> Dependence:
    """What one or the other depends on. A number depends on nothing."""
    if type(a) is not Dependence:
        return b if type(b) is Dependence else NONE
    if type(b) is not Dependence or a is b:
        return a
    one, other = a.indices, b.indices
    if one is not None and other is not None and len(one) + len(other) <= _MOST:
        both = one | other
        if len(both) == len(one):
            return a
        return b if len(both) == len(other) else Dependence(both)
    if one is not None and not one:
        return b
    return a if other is not None and not other else Dependence(None, (a, b))


def union_of(values: Iterable[Any]) -> Dependence:
    """What any of the values depends on."""
    parts = tuple({id(one): one for one in values if type(one) is Dependence}.values())
    if len(parts) < 2:
        return parts[0] if parts else NONE
    known = [one.indices for one in parts if one.indices is not None]
    if len(known) == len(parts) and sum(map(len, known)) <= _MOST:
        return Dependence(frozenset().union(*known))
    return Dependence(None, parts)


def indices_of(value: Any) -> frozenset[int]:
    """The positions that a value depends on."""
    if type(value) is not Dependence:
        return frozenset()
    if value.indices is None:
        found: set[int] = set()
        seen: set[int] = set()
        pending = [value]
        while pending:
            one = pending.pop()
            if one.indices is not None:
                found |= one.indices
            elif id(one) not in seen:
                seen.add(id(one))
                pending += one.parts
        value.indices, value.parts = frozenset(found), ()
    return value.indices or frozenset()


# ---- arrays ------------------------------------------------------------------------------------------

_union = np.frompyfunc(union, 2, 1)


class DependenceArray(np.ndarray[Any, Any]):
    """An array of `Dependence`; its views are views, and a number stored into it is a dependence on nothing."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        result = _ufunc(ufunc, method, inputs, kwargs)
        if out is None:
            return result
        out[0][...] = result  # not an array of dependences: an error, not a loss
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return applied(function, args, kwargs)

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]
        self[...] = joined(self, other)
        return self

    __isub__ = __imul__ = __itruediv__ = __iadd__

    def astype(self, *_: Any, **__: Any) -> Any:
        return self.copy(order="K")


def as_dependences(values: Any) -> Any:
    """A dependence of its own class: an array of objects as one of dependences, a number as one on nothing."""
    if isinstance(values, np.ndarray):
        return values.view(DependenceArray) if values.dtype == object else filled(values.shape)
    return values if isinstance(values, Dependence) else NONE


def inputs(shape: tuple[int, ...]) -> DependenceArray:
    """An array whose entries depend on their own positions."""
    made = filled(shape)
    made.reshape(-1)[:] = [Dependence(frozenset((k,))) for k in range(made.size)]
    return made


def filled(shape: tuple[int, ...], value: Any = NONE) -> DependenceArray:
    made = np.empty(shape, object).view(DependenceArray)
    made[...] = value
    return made


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, DependenceArray) else value


def _shape(value: Any) -> tuple[int, ...]:
    return value.shape if isinstance(value, np.ndarray) else ()


def depends(value: Any) -> bool:
    return isinstance(value, Dependence) or (isinstance(value, np.ndarray) and value.dtype == object)


def joined(*values: Any) -> Any:
    """What an elementwise operation on the values depends on, entry by entry, laid out as its result would be."""
    objects = [np.array(v, object) if isinstance(v, Dependence) else _plain(v) for v in values]
    shape = np.broadcast_shapes(*map(_shape, objects))
    moving = [v for v in objects if depends(v)]
    if not all(isinstance(v, np.ndarray) and v.flags.c_contiguous for v in objects):
        moving += [v for v in objects if isinstance(v, np.ndarray) and not depends(v)]
    found = moving[0]
    for other in moving[1:]:
        found = _union(found, other)
    if shape == ():
        return union_of([found[()] if isinstance(found, np.ndarray) else found])
    if _shape(found) == shape:
        made = found.copy(order="K") if len(moving) == 1 else found
        return made.view(DependenceArray)
    return filled(shape, found)


# ---- ufuncs ------------------------------------------------------------------------------------------


def _ufunc(ufunc: Any, method: str, values: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if ufunc is np.matmul:
        return _product(*values)
    if method == "reduce":
        return _reduced(*values, **options)
    if method != "__call__":
        raise TypeError(f"{ufunc.__name__}.{method} of dependences")
    if ufunc in (np.equal, np.not_equal):
        # only asked of tangents in order to leave out those that are zero
        return np.full(np.broadcast_shapes(*map(_shape, values)), ufunc is np.not_equal)
    if ufunc not in _LINEAR:
        raise TypeError(f"{ufunc.__name__} of dependences")
    return joined(*values)


_LINEAR = {np.add, np.subtract, np.multiply, np.true_divide, np.negative, np.positive}


def _reduced(values: Any, axis: Any = 0, keepdims: bool = False, **_: Any) -> Any:
    x = _plain(values)
    if not isinstance(x, np.ndarray):
        return x
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(k % x.ndim for k in axes)
    rest = tuple(k for k in range(x.ndim) if k not in axes)
    lengths = tuple(x.shape[k] for k in rest)
    count = int(np.prod(lengths))
    rows = np.transpose(x, rest + axes).reshape(count, x.size // count if count else 0)
    found = [union_of(row) for row in rows]
    if keepdims:
        lengths = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    elif not rest:
        return found[0]
    made = np.empty(count, object)
    made[:] = found
    return made.reshape(lengths).view(DependenceArray)


def _accumulated(vector: Any, **_: Any) -> Any:
    made = np.empty(vector.shape, object)
    made[:] = list(accumulate(_plain(vector), union))
    return made.view(DependenceArray)


def _product(a: Any, b: Any) -> Any:
    """Of matrices and vectors, of which one holds dependences."""
    a_moves, b_moves = depends(a), depends(b)
    if a_moves and b_moves:
        return _mixed(np.matmul, (a, b), {})
    if a_moves:
        sums = _reduced(a, -1)
        return joined(np.expand_dims(sums, -1), np.zeros(b.shape[-1])) if np.ndim(b) > 1 else sums
    sums = _reduced(b, -2 if b.ndim > 1 else 0)
    if np.ndim(a) == 1:
        return sums
    rows = np.expand_dims(sums, -2) if b.ndim > 1 else sums
    return joined(rows, np.zeros((a.shape[-2], 1) if b.ndim > 1 else a.shape[-2]))


# ---- functions ---------------------------------------------------------------------------------------


def applied(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the result of one of NumPy's functions depends on."""
    if function in _MOVES:
        made = function(*unwrapped(args), **unwrapped(kwargs))
        return made.view(DependenceArray) if isinstance(made, np.ndarray) else made
    rule = _RULES.get(function)
    return _mixed(function, args, kwargs) if rule is None else rule(*args, **kwargs)


def unwrapped(value: Any) -> Any:
    """Arguments as NumPy may have them."""
    if isinstance(value, tuple | list):
        return type(value)(map(unwrapped, value))
    if isinstance(value, dict):
        return {key: unwrapped(one) for key, one in value.items()}
    return _plain(value)


def _mixed(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """All that enters, in each entry of the result, whose shape does not depend on tangents."""
    like = function(*_zeros(args), **_zeros(kwargs))
    everything = union_of(_entries((args, kwargs)))
    return filled(like.shape, everything) if isinstance(like, np.ndarray) else everything


def _zeros(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_zeros, value))
    if isinstance(value, dict):
        return {key: _zeros(one) for key, one in value.items()}
    if isinstance(value, Dependence):
        return 0.0
    return np.zeros(value.shape) if depends(value) else value


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for one in value:
            yield from _entries(one)
    elif isinstance(value, dict):
        yield from _entries(tuple(value.values()))
    elif depends(value):
        yield from [value] if isinstance(value, Dependence) else _plain(value).flat


_MOVES: set[Any] = {
    np.transpose, np.reshape, np.ravel, np.broadcast_to, np.copy, np.concatenate, np.diag, np.diagonal, np.diagflat,
    np.stack, np.vstack, np.hstack, np.column_stack, np.tril, np.triu, np.flip, np.roll, np.repeat, np.tile, np.take,
    np.expand_dims, np.squeeze, np.swapaxes, np.moveaxis, np.ascontiguousarray,
}  # fmt: skip
"""What only moves entries. Numbers that it adds, as `np.diag` does, depend on nothing."""

_RULES: dict[Any, Callable[..., Any]] = {
    np.where: lambda condition, a, b: joined(*(v for v in (a, b)), np.zeros(_shape(condition))),
    np.sum: lambda x, axis=None, keepdims=False, **_: _reduced(x, axis, keepdims),
    np.mean: lambda x, axis=None, keepdims=False, **_: _reduced(x, axis, keepdims),
    np.cumsum: _accumulated,
    np.dot: _product,
    np.outer: lambda a, b: joined(np.expand_dims(np.ravel(a), -1), np.ravel(b)),
    np.trace: lambda x: union_of(np.diagonal(_plain(x))),
    np.zeros_like: lambda x, *_, **__: filled(_shape(x)),
}

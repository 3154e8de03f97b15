"""Type join: the type of a name whose value comes from two control-flow paths, or is carried by a loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from srcad.ir.types import Array, Dim, ListOf, Opaque, Scalar, Symbol, Type, dim
from srcad.typing.builder import described

UNNAMED = ""
"""The name of a symbol of the joined value, which has no name yet."""


@dataclass(frozen=True)
class WeakType:
    """A type, and whether it is a weak scalar (see infer.py)."""

    type: Type
    weak: bool


def join_types(a: WeakType, b: WeakType) -> WeakType | str:
    """The join of two types, in which lengths that differ are symbols named `UNNAMED`; or the reason why there is none.

    >>> from srcad.ir.printer import type_text
    >>> three, four = (WeakType(Array("float64", (dim(k), dim(2))), False) for k in (3, 4))
    >>> type_text(rename_symbols(join_types(three, four), "y"))
    'float64[y.0, 2]'
    >>> join_types(three, WeakType(Scalar("float64"), True))
    'it is a float64 array of 2 axes on one path and a number (float64) on the other'
    """
    match a.type, b.type:
        case Scalar(first), Scalar(second):
            if first == second:
                value = a.type.dim if a.type.dim == b.type.dim else _unnamed(None, False)
                return WeakType(Scalar(first, value if first == "int64" else None), a.weak and b.weak)
            dtype = _scalar_dtype(a, b)
            return WeakType(Scalar(dtype, _unnamed(None, False) if dtype == "int64" else None), a.weak and b.weak)
        case Array(first, dims, layout), Array(second, others, other_layout):
            if first != second:
                return f"it is an array of {first} on one path and of {second} on the other"
            if len(dims) != len(others):
                return f"it has {len(dims)} axes on one path and {len(others)} on the other"
            common = tuple(_join_length(x, y, axis) for axis, (x, y) in enumerate(zip(dims, others, strict=True)))
            return WeakType(Array(first, common, layout if layout == other_layout else "A"), False)
        case ListOf(first_item), ListOf(second_item) if first_item == second_item:
            return a
        case Opaque(), Opaque() if a.type == b.type:
            return a
    return f"it is {described(a.type)} on one path and {described(b.type)} on the other"


def rename_symbols(kind: WeakType, name: str) -> Type:
    """The type, in which the symbols named `UNNAMED` are named `name`."""
    match kind.type:
        case Scalar(dtype, Dim() as value):
            return Scalar(dtype, _renamed(value, name))
        case Array(dims=dims):
            return replace(kind.type, dims=tuple(_renamed(d, name) for d in dims))
        case _:
            return kind.type


def forget_iteration_facts(kind: WeakType, inner: frozenset[str]) -> WeakType:
    """The type without facts on one iteration only: lengths over names defined in the loop become unnamed symbols."""
    match kind.type:
        case Scalar("int64", value) if value is not None and _mentions(value, inner):
            return WeakType(Scalar("int64", _unnamed(None, False)), kind.weak)
        case Array(dims=dims):
            lengths = tuple(_unnamed(axis, d.is_not_one) if _mentions(d, inner) else d for axis, d in enumerate(dims))
            return WeakType(replace(kind.type, dims=lengths), False)
        case _:
            return kind


def _mentions(d: Dim, names: frozenset[str]) -> bool:
    return any(symbol.name in names for symbol, _ in d.terms)


def _scalar_dtype(a: WeakType, b: WeakType) -> str:
    assert isinstance(a.type, Scalar) and isinstance(b.type, Scalar)
    first, second = a.type.dtype, b.type.dtype
    # a weak scalar takes the dtype of the other, as in NumPy's own promotion
    if a.weak and not b.weak and _can_become(first, second):
        return second
    if b.weak and not a.weak and _can_become(second, first):
        return first
    dtype = np.result_type(first, second).name
    return "float64" if dtype not in ("float32", "float64") and np.dtype(dtype).kind == "f" else dtype


def _can_become(weak: str, other: str) -> bool:
    ranks = {"b": 0, "i": 1, "u": 1, "f": 2}
    return ranks[np.dtype(weak).kind] <= ranks[np.dtype(other).kind]


def _join_length(a: Dim, b: Dim, axis: int) -> Dim:
    return a if a == b else _unnamed(axis, a.is_not_one and b.is_not_one)


def _unnamed(axis: int | None, not_one: bool) -> Dim:
    return dim(Symbol(UNNAMED, axis, not_one))


def _renamed(d: Dim, name: str) -> Dim:
    if not any(symbol.name == UNNAMED for symbol, _ in d.terms):
        return d
    return d.replaced(lambda s: dim(replace(s, name=name) if s.name == UNNAMED else s))

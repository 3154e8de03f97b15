"""Type join: the type of a name whose value comes from two control-flow paths, or is carried by a loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from srcad.ir.types import Array, Dim, ListOf, Opaque, Scalar, Symbol, Tuple, Type, counter, dim
from srcad.typing.builder import described

UNNAMED = ""
"""The name of a symbol of the joined value, which has no name yet."""


def join_types(a: Type, b: Type) -> Type | str:
    """The join of two types, in which lengths that differ are symbols named `UNNAMED`; or the reason why there is none.

    >>> from srcad.ir.printer import type_text
    >>> three, four = (Array("float64", (dim(k), dim(2))) for k in (3, 4))
    >>> type_text(rename_symbols(join_types(three, four), "y"))
    'float64[y.0, 2]'
    >>> join_types(three, Scalar("float64"))
    'it is a float64 array of 2 axes on one path and a number (float64) on the other'
    """
    match a, b:
        case Scalar(first), Scalar(second):
            # a scalar that is strong on one path is taken for strong
            weak = False if False in (a.weak, b.weak) else a.weak and b.weak
            dtype = first if first == second else _scalar_dtype(a, b)
            if dtype != "int64":
                return Scalar(dtype, None, weak)
            return Scalar(dtype, a.dim if first == second and a.dim == b.dim else _unnamed(None, False), weak)
        case Array(first, dims, layout), Array(second, others, other_layout):
            if first != second:
                return f"it is an array of {first} on one path and of {second} on the other"
            if len(dims) != len(others):
                return f"it has {len(dims)} axes on one path and {len(others)} on the other"
            common = tuple(_join_length(x, y, axis) for axis, (x, y) in enumerate(zip(dims, others, strict=True)))
            return Array(first, common, layout if layout == other_layout else "A")
        case ListOf(first_item), ListOf(second_item):
            item = join_types(first_item, second_item)
            if isinstance(item, Scalar | Array):
                return ListOf(item)
        case ((Opaque() | Tuple()), _) if a == b:
            return a
    return f"it is {described(a)} on one path and {described(b)} on the other"


def join_versions(a: Type, b: Type, name: str) -> Type:
    """The type of a name for values of both types, at different times; they have one dtype and one rank.

    A length is then no more than a length, and an integer is known not to be negative at most.

    >>> from srcad.ir.printer import type_text
    >>> short, long = (Array("float64", (dim(Symbol(n, 0)), dim(2))) for n in "xy")
    >>> type_text(join_versions(short, long, "z"))
    'float64[?z.0, 2]'
    """
    match a, b:
        case Scalar(dtype, value, weak), Scalar(_, other):
            if value != other:
                indices = value is not None and other is not None and value.is_index and other.is_index
                value = counter(f"?{name}") if indices else None
            return Scalar(dtype, value, weak if weak == b.weak else None)
    both = join_types(a, b)
    return a if isinstance(both, str) else rename_symbols(both, f"?{name}")


def are_alike(a: Type, b: Type) -> bool:
    """Whether two types are equal, also as to promotion."""
    weak = [t.weak is not False for t in (a, b) if isinstance(t, Scalar)]
    return a == b and len(set(weak)) < 2


def rename_symbols(kind: Type, name: str) -> Type:
    """The type, in which the symbols named `UNNAMED` are named `name`."""
    match kind:
        case Scalar(_, Dim() as value):
            return replace(kind, dim=_renamed(value, name))
        case Array(dims=dims):
            return replace(kind, dims=tuple(_renamed(d, name) for d in dims))
        case ListOf(item):
            renamed = rename_symbols(item, name)
            return ListOf(renamed) if isinstance(renamed, Scalar | Array) else kind
        case _:
            return kind


def forget_iteration_facts(kind: Type, inner: frozenset[str]) -> Type:
    """The type without facts on one iteration only: lengths over names defined in the loop become unnamed symbols."""
    match kind:
        case Scalar("int64", value) if value is not None and _mentions(value, inner):
            return replace(kind, dim=_unnamed(None, False))
        case Array(dims=dims):
            lengths = tuple(_unnamed(axis, d.is_not_one) if _mentions(d, inner) else d for axis, d in enumerate(dims))
            return replace(kind, dims=lengths)
        case _:
            return kind


def _mentions(d: Dim, names: frozenset[str]) -> bool:
    return any(symbol.name in names for symbol, _ in d.terms)


def _scalar_dtype(a: Scalar, b: Scalar) -> str:
    first, second = a.dtype, b.dtype
    # a weak scalar takes the dtype of the other, as in NumPy's own promotion
    if a.weak is not False and b.weak is False and _can_become(first, second):
        return second
    if b.weak is not False and a.weak is False and _can_become(second, first):
        return first
    dtype = np.result_type(first, second).name
    return "float64" if dtype not in ("float32", "float64") and np.dtype(dtype).kind == "f" else dtype


def _can_become(weak: str, other: str) -> bool:
    ranks = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
    return ranks[np.dtype(weak).kind] <= ranks[np.dtype(other).kind]


def _join_length(a: Dim, b: Dim, axis: int) -> Dim:
    return a if a == b else _unnamed(axis, a.is_not_one and b.is_not_one)


def _unnamed(axis: int | None, not_one: bool) -> Dim:
    return dim(Symbol(UNNAMED, axis, not_one))


def _renamed(d: Dim, name: str) -> Dim:
    if not any(symbol.name == UNNAMED for symbol, _ in d.terms):
        return d
    return d.replaced(lambda s: dim(replace(s, name=name) if s.name == UNNAMED else s))

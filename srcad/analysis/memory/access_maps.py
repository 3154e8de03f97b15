"""Affine access maps of views: which element of the base array an element of a view is.

`x[1:-1].T` at (i, j) is `x[1 + j, i]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from srcad.ir.length_exprs import minus, plus
from srcad.ir.nodes import Const, Expr, Op, Slice, Var
from srcad.ir.types import ONE, Array, Dim, Type
from srcad.rules.traits import having
from srcad.typing.slices import UNKNOWN, Bound, is_from_end, slice_dim
from srcad.typing.typeof import linear_value

_CONTENT = having(lambda p: p.elements == "same")
"""Primitives whose result has the elements of their argument: a reader may read the argument instead."""


@dataclass(frozen=True)
class AxisMap:
    """One axis of the base array: indexed by `start` alone, or by `start` plus the index of an axis of the view."""

    start: Expr
    axis: int | None
    whole: bool = False
    """The view has this axis in full, so that a negative index means the same in both."""


@dataclass(frozen=True)
class AccessMap:
    base: str
    places: tuple[AxisMap, ...]
    lengths: tuple[Dim, ...]
    """The lengths of the axes of the view."""
    extents: tuple[Expr, ...]
    """The same lengths, as expressions."""

    def index(self, counters: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The index into the base array of the element of the view at `counters`."""
        return tuple(p.start if p.axis is None else plus(p.start, counters[p.axis]) for p in self.places)


def access_map(
    expr: Expr, types: Mapping[str, Type], extents: Mapping[str, tuple[Expr, ...]], reading: bool = True
) -> AccessMap | None:
    """The access map of an expression that is a view; None for any other, and for slices with a step.

    `extents` are expressions for the lengths of arrays whose own shape should not be queried. With `reading`, copies
    count as views, as the caller only reads the elements.

    >>> from srcad.ir.printer import expr_text
    >>> from srcad.ir.types import Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0)), dim(Symbol("x", 1))))
    >>> inner = Op("index", (Var("x"), Slice(Const(1), Const(-1))))
    >>> view = access_map(Op("np.transpose", (inner,), (("axes", (1, 0)),)), {"x": x}, {})
    >>> [expr_text(e) for e in view.index((Var("i"), Var("j")))], [expr_text(e) for e in view.extents]
    (['1 + j', 'i'], ['shape(x, axis=1)', 'shape(x, axis=0) - 2'])
    """
    match expr:
        case Var(name):
            known = types.get(name)
            if not isinstance(known, Array):
                return None
            axes = range(known.rank)
            lengths = tuple(
                Const(d.const) if not d.terms else extents[name][k] if name in extents else view_shape(name, k)
                for k, d in enumerate(known.dims)
            )
            return AccessMap(name, tuple(AxisMap(Const(0), k, True) for k in axes), known.dims, lengths)
        case Op(prim, (inner, *_)) if prim in _CONTENT and reading:
            return access_map(inner, types, extents)
        case Op("np.transpose", (inner,), static):
            seen = access_map(inner, types, extents, reading)
            return None if seen is None else _permuted(seen, dict(static).get("axes"))
        case Op("index", (inner, *items)):
            seen = access_map(inner, types, extents, reading)
            return None if seen is None else _indexed(seen, items, types)
    return None


def view_shape(name: str, axis: int) -> Op:
    return Op("shape", (Var(name),), (("axis", axis),))


def _permuted(view: AccessMap, axes: object) -> AccessMap | None:
    order = tuple(range(len(view.lengths)))[::-1] if axes is None else axes
    if not isinstance(order, tuple):
        return None
    new = {old: at for at, old in enumerate(order)}
    places = tuple(p if p.axis is None else AxisMap(p.start, new[p.axis], p.whole) for p in view.places)
    return AccessMap(view.base, places, tuple(view.lengths[k] for k in order), tuple(view.extents[k] for k in order))


def _indexed(view: AccessMap, items: list[Expr], types: Mapping[str, Type]) -> AccessMap | None:
    places = {p.axis: p for p in view.places if p.axis is not None}
    moved: dict[int, AxisMap] = {}  # by the axis of the view as it was
    lengths: list[Dim] = []
    extents: list[Expr] = []
    old = 0
    for item in [*items, *([Slice()] * len(view.lengths))]:
        if item == Const(None):
            lengths.append(ONE)
            extents.append(Const(1))
            continue
        if old == len(view.lengths):
            if item == Slice():
                break
            return None
        # an axis inserted by newaxis has no counterpart in the base array
        place = places.get(old, AxisMap(Const(0), old, True))
        if isinstance(item, Slice):
            found = _sliced(item, view.lengths[old], view.extents[old], types)
            if found is None:
                return None
            start, length, extent = found
            moved[old] = AxisMap(plus(place.start, start), len(lengths), place.whole and item == Slice())
            lengths.append(length)
            extents.append(extent)
        else:
            if not place.whole and not _never_negative(item, types):
                return None
            moved[old] = AxisMap(plus(place.start, item), None)
        old += 1
    new = tuple(p if p.axis is None else moved[p.axis] for p in view.places)
    return AccessMap(view.base, new, tuple(lengths), tuple(extents))


def _sliced(item: Slice, length: Dim, extent: Expr, types: Mapping[str, Type]) -> tuple[Expr, Dim, Expr] | None:
    """The start of a slice, and its length as a form and as an expression."""
    if item.step not in (None, Const(1)):
        return None
    lower, upper = _bound(item.lower, types), _bound(item.upper, types)
    known = slice_dim(length, lower, upper, None)
    if known is None:
        return None
    ends = [None if bound is None else bound.const for bound in (lower, upper) if _is_constant(bound)]
    if not length.terms and len(ends) == 2:
        start, _, _ = slice(*ends).indices(max(length.const, 0))
        return Const(start), known, Const(known.const)
    begin: Expr = item.lower or Const(0)
    if isinstance(begin, Const) and (not isinstance(begin.value, int) or begin.value < 0):
        return None
    end: Expr = item.upper or extent
    if isinstance(upper, Dim) and is_from_end(upper):
        end = plus(extent, end)
    if not known.terms:
        return begin, known, Const(max(known.const, 0))
    return begin, known, minus(end, begin)


def _is_constant(bound: Bound) -> TypeGuard[Dim | None]:
    return bound is None or (isinstance(bound, Dim) and not bound.terms)


def _bound(expr: Expr | None, types: Mapping[str, Type]) -> Bound:
    return None if expr is None else linear_value(expr, types) or UNKNOWN


def _never_negative(item: Expr, types: Mapping[str, Type]) -> bool:
    known = linear_value(item, types)
    return known is not None and known.is_index

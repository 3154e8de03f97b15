"""How long `x[lower:upper:step]` is, as a linear form, where that can be said."""

from __future__ import annotations

from srcad.ir.types import Dim, dim

UNKNOWN = "unknown"
"""A bound that is given, but of which no linear form is known."""

Bound = Dim | str | None
"""A bound of a slice: a linear form, `UNKNOWN`, or None where it is left out."""


def slice_dim(length: Dim, lower: Bound, upper: Bound, step: Bound) -> Dim | None:
    """The length of a slice of an axis of `length`; None where it is not known.

    >>> slice_dim(dim(10), dim(1), dim(-1), None)
    Dim(terms=(), const=8)

    A window `i:i + 5` counts as 5 long: NumPy cuts it shorter only where it sticks out of the array.
    """
    if UNKNOWN in (lower, upper, step):
        return None
    assert not isinstance(lower, str) and not isinstance(upper, str) and not isinstance(step, str)
    stride = 1 if step is None else None if step.terms else step.const
    if stride is None or stride == 0:
        return None
    if not length.terms and _constant(lower) and _constant(upper):
        bounds = slice(None if lower is None else lower.const, None if upper is None else upper.const, stride)
        return dim(len(range(*bounds.indices(length.const))))
    if stride == -1 and lower is None and upper is None:
        return length
    if stride < 0:
        return None
    begin = dim(0) if lower is None else _from_start(lower, length)
    end = length if upper is None else _from_start(upper, length)
    span = end - begin
    if stride == 1:
        return span if span.terms or span.const > 0 else dim(0)
    return dim(max(0, -(-span.const // stride))) if not span.terms else None


def _constant(bound: Dim | None) -> bool:
    return bound is None or not bound.terms


def _from_start(bound: Dim, length: Dim) -> Dim:
    return length + bound if not bound.terms and bound.const < 0 else bound

"""Symbolic length of a slice `x[lower:upper:step]`, as a linear form, where it has one."""

from __future__ import annotations

from srcad.ir.types import Dim, dim

UNKNOWN = "unknown"
"""A bound that is present, but has no known linear form."""

Bound = Dim | str | None
"""A bound of a slice: a linear form, `UNKNOWN`, or None where it is absent."""


def slice_dim(length: Dim, lower: Bound, upper: Bound, step: Bound) -> Dim | None:
    """The length of a slice of an axis of `length`; None where it is not known.

    >>> slice_dim(dim(10), dim(1), dim(-1), None)
    Dim(terms=(), const=8)

    A window `i:i + 5` has length 5 where it is certainly within the array; NumPy clips it where it is not.
    """
    if UNKNOWN in (lower, upper, step):
        return None
    assert not isinstance(lower, str) and not isinstance(upper, str) and not isinstance(step, str)
    stride = 1 if step is None else None if step.terms else step.const
    if stride is None or stride == 0:
        return None
    if not length.terms and _constant(lower) and _constant(upper):
        bounds = slice(None if lower is None else lower.const, None if upper is None else upper.const, stride)
        return dim(len(range(*bounds.indices(max(length.const, 0)))))
    if stride == -1 and lower is None and upper is None:
        return length
    if stride < 0:
        return None
    start = dim(0) if lower is None else _from_start(lower, length)
    end = length if upper is None else _from_start(upper, length)
    if not _is_unclipped(start, end, length, lower, upper):
        return None
    span = end - start
    if stride == 1:
        return span if span.terms or span.const > 0 else dim(0)
    return dim(max(0, -(-span.const // stride))) if not span.terms else None


def _is_unclipped(start: Dim, end: Dim, length: Dim, lower: Dim | None, upper: Dim | None) -> bool:
    """Whether the bounds are certainly within the array, so that NumPy does not clip them.

    A constant lower bound from the start, or upper bound from the end, needs no proof: `x[2:]`, `x[1:-1]`. If the array
    is too short, the slice is empty and its form negative, which lengths allow for.
    """
    least, most = start.bound(False), end.bound(True)
    if least is None or most is None:
        return False
    from_start = least.is_nonnegative and (not _constant(lower) or lower is None or lower.const >= 0)
    to_end = (length - most).is_nonnegative
    return from_start and to_end


def _constant(bound: Dim | None) -> bool:
    return bound is None or not bound.terms


def _from_start(bound: Dim, length: Dim) -> Dim:
    return length + bound if not bound.terms and bound.const < 0 else bound

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

    A window `i:i + 5` has length 5 where it is certainly within the array; NumPy clips it where it is not. An upper
    bound `-k` counts from the end if k is certainly positive. Where it may be 0, or is `i - 1` of i from 0, only a run
    tells from which end it counts.

    >>> from srcad.ir.types import Symbol
    >>> n, k = dim(Symbol("n", 0)), dim(Symbol("k", None, low=dim(1), high=dim(4)))
    >>> slice_dim(n, None, dim(0) - k, None) == n - k
    True
    >>> slice_dim(n, None, k - 2, None) is None
    True
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
    start = dim(0) if lower is None else length + lower if not lower.terms and lower.const < 0 else lower
    end = length if upper is None else end_of(upper, length)
    if end is None or not _is_unclipped(start, end, length, lower, upper):
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


def end_of(upper: Dim, length: Dim) -> Dim | None:
    """Where a slice ends, from the start of the axis; None where it is not known from which end the bound counts.

    `length - 1` and `length - 2` count from the start: of an array too short for that, the slice is empty either
    way. `x[:len(x) - 3]` has one element where x has two.
    """
    if is_from_end(upper):
        return length + upper
    missing = length - upper
    if not missing.terms and missing.const <= 2:
        return upper
    least = upper.bound(False)
    return upper if least is not None and least.is_nonnegative else None


def is_from_end(bound: Dim) -> bool:
    """Whether a bound is certainly negative."""
    most = bound.bound(True)
    return most is not None and (dim(-1) - most).is_nonnegative

"""Types of values: dtype, symbolic shape and memory layout.

They are precise enough to decide whether `+=` updates in place or rebinds, and whether an operation broadcasts. A
dimension is a linear form over symbols (`x.shape[0] - 2`), so that equal lengths can be proved equal. Where they
cannot, the compiler emits a run-time check; it never guesses.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from itertools import count
from typing import Union

from srcad.ir.linear import LinearForm

_unknown = count()

LONG = 9
"""A length that no common stencil exceeds: an axis this long is not empty after `x[1:-1]` or the like."""


@dataclass(frozen=True)
class Symbol:
    """An unknown length or integer: axis `axis` of the array `name`, or the integer `name` (axis is None).

    `not_one` is True where the length is known not to be 1: such an axis is never broadcast. `at_least_nine` is True
    where it is at least LONG: then `x[1:-1]` is not of length 1 either. The index of a loop is at least `low` and less
    than `high`, where those are known.
    """

    name: str
    axis: int | None
    not_one: bool = False
    low: Dim | None = None
    high: Dim | None = None
    at_least_nine: bool = False

    def __lt__(self, other: Symbol) -> bool:
        """The order of the terms of a form: by name, the integer of a name before the axes."""
        if self.name != other.name:
            return self.name < other.name
        return (-1 if self.axis is None else self.axis) < (-1 if other.axis is None else other.axis)


def unknown() -> str:
    """A fresh name for an unknown length or integer: two of them are never equal."""
    return f"?{next(_unknown)}"


class Dim(LinearForm[Symbol]):
    """A length, or an integer: a linear form over symbols."""

    @property
    def is_one(self) -> bool:
        return not self.terms and self.const == 1

    @property
    def is_not_one(self) -> bool:
        """Known not to be of length 1."""
        match self.terms:
            case ():
                return self.const != 1
            case ((Symbol(not_one=True), 1),) if self.const == 0:
                return True
        return self._least is not None and self._least > 1

    @property
    def _least(self) -> int | None:
        """A lower bound, of a sum of lengths; None for other forms."""
        if not all(c > 0 and s.axis is not None for s, c in self.terms):
            return None
        return self.const + sum(c * LONG for s, c in self.terms if s.at_least_nine)

    @property
    def is_nonnegative(self) -> bool:
        """Certainly at least 0: a sum of lengths."""
        return self._least is not None and self._least >= 0

    @property
    def is_index(self) -> bool:
        """Certainly at least 0, as the index of a loop from 0 is."""
        least = self.bound(False)
        return least is not None and least.is_nonnegative

    def bound(self, upper: bool, fixed: Container[str] = ()) -> Dim | None:
        """The upper (or lower) bound over the ranges of loop indices, as a form; None where a range is not known.

        The indices named in `fixed` are not eliminated.
        """
        total = Dim((), self.const)
        for symbol, coefficient in self.terms:
            end = Dim(((symbol, 1),))
            ranges = symbol.low is not None or symbol.high is not None
            if symbol.axis is None and ranges and symbol.name not in fixed:
                highest = (coefficient > 0) == upper
                limit = symbol.high - 1 if highest and symbol.high is not None else None if highest else symbol.low
                limit = limit.bound(highest, fixed) if limit is not None else None
                if limit is None:
                    return None
                end = limit
            total = total.plus(end, coefficient)
        return total


def dim(value: int | Symbol) -> Dim:
    return Dim((), value) if isinstance(value, int) else Dim(((value, 1),), 0)


ONE = dim(1)


def counter(name: str) -> Dim:
    """An integer of which only is known that it is not negative."""
    return dim(Symbol(name, None, low=dim(0)))


WEAK_DTYPES = ("bool", "int64", "float64", "complex128")
"""Those of Python's numbers."""


@dataclass(frozen=True)
class Scalar:
    """A scalar: a number or bool; a 0-d array counts as one. `dtype` is a NumPy dtype name.

    `dim` is the value of an integer as a linear form, where known. A scalar is `weak` where NumPy promotes it as a
    Python number (`0.1 * x` has the float32 of x), and strong where it is an element of an array, or computed from
    one; None: either. Only promotion depends on that, so `==` does not compare it.
    """

    dtype: str
    dim: Dim | None = None
    weak: bool | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.dtype not in WEAK_DTYPES and self.weak is None:
            object.__setattr__(self, "weak", False)


@dataclass(frozen=True)
class Array:
    """An array of one or more axes. `layout` is "C", "F" or "A" (not known to be contiguous)."""

    dtype: str
    dims: tuple[Dim, ...]
    layout: str = "C"

    @property
    def rank(self) -> int:
        return len(self.dims)


@dataclass(frozen=True)
class ListOf:
    """A Python list of equally typed items that grows at run time (a tape of arrays)."""

    item: Scalar | Array


@dataclass(frozen=True)
class Opaque:
    """A value that no primitive computes with: str, None."""

    name: str


@dataclass(frozen=True)
class Tuple:
    """The results of a function that has several."""

    items: tuple[Scalar | Array, ...]


Type = Union[Scalar, Array, ListOf, Tuple, Opaque]

FLOATS = ("float64", "float32")
"""The dtypes of real numbers."""
COMPLEX = ("complex128", "complex64")
"""Those of complex numbers, a pair of floats each."""
INEXACT = (*FLOATS, *COMPLEX)
"""What a derivative passes through."""


def has_floats(t: Type) -> bool:
    """Whether a derivative can pass: a float, an array of floats, a list of such, or several results with some."""
    if isinstance(t, ListOf):
        return is_float(t.item)
    return any(map(is_float, t.items)) if isinstance(t, Tuple) else is_float(t)


def is_float(t: Type) -> bool:
    """Whether it is a float or an array of floats, real or complex."""
    return isinstance(t, Scalar | Array) and t.dtype in INEXACT


def is_complex(t: Type) -> bool:
    return isinstance(t, Scalar | Array) and t.dtype in COMPLEX


def is_alike(a: Type | None, b: Type | None) -> bool:
    """Whether a value of one type can stand for one of the other; what is known of lengths and ranges may differ."""
    match a, b:
        case Scalar(left), Scalar(right):
            return left == right
        case Array(left), Array(right):
            return left == right and a.rank == b.rank and a.layout == b.layout
        case _:
            return a == b

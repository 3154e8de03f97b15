"""Linear (affine) integer forms over unknowns: integers whose values are not known.

>>> i, j = LinearForm.unknown("i"), LinearForm.unknown("j")
>>> i - j + j == i, (j + i * 2 - 1).terms, (j + i * 2).with_value("j", i - 1)
(True, (('i', 2), ('j', 1)), LinearForm(terms=(('i', 3),), const=-1))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar


class Ordered(Protocol):
    """The type of unknowns: hashable, with a total order."""

    def __hash__(self) -> int: ...

    def __lt__(self, other: Any, /) -> bool: ...


U = TypeVar("U", bound=Ordered)
_Form = TypeVar("_Form", bound="LinearForm[Any]")


@dataclass(frozen=True)
class LinearForm(Generic[U]):
    """`sum(coefficient * unknown) + const`: the terms in the order of the unknowns, no zero coefficients.

    So forms that are equal for all values of the unknowns are equal. An unknown is one value, which never changes.
    """

    terms: tuple[tuple[U, int], ...] = ()
    const: int = 0

    @classmethod
    def unknown(cls: type[_Form], unknown: U) -> _Form:
        return cls(((unknown, 1),))

    @classmethod
    def constant(cls: type[_Form], const: int) -> _Form:
        return cls((), const)

    @classmethod
    def of(cls: type[_Form], terms: Iterable[tuple[U, int]], const: int = 0) -> _Form:
        """The form with these terms, in any order; several may have the same unknown."""
        total: dict[U, int] = {}
        for unknown, coefficient in terms:
            total[unknown] = total.get(unknown, 0) + coefficient
        return cls(_in_order(total), const)

    def __add__(self: _Form, other: _Form | int) -> _Form:
        if isinstance(other, int):
            return type(self)(self.terms, self.const + other)
        return self.plus(other, 1)

    def __sub__(self: _Form, other: _Form | int) -> _Form:
        if isinstance(other, int):
            return type(self)(self.terms, self.const - other)
        return self.plus(other, -1)

    def __mul__(self: _Form, factor: int) -> _Form:
        if factor == 1:
            return self
        return type(self)(tuple([(u, c * factor) for u, c in self.terms]) if factor else (), self.const * factor)

    def __neg__(self: _Form) -> _Form:
        return type(self)(tuple([(u, -c) for u, c in self.terms]), -self.const)

    def plus(self: _Form, other: _Form, times: int) -> _Form:
        """`self + other * times`, in one step: sums of forms are a hot spot."""
        const = self.const + other.const * times
        if not other.terms:
            return type(self)(self.terms, const)
        if times == 1 and not self.terms:
            return type(self)(other.terms, const)
        total = dict(self.terms)
        for unknown, coefficient in other.terms:
            total[unknown] = total.get(unknown, 0) + coefficient * times
        return type(self)(_in_order(total), const)

    def coefficient(self, unknown: U) -> int:
        for one, coefficient in self.terms:
            if one == unknown:
                return coefficient
        return 0

    def with_value(self: _Form, unknown: U, value: _Form) -> _Form:
        """The form with an unknown replaced by a form."""
        coefficient = self.coefficient(unknown)
        return self.plus(value - type(self).unknown(unknown), coefficient) if coefficient else self

    def replaced(self: _Form, value: Callable[[U], _Form]) -> _Form:
        """The form with each unknown replaced by the form `value` of it."""
        total = type(self)((), self.const)
        for unknown, coefficient in self.terms:
            total = total.plus(value(unknown), coefficient)
        return total


def _in_order(total: dict[U, int]) -> tuple[tuple[U, int], ...]:
    terms = [term for term in total.items() if term[1]]
    if len(terms) > 1:
        terms.sort(key=itemgetter(0))
    return tuple(terms)

"""Linear (affine) integer forms over numbered unknowns, and proofs that a form is never negative.

>>> i, j = Form.unknown(1), Form.unknown(2)
>>> facts = Facts().with_facts(j, i - j - 1)  # 0 <= j < i
>>> facts.is_nonnegative(i - j - 1), facts.is_nonnegative(i), facts.is_nonnegative(i - 2)
(True, True, False)
"""

from __future__ import annotations

from dataclasses import dataclass, field

_DEPTH = 6
_TRIES = 200


@dataclass(frozen=True)
class Form:
    """`const + sum(coefficient * unknown)`: terms sorted by unknown, no zero coefficients.

    An unknown is the number of one value, which never changes. The greater the number, the later it was introduced.
    """

    const: int = 0
    terms: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def unknown(number: int) -> Form:
        return Form(0, ((number, 1),))

    def __add__(self, other: Form | int) -> Form:
        if isinstance(other, int):
            return Form(self.const + other, self.terms)
        total = dict(self.terms)
        for unknown, coefficient in other.terms:
            total[unknown] = total.get(unknown, 0) + coefficient
        return Form(self.const + other.const, tuple(sorted((u, c) for u, c in total.items() if c)))

    def __mul__(self, factor: int) -> Form:
        return Form(self.const * factor, tuple((u, c * factor) for u, c in self.terms if factor))

    def __neg__(self) -> Form:
        return self * -1

    def __sub__(self, other: Form | int) -> Form:
        return self + (-other)

    def coefficient(self, unknown: int) -> int:
        return next((c for u, c in self.terms if u == unknown), 0)

    def with_value(self, unknown: int, value: Form) -> Form:
        """The form with an unknown replaced by a form."""
        coefficient = self.coefficient(unknown)
        return self + (value - Form.unknown(unknown)) * coefficient if coefficient else self


@dataclass(frozen=True)
class Facts:
    """Forms that are at least 0, indexed by the unknowns in them."""

    about: dict[int, tuple[Form, ...]] = field(default_factory=dict)

    def with_facts(self, *forms: Form) -> Facts:
        about = dict(self.about)
        for form in forms:
            for unknown, _ in form.terms:
                about[unknown] = (*about.get(unknown, ()), form)
        return Facts(about)

    def is_nonnegative(self, form: Form) -> bool:
        """Whether the form is provably a non-negative combination of facts plus a non-negative constant."""
        return self._proved(form, _DEPTH, set())

    def _proved(self, form: Form, depth: int, tried: set[Form]) -> bool:
        if not form.terms:
            return form.const >= 0
        if depth == 0 or form in tried or len(tried) > _TRIES:
            return False
        tried.add(form)
        unknown, coefficient = form.terms[-1]
        for fact in self.about.get(unknown, ()):
            times, rest = divmod(coefficient, fact.coefficient(unknown))
            if rest == 0 and times > 0 and self._proved(form - fact * times, depth - 1, tried):
                return True
        return False

"""Fourier-Motzkin elimination of unknowns from systems of linear inequalities over the integers.

A system is a set of forms of which each is at least 0. As dependence tests of compilers use it (Pugh, "The Omega test",
1991), without the exact part: where the elimination of an unknown is not exact, the system that is left is too weak.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd

from srcad.ir.linear import LinearForm, U

_MOST = 400
"""Limit on the inequalities; beyond, the answer is "feasible"."""
_MOST_WRITTEN = 24
"""Limit on the inequalities of a system that becomes a run-time check."""


def is_feasible(system: Iterable[LinearForm[U]]) -> bool:
    """Whether integers can satisfy the system: False is certain, True is not."""
    current = set(map(tight, system))
    while True:
        if any(form.const < 0 for form in current if not form.terms):
            return False
        current = _strongest(form for form in current if form.terms)
        if not current:
            return True
        if len(current) > _MOST:
            return True
        current, _ = _without(_easiest(current), current)


def eliminated(unknown: U, system: Iterable[LinearForm[U]]) -> set[LinearForm[U]] | None:
    """The system without the unknown: satisfied exactly where it has an integer value; None where that is no system.

    >>> i, n, length = map(LinearForm.unknown, (3, 1, 2))
    >>> turns = (i, n - i - 1)  # 0 <= i < n
    >>> eliminated(3, (*turns, i + 1 - length)) == {n - 1, n - length}  # some i + 1 >= length: n >= 1 and n >= length
    True
    >>> eliminated(3, (*turns, i * 2 - length, length * 2 - i * 3)) is None
    True
    """
    rest, exact = _without(unknown, system)
    return rest if exact and len(rest) <= _MOST_WRITTEN else None


def tight(form: LinearForm[U]) -> LinearForm[U]:
    """The form divided by the common divisor of its coefficients, its constant rounded down."""
    divisor = 0
    for _, coefficient in form.terms:
        divisor = gcd(divisor, coefficient)
        if divisor == 1:
            return form
    if divisor == 0:
        return form
    return LinearForm(tuple([(u, c // divisor) for u, c in form.terms]), form.const // divisor)


def _easiest(current: set[LinearForm[U]]) -> U:
    """The unknown whose elimination adds the fewest inequalities."""
    signs: dict[U, list[int]] = {}
    for form in current:
        for unknown, coefficient in form.terms:
            signs.setdefault(unknown, [0, 0])[coefficient > 0] += 1
    return min((lower * upper, unknown) for unknown, (lower, upper) in signs.items())[1]


def _without(unknown: U, system: Iterable[LinearForm[U]]) -> tuple[set[LinearForm[U]], bool]:
    """What follows for the other unknowns, and whether the elimination is exact (the two systems are equivalent)."""
    lower, upper, rest = [], [], set[LinearForm[U]]()
    for form in system:
        coefficient = form.coefficient(unknown)
        if coefficient > 0:
            lower.append((coefficient, form))
        elif coefficient < 0:
            upper.append((-coefficient, form))
        else:
            rest.add(form)
    for a, low in lower:
        for b, high in upper:
            rest.add(tight((low * b).plus(high, a)))
    return rest, all(a == 1 or b == 1 for a, _ in lower for b, _ in upper)


def _strongest(forms: Iterable[LinearForm[U]]) -> set[LinearForm[U]]:
    """Of inequalities that differ in their constant only, the tightest."""
    least: dict[tuple[tuple[U, int], ...], LinearForm[U]] = {}
    for form in forms:
        known = least.get(form.terms)
        if known is None or form.const < known.const:
            least[form.terms] = form
    return set(least.values())

"""Fourier-Motzkin elimination: whether linear constraints can be satisfied by integers.

As dependence tests of compilers use it (Pugh, "The Omega test", 1991), without the exact part: "no" is certain, "yes"
is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd

LinearForm = tuple[int, tuple[tuple[str, int], ...]]
"""`const + sum(coefficient * name)`; as a constraint, it is at least 0."""

_MOST = 400
"""Limit on the constraints; beyond, the answer is "yes"."""


def linear_form(const: int, terms: Iterable[tuple[str, int]]) -> LinearForm:
    total: dict[str, int] = {}
    for name, coefficient in terms:
        total[name] = total.get(name, 0) + coefficient
    return const, tuple(sorted((n, c) for n, c in total.items() if c))


def difference(a: LinearForm, b: LinearForm, by: int = 0) -> LinearForm:
    """a - b + by"""
    return linear_form(a[0] - b[0] + by, (*a[1], *((n, -c) for n, c in b[1])))


def is_satisfiable(constraints: Iterable[LinearForm]) -> bool:
    """False only where no integers satisfy all the constraints.

    >>> i, j = linear_form(0, [("i", 1)]), linear_form(0, [("j", 1)])
    >>> is_satisfiable([difference(i, j, -1), difference(j, i)])  # i - j - 1 >= 0 and j - i >= 0
    False
    >>> is_satisfiable([difference(i, j), difference(j, i)])
    True
    """
    current = set(map(_tight, constraints))
    while True:
        if any(const < 0 for const, terms in current if not terms):
            return False
        current = _strongest(f for f in current if f[1])
        if not current:
            return True
        if len(current) > _MOST:
            return True
        current = _without(_easiest(current), current)


def _easiest(current: set[LinearForm]) -> str:
    """The name whose elimination adds the fewest constraints."""
    signs: dict[str, list[int]] = {}
    for _, terms in current:
        for name, coefficient in terms:
            signs.setdefault(name, [0, 0])[coefficient > 0] += 1
    return min(sorted(signs), key=lambda n: signs[n][0] * signs[n][1])


def _without(name: str, current: set[LinearForm]) -> set[LinearForm]:
    lower, upper, rest = [], [], set()
    for f in current:
        coefficient = dict(f[1]).get(name, 0)
        if coefficient > 0:
            lower.append((coefficient, f))
        elif coefficient < 0:
            upper.append((-coefficient, f))
        else:
            rest.add(f)
    for a, low in lower:
        for b, high in upper:
            terms = [*((n, c * b) for n, c in low[1]), *((n, c * a) for n, c in high[1])]
            rest.add(_tight(linear_form(low[0] * b + high[0] * a, terms)))
    return rest


def _tight(f: LinearForm) -> LinearForm:
    """The constraint divided by the common divisor of its coefficients, its constant rounded down."""
    const, terms = f
    divisor = 0
    for _, coefficient in terms:
        divisor = gcd(divisor, coefficient)
    return (const // divisor, tuple((n, c // divisor) for n, c in terms)) if divisor > 1 else f


def _strongest(forms: Iterable[LinearForm]) -> set[LinearForm]:
    """Of constraints that differ in their constant only, the tightest."""
    least: dict[tuple[tuple[str, int], ...], int] = {}
    for const, terms in forms:
        least[terms] = min(const, least.get(terms, const))
    return {(const, terms) for terms, const in least.items()}

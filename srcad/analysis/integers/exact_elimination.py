"""Exact elimination (projection) of unknowns from systems of linear inequalities over the integers, or none at all.

A system is a set of forms of which each is at least 0.

>>> i, n, length = map(Form.unknown, (3, 1, 2))
>>> turns = (i, n - i - 1)  # 0 <= i < n
>>> eliminated(3, (*turns, i + 1 - length)) == {n - 1, n - length}  # some i + 1 >= length: n >= 1 and n >= length
True
>>> eliminated(3, (*turns, i * 2 - length, length * 2 - i * 3)) is None
True
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd

from srcad.analysis.integers import fourier_motzkin as plain
from srcad.ir.linear import Facts, Form

_MOST = 24
"""Limit on the inequalities of a system that becomes a run-time check."""
_AROUND = 120
"""Limit on the facts of one satisfiability test."""


def eliminated(unknown: int, system: Iterable[Form]) -> set[Form] | None:
    """The system without the unknown: satisfied exactly where it has an integer value; None where that is no system."""
    lower, upper, rest = [], [], set[Form]()
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
            if a != 1 and b != 1:
                return None
            rest.add(tight(low * b + high * a))
    return rest if len(rest) <= _MOST else None


def tight(form: Form) -> Form:
    """The form divided by the common divisor of its coefficients, its constant rounded down."""
    divisor = 0
    for _, coefficient in form.terms:
        divisor = gcd(divisor, coefficient)
    if divisor < 2:
        return form
    return Form(form.const // divisor, tuple((u, c // divisor) for u, c in form.terms))


def needed(system: Iterable[Form], facts: Facts) -> tuple[Form, ...] | None:
    """The system without the inequalities that the facts imply; None where they exclude it."""
    left = sorted({f for f in map(tight, system) if not facts.is_nonnegative(f)}, key=lambda f: (f.terms, f.const))
    if any(facts.is_nonnegative(-form - 1) for form in left):
        return None
    for form in tuple(left):
        others = [other for other in left if other != form]
        if len(left) > 1 and facts.with_facts(*others).is_nonnegative(form):
            left = others
    return None if is_impossible(left, facts) else tuple(left)


def is_impossible(system: Iterable[Form], facts: Facts) -> bool:
    """Whether the facts certainly exclude the system."""
    chosen, seen = list(system), set[int]()
    wanted = [unknown for form in chosen for unknown, _ in form.terms]
    while wanted and len(chosen) < _AROUND:
        unknown = wanted.pop(0)
        if unknown in seen:
            continue
        seen.add(unknown)
        for fact in facts.about.get(unknown, ()):
            if fact not in chosen:
                chosen.append(fact)
                wanted += [other for other, _ in fact.terms]
    return not plain.is_satisfiable(plain.linear_form(f.const, ((str(u), c) for u, c in f.terms)) for f in chosen)

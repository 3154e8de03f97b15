"""Whether linear constraints over integers can be satisfied, and what follows from them.

A constraint is a linear form that is at least 0. The cheap proof comes first: that a form is a combination of facts.
Where it fails, unknowns are eliminated (`fourier_motzkin`).

>>> i, j = LinearForm.unknown("i"), LinearForm.unknown("j")
>>> facts = Facts[str]().with_facts(j, i - j - 1)  # 0 <= j < i
>>> is_nonnegative(i - 1, facts), is_nonnegative(i - 2, facts), is_satisfiable([j - i], facts)
(True, False, False)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic

from srcad.analysis.integers.fourier_motzkin import is_feasible, tight
from srcad.ir.linear import LinearForm, U

_DEPTH = 6
_TRIES = 200
_AROUND = 120
"""Limit on the facts of one satisfiability test."""


@dataclass(frozen=True)
class Facts(Generic[U]):
    """Forms that are at least 0, indexed by the unknowns in them."""

    about: dict[U, tuple[LinearForm[U], ...]] = field(default_factory=dict)

    def with_facts(self, *forms: LinearForm[U]) -> Facts[U]:
        about = dict(self.about)
        for form in forms:
            for unknown, _ in form.terms:
                about[unknown] = (*about.get(unknown, ()), form)
        return Facts(about)

    def imply(self, form: LinearForm[U]) -> bool:
        """The cheap proof: whether the form is a non-negative combination of facts plus a non-negative constant.

        >>> i, j = LinearForm.unknown(1), LinearForm.unknown(2)
        >>> facts = Facts[int]().with_facts(j, i - j - 1)  # 0 <= j < i
        >>> facts.imply(i - j - 1), facts.imply(i), facts.imply(i - 2)
        (True, True, False)
        """
        return self._proved(form, _DEPTH, set())

    def _proved(self, form: LinearForm[U], depth: int, tried: set[LinearForm[U]]) -> bool:
        if not form.terms:
            return form.const >= 0
        if depth == 0 or form in tried or len(tried) > _TRIES:
            return False
        tried.add(form)
        unknown, coefficient = form.terms[-1]
        for fact in self.about.get(unknown, ()):
            times, rest = divmod(coefficient, fact.coefficient(unknown))
            if rest == 0 and times > 0 and self._proved(form.plus(fact, -times), depth - 1, tried):
                return True
        return False

    def around(self, constraints: Iterable[LinearForm[U]]) -> list[LinearForm[U]]:
        """The constraints, and the facts that share unknowns with them, directly (these first) or through others."""
        chosen, seen = list(constraints), set[U]()
        wanted = [unknown for form in chosen for unknown, _ in form.terms]
        while wanted and len(chosen) < _AROUND:
            unknown = wanted.pop(0)
            if unknown in seen:
                continue
            seen.add(unknown)
            for fact in self.about.get(unknown, ()):
                if fact not in chosen:
                    chosen.append(fact)
                    wanted += [other for other, _ in fact.terms]
        return chosen


_NO_FACTS: Facts[Any] = Facts()


def is_satisfiable(constraints: Iterable[LinearForm[U]], facts: Facts[U] = _NO_FACTS) -> bool:
    """Whether integers can satisfy the constraints and the facts: False is certain, True is not.

    >>> i, j = LinearForm.unknown("i"), LinearForm.unknown("j")
    >>> is_satisfiable([i - j - 1, j - i]), is_satisfiable([i - j, j - i])
    (False, True)
    """
    if not facts.about:
        return is_feasible(constraints)
    constraints = tuple(constraints)
    return not any(facts.imply(-form - 1) for form in constraints) and is_feasible(facts.around(constraints))


def is_nonnegative(form: LinearForm[U], facts: Facts[U]) -> bool:
    """Whether the form is certainly at least 0 wherever the facts hold."""
    return not is_satisfiable((-form - 1,), facts)


def needed(system: Iterable[LinearForm[U]], facts: Facts[U]) -> tuple[LinearForm[U], ...] | None:
    """The system without the inequalities that the facts imply; None where they exclude it."""
    left = sorted({f for f in map(tight, system) if not facts.imply(f)}, key=lambda f: (f.terms, f.const))
    if any(facts.imply(-form - 1) for form in left):
        return None
    for form in tuple(left):
        others = [other for other in left if other != form]
        if len(left) > 1 and facts.with_facts(*others).imply(form):
            left = others
    return tuple(left) if is_satisfiable(left, facts) else None

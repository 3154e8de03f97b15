"""The two small solvers that storage relies on, against enumeration."""

from __future__ import annotations

import random
from itertools import chain, combinations, product

import pytest

from srcad.analysis.integers.constraint_solver import Facts, is_nonnegative, is_satisfiable
from srcad.analysis.values.min_cut import min_cut
from srcad.ir.linear import LinearForm

_NAMES = ("x", "y", "z")


def _form(rng: random.Random) -> LinearForm[str]:
    const = rng.randint(-4, 4)
    return LinearForm.of([(n, rng.choice((-2, -1, -1, 0, 1, 1, 2))) for n in _NAMES], const)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_called_infeasible_has_no_solution(seed: int) -> None:
    rng = random.Random(seed)
    refuted = 0
    for _ in range(60):
        forms = [_form(rng) for _ in range(rng.randint(2, 6))]
        box = [LinearForm.unknown(n) * sign + 4 for n in _NAMES for sign in (1, -1)]
        points = product(range(-4, 5), repeat=3)
        solved = any(all(_value(f, dict(zip(_NAMES, point, strict=True))) >= 0 for f in forms) for point in points)
        answer = is_satisfiable([*forms, *box])
        assert answer or not solved, forms
        refuted += not answer
    assert refuted > 5


@pytest.mark.parametrize("seed", range(20))
def test_what_is_called_nonnegative_is_so_wherever_the_facts_hold(seed: int) -> None:
    rng = random.Random(seed)
    points = [dict(zip(_NAMES, point, strict=True)) for point in product(range(-4, 5), repeat=3)]
    proved = cheaply = 0
    for _ in range(60):
        known = [_form(rng) for _ in range(rng.randint(2, 4))]
        there = [p for p in points if all(_value(fact, p) >= 0 for fact in known)]
        wanted = known[0] + known[1] * 2 + rng.randint(-2, 2) if rng.random() < 0.5 else _form(rng)
        facts: Facts[str] = Facts()
        facts = facts.with_facts(*known)
        answer = is_nonnegative(wanted, facts)
        assert not answer or all(_value(wanted, p) >= 0 for p in there), (known, wanted)
        assert answer or not facts.imply(wanted), (known, wanted)
        proved += answer
        cheaply += facts.imply(wanted)
    assert proved > cheaply > 2


def _value(form: LinearForm[str], point: dict[str, int]) -> int:
    return form.const + sum(c * point[n] for n, c in form.terms)


@pytest.mark.parametrize("seed", range(20))
def test_no_set_of_values_is_cheaper_than_the_cut(seed: int) -> None:
    rng = random.Random(seed)
    names = [f"v{k}" for k in range(8)]
    inputs = {n: rng.sample(names[:k], min(k, rng.randint(0, 3))) for k, n in enumerate(names) if k >= 2}
    dear = {"v0", "v1", *rng.sample(names[2:], 1)}
    inputs = {n: some for n, some in inputs.items() if n not in dear}
    needed = rng.sample(names, 3)
    weight = {n: rng.choice((1, 8, 8, 24)) for n in names}

    def enough(saved: tuple[str, ...]) -> bool:
        def known(n: str) -> bool:
            return n in saved or (n not in dear and all(map(known, inputs[n])))

        return all(map(known, needed))

    sets = chain.from_iterable(combinations(names, k) for k in range(len(names) + 1))
    least = min(sum(weight[n] for n in one) for one in sets if enough(one))
    found = min_cut(needed, dear, inputs, weight)
    assert enough(tuple(found))
    assert sum(weight[n] for n in found) == least

"""What `LengthFacts` says holds for all lengths that satisfy its facts: random facts, all small lengths."""

import itertools
import random

import pytest

from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.types import Dim, Symbol, dim

SYMBOLS = [Symbol(name, 0) for name in "nmk"]
ALL = [dict(zip(SYMBOLS, lengths, strict=True)) for lengths in itertools.product(range(6), repeat=3)]


def form(random: random.Random) -> Dim:
    total = dim(random.choice((-2, -1, 0, 0, 0, 1, 3)))
    for symbol in random.sample(SYMBOLS, random.choice((0, 1, 1, 1, 2))):
        total = total + dim(symbol)
    return total


def value(d: Dim, given: dict[Symbol, int]) -> int:
    return d.const + sum(given[s] * c for s, c in d.terms)


def length(d: Dim, given: dict[Symbol, int]) -> int:
    return max(value(d, given), 0)


@pytest.mark.parametrize("seed", range(60))
def test_what_follows_from_equal_lengths_holds(seed: int) -> None:
    chosen = random.Random(seed)
    facts: LengthFacts = NOTHING
    possible = ALL
    for _ in range(chosen.randint(1, 4)):
        a, b = form(chosen), form(chosen)
        possible = [given for given in possible if length(a, given) == length(b, given)]
        facts = facts.with_equal((a, b))
    gone = chosen.choice(SYMBOLS)
    fewer = facts.restricted(lambda d: all(s != gone for s, _ in d.terms))
    for a, b in itertools.product([form(chosen) for _ in range(12)], repeat=2):
        for known in (facts, fewer):
            for given in possible:
                assert value(known.representative(a), given) == value(a, given)
                if known.are_equal(a, b):
                    assert length(a, given) == length(b, given)
                if known.is_at_least(a, b):
                    assert value(a, given) >= value(b, given)
    for symbol in SYMBOLS:
        for same in facts.equal_to(dim(symbol)):
            assert all(length(same, given) == given[symbol] for given in possible)
    assert all(s != gone for d in (*map(dim, fewer.symbols), *fewer.forms, *fewer.symbols.values()) for s, _ in d.terms)


def test_facts_that_follow_are_found() -> None:
    n, m, k = map(dim, SYMBOLS)
    chain = NOTHING.with_equal((n, m), (m, k))
    assert chain.restricted(lambda d: d != m).are_equal(n, k)
    assert chain.with_equal((k, dim(3))).representative(n + 1) == dim(4)
    assert NOTHING.with_equal((k, n - 2), (n, m)).are_equal(k, m - 2)
    assert list(NOTHING.with_equal((n, m), (k, n - 2)).equal_to(k)) == [k, n - 2, m - 2]


def test_integers_are_not_equal_as_forms() -> None:
    n, m, k = map(dim, SYMBOLS)
    assert not NOTHING.with_equal_integers(n - 1, m - 1).are_equal(n, m)
    assert NOTHING.with_equal_integers(n, m).are_equal(n - 1, m - 1)
    # -1 for k, 1 for n: the length `n - 2`, and so m, is 0
    assert not NOTHING.with_equal_integers(k, n - 2).with_equal((m, n - 2)).are_equal(m, k)

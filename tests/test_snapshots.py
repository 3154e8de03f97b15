"""Checkpoints in few places: the gradients of the plain tape to the bit, with the fewest iterations that run again."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError
from srcad.options import Options
from srcad.runtime import snapshot_starts
from tests import test_checkpoint as checkpoints
from tests.kept_memory import kept_memory
from tests.test_checkpoint import PROGRAMS, X, carried, carried_array, shifted_history

SNAPSHOTS = (1, 2, 3, 20)


# ---- the schedule --------------------------------------------------------------------------------


def by_formula(steps: int, places: int) -> int:
    """The fewest steps forward that reverse so many (Griewank and Walther, 2000, proposition 1)."""
    repeats = 0
    while math.comb(places + repeats, places) < steps:
        repeats += 1
    return repeats * steps - math.comb(places + repeats, places + 1)


@cache
def by_search(steps: int, places: int) -> float:
    """The same, of all schedules: one state is saved after `m` steps, the rest goes on from there, then come these."""
    if steps == 1:
        return 0
    if places == 0:
        return math.inf
    return min(m + by_search(steps - m, places - 1) + by_search(m, places) for m in range(1, steps))


def advanced(stretches: int, count: int) -> int:
    """How many stretches run without a tape, as the generated text runs them."""
    starts = snapshot_starts(np.zeros(1, dtype=np.int64), 0, stretches, count)
    steps = 0
    for stretch in range(stretches, -1, -1):
        place = 0 if stretch == stretches else len(starts) - 2
        if stretch < stretches:
            starts = snapshot_starts(starts, place, stretch, count)
        assert starts[-1] == stretch and len(starts) <= count + 1 and np.all(np.diff(starts) > 0)
        steps += starts[-1] - starts[place] if place < len(starts) else 0
    return int(steps)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 20])
def test_fewest_steps(count: int) -> None:
    """What comes after the loop is one stretch more, whose reversal begins where the forward sweep ends."""
    for stretches in range(50):
        assert by_search(stretches + 1, count) == by_formula(stretches + 1, count)
        assert advanced(stretches, count) == by_formula(stretches + 1, count), stretches


TABLE = {
    (10, 1): 55,
    (10, 3): 17,
    (100, 1): 5050,
    (100, 5): 252,
    (1000, 10): 3300,
    (5000, 20): 15_000,
    (20_000, 50): 50_000,
}


@pytest.mark.parametrize(("stretches", "count"), TABLE)
def test_fewest_steps_of_many(stretches: int, count: int) -> None:
    assert advanced(stretches, count) == by_formula(stretches + 1, count)


# ---- programs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("program", "name"), PROGRAMS, ids=lambda p: getattr(p, "__name__", None))
def test_programs(program: Any, name: Any) -> None:
    """The text of few places does what that of √n does, to the bit."""
    plain = srcad.value_and_grad(program, target="python", checkpoint=name)
    for snapshots in SNAPSHOTS:
        df = srcad.value_and_grad(program, target="python", checkpoint=name, snapshots=snapshots)
        for n in (0, 1, 2, 3, 4, 5, 9, 21, 60):
            value, have = df(X, n)
            want_value, want = plain(X, n)
            assert np.asarray(value).tobytes() == np.asarray(want_value).tobytes(), (snapshots, n)
            assert np.asarray(have).tobytes() == np.asarray(want).tobytes(), (snapshots, n)

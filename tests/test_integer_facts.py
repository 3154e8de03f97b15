"""What is proved of integers that loops change: sums of their steps, arrays that hold them, what a loop has checked.

A program raises an error where Python does, and what a type says of an integer holds whenever it is assigned.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.analysis.integers.affine_steps import affine_step
from srcad.analysis.integers.value_ranges import ValueRanges
from srcad.canonicalize.nonnegative_integers import mark_nonnegative_integers
from srcad.compiler.stages import normal_form
from srcad.ir.linear import LinearForm
from srcad.ir.types import Scalar
from tests.interpreter import Raised, interpret
from tests.test_boundscheck import PROGRAMS, machine_function, raised

X = np.linspace(0.1, 0.9, 12)


@pytest.mark.parametrize("direction, change", [*itertools.product((1, -1), (-2, -1, 0, 1, 2))])
def test_the_sum_of_affine_steps(direction: int, change: int) -> None:
    now = ValueRanges({})
    turn = now.unknown()
    for start, more in itertools.product((-3, 0, 4), repeat=2):
        step = affine_step(turn * change + more, turn, (turn - start) * direction, now)
        assert (step is None) == (abs(change) > 1)
        for passed in range(6) if step else ():
            want = sum((start + p * direction) * change + more for p in range(passed))
            assert step.sum(LinearForm.constant(passed), now) == LinearForm.constant(want)


# ---- programs of which the last loop asks nothing -------------------------------------------------------


def rows_forth_and_back(x, y, m):
    n = len(y)
    ends = np.zeros(n, dtype=np.int64)
    s = 0.0
    for k in range(n):
        at = n
        for i in range(n):
            for j in range(i + 1, n):
                s += x[at]
                at += 1
        ends[k] = at
    for k in range(n - 1, -1, -1):
        at = ends[k]
        for i in range(n - 1, -1, -1):
            for j in range(n - 1, i, -1):
                at -= 1
                s += x[at] * j
    return s


def growing_rows(x, y, m):
    n = len(y)
    out = np.zeros((n + 1) * n // 2)
    at = 0
    for i in range(n):
        for j in range(i + 1):
            out[at] = x[0] * j
            at += 1
    return np.sum(out) + x[m]


# ---- programs of which something else holds than they seem to say ----------------------------------


def filled_on_the_other_path(x, y, m):
    n = len(y)
    ends = np.zeros(n, dtype=np.int64)
    ends[0] = m * 5
    s = 0.0
    if m > 1:
        for k in range(n):
            ends[k] = 1
        s += x[ends[0]]
    else:
        s += x[ends[0]]
    return s + x[ends[0]]


def filled_but_for_one(x, y, m):
    n = len(y)
    ends = np.zeros(n, dtype=np.int64)
    if n > 0:
        ends[n - 1] = m * 4
    for k in range(n - 1):
        ends[k] = 1
    s = 0.0
    for k in range(n):
        s += x[ends[k]]
    return s


def filled_and_changed(x, y, m):
    n = len(y)
    ends = np.zeros(n, dtype=np.int64)
    s = 0.0
    for k in range(n):
        ends[k] = m
        if k == 2:
            ends[k] += 12
    for k in range(n):
        s += x[ends[k]]
    return s


def filled_with_others(x, y, m):
    n = len(y)
    ends = np.zeros(n, dtype=np.int64)
    s = 0.0
    for k in range(n):
        ends[k] = k + m
    for k in range(n):
        s += x[ends[k] - ends[0]]
    return s


def filled_until(x, y, m):
    n = len(y)
    ends = np.full(n, 20)
    for k in range(n):
        ends[k] = 1
        if k == m:
            break
    s = 0.0
    for k in range(n):
        s += x[ends[k]]
    return s


def filled_through_a_view(x, y, m):
    n = len(y)
    ends = np.zeros(n, dtype=np.int64)
    whole = ends[:]
    for k in range(n):
        ends[k] = 1
    whole[0] = m * 6
    s = 0.0
    for k in range(n):
        s += x[ends[k]]
    return s


def filled_again_in_each_turn(x, y, m):
    ends = np.array([m, m * 7])
    count, s = 0, 0.0
    for i in range(len(x)):
        s += x[ends[1]]
        for k in range(2):
            ends[k] = i
        s += x[ends[0]]
        count += 1
    return s * count


def rows_of_another_length(x, y, m):
    n = len(y)
    at, s = 0, 0.0
    for i in range(n):
        for j in range(i + m):  # no row has fewer than no elements
            s += x[at]
            at += 1
    return s


def rows_of_any_length(x, y, m):
    n = len(y)
    more = np.arange(n) * m
    at, s = 0, 0.0
    for i in range(n):
        if more[i] < 0:
            raise ValueError("shorter")
        for j in range(i + more[i]):
            at += 1
        s += x[at - 2 * more[i]] if i > 2 else 0.0
    return s


def back_too_far(x, y, m):
    n = len(y)
    at, s = n, 0.0
    for i in range(n):
        for j in range(i):
            at -= 1
            s += x[at] * j
    return s


def left_in_a_row(x, y, m):
    n = len(y)
    at, s = 0, 0.0
    for i in range(n):
        for j in range(i):
            at += 1
        if i == m:
            break
    return s + x[at - (n - 1) * n // 2]


def checked_in_some_turns(x, y, m):
    n = len(y)
    s = 0.0
    for i in range(0, n, 2):
        if i + m > 4:
            raise ValueError("too many")
    for i in range(n):
        s += x[i + m + 7]
    return s


def checked_before_it_is_left(x, y, m):
    n = len(y)
    s = 0.0
    for i in range(n):
        if i == 2:
            break
        if i + m > 4:
            raise ValueError("too many")
    for i in range(n):
        s += x[i + m + 7]
    return s


def checked_downwards(x, y, m):
    n = len(y)
    s = 0.0
    for i in range(n - 1, 0, -1):
        if i + m > 4:
            raise ValueError("too many")
    for i in range(n):
        s += x[i + m + 7]
    return s


UNASKED = [rows_forth_and_back, growing_rows]
ASKED = [
    filled_on_the_other_path, filled_but_for_one, filled_and_changed, filled_with_others, filled_until,
    filled_through_a_view, filled_again_in_each_turn, rows_of_another_length, rows_of_any_length, back_too_far,
    left_in_a_row, checked_in_some_turns, checked_before_it_is_left, checked_downwards,
]  # fmt: skip
ARGUMENTS = [(X[:a], X[:n], m) for a, n, m in itertools.product((3, 6, 12), range(7), range(-3, 7))]
function = pytest.mark.parametrize("f", [*UNASKED, *ASKED], ids=lambda f: f.__name__)


@function
def test_raises_where_python_does(f: Any) -> None:
    read = srcad.jit(f, target="python", debug=True)
    one = read.specialisation(*ARGUMENTS[0])
    machine = machine_function(one)
    met = set()
    for args in ARGUMENTS:
        expected = raised(f, *args)
        for run in (read, lambda *args: machine(*one.flat(list(args)))):
            found = raised(run, *args)
            assert type(found) is type(expected), (
                f"{len(args[0]), len(args[1]), args[2]}: {found!r}, and Python says {expected!r}"
            )
            # an error of NumPy's own would be one that compiled code does not raise
            assert not isinstance(found, IndexError) or re.match(r"L\d+: ", "".join(map(str, found.args)))
        met.add(expected is None)
    assert met == {True, False}


class Kept(dict[str, Any]):
    """The values of names, of which some are never negative."""

    def __init__(self, never_negative: set[str]) -> None:
        super().__init__()
        self.never_negative = never_negative
        self.seen = 0

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self.never_negative and isinstance(value, int | np.integer):
            assert value >= 0, f"{name} is {value}"
            self.seen += 1
        super().__setitem__(name, value)

    def update(self, new: Any) -> None:
        for name, value in dict(new).items():
            self[name] = value


@pytest.mark.parametrize("f", [*UNASKED, *ASKED, *PROGRAMS], ids=lambda f: f.__name__)
def test_what_is_never_negative_is_so_whenever_it_is_assigned(f: Any) -> None:
    """In each run, until an index is out of bounds: the facts rest on the checks of the indices."""
    cases = ARGUMENTS if f not in PROGRAMS else [(X[:6], X[:5], n, m) for n in range(-1, 6) for m in range(5)]
    made = normal_form(f, *cases[0])
    types = mark_nonnegative_integers(made).types
    never_negative = {
        name for name, known in types.items() if isinstance(known, Scalar) and known.dim and known.dim.is_index
    }
    seen = 0
    for args in cases:
        kept = Kept(never_negative)
        try:
            interpret(made, [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args], kept)
        except Raised:
            pass
        seen += kept.seen
    assert seen


def test_a_position_that_rows_move_back_is_never_negative() -> None:
    text = srcad.jit(rows_forth_and_back).specialisation(*ARGUMENTS[0]).generated.machine_text()
    assert text.count("x[np.uint64(at)]") == 2


@pytest.mark.parametrize("f", UNASKED, ids=lambda f: f.__name__)
def test_the_last_loop_asks_nothing(f: Any) -> None:
    loops = re.split(r"\n    (?=\S)", srcad.jit(f, target="python").source_for(*ARGUMENTS[0]))
    assert "raise" not in [part for part in loops if part.startswith("for")][-1]

"""Checkpoints in few places: the gradients of the plain tape to the bit, with the fewest iterations that run again."""

from __future__ import annotations

import math
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules.import_module import load
from srcad.build_step.config import Entry
from srcad.errors import ArgumentError, DerivativeError
from srcad.options import Options
from srcad.runtime import snapshot_starts
from tests.kept_memory import kept_memory
from tests.poison import poisoned
from tests.test_checkpoint import (
    PROGRAMS,
    X,
    buffers_that_trade_places,
    carried,
    carried_array,
    index_kept,
    scratch,
    triangle,
    written_and_made_anew,
)

pytestmark = pytest.mark.one_in(10, least=3)

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
    """The same, of all schedules: a state is saved after `m` steps, what follows is reversed from there, then these."""
    if steps == 1:
        return 0
    if places == 0:
        return math.inf
    return min(m + by_search(steps - m, places - 1) + by_search(m, places) for m in range(1, steps))


def advanced(stretches: int, count: int) -> int:
    """How many stretches run without a tape, as the generated text runs them."""
    starts = snapshot_starts(np.zeros(1, dtype=np.int64), 0, stretches, count)
    steps = stretches
    for stretch in range(stretches - 1, -1, -1):
        place = len(starts) - 2
        starts = snapshot_starts(starts, place, stretch, count)
        assert starts[-1] == stretch
        assert len(starts) <= count + 1
        assert np.all(np.diff(starts) > 0)
        steps += int(starts[-1] - starts[place])
    return steps


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 20])
def test_fewest_steps(count: int) -> None:
    """What comes after the loop is one stretch more, whose reversal begins where the forward sweep ends."""
    for stretches in range(40):
        assert by_search(stretches + 1, count) == by_formula(stretches + 1, count)
        assert advanced(stretches, count) == by_formula(stretches + 1, count), stretches


TABLE = {(10, 1): 55, (10, 3): 18, (100, 1): 5050, (100, 5): 320, (1000, 10): 3640, (5000, 20): 17_980}
"""By stretches and places, written down from the formula."""


@pytest.mark.parametrize(("stretches", "count"), TABLE)
def test_fewest_steps_of_many(stretches: int, count: int) -> None:
    assert advanced(stretches, count) == by_formula(stretches + 1, count) == TABLE[stretches, count]


# ---- programs ------------------------------------------------------------------------------------


def compared(program: Any, name: Any, trips: Any, tmp_path: Path) -> None:
    """With each number of places: value and gradient of the plain tape, to the bit; the compiled text as well."""
    plain = srcad.value_and_grad(program, target="python")
    for snapshots in SNAPSHOTS:
        df = srcad.value_and_grad(program, target="python", checkpoint=name, snapshots=snapshots)
        made = df.specialisation(X, 5).generated
        tuned = tmp_path / f"tuned_{snapshots}.py"
        tuned.write_text(made.machine_text())
        compiled = getattr(load(tuned), made.function.name)
        for n in trips:
            value, want = plain(X, n)
            with poisoned(), np.errstate(all="ignore"):
                again, have = df(X, n)
                _, other = compiled(X, n)
            assert np.asarray(again).tobytes() == np.asarray(value).tobytes(), (snapshots, n)
            assert np.asarray(have).tobytes() == np.asarray(want).tobytes(), (snapshots, n)
            np.testing.assert_allclose(other, have, rtol=1e-12, atol=1e-14, err_msg=f"{snapshots} places, {n} turns")


@pytest.mark.parametrize(("program", "name"), PROGRAMS, ids=lambda p: getattr(p, "__name__", None))
def test_programs(program: Any, name: Any, tmp_path: Path) -> None:
    compared(program, name, (0, 1, 2, 3, 4, 9, 21, 45), tmp_path)


@pytest.mark.parametrize("program", [carried, scratch, buffers_that_trade_places, written_and_made_anew])
def test_a_thousand_turns(program: Any) -> None:
    plain = srcad.value_and_grad(program, target="python")
    df = srcad.value_and_grad(program, target="python", checkpoint="t", snapshots=3)
    with np.errstate(all="ignore"):
        for have, want in zip(df(X, 1000), plain(X, 1000), strict=True):
            assert np.asarray(have).tobytes() == np.asarray(want).tobytes()


@pytest.mark.parametrize("program", [carried, scratch, buffers_that_trade_places])
def test_compiled(program: Any) -> None:
    df, plain = srcad.grad(program, checkpoint="t", snapshots=2), srcad.grad(program, target="python")
    for n in (0, 1, 2, 3, 9, 40):
        np.testing.assert_allclose(df(X, n), plain(X, n), rtol=1e-12, atol=1e-14)


# ---- loops whose number of turns is known when they have run ----------------------------------------


def until_it_converges(x, n):
    y = x * 1.0
    u = np.ones_like(y)
    e = 1.0
    while e > 10.0 ** (-n):
        for i in range(4):
            u[i] = 0.5 * (y[i] + (x[i] + 1.0) / y[i])
        e = np.max(np.abs(u - y))
        y, u = u, y
    return np.sum(y * x) + e


def condition_that_changes(x, n):
    s, k = x[0], 0
    while (s := np.sin(s * x[k % 4]) + 0.5) > 0.0 and k < n:
        k += 1
    return s * k


def left_in_the_middle(x, n):
    u = x * 1.0
    k = 0
    while True:
        u[k % 4] = np.sin(u[(k + 1) % 4]) * x[0] + u[k % 4]
        if k >= n:
            break
        u[0] *= 0.9
        k += 1
    return np.sum(u) * u[1]


def while_with_scratch(x, n):
    u = x * 1.0
    d = np.zeros(4)
    k = 0
    while k < n:
        for i in range(4):
            d[i] = np.sin(u[i] * u[3 - i])
        for i in range(4):
            u[i] += 0.3 * d[i] * d[3 - i]
        k += 1
    return np.sum(u)


def while_made_anew(x, n):
    u = x * 1.0
    k = 0
    while k < n:
        u = np.sin(u) * x + u
        k += 1
    return np.sum(u)


def two_of_them(x, n):
    s, k = 1.0, 0
    while k < n:
        s = np.sin(s * x[k % 4]) + 0.5
        k += 2
    while k > 0:
        s = np.cos(s * x[k % 4])
        k -= 1
    return s


def behind_a_condition(x, n):
    s, k = 0.3, 0
    if n > 2:
        while s < n:
            s += x[k % 4] * np.sin(s) ** 2 + 0.1
            k += 1
    return s * x[0]


def loops_inside(x, n):
    s, k = 0.3, 0
    while k < n:
        j = k % 3
        while j > 0:
            s = np.sin(s * x[j]) + 0.1
            j -= 1
        for i in range(k % 4):
            s = np.sin(s) + x[i]
            if s > 1.0:
                break
        k += 1
    return s * x[0]


def left_by_break(x, n):
    s, a, b = x[0], 0.5, 1.0
    for t in range(3, 3 + 2 * n, 2):
        s = np.sin(s) * x[t % 4] + 0.01 * t
        a, b = b * s, a
        if s * t > 40.0:
            break
        a += 1.0
    return s * a + b


def left_by_return(x, n):
    s = x[0]
    for t in range(n, 0, -1):
        s = np.sin(s) * x[t % 4] + 0.1 * t
        if s < 0.4:
            return s * s
    return s


UNCOUNTED = (
    (until_it_converges, "while", (0, 1, 2, 8)), (condition_that_changes, "while", (0, 1, 2, 3, 9, 40)),
    (left_in_the_middle, "while", (0, 1, 2, 3, 9, 40)), (while_with_scratch, "while", (0, 1, 2, 3, 4, 9, 45)),
    (while_made_anew, "while", (0, 1, 2, 3, 4, 9, 40)), (two_of_them, "while", (0, 1, 2, 9, 40)),
    (behind_a_condition, "while", (0, 3, 9)), (loops_inside, "while", (0, 1, 2, 3, 4, 9, 40)),
    (left_by_break, "t", (0, 1, 2, 3, 9, 60)), (left_by_return, "t", (0, 1, 2, 3, 9, 40)),
)  # fmt: skip


@pytest.mark.parametrize(("program", "name", "trips"), UNCOUNTED, ids=lambda p: getattr(p, "__name__", None))
def test_uncounted(program: Any, name: str, trips: Any, tmp_path: Path) -> None:
    compared(program, name, trips, tmp_path)


def test_uncounted_compiled() -> None:
    df = srcad.grad(while_with_scratch, checkpoint="while", snapshots=3)
    plain = srcad.grad(while_with_scratch, target="python")
    for n in (0, 1, 5, 60):
        np.testing.assert_allclose(df(X, n), plain(X, n), rtol=1e-12, atol=1e-14)


def test_states_of_an_uncounted_loop() -> None:
    """Of as many segments, more than half as many states are saved as there are places, evenly spaced."""
    df = srcad.grad(while_made_anew, target="python", checkpoint="while", snapshots=4)
    text = df.source_for(X, 3).partition("    # ---- reverse")[0] + "    return starts, stretches"
    scope: dict[str, Any] = {}
    exec(text, scope)
    for n in range(200):
        starts, stretches = scope["while_made_anew_grad"](X, n)
        assert stretches == -(-n // 4)
        assert len(starts) - 1 <= 4
        assert len(set(np.diff(starts))) <= 1
        assert len(starts) - 1 == stretches or len(starts) - 1 >= 2
        assert starts[-1] >= stretches > starts[-2] if n else len(starts) == 1


# ---- other modes ---------------------------------------------------------------------------------


def steps(x, n):
    u = x * 1.0
    for t in range(n):
        u[t % 4] = np.sin(u[(t + 1) % 4]) + u[t % 4]
    return u


def steps_of_a_while(x, n):
    u = x * 1.0
    t = 0
    while t < n:
        u[t % 4] = np.sin(u[(t + 1) % 4]) + u[t % 4]
        t += 1
    return u


@pytest.mark.parametrize(("program", "name"), [(steps, "t"), (steps_of_a_while, "while")])
def test_other_modes(program: Any, name: str) -> None:
    """Two sweeps as two functions, of which the second may run again; a sweep for each entry; second derivatives."""

    def total(x, n):
        return np.sum(program(x, n) ** 2)

    options: dict[str, Any] = {"target": "python", "checkpoint": name, "snapshots": 2}
    jacobian = srcad.jacobian(program, mode="reverse", **options)
    plain_jacobian = srcad.jacobian(program, mode="reverse", target="python")
    hessian, plain_hessian = srcad.hessian(total, **options), srcad.hessian(total, target="python")
    for n in (0, 1, 2, 3, 9, 30):
        out, pullback = srcad.vjp(program, X, n, argnums="x", **options)
        plain_out, plain = srcad.vjp(program, X, n, argnums="x", target="python")
        np.testing.assert_array_equal(out, plain_out)
        np.testing.assert_allclose(pullback(np.ones(4)), plain(np.ones(4)), rtol=1e-13)
        np.testing.assert_array_equal(pullback(np.ones(4)), pullback(np.ones(4)))
        np.testing.assert_allclose(jacobian(X, n), plain_jacobian(X, n), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(hessian(X, n), plain_hessian(X, n), rtol=1e-12, atol=1e-14)


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 5, 1000])
def test_bytes(n: int) -> None:
    df = srcad.grad(carried_array, target="python", checkpoint="t", snapshots=6)
    plan = df.plan(X, n)
    assert plan.exact
    assert plan.bytes == 8 * 4 * (6 + 6)  # h in six places, and of each turn of a stretch
    assert plan.bytes == sum(kept_memory(df, (X, n)).values())


def test_max_tape() -> None:
    with pytest.raises(ArgumentError, match="S314"):
        srcad.grad(carried_array, target="python", max_tape=383, checkpoint="t", snapshots=6)(X, 10)
    srcad.grad(carried_array, target="python", max_tape=384, checkpoint="t", snapshots=6)(X, 10)


def test_plan_of_a_while() -> None:
    """Its tape is bounded, so the plan knows it; without checkpoints it grows."""
    assert not srcad.grad(while_made_anew, target="python").plan(X, 10).exact
    df = srcad.grad(while_made_anew, target="python", checkpoint="while", snapshots=5)
    plan = df.plan(X, 10)
    assert plan.exact
    assert plan.bytes == sum(kept_memory(df, (X, 10)).values())


def test_saved_text_runs_alone(tmp_path: Path) -> None:
    df = srcad.grad(buffers_that_trade_places, target="python", checkpoint="t", snapshots=3)
    path = tmp_path / "alone.py"
    df(X, 30)
    df.save(path)
    asked = "import sys, numpy as np, alone; assert 'srcad' not in sys.modules; "
    asked += f"print(alone.buffers_that_trade_places_grad(np.array({X.tolist()}), 30).tolist())"
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    plain = srcad.grad(buffers_that_trade_places, target="python")(X, 30)
    assert done.stdout.strip() == str(plain.tolist())


# ---- the option ----------------------------------------------------------------------------------


def test_option() -> None:
    assert "snapshots" not in repr(Options(checkpoint=("t",)))
    assert repr(Options(checkpoint=("t",), snapshots=3)).endswith("checkpoint=('t',), snapshots=3)")
    entry = Entry("tests.test_checkpoint:carried", wrt=("x",), checkpoint=("t",), snapshots=4)
    assert entry.derivative().options.snapshots == 4


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3"])
def test_value_that_is_no_number(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        srcad.grad(carried, checkpoint="t", snapshots=value)
    said = f"the option snapshots is a number of states, at least 1, not {value!r}"
    assert str(caught.value) == f"srcad error S310: {said}"


def test_snapshots_of_no_loop() -> None:
    with pytest.raises(ArgumentError, match="S310: snapshots=3 without a loop"):
        srcad.grad(carried, snapshots=3)


def refused(program: Any, *args: Any, **options: Any) -> str:
    with pytest.raises((DerivativeError, ArgumentError)) as caught:
        srcad.grad(program, target="python", **options).source_for(*args)
    return str(caught.value)


def lengths_that_differ(x, n):
    u = x * 1.0
    v = np.zeros(4)
    k = 0
    while k < n:
        for i in range(4):
            v[i] = np.sin(u[i] * x[0])
        u, v = v, u
        k += 1
    return np.sum(u)


def test_refused() -> None:
    text = refused(while_made_anew, X, 3, checkpoint="while")
    assert text.startswith("srcad error S208: the `while` loop cannot be checkpointed")
    assert "The number of its turns is known only when it has run." in text
    text = refused(lengths_that_differ, X, 3, checkpoint="while", snapshots=3)
    assert "The length of u, which is part of its state, may change in it." in text
    text = refused(carried, X, 3, checkpoint="while", snapshots=3)
    assert text.startswith("srcad error S315: checkpoint='while' names no `while` loop")
    text = refused(triangle, X, 3, checkpoint=("t", "j"), snapshots=3)
    assert text.startswith("srcad error S208: the loop over j cannot be checkpointed")
    assert "It is inside another loop." in text


def test_a_while_in_another_loop_runs_with_it() -> None:
    df = srcad.grad(loops_inside, target="python", checkpoint="while", snapshots=2)
    assert df.source_for(X, 3).count("# forward again") == 1
    assert index_kept(X, 3) == srcad.value_and_grad(index_kept, target="python", checkpoint="t", snapshots=1)(X, 3)[0]

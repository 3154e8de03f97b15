"""Loops on threads: what raises in Python raises, though Numba loses an error that is raised in a thread."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from tests.numeric import worst_error
from tests.on_threads import forced, is_on_threads, threads_in_python


def parts(x: Any, k: Any) -> Any:
    """Arrays whose lengths vary: a negative one is an error."""
    total = 0.0
    for i in range(len(x)):
        q = np.zeros(k[i])
        for j in range(k[i]):
            q[j] = x[i] * j
        total += np.sum(q * q)
    return total


def scratch(x: Any, k: Any) -> Any:
    """Arrays of a length that stays: whether it is negative is asked before the loop."""
    n = k[0] - 1
    total = 0.0
    for i in range(len(x)):
        q = np.zeros(n)
        for j in range(n):
            q[j] = x[i] * j
        total += np.sum(q * q)
    return total


def strides(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        for j in range(0, 4, k[i]):
            total += x[i] * j
    return total


def joined(x: Any, k: Any) -> Any:
    """What Numba makes of two array operations in a row is not for threads; and lengths that do not fit."""
    total = 0.0
    for i in range(len(x)):
        both = np.concatenate((np.ones((2, 3)), np.ones((k[i], 3)) * x[i]), axis=1)
        total += np.sum(both[:, 2:4] * x[i])
    return total


def gathered(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[k[i]] * x[i]
    return total


def refused(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        if k[i] < 0:
            raise ValueError("negative")
        total += x[i] ** 2
    return total


x = np.linspace(0.5, 1.0, 10)
CASES: dict[str, tuple[Callable[..., Any], int, int, type[Exception]]] = {
    "a length that varies": (parts, 2, -1, ValueError),
    "a length that stays": (scratch, 3, -1, ValueError),
    "a step of zero": (strides, 1, 0, ValueError),
    "lengths that do not fit": (joined, 2, 3, ValueError),
    "an index": (gathered, 1, 10, IndexError),
    "a raise": (refused, 1, -1, ValueError),
}


@pytest.mark.parametrize("name", CASES)
def test_errors(name: str) -> None:
    function, good, bad, error = CASES[name]
    k = np.full(10, good)
    with forced():
        derivative = srcad.value_and_grad(function, parallel=True, cache=False)
        value, gradient = derivative(x, k)
    want, wanted = srcad.value_and_grad(function, target="python", cache=False)(x, k)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12)
    for place in (0, 9):  # in the first thread, and in another one
        wrong = k.copy()
        wrong[place if name != "a length that stays" else 0] = bad
        with pytest.raises(error):
            function(x, wrong)
        with pytest.raises(error):
            derivative(x, wrong)


def test_a_scratch_array_stays_on_threads() -> None:
    with forced():
        one = srcad.grad(scratch, target="python", parallel=True, cache=False).specialisation(x, np.full(10, 3))
        text = one.generated.machine_text()
    assert is_on_threads(text)
    assert "n >= 0" in text


def weighted(x: Any, w: Any) -> Any:
    total = 0.0
    for i in range(len(w)):
        total += np.sin(x[i % 7] * w[i])
    return total


def called_from_several_threads() -> list[bool]:
    """Whether each call gives the bits of the first."""
    numba.config.THREADING_LAYER = "workqueue"
    rng = np.random.default_rng(0)
    args = (rng.normal(size=7), rng.normal(size=20_000))
    derivative = srcad.value_and_grad(weighted, (0, 1), parallel=True)
    value, gradient = derivative(*args)

    def same(_: int) -> bool:
        again, other = derivative(*args)
        return bool(again == value) and all(map(np.array_equal, gradient, other))

    with ThreadPoolExecutor(4) as pool:
        return [*pool.map(same, range(200)), numba.threading_layer() == "workqueue"]


def test_calls_from_several_threads_wait_for_each_other() -> None:
    """Numba ends the process where they do not, with the threading layer that it has everywhere."""
    script = "from tests.test_parallel_errors import called_from_several_threads as run; assert all(run())"
    env = {**os.environ, "NUMBA_NUM_THREADS": "4"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[1], env=env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


# ---- checks that are asked before the loop --------------------------------------------------------------


def sparse(x: Any, pointers: Any, columns: Any, w: Any) -> Any:
    """A sparse product: the row of an error is that of Python, whatever thread has it."""
    total = 0.0
    for row in range(len(pointers) - 1):
        s = 0.0
        for k in range(pointers[row], pointers[row + 1]):
            s += w[k] * x[columns[k]]
        total += s * s
    return total


def twice_gathered(x: Any, first: Any, second: Any) -> Any:
    """What the second index is read from has to be in bounds itself."""
    total = 0.0
    for i in range(len(first)):
        total += np.sin(x[second[first[i]]])
    return total


def branched(x: Any, first: Any, second: Any) -> Any:
    """Checks in branches and loops, with more to check after them."""
    total = 0.0
    for i in range(len(first)):
        if x[i] > 0.3:
            total += x[first[i]]
        for j in range(2):
            if second[i] > j:
                total += x[first[i] + j] * x[i]
        total += x[second[i]] ** 2
    return total


def filled(x: Any, k: Any) -> Any:
    """A check reads what the iteration writes: it stays where it is, and the loop on one thread."""
    order = np.zeros(len(x), dtype=np.int64)
    total = 0.0
    for i in range(len(x)):
        order[i] = k[i] + 1
        total += x[order[i] - 1] ** 2
    return total + order[0]


def counted(x: Any, k: Any) -> Any:
    """A check reads what an iteration has from the one before."""
    total = 0.0
    count = 0
    for i in range(len(x)):
        count += k[i]
        if count > 12:
            raise ValueError("too many")
        total += x[i] ** 2
    return total


def _differs(found: Any, want: Any) -> str:
    """What differs between the results, or the errors, of two calls."""
    if isinstance(want, Exception) or isinstance(found, Exception):
        said = ["".join(map(str, error.args)) for error in (found, want) if isinstance(error, Exception)]
        same = type(found) is type(want) and said[0] == said[1]
        return "" if same else f"{found!r}, not {want!r}"
    np.testing.assert_allclose(found[0], want[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], want[1], rtol=1e-12)
    return ""


def _result(derivative: Any, args: tuple[Any, ...]) -> Any:
    try:
        return derivative(*args)
    except Exception as error:
        return error


GATHERS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], bool]] = {
    "a sparse product": (sparse, (x, np.arange(0, 31, 3), np.arange(30) % 10, np.linspace(0.1, 2.0, 30)), True),
    "an index of an index": (twice_gathered, (x, np.arange(10)[::-1].copy(), np.arange(10) // 2), True),
    "branches and loops": (branched, (x, np.arange(10) // 2, np.arange(10) % 3), True),
    "what the loop writes": (filled, (x, np.arange(10)), False),
    "what it carries": (counted, (x, np.ones(10, dtype=np.int64) - (np.arange(10) % 2) * 2), False),
}


@pytest.mark.parametrize("name", GATHERS)
def test_the_first_error_of_several(name: str) -> None:
    """Of Python's errors the same one, with the same message; negative indices count from the end."""
    function, args, asked_first = GATHERS[name]
    with forced(4):
        threads, text = threads_in_python(function, (0,), args)
        calls = [threads]
        if name == "a sparse product":
            calls.append(srcad.value_and_grad(function, (0,), parallel=True, cache=False))
            calls[-1](*args)
    assert ("failed" in text) == asked_first, text
    serial = srcad.value_and_grad(function, (0,), target="python", cache=False)
    rng = np.random.default_rng(1)
    raised = 0
    for _ in range(100):
        given = tuple(a if a.dtype == np.float64 else a.copy() for a in args)
        for index in given[1:]:
            if index.dtype != np.float64:
                index[rng.integers(0, len(index), rng.integers(0, 3))] = rng.integers(-15, 18)
        want = _result(serial, given)
        raised += isinstance(want, IndexError | ValueError)
        for call in calls:
            assert _differs(_result(call, given), want) == ""
    assert 5 < raised < 95


# ---- errors that a thread loses --------------------------------------------------------------------


def large(x: Any, k: Any) -> Any:
    """Arrays whose lengths are known not to be negative."""
    total = 0.0
    for i in range(len(x)):
        q = np.empty(max(k[i], 2))
        q[0] = x[i]
        total += q[0] * q[0]
    return total


def test_no_memory_in_a_thread() -> None:
    with forced(4):
        derivative = srcad.jit(large, parallel=True, cache=False)
        assert derivative(x, np.full(10, 3)) == pytest.approx(np.sum(x * x), rel=1e-12)
    for place in range(10):
        k = np.full(10, 3)
        k[place] = 2**58
        with pytest.raises(MemoryError):
            derivative(x, k)


# ---- errors of values: the loop runs again, on one thread ------------------------------------------


def solved(a: Any, b: Any) -> Any:
    total = 0.0
    for i in range(len(b)):
        y = np.linalg.solve(a[i], b[i])
        total += y[0] * y[1]
    return total


def solved_in_place(a: Any, b: Any) -> Any:
    """What the iterations have changed is as it was when the loop runs again."""
    c = b * 1.0
    for i in range(len(c)):
        c[i, 0] += c[i, 1] * 0.5
        y = np.linalg.inv(a[i]) @ c[i]
        c[i, 1] *= y[0]
    return np.sum(c)


def factored(a: Any, b: Any) -> Any:
    values = np.empty(len(b))
    for i in range(len(b)):
        factor = np.linalg.cholesky(a[i] @ a[i].T)
        values[i] = np.log(factor[0, 0]) * b[i, 0]
    return np.sum(values)


@pytest.mark.parametrize("function", [solved, solved_in_place, factored])
def test_a_loop_that_runs_again(function: Callable[..., Any]) -> None:
    """Where a thread has had no memory, and there is some for the first: the numbers are those of one run."""

    def order(count: int) -> list[int]:
        """Of the loops that may run again, the second block is lost."""
        after = "".join(text.splitlines(keepends=True)[sys._getframe(1).f_lineno :])
        noted = re.search(r"ended\w* = (True|False)", after)
        return [at for at in range(count) if at != 1 or noted is None or noted[1] == "False"]

    args = _matrices()
    with forced(4):
        call, text = threads_in_python(function, (0, 1), args, order)
    assert text.count("ended = True") > 0
    want, wanted = srcad.value_and_grad(function, (0, 1), target="python", cache=False)(*args)
    for _ in range(2):
        value, gradient = call(*args)
        np.testing.assert_allclose(value, want, rtol=1e-12)
        assert worst_error(gradient, wanted) < 1e-10


def test_singular_matrices() -> None:
    args = _matrices()
    with forced(4):
        compiled = srcad.jit(solved_in_place, parallel=True, cache=False)
        compiled(*args)
    for place in (0, 4, 8):
        singular = args[0].copy()
        singular[place] = 0.0
        with pytest.raises(np.linalg.LinAlgError):
            compiled(singular, args[1])
        assert compiled(*args) == pytest.approx(solved_in_place(*args), rel=1e-12)  # nothing of the error is left


def _matrices() -> tuple[Any, ...]:
    rng = np.random.default_rng(2)
    return rng.normal(size=(9, 2, 2)), rng.normal(size=(9, 2))


# ---- processes -------------------------------------------------------------------------------------

FORKED = """
import multiprocessing, sys, warnings
import numba, numpy as np
import srcad
from tests.test_parallel_errors import weighted

derivative = srcad.grad(weighted, (0, 1), parallel=True)
args = np.linspace(0.0, 1.0, 7), np.linspace(0.0, 1.0, 20_000)

def work(scale):
    try:
        return derivative(scale * args[0], args[1])[0]
    except srcad.SrcadError as error:
        return str(error)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    expected = work(1.0)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        found = pool.map_async(work, [1.0]).get(timeout=60)[0]
    if numba.threading_layer() == "omp":
        assert "S502" in found and "spawn" in found, found
    else:
        assert np.array_equal(found, expected)
    print(numba.threading_layer())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("layer", ["workqueue", "default"])
def test_a_process_that_was_forked(layer: str, tmp_path: Path) -> None:
    """It has threads of its own, or an error: with those of GNU OpenMP it would end, and who waits for it hang."""
    script = tmp_path / "forked.py"
    script.write_text(FORKED)
    root = str(Path(__file__).parents[1])
    env = {**os.environ, "NUMBA_NUM_THREADS": "2", "NUMBA_THREADING_LAYER": layer, "PYTHONPATH": root}
    run = subprocess.run([sys.executable, str(script)], cwd=root, env=env, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr

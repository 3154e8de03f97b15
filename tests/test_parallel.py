"""Loops on threads: the numbers of the serial text in any order of iterations, equal bits at any number of threads.

In Python, `prange` gives its blocks in a random order, and all memory that is not set is NaN: an iteration that reads
what another one wrote gets another number.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from tests.benchmarks.threads import programs
from tests.numeric import copied, leaves, worst_error
from tests.on_threads import forced, on_threads
from tests.programs.registry import Case, all_cases


@pytest.fixture
def whatever_the_work() -> Iterator[None]:
    with forced():
        yield


@pytest.mark.one_in(20, least=3)
@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
@pytest.mark.usefixtures("whatever_the_work")
def test_corpus(case: Case) -> None:
    derivative = srcad.value_and_grad(case.function, case.wrt, target="python")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value, gradient = derivative(*copied(case.args))
    (again, same), text = on_threads(case.function, case.wrt, copied(case.args))
    close = 1e-4 if "float32" in text else 1e-9
    np.testing.assert_allclose(again, value, rtol=close, atol=1e-300)
    assert worst_error(same, gradient) < close, text


def prices(z: Any, s0: Any, sigma: Any) -> Any:
    """The logarithm of a Monte-Carlo price: paths with states that are saved, a condition, sums."""
    total = 0.0
    for path in numba.prange(z.shape[0]):
        s = s0
        mean = 0.0
        for t in range(z.shape[1]):
            s = s * np.exp(0.1 * sigma * z[path, t] - 0.005 * sigma * sigma)
            mean += s
        if mean / z.shape[1] > 1.0:
            total += mean / z.shape[1] - 1.0
    return np.log(total / z.shape[0])


def energy(x: Any) -> Any:
    """Pairs, whose adjoint adds to both."""
    e = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            d = x[i] - x[j]
            e += 1.0 / np.sqrt(np.sum(d * d) + 0.01)
    return e


def gathered(x: Any, index: Any, w: Any) -> Any:
    """Elements that several iterations read."""
    total = 0.0
    for k in range(len(index)):
        total += np.sin(x[index[k]] * w[k])
    return total


def diffusion(u: Any, k: Any, steps: Any) -> Any:
    """A stencil in a loop over time, which stays serial."""
    for _ in range(steps):
        v = u.copy()
        for i in range(1, len(u) - 1):
            v[i] = u[i] + k[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u = v
    return np.sum(u * u)


def sparse_energy(values: Any, columns: Any, pointers: Any, x: Any) -> Any:
    """Rows of a sparse matrix: bounds of the inner loop that are read from an array."""
    e = 0.0
    for row in range(len(pointers) - 1):
        s = 0.0
        for k in range(pointers[row], pointers[row + 1]):
            s += values[k] * x[columns[k]]
        e += s * s
    return e


rng = np.random.default_rng(0)
WORKLOADS: dict[str, tuple[Callable[..., Any], tuple[int, ...], tuple[Any, ...]]] = {
    "paths": (prices, (1, 2), (rng.normal(size=(300, 20)), 1.0, 0.3)),
    "pairs": (energy, (0,), (rng.normal(size=(150, 3)),)),
    "gather": (gathered, (0, 2), (rng.normal(size=7), rng.integers(0, 7, 4000), rng.normal(size=4000))),
    "rows": (
        sparse_energy,
        (0, 3),
        (rng.normal(size=4800), rng.integers(0, 40, 4800), np.arange(0, 4801, 16), rng.normal(size=40)),
    ),
    "stencil": (diffusion, (0, 1), (rng.normal(size=3000), 0.3 * rng.random(3000), 3)),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_runs_on_threads(name: str) -> None:
    function, wrt, args = WORKLOADS[name]
    (value, gradient), text = on_threads(function, wrt, copied(args))
    assert "prange(" in text.partition("def ")[2]
    want, wanted = srcad.value_and_grad(function, wrt, target="python")(*args)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    assert worst_error(gradient, wanted) < 1e-10


def iterations_of_blocks(name: str) -> list[str]:
    """The ranges that a block runs over, in the compiled text of a gradient."""
    function, wrt, args = WORKLOADS[name]
    text = srcad.grad(function, wrt, parallel=True, cache=False).specialisation(*args).generated.machine_text()
    return [" ".join(found.split()) for found in re.findall(r"in range\(([^:]*\bblock\d*\b[^:]*)\):", text)]


def test_a_block_has_neighbours_in_the_order_of_the_loop() -> None:
    """What a sweep reads lies in memory one behind the other, and what was saved last is read first."""
    *_, sweep = iterations_of_blocks("paths")
    assert sweep.endswith("- 1, -1")
    assert all("// blocks" in found for found in iterations_of_blocks("rows"))
    assert iterations_of_blocks("pairs") == ["block, x.shape[0], blocks"]  # rows of unequal length


def running(x: Any) -> Any:
    """A sum that each iteration reads."""
    s, total = 0.1, 0.0
    for i in range(len(x)):
        s += s * x[i]
        total += x[i] * x[i]
    return s + total


@pytest.mark.usefixtures("whatever_the_work")
def test_a_sum_that_is_read_stays_on_one_thread() -> None:
    x = np.linspace(0.1, 0.9, 40)
    one = srcad.jit(running, target="python", parallel=True, cache=False).specialisation(x)
    assert "an iteration reads s of the iteration before" in one.generated.machine_text()
    (value, gradient), text = on_threads(running, (0,), (x,))
    want, wanted = srcad.value_and_grad(running, target="python")(x)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    assert worst_error(gradient, wanted) < 1e-10, text


def of_benchmark(name: str) -> tuple[Callable[..., Any], Any, tuple[Any, ...]]:
    one = dict(programs(quick=True))[name]()
    return one.function, one.wrt, tuple(one.arguments)


def digests(names: Iterable[str]) -> dict[str, list[str]]:
    """Of each workload, the bits of the value and the gradient at one to four threads."""
    found: dict[str, list[str]] = {}
    for name in names:
        function, wrt, args = WORKLOADS[name] if name in WORKLOADS else of_benchmark(name)
        derivative = srcad.value_and_grad(function, wrt, parallel=True)
        for count in (1, 2, 3, 4):
            numba.set_num_threads(count)
            bits = b"".join(np.asarray(leaf).tobytes() for leaf in leaves(derivative(*args)))
            found.setdefault(name, []).append(hashlib.sha256(bits).hexdigest())
    return found


SETS = {"small": tuple(WORKLOADS), "gmm": ("gmm",), "bundle_adjustment": ("bundle_adjustment",)}


@pytest.mark.one_in(3, least=1)
@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_equal_bits_at_any_number_of_threads(names: tuple[str, ...]) -> None:
    script = f"import json; from tests.test_parallel import digests; print(json.dumps(digests({names!r})))"
    env = {**os.environ, "NUMBA_NUM_THREADS": "4"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[1], env=env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert set(found) == set(names)
    for name, bits in found.items():
        assert len(set(bits)) == 1, name

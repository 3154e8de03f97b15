"""First calls of gradients from many threads at once, mixed with what a user compiles with Numba.

    python -m tests.threads [CALLS] [--threads 8]

Every number is compared with that of a call alone, every table of Numba with what it was before.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

import srcad
from tests import numba_tables


@dataclass(frozen=True)
class Point:
    x: float
    y: float


def stencil(u, k):
    for _ in range(3):
        u[1:-1] = u[1:-1] + k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u * u)


def products(a, b):
    return np.sum(np.tanh(a @ b)) + np.sum(np.tril(a) * a.T)


def choices(x, y):
    return np.sum(np.where(x > 0.2, np.exp(x), y)) + np.sum(np.max(np.outer(x, y), axis=0))


def root(a):
    s = 1.0
    while abs(s * s - a) > 1e-12:
        s = 0.5 * (s + a / s)
    return s


def distance(points, scale):
    return scale * np.hypot(points[0].x - points[1].x, points[0].y - points[1].y)


def series(x, w):
    h, total = 0.0, 0.0
    for t in range(len(x)):
        h = np.tanh(w * h + x[t])
        total += np.log(1.0 + h * h)
    return total


X, Y = np.linspace(-1.0, 1.3, 9), np.linspace(0.5, 2.0, 9)
A = np.linspace(-1.0, 2.0, 16).reshape(4, 4)
GRADIENTS: dict[Callable[..., Any], tuple[Any, ...]] = {
    stencil: (X, 0.1),
    products: (A, A.T.copy()),
    choices: (X, Y),
    root: (7.0,),
    distance: ([Point(0.0, 1.0), Point(2.0, 3.0)], 2.0),
    series: (X, 0.7),
}


def mismatch(x, y):
    x[1:3] = y
    return x


def triangle(a):
    return np.tril(a) + np.where(a > 0.0, a, 2.0)


def column_sums(a):
    return np.sum(a, axis=0) @ a


OF_USERS: dict[Callable[..., Any], tuple[Any, ...]] = {triangle: (A,), column_sums: (A,)}


def flat(gradient: Any) -> np.ndarray[Any, Any]:
    leaves = srcad.dispatch.pytree.flatten(gradient)[0]
    return np.concatenate([np.ravel(leaf) for leaf in leaves])


def mixture(
    calls: int, threads: int, options: Sequence[dict[str, Any]], told: Callable[[], None] = lambda: None
) -> tuple[Counter[str], list[str]]:
    """A tally of what was called, and what went wrong."""
    expected = {f: flat(srcad.grad(f, (0, 1)[: len(args)], target="python")(*args)) for f, args in GRADIENTS.items()}
    tally: Counter[str] = Counter()
    faults: list[str] = []
    rng = random.Random(calls)
    shared = {f: srcad.grad(f, (0, 1)[: len(args)], **options[0]) for f, args in GRADIENTS.items()}
    tasks = []
    for at in range(calls):
        function = list(GRADIENTS)[at % len(GRADIENTS)]
        # of two calls one makes a derivative, the other calls one that all threads have
        of_all = rng.random() < 0.5
        new = srcad.grad(function, (0, 1)[: len(GRADIENTS[function])], **options[at % len(options)])
        tasks.append(("shared" if of_all else "own", function, shared[function] if of_all else new))
        if at % 3 == 0:
            tasks.append(("njit", list(OF_USERS)[at % len(OF_USERS)], None))
        if at % 12 == 0:
            tasks.append(("njit error", mismatch, None))
    rng.shuffle(tasks)
    start = threading.Barrier(threads)

    def work() -> None:
        start.wait()
        while True:
            try:
                kind, function, derivative = tasks.pop()
            except IndexError:
                return
            try:
                _run(kind, function, derivative, expected)
            except BaseException as error:
                faults.append(f"{kind} {function.__name__}: {type(error).__name__}: {error}")
            tally[kind] += 1
            told()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return tally, faults


def _run(kind: str, function: Callable[..., Any], derivative: Any, expected: dict[Any, Any]) -> None:
    compiled: Any = numba.njit
    if derivative is not None:
        args = tuple(arg.copy() if isinstance(arg, np.ndarray) else arg for arg in GRADIENTS[function])
        have, want = flat(derivative(*args)), expected[function]
    elif kind == "njit error":
        try:
            compiled(function)(A[0].copy(), A[1, :4])
        except ValueError as error:
            if "shape" not in str(error):
                raise
            return
        raise AssertionError("no error")
    else:
        args = OF_USERS[function]
        have, want = compiled(function)(*args), function(*args)
    np.testing.assert_allclose(have, want, rtol=1e-10)


def main() -> None:
    from rich.progress import Progress

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("calls", nargs="?", type=int, default=200)
    parser.add_argument("--threads", type=int, default=8)
    asked = parser.parse_args()
    numba_tables.settled()
    before, filters, started = numba_tables.tables(contexts=False), list(warnings.filters), time.perf_counter()
    with Progress() as progress:
        bar = progress.add_task("calls", total=None)
        tally, faults = mixture(
            asked.calls,
            asked.threads,
            ({"cache": False}, {"cache": False, "fastmath": True}, {"cache": True}, {"cache": False, "debug": True}),
            lambda: progress.advance(bar),
        )
    changed = numba_tables.changed(before, numba_tables.tables(contexts=False), grown=True)
    for fault in faults:
        print(fault)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(tally.items())), end="")
    print(f", {len(faults)} wrong, in {time.perf_counter() - started:.0f} s")
    print("changed in Numba:", ", ".join(changed) or "nothing", "" if filters == warnings.filters else "; warnings")
    sys.exit(bool(faults or changed))


if __name__ == "__main__":
    main()

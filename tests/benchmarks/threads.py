"""What a second thread is worth: gradients with `parallel=True` on one thread and on several, and without it.

    python -m tests.benchmarks.threads [--quick] [--only NAME ...] [--threads 2] [--rounds 21] [--passive]

The calls take turns, round by round, so that a slow moment of the machine hits all alike; times are medians. In each
turn the second of two calls counts: the first wakes the threads, and brings their part of the arrays to them. The
iterations are dealt out evenly, so that the slower core decides. Where a machine is shared with others, a core can be
half as fast as the other for minutes; so `at once` is measured in the same turns: one gradient on one thread on each
core, in two processes. `of the core` is the slower of these over the threads' time: what threads give on cores that
are equally fast. On a machine that has other work itself, all this says little. `divided` says there, too, how the
work is divided: the processor time of all threads over that of the first, which the others cannot make less. For it,
threads that wait must sleep: `--passive`, which slows down what has many short loops.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numba
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import srcad
from tests.benchmarks.discover import discovered
from tests.benchmarks.measure import difference
from tests.benchmarks.workload import Arguments
from tests.benchmarks.workloads import bundle_adjustment, stencils


CALLS_AT_ONCE = 5
"""Calls of each process while both run: the last but one has the other beside it."""


def n_body(x, mass):
    """The potential energy of bodies: all pairs."""
    energy = 0.0
    for i in range(len(x)):
        for j in range(i):
            dx, dy, dz = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1], x[i, 2] - x[j, 2]
            energy -= mass[i] * mass[j] / math.sqrt(dx * dx + dy * dy + dz * dz + 0.01)
    return energy


def option_price(z, spot, rate, volatility, strike):
    """An Asian option by Monte Carlo."""
    total = 0.0
    step = 1.0 / z.shape[1]
    for path in range(z.shape[0]):
        s, mean = spot, 0.0
        for t in range(z.shape[1]):
            s *= np.exp((rate - 0.5 * volatility**2) * step + volatility * np.sqrt(step) * z[path, t])
            mean += s
        total += max(mean * step - strike, 0.0)
    return np.exp(-rate) * total / z.shape[0]


def squared_errors(cameras, points, weights, observations, features):
    errors, rest = bundle_adjustment.residuals(cameras, points, weights, observations, features)
    return np.sum(errors * errors) + np.sum(rest * rest)


def sparse_energy(values, columns, pointers, x):
    """A product with a sparse matrix: positions that repeat."""
    energy = 0.0
    for row in range(len(pointers) - 1):
        s = 0.0
        for k in range(pointers[row], pointers[row + 1]):
            s += values[k] * x[columns[k]]
        energy += s * s
    return energy


@dataclass(frozen=True)
class Program:
    function: Callable[..., Any]
    wrt: Any
    arguments: Arguments
    in_place: bool = False
    """A procedure that changes its arguments; its adjoint is in procedure style."""


def programs(quick: bool) -> Iterator[tuple[str, Callable[[], Program]]]:
    rng = np.random.default_rng(0)
    size = 10 if quick else 1

    def sparse() -> Arguments:
        rows, width = 200_000 // size, 16
        columns = rng.integers(0, rows // 20, rows * width)
        return (
            rng.normal(size=rows * width),
            columns,
            np.arange(0, rows * width + 1, width),
            rng.normal(size=rows // 20),
        )

    for name in ("jacobi_2d", "heat_3d", "fdtd_2d"):
        yield name, lambda name=name: _stencil(name, quick)
    for name in ("gray_scott", "gmm", "black_scholes", "black_scholes_array"):
        yield name, lambda name=name: _of_benchmark(name, quick)
    yield "bundle_adjustment", lambda: Program(squared_errors, (0, 1, 2), bundle_adjustment.arguments(quick))
    yield "n_body", lambda: Program(n_body, (0, 1), (rng.normal(size=(2000 // size, 3)), rng.random(2000 // size)))
    yield (
        "monte_carlo",
        lambda: Program(option_price, (1, 2, 3), (rng.normal(size=(20_000 // size, 64)), 100.0, 0.03, 0.2, 100.0)),
    )
    yield "sparse_product", lambda: Program(sparse_energy, 3, sparse())


def _of_benchmark(name: str, quick: bool) -> Program:
    workload = discovered()[name]
    return Program(workload.function, workload.wrt, workload.arguments(quick))


def _stencil(name: str, quick: bool) -> Program:
    program = _of_benchmark(name, quick)
    parameters = program.function.__code__.co_varnames[1 : program.function.__code__.co_argcount]
    seeds = stencils.cotangents(program.arguments)
    return Program(program.function, parameters, (*program.arguments, *seeds), in_place=True)


def prepared(program: Program, parallel: bool) -> Callable[[], tuple[float, Any]]:
    """A call that gives its time and its result. Copies of what it changes are made before."""
    derivative: Any
    if program.in_place:
        derivative = srcad.adjoint(program.function, program.wrt, parallel=parallel)
    else:
        derivative = srcad.value_and_grad(program.function, program.wrt, parallel=parallel)

    def call() -> tuple[float, Any]:
        given = stencils.copies(program.arguments) if program.in_place else program.arguments
        started = time.perf_counter()
        result = derivative(*given)
        took = time.perf_counter() - started
        return took, given[len(given) // 2 + 1 :] if program.in_place else result

    return call


def divided(program: Program, threads: int, rounds: int) -> float:
    """The processor time of all threads over that of the first."""
    call = prepared(program, True)
    numba.set_num_threads(threads)
    call()
    whole = first = 0.0
    for _ in range(rounds):
        before = time.process_time(), time.thread_time()
        call()
        whole += time.process_time() - before[0]
        first += time.thread_time() - before[1]
    return whole / first


@contextmanager
def other_process(name: str, quick: bool) -> Iterator[Connection]:
    """A process that computes the same gradient on one thread."""
    fresh = get_context("spawn")
    ours, its = fresh.Pipe()
    process = fresh.Process(target=beside, args=(name, quick, its), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.join()


def beside(name: str, quick: bool, asked: Connection) -> None:
    """The other process: calls on one thread as long as it is asked to, the time of the last but one is the answer."""
    call = prepared(dict(programs(quick))[name](), True)
    numba.set_num_threads(1)
    call()
    asked.send(0.0)
    while asked.recv():
        took = [call()[0] for _ in range(CALLS_AT_ONCE)]
        asked.send(took[-2])


def measured(program: Program, threads: int, rounds: int, other: Connection) -> tuple[dict[str, float], float]:
    """Seconds of a call by what it runs on, and the largest difference of the results."""
    on_threads, alone = prepared(program, True), prepared(program, False)
    calls = {"serial": (alone, 1), "one": (on_threads, 1), "several": (on_threads, threads)}
    results, taken = {}, {name: [] for name in (*calls, "at once")}
    other.recv()
    for turn in range(rounds + 2):
        for name, (call, count) in calls.items():
            numba.set_num_threads(count)
            call()
            took, results[name] = call()
            if turn > 1:  # compiled, and all threads awake
                taken[name].append(took)
        numba.set_num_threads(1)
        other.send(True)
        took = [on_threads()[0] for _ in range(CALLS_AT_ONCE)]
        if turn > 1:
            taken["at once"].append(max(took[-2], other.recv()))
        else:
            other.recv()
    other.send(False)
    medians = {name: statistics.median(each) for name, each in taken.items()}
    return medians, max(difference(results[name], results["serial"]) for name in ("one", "several"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small arguments")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--passive", action="store_true", help="threads that wait sleep; how the work is divided")
    asked = parser.parse_args()
    if asked.passive:
        os.environ["OMP_WAIT_POLICY"] = "passive"  # read when the first loop starts
    table = Table(title=f"milliseconds of a gradient; load of the machine before: {os.getloadavg()[0]:.1f}")
    for column in (
        "workload",
        "serial",
        "one thread",
        f"{asked.threads} threads",
        "ratio",
        "at once",
        "of the core",
        "to serial",
        "difference",
        "divided",
    ):
        table.add_column(column, justify="left" if column == "workload" else "right")
    chosen = [(name, make) for name, make in programs(asked.quick) if not asked.only or name in asked.only]
    for name, make in track(chosen, console=Console(stderr=True)):
        program = make()
        with other_process(name, asked.quick) as other:
            took, apart = measured(program, asked.threads, asked.rounds, other)
        table.add_row(
            name,
            *(f"{1e3 * took[which]:.2f}" for which in ("serial", "one", "several")),
            f"{took['one'] / took['several']:.2f}",
            f"{1e3 * took['at once']:.2f}",
            f"{took['at once'] / took['several']:.2f}",
            f"{took['serial'] / took['several']:.2f}",
            f"{apart:.0e}",
            f"{divided(program, asked.threads, asked.rounds):.2f}" if asked.passive else "",
        )
    Console().print(table)


if __name__ == "__main__":
    main()

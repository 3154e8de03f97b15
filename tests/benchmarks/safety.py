"""What the checks of indices cost: each workload with and without them, call by call in one process.

python -m tests.benchmarks --boundscheck [--quick] [--only NAME ...] [--cpu] [--markdown FILE]
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from srcad.options import Options
from tests.benchmarks.discover import discovered
from tests.benchmarks.workload import Arguments, Thunk, Workload

ROUNDS = 25
SAMPLE = 0.02
"""Seconds of one timing at least."""


@dataclass(frozen=True)
class Cost:
    """Seconds of a call, with the checks and without."""

    name: str
    checked: float
    unchecked: float

    @property
    def ratio(self) -> float:
        return self.checked / self.unchecked


def measured(name: str, quick: bool, cpu: bool) -> Cost:
    workload = discovered()[name]
    arguments = workload.arguments(quick)
    clock = time.process_time if cpu else time.perf_counter
    calls = {checks: _prepared(workload, arguments, checks) for checks in (True, False)}
    once = min(_seconds(call, 1, clock) for call in calls.values())
    repeats = max(1, round(SAMPLE / max(once, 1e-7)))
    samples: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(ROUNDS if repeats > 1 or once < 0.2 else 9):
        for checks in (True, False) if turn % 2 else (False, True):
            samples[checks].append(_seconds(calls[checks], repeats, clock))
    ratios = [a / b for a, b in zip(samples[True], samples[False], strict=True)]
    unchecked = statistics.median(samples[False])
    return Cost(name, unchecked * statistics.median(ratios), unchecked)


def _prepared(workload: Workload, arguments: Arguments, checks: bool) -> Thunk:
    """Ours, as the workload asks for it, with this option."""
    made: Callable[..., Options] = Options.of

    def of(given: Any) -> Options:
        return made({**given, "boundscheck": checks})

    with mock.patch.object(Options, "of", of):
        derivative = workload.gradient()
        prepared = workload.ours(arguments) if workload.ours else lambda: derivative(*arguments)
        prepared()  # some make their derivative in it
        return prepared


def _seconds(call: Thunk, repeats: int, clock: Callable[[], float]) -> float:
    gc.collect()
    started = clock()
    for _ in range(repeats):
        call()
    return (clock() - started) / repeats


def markdown(costs: Sequence[Cost]) -> str:
    """The table, and a line below it."""
    lines = ["| workload | with checks | without | ratio |", "| --- | ---: | ---: | ---: |"]
    for cost in costs:
        times = f"{1e3 * cost.checked:.3g} ms | {1e3 * cost.unchecked:.3g} ms"
        lines.append(f"| {cost.name} | {times} | {cost.ratio:.3f} |")
    ratios = sorted(cost.ratio for cost in costs)
    summary = f"Median {100 * (statistics.median(ratios) - 1):.1f} %, worst {100 * (ratios[-1] - 1):.1f} %."
    return "\n".join([*lines, "", summary, ""])


if __name__ == "__main__":
    name, file, *flags = sys.argv[1:]
    Path(file).write_text(json.dumps(asdict(measured(name, "--quick" in flags, "--cpu" in flags))))

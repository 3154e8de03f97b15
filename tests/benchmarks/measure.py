"""One workload, measured in this process.

    python -m tests.benchmarks.measure NAME FILE [--quick] [--no-peers] [--cpu] [--memory CONTESTANT]

Writes its figures to FILE before every stage, so that one which never ends costs no more than itself, and prints the
name of the stage. With `--memory`, writes the memory of one call of `primal`, `hand` or `ours` instead.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import event

from tests.benchmarks.discover import discovered
from tests.benchmarks.figures import OWN, PATIENCE, Contestant, Figures, Peer, Timing
from tests.benchmarks.workload import Arguments, Thunk, Workload

SLOW = 1.0
"""Seconds; a call that takes longer is timed in one round."""
SAMPLE = 0.005
"""Seconds of one timing at least. Short, so that on a busy machine some are not interrupted."""

clock = time.perf_counter


class OutOfPatience(BaseException):
    """Not an Exception: a peer's own handlers must let it through."""


def measured(workload: Workload, quick: bool, with_peers: bool, report: Callable[[Figures, str], None]) -> Figures:
    """`report` is given what there is so far, and the name of the stage that begins."""
    figures = Figures(workload.name, workload.kind, quick)
    arguments = workload.arguments(quick)
    seconds = 0.5 if quick else 6.0
    derivative = workload.gradient()
    calls, results = {}, {}
    for name in OWN:
        report(figures, name)
        text = None
        if name == "ours" and workload.ours is None:
            started = clock()
            derivative.source_for(*arguments)
            text = clock() - started
        calls[name] = prepared(workload, name, derivative, arguments)
        first, results[name] = _timed(calls[name])
        figures.contestants[name] = Contestant(first + (text or 0.0), text=text)
    figures.hand_saved = int(workload.hand_saved(arguments))
    figures.saved = saved_bytes(workload, derivative, arguments)
    figures.difference = difference(results["ours"], results["hand"])
    if not figures.difference <= workload.tolerance:
        figures.error = f"WRONG: ours differs from the adjoint by hand by {figures.difference:.1e}"
        return figures
    report(figures, "rounds")
    for name, timing in rounds(calls, seconds).items():
        figures.contestants[name].timing = timing
    for name, prepare in workload.peers.items() if with_peers else ():
        report(figures, name)
        figures.peers[name] = _peer(workload, prepare, derivative, figures, seconds)
    return figures


def prepared(workload: Workload, name: str, derivative: Any, arguments: Arguments) -> Thunk:
    """The call of one of `OWN`."""
    if name == "hand":
        return workload.hand(arguments)
    if name == "ours":
        return workload.ours(arguments) if workload.ours else lambda: derivative(*arguments)
    if workload.primal:
        return workload.primal(arguments)
    compiled = numba.njit(error_model="numpy")(workload.function)
    return lambda: compiled(*arguments)


def saved_bytes(workload: Workload, derivative: Any, arguments: Arguments) -> int | None:
    """What our gradient keeps from its forward sweep for its reverse sweep; None where nobody knows before it runs."""
    if workload.plan is not None:
        plan = workload.plan(arguments)
    elif workload.ours is None:
        plan = derivative.plan(*arguments)
    else:
        return None
    return plan.bytes if plan.exact else None


# ---- peers -------------------------------------------------------------------------------------


def _peer(
    workload: Workload, prepare: Callable[[Arguments], Thunk], derivative: Any, figures: Figures, seconds: float
) -> Peer:
    """On the full arguments, unless they would take the peer too long.

    That is known beforehand, from the quick ones and by how much longer ours takes: a tape of all that a slow peer
    does may fill the memory of the machine before its time is over.
    """
    try:
        probe = _against(workload, prepare, derivative, True, seconds if figures.quick else 0.0)
        ours = figures.timing("ours")
        expected = ours.fastest * (probe.times_slower or 0.0) if ours else 0.0
        if figures.quick or probe.error or probe.bound or expected > PATIENCE:
            return probe
        full = _against(workload, prepare, derivative, False, seconds)
        return probe if full.bound else full
    except Exception as error:
        return Peer(error=first_line(error))


def _against(
    workload: Workload, prepare: Callable[[Arguments], Thunk], derivative: Any, quick: bool, seconds: float
) -> Peer:
    arguments = workload.arguments(quick)
    ours, by_hand = prepared(workload, "ours", derivative, arguments), workload.hand(arguments)()
    ours()
    try:
        with _patience():
            call = prepare(arguments)
            first, result = _timed(call)
    except OutOfPatience:
        return Peer(
            timing=Timing(PATIENCE, PATIENCE, 0), ours=rounds({"ours": ours}, 0.2)["ours"], quick=quick, bound=True
        )
    apart = difference(result, by_hand)
    if not apart <= workload.tolerance:
        return Peer(first, quick=quick, error=f"differs from the adjoint by hand by {apart:.1e}")
    timings = rounds({"ours": ours, "peer": call}, seconds)
    return Peer(first, timings["peer"], timings["ours"], quick)


@contextmanager
def _patience() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise OutOfPatience

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


# ---- time and memory -----------------------------------------------------------------------------


def rounds(calls: Mapping[str, Thunk], seconds: float, most: int = 51) -> dict[str, Timing]:
    """Several calls in turn, round by round, so that a slow moment of the machine hits all alike.

    As many rounds as fit into `seconds`, three at least; a contestant too slow for that takes part in fewer.
    """
    repeats, taking = {}, {}
    share = seconds / len(calls)
    for name, call in calls.items():
        once = max(_timed(call)[0], 1e-7)
        repeats[name] = max(1, int(min(SAMPLE, share / 3) / once))
        cost = repeats[name] * once
        taking[name] = 1 if cost > max(share, SLOW) else min(most, max(3, int(share / cost)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(max(taking.values())):
        for name, call in calls.items():
            if turn >= taking[name]:
                continue
            started = clock()
            for _ in range(repeats[name]):
                call()
            samples[name].append((clock() - started) / repeats[name])
    return {
        name: Timing(statistics.median(each), min(each), len(each) * repeats[name]) for name, each in samples.items()
    }


def _timed(call: Thunk) -> tuple[float, Any]:
    started = clock()
    result = call()
    return clock() - started, result


def memory_of_call(workload: Workload, name: str) -> int | None:
    """Bytes at the peak of a call above those before it, after one on the quick arguments."""
    derivative = workload.gradient()
    prepared(workload, name, derivative, workload.arguments(True))()
    call = prepared(workload, name, derivative, workload.arguments(False))
    with event.install_recorder("numba:compile") as compiled:
        peak = _peak(call)
    return _peak(call) if compiled.buffer else peak  # a call that compiles says nothing


def _peak(call: Thunk) -> int | None:
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        before = _status("VmRSS")
        call()
        return max(0, _status("VmHWM") - before)
    except OSError:  # not Linux
        return None


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise OSError(name)
    return 1024 * int(found[1])


# ---- agreement -----------------------------------------------------------------------------------


def difference(found: Any, expected: Any) -> float:
    """The largest relative difference of two leaves; infinite where the structures or the shapes differ."""
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping) or set(found) != set(expected):
            return float("inf")
        return max((difference(found[key], expected[key]) for key in expected), default=0.0)
    if is_dataclass(expected):
        names = [one.name for one in fields(expected)]
        return max((difference(getattr(found, name), getattr(expected, name)) for name in names), default=0.0)
    if isinstance(expected, tuple | list):
        if not isinstance(found, tuple | list) or len(found) != len(expected):
            return float("inf")
        return max((difference(*pair) for pair in zip(found, expected, strict=True)), default=0.0)
    a, b = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if a.shape != b.shape:
        return float("inf")
    apart, size = float(np.linalg.norm(a - b)), float(np.linalg.norm(b))
    if not np.isfinite(apart):
        return float("inf")
    return apart / size if size else apart


def _limit_memory() -> None:
    """A peer that asks for more than the machine can give gets an error, in place of the machine's end."""
    try:
        import resource

        limit = int(0.75 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, ValueError, OSError):  # not on this system
        pass


def first_line(error: BaseException) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}"[:200]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--memory", choices=OWN)
    options = parser.parse_args()
    if options.cpu:
        global clock
        clock = time.process_time
    _limit_memory()
    workload = discovered()[options.name]
    if options.memory:
        options.file.write_text(json.dumps(memory_of_call(workload, options.memory)))
        return
    figures = Figures(workload.name, workload.kind, options.quick)

    def report(so_far: Figures, stage: str) -> None:
        nonlocal figures
        figures = so_far
        print(f"stage {stage}", flush=True)
        options.file.write_text(json.dumps(so_far.as_json()))

    try:
        figures = measured(workload, options.quick, not options.no_peers, report)
    except Exception as error:
        figures.error = first_line(error)
    options.file.write_text(json.dumps(figures.as_json()))


if __name__ == "__main__":
    main()

"""Derivatives of other modes and orders against what they are of, for each workload, in one process and interleaved.

    python -m tests.benchmarks.orders [NAME ...]

Ratios of processor time, all compiled: `jvp` to the function under Numba, `hvp` and the pullback of `vjp` to the
gradient, `both` (the two functions of `vjp`) to the value and gradient. The tangents are of the arguments that the
workload differentiates. A dash: the workload is a procedure, or has no gradient of one number.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import srcad
from srcad.dispatch.pytree import flatten, unflatten
from tests.benchmarks.discover import discovered
from tests.benchmarks.measure import prepared
from tests.benchmarks.owned import interleaved
from tests.benchmarks.workload import Workload

GOALS = {"jvp": 2.0, "hvp": 2.5, "pullback": 1.0, "both": 1.25}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names
    warnings.simplefilter("ignore")
    found: dict[str, list[float]] = {what: [] for what in GOALS}
    print(f"{'workload':28}" + "".join(f"{what:>10}" for what in GOALS), flush=True)
    for name, workload in discovered().items():
        if names and name not in names:
            continue
        ratios = measured(workload)
        for what, ratio in ratios.items():
            found[what].append(ratio)
        cells = (f"{ratios[what]:10.2f}" if what in ratios else f"{'-':>10}" for what in GOALS)
        print(f"{name:28}" + "".join(cells), flush=True)
    for summary, of in (("median", statistics.median), ("worst", max)):
        print(f"{summary:28}" + "".join(f"{of(r):10.2f}" if r else f"{'-':>10}" for r in found.values()))


def measured(workload: Workload) -> dict[str, float]:
    arguments = workload.arguments(False)
    wrt = {workload.wrt} if isinstance(workload.wrt, int) else set(workload.wrt)
    tangents = tuple(ones(a) if at in wrt else None for at, a in enumerate(arguments))
    options = {**workload.options, "cache": False}
    function = workload.function
    tangent = srcad.jvp(function, **options)
    primal = prepared(workload, "primal", None, arguments)
    if workload.primal:  # a procedure
        one, other = interleaved([primal, lambda: tangent(copies(arguments), copies(tangents))], [])
        return {"jvp": other / one}
    calls: dict[str, Callable[[], Any]] = {"primal": primal, "jvp": lambda: tangent(arguments, tangents)}
    if workload.ours is None:
        gradient = srcad.grad(function, workload.wrt, **options)
        both = srcad.value_and_grad(function, workload.wrt, **options)
        change = srcad.hvp(function, argnums=workload.wrt, **options)
        pair = srcad.vjp(function, argnums=workload.wrt, **options)
        _, pullback = pair(*arguments)
        calls |= {
            "gradient": lambda: gradient(*arguments),
            "value_and_grad": lambda: both(*arguments),
            "hvp": lambda: change(arguments, tangents),
            "pullback": lambda: pullback(1.0),
            "both": lambda: pair(*arguments)[1](1.0),
        }
    for call in calls.values():
        call()
    times = dict(zip(calls, interleaved(list(calls.values()), []), strict=True))
    of = {"jvp": "primal", "hvp": "gradient", "pullback": "gradient", "both": "value_and_grad"}
    return {what: times[what] / times[base] for what, base in of.items() if what in times}


def copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in arguments)


def ones(argument: Any) -> Any:
    leaves, spec = flatten(argument)
    return unflatten(spec, [np.ones_like(leaf) if isinstance(leaf, np.ndarray) else 1.0 for leaf in leaves])


if __name__ == "__main__":
    main()

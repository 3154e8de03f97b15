"""Forward mode against the primal, for each workload, in one process and interleaved.

    python -m tests.benchmarks.forward [NAME ...]

The time of a call of the compiled `srcad.jvp` as a ratio to that of the function under Numba, in processor time; the
tangents are of the arguments that the workload differentiates.
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names
    warnings.simplefilter("ignore")
    ratios = []
    for name, workload in discovered().items():
        if names and name not in names:
            continue
        primal, tangent = interleaved(calls(workload), [])
        ratios.append(tangent / primal)
        print(f"{name:28} {primal * 1e3:9.3f} ms {tangent / primal:6.2f}", flush=True)
    print(f"median {statistics.median(ratios):.2f}, worst {max(ratios):.2f}")


def calls(workload: Workload) -> list[Callable[[], Any]]:
    """The primal, and the value with its tangent; what is written into is copied by both."""
    arguments = workload.arguments(False)
    primal = prepared(workload, "primal", None, arguments)
    wrt = {workload.wrt} if isinstance(workload.wrt, int) else set(workload.wrt)
    tangents = tuple(ones(a) if at in wrt else None for at, a in enumerate(arguments))
    derivative = srcad.jvp(workload.function, **{**workload.options, "cache": False})
    if workload.primal:  # a procedure
        return [primal, lambda: derivative(copies(arguments), copies(tangents))]
    return [primal, lambda: derivative(arguments, tangents)]


def copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in arguments)


def ones(argument: Any) -> Any:
    leaves, spec = flatten(argument)
    return unflatten(spec, [np.ones_like(leaf) if isinstance(leaf, np.ndarray) else 1.0 for leaf in leaves])


if __name__ == "__main__":
    main()

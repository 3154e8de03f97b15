"""The workloads: what every module of `workloads/` has as `WORKLOADS`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.benchmarks import workloads
from tests.benchmarks.workload import Workload


def discovered() -> dict[str, Workload]:
    """By name. A module that does not import is an error here: nothing could be said of its workloads."""
    modules = sorted(module.name for module in iter_modules(workloads.__path__))
    found: dict[str, Workload] = {}
    for module in modules:
        for workload in import_module(f"{workloads.__name__}.{module}").__dict__.get("WORKLOADS", ()):
            if workload.name in found:
                raise ValueError(f"two workloads are called {workload.name}")
            found[workload.name] = workload
    return found

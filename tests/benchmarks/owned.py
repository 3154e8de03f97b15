"""The text people own against the gradient that is called, for each workload, in one process and interleaved.

    python -m tests.benchmarks.owned [NAME ...]

`saved` is the file that `save` writes, imported; `rebuilt` is that file after an edit that changes nothing, with the
compiled form that `srcad build` makes by reading it. Each in processor time, as a ratio to the call of the derivative's
own function on the same flat arguments. `first` is what a process takes, of processor time, from its start to the first
result, without a cache: with the derivative it imports srcad and makes the text and the machine code, with a file it
imports that and makes the machine code.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import srcad
from srcad.compiler.shipment import Shipment
from srcad.dispatch.pytree import flatten
from srcad.dispatch.specialisation import Specialisation
from tests.benchmarks.discover import discovered
from tests.benchmarks.workload import Workload

ROUNDS, SECONDS = 7, 0.4
"""Rounds of each function, and about how long one takes."""
PROCESSES = 2
"""For each first call; the fastest counts."""
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names
    warnings.simplefilter("ignore")
    table = Table("workload", "called (ms)", "saved", "rebuilt", "first: called (s)", "saved", "rebuilt")
    ratios: list[tuple[float, ...]] = []
    for name, workload in discovered().items():
        if names and name not in names:
            continue
        best, first = measured(workload)
        ratio = best[1] / best[0], best[2] / best[0], first[1] / first[0], first[2] / first[0]
        ratios.append(ratio)
        shown = [f"{best[0] * 1e3:.3f}", f"{ratio[0]:.2f}", f"{ratio[1]:.2f}", f"{first[0]:.2f}"]
        table.add_row(name, *shown, f"{ratio[2]:.2f}", f"{ratio[3]:.2f}")
        print(name, *shown, f"{ratio[2]:.2f}", f"{ratio[3]:.2f}", flush=True, file=sys.stderr)
    for what, of in (("median", statistics.median), ("worst", max)):
        saved, rebuilt, first_saved, first_rebuilt = map(of, zip(*ratios, strict=True))
        table.add_row(what, "", f"{saved:.2f}", f"{rebuilt:.2f}", "", f"{first_saved:.2f}", f"{first_rebuilt:.2f}")
    Console().print(table)


def measured(workload: Workload) -> tuple[list[float], list[float]]:
    """The best times of a call, and those of the first, of the derivative, of its file, and of the file rebuilt."""
    arguments = workload.arguments(False)
    mode, one = specialised(workload, arguments)
    shipment = one.shipment()
    edited = replace(shipment, edited=f"{shipment.text}\nEDITED = True\n")
    flat = [*one.flat(flatten(arguments)[0])]
    flat += [np.ones_like(flat[at]) for at in buffers(one)]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, kind, "made_grad.py") for kind in ("saved", "rebuilt")]
        for path, made in zip(paths, (shipment, edited), strict=True):
            path.parent.mkdir()
            made.write(path)
        name = one.generated.function.name
        functions = [one.compiled(), *(imported(path, name) for path in paths)]
        for function in functions:
            function(*flat)
        first = []
        for made in (None, shipment, edited):
            first.append(min(first_call(workload, mode, name, flat, made) for _ in range(PROCESSES)))
        return interleaved(functions, flat), first


def first_call(workload: Workload, mode: str, name: str, flat: list[Any], made: Shipment | None) -> float:
    """The seconds of a new process that calls the derivative, or the file, once."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "flat.pickle").write_bytes(pickle.dumps(flat))
        if made is not None:
            made.write(Path(folder, "made_grad.py"))
            args = [_FILE, name]
        else:
            args = [_CALLED, str(ROOT), _module_of(workload), workload.name, mode]
        environment = {**os.environ, "SRCAD_CACHE_DIR": str(Path(folder, "cache"))}
        run = [sys.executable, "-c", *args]
        done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])


_FILE = """
import pickle, sys, time
sys.path.insert(0, "")
with open("flat.pickle", "rb") as file:
    flat = pickle.load(file)
import made_grad
getattr(made_grad, sys.argv[1])(*flat)
print(time.process_time())
"""
_CALLED = """
import pickle, sys, time, warnings
from importlib import import_module
_, root, module, name, mode = sys.argv
sys.path.insert(0, root)
warnings.simplefilter("ignore")
with open("flat.pickle", "rb") as file:
    flat = pickle.load(file)
workload = next(one for one in import_module(module).WORKLOADS if one.name == name)
start = time.process_time()
arguments = workload.arguments(False)
own = time.process_time() - start
import srcad
derivative = getattr(srcad, mode)(workload.function, workload.wrt, **workload.options)
derivative.specialisation(*arguments).compiled()(*flat)
print(time.process_time() - own)
"""


def _module_of(workload: Workload) -> str:
    return next(
        name
        for name, module in sys.modules.items()
        if name.startswith("tests.benchmarks.workloads.") and workload in getattr(module, "WORKLOADS", ())
    )


def specialised(workload: Workload, arguments: tuple[Any, ...]) -> tuple[str, Specialisation]:
    """The mode that takes the workload, a function of a number or one that fills buffers, and the specialisation."""
    options = {**workload.options, "cache": False}
    for make in (srcad.grad, srcad.adjoint):
        derivative = make(workload.function, workload.wrt, **options)
        try:
            return make.__name__, derivative.specialisation(*arguments)
        except srcad.SrcadError:
            continue
    raise AssertionError("no mode takes the workload")


def buffers(one: Specialisation) -> list[int]:
    """The positions of the arrays whose buffers an adjoint takes, in their order."""
    takes = one.generated.takes
    names = [parameter.name for parameter in takes]
    return [names.index(parameter.like) for parameter in takes if parameter.like is not None]


def imported(path: Path, name: str) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location(f"owned_{path.parent.name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, name)
    assert type(found).__name__ == "_Form", found
    return found


def interleaved(functions: list[Callable[..., Any]], flat: list[Any]) -> list[float]:
    best = [float("inf")] * len(functions)
    start = time.process_time()
    functions[0](*flat)
    count = max(1, int(SECONDS / max(time.process_time() - start, 1e-7)))
    gc.disable()
    for _ in range(ROUNDS):
        for at, function in enumerate(functions):
            start = time.process_time()
            for _ in range(count):
                function(*flat)
            best[at] = min(best[at], (time.process_time() - start) / count)
    gc.enable()
    return best


if __name__ == "__main__":
    main()

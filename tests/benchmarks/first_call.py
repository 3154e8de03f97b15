"""What the first call of a gradient costs, each measured in a process of its own.

    python -m tests.benchmarks.first_call [NAME ...] [--cpu] [--json FILE]

For each function: `lines` of the text that is compiled, and `functions` that Numba compiles for it with an empty cache;
`text`, our own part (from the call to the text, everything read for the first time); `numba`, the rest of that call;
`later`, that rest where the functions that are linked into it were compiled for another gradient before; `warm`, the
first call of a second process, after the imports; `call`, a later call, beside one of the bare dispatcher. Compiling
runs on one thread: on a machine that does other things too, `--cpu` (processor time in place of time) says what it
would cost alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_MODULE = "tests.benchmarks.first_call"
LIMITS = {"text": 0.2, "compile": 2.0, "warm": 0.3}
"""In seconds, for a function of a dozen lines; `compile` is text and Numba together."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="of functions in first_call_programs.py; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--cpu", action="store_true", help="processor time instead of time")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each figure; the fastest counts")
    parser.add_argument("--part", choices=("cold", "warm"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    clock = "process_time" if options.cpu else "perf_counter"
    if options.part:
        print(json.dumps(_measured(options.names[0], clock, cold=options.part == "cold")))
        return

    from tests.benchmarks.first_call_programs import programs

    imports = {name: _import_time(name, clock, options.repeats) for name in ("numpy", "numba", "srcad")}
    imports["srcad after numba"] = _import_time("srcad", clock, options.repeats, "import numba")
    for name, seconds in imports.items():
        print(f"import {name:<20} {seconds:6.3f} s")
    columns = ("lines", "functions", "text", "numba", "later", "compile", "warm")
    print(f"\n{'':<20}{''.join(f'{name:>10}' for name in columns)}{'call':>11}{'bare call':>11}")
    found = {}
    for name in options.names or programs():
        figures = found[name] = _figures(name, clock, options.repeats)
        over = [what for what, limit in LIMITS.items() if figures[what] > limit]
        print(
            f"{name:<20}{figures['lines']:10.0f}{figures['functions']:10.0f}{figures['text']:10.3f}"
            f"{figures['numba']:10.2f}{figures['later']:10.2f}{figures['compile']:10.2f}{figures['warm']:10.3f}"
            f"{figures['call'] * 1e6:8.1f} us{figures['bare call'] * 1e6:8.1f} us"
            + (f"   over the limit: {', '.join(over)}" if over else "")
        )
    print(f"{'limits':<40}{LIMITS['text']:10.3f}{'':20}{LIMITS['compile']:10.2f}{LIMITS['warm']:10.3f}")
    if options.json:
        options.json.write_text(json.dumps({"imports": imports, "calls": found}, indent=2) + "\n")


def _import_time(name: str, clock: str, repeats: int, before: str = "pass") -> float:
    code = f"from time import {clock} as clock\n{before}\nt = clock()\nimport {name}\nprint(clock() - t)"
    return min(float(_python("-c", code)) for _ in range(repeats))


def _figures(name: str, clock: str, repeats: int) -> dict[str, float]:
    """Of one function; each figure is the least of `repeats` processes."""
    runs = []
    options = ("--cpu",) if clock == "process_time" else ()
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            cold = json.loads(_python("-m", _MODULE, name, "--part", "cold", *options, cache=folder))
            warm = json.loads(_python("-m", _MODULE, name, "--part", "warm", *options, cache=folder))
            for file in Path(folder).iterdir():  # the gradient goes, and what is linked into it stays
                if file.name != "linked":
                    shutil.rmtree(file) if file.is_dir() else file.unlink()
            later = json.loads(_python("-m", _MODULE, name, "--part", "cold", *options, cache=folder))["numba"]
        runs.append({**cold, **warm, "later": later, "compile": cold["text"] + cold["numba"]})
    return {what: min(run[what] for run in runs) for what in runs[0]}


def _measured(name: str, clock_name: str, *, cold: bool) -> dict[str, float]:
    """In this process, whose cache folder is empty (`cold`) or not."""
    from numba.core import event

    import srcad
    from tests.benchmarks.first_call_programs import programs

    program = programs()[name]
    derivative = srcad.grad(program.function, program.wrt)
    clock = getattr(time, clock_name)
    started = clock()
    if cold:
        derivative.source_for(*program.arguments)
        text = clock()
        with event.install_recorder("numba:compile") as compiled:
            derivative(*program.arguments)
        numba_time, functions = clock() - text, sum(one.is_start for _, one in compiled.buffer)
        lines = len(derivative.specialisation(*program.arguments).generated.machine_text().splitlines())
        return {"text": text - started, "numba": numba_time, "lines": lines, "functions": functions}
    derivative(*program.arguments)
    warm = clock() - started
    calls: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "call": (derivative, program.arguments),
        "bare call": (derivative.compiled, program.arguments),
    }
    return {"warm": warm, **{what: _call_time(*pair) for what, pair in calls.items()}}


def _call_time(function: Any, arguments: tuple[Any, ...], count: int = 2000) -> float:
    """Seconds of one call: the fastest of several rounds."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(count // 5):
            function(*arguments)
        best = min(best, (time.perf_counter() - started) / (count // 5))
    return best


def _python(*arguments: str, cache: str | None = None) -> str:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"} | ({"SRCAD_CACHE_DIR": cache} if cache else {})
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    main()

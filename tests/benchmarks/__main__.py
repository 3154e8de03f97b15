"""The benchmark: our gradients against adjoints by hand and against other tools, all on one thread.

    python -m tests.benchmarks [--quick] [--only NAME ...] [--no-peers] [--cpu]
                               [--json FILE] [--markdown FILE] [--plot FILE]
    python -m tests.benchmarks --boundscheck [--quick] [--only NAME ...] [--cpu] [--markdown FILE]

Each workload is measured in a process of its own, with an empty cache: one that crashes, hangs or is refused costs
itself alone. `pip install -e '.[bench]'` has the other tools; one that is not installed is reported as failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks.discover import discovered
from tests.benchmarks.figures import OWN, Figures, Peer, machine
from tests.benchmarks.safety import Cost
from tests.benchmarks.safety import markdown as markdown_of
from tests.benchmarks.table import markdown, problems, shown

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = {True: 180.0, False: 900.0}
"""Seconds for a workload, by whether it is quick."""
ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA", "VECLIB_MAXIMUM")},
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_ENABLE_X64": "1",
    "JAX_PLATFORMS": "cpu",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small arguments, few rounds, no memory")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of workloads, or how their names begin")
    parser.add_argument("--no-peers", action="store_true", help="no other tools")
    parser.add_argument("--cpu", action="store_true", help="processor time instead of time, for a busy machine")
    parser.add_argument("--boundscheck", action="store_true", help="what the checks of indices cost, and nothing else")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios there (matplotlib)")
    options = parser.parse_args()
    console = Console()
    names = chosen(list(discovered()), options.only)
    flags = [f"--{flag}" for flag in ("quick", "no-peers", "cpu") if getattr(options, flag.replace("-", "_"))]
    if options.boundscheck:
        safety(names, flags, options.quick, console, options.markdown)
        return
    found = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            figures = run(name, flags, options.quick, lambda text: progress.update(task, description=text))
            found.append(figures)
            if figures.error:
                progress.console.print(f"[red]{name}[/]: {figures.error}", markup=True, highlight=False)
            progress.advance(task)
    for table in shown(found):
        console.print(table)
    for line in problems(found):
        console.print(f"not measured: {line}", markup=False, highlight=False)
    here = machine()
    if options.json:
        whole = {"machine": here, "options": flags, "workloads": [one.as_json() for one in found]}
        options.json.write_text(json.dumps(whole, indent=2) + "\n")
    if options.markdown:
        options.markdown.write_text(markdown(found, here))
    if options.plot:
        from tests.benchmarks.plot import plot

        plot(found, options.plot)
    if any(one.error for one in found):
        raise SystemExit(1)


def safety(names: list[str], flags: list[str], quick: bool, console: Console, file: Path | None) -> None:
    """The cost of the checks of indices, as a table."""
    costs = []
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console) as progress:
        for name in progress.track(names):
            with tempfile.TemporaryDirectory() as folder:
                found = Path(folder, "cost.json")
                failure = _python(name, flags, found, TIMEOUT[quick], print, "tests.benchmarks.safety")
                if failure:
                    raise SystemExit(f"{name}: {failure}")
                costs.append(Cost(**json.loads(found.read_text())))
    console.print(markdown_of(costs), markup=False, highlight=False)
    if file is not None:
        file.write_text(markdown_of(costs))


def chosen(names: list[str], only: list[str] | None) -> list[str]:
    """Those that `only` names or begins; an unknown one ends the program."""
    for given in only or ():
        if not any(name.startswith(given) for name in names):
            raise SystemExit(f"no workload {given!r}; there are {', '.join(names)}")
    return [name for name in names if not only or any(name.startswith(given) for given in only)]


def run(name: str, flags: list[str], quick: bool, say: Callable[[str], None]) -> Figures:
    """The figures of one workload, and the memory of its calls unless quick, from processes of their own."""
    figures = Figures(name, quick=quick)
    stage = ""

    def heard(line: str) -> None:
        nonlocal stage
        if line.startswith("stage "):
            stage = line.removeprefix("stage ").strip()
            say(f"{name}: {stage}")

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        failure = _python(name, flags, file, TIMEOUT[quick], heard)
        if file.exists():
            figures = Figures.from_json(json.loads(file.read_text()))
        if failure and figures.timing("ours"):  # then it was a peer
            figures.peers[stage] = Peer(error=failure)
        elif failure:
            figures.error = f"{stage}: {failure}"
        if quick or figures.error:
            return figures
        for contestant in OWN:
            say(f"{name}: memory, {contestant}")
            file = Path(folder, f"{contestant}.json")
            if not _python(name, ["--memory", contestant], file, TIMEOUT[quick], heard):
                figures.contestants[contestant].memory = json.loads(file.read_text())
    return figures


def _python(
    name: str,
    flags: list[str],
    file: Path,
    seconds: float,
    heard: Callable[[str], None],
    module: str = "tests.benchmarks.measure",
) -> str | None:
    """Runs the module; what went wrong, or None. Every process has an empty cache."""
    environment = {**os.environ, **ONE_THREAD, "SRCAD_CACHE_DIR": str(file.with_suffix(".cache"))}
    command = [sys.executable, "-m", module, name, str(file), *flags]
    errors = file.with_suffix(".stderr")
    late = threading.Event()
    with errors.open("w") as stderr:
        process: Any = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        )

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        for line in process.stdout:
            heard(line)
        code = process.wait()
        timer.cancel()
    if late.is_set():
        return f"stopped after {seconds:g} s"
    if code < 0:
        return f"crashed by signal {-code}"
    lines = errors.read_text().strip().splitlines()
    return (lines[-1] if lines else f"exit status {code}") if code else None


if __name__ == "__main__":
    main()

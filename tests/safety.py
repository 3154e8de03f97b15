"""Does a test notice where a safety condition of the compiler is taken away?

    python -m tests.safety                        # all of them: some minutes
    python -m tests.safety --only "copy elision"  # those whose name has these words
    python -m tests.safety --jobs 4

Each condition of the table is removed from a copy of `srcad`, one at a time, and the few tests named with it are run
against that copy. A condition that no test notices is either redundant or not tested. Exits with 1 if there is one, if
a piece of text is not found exactly once, or if a test fails on the copy that nothing was removed from.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LIMIT = 120
"""Seconds that the tests of one condition may take: without it, the compiler may not end."""
CORPUS = ("test_gradient", "test_machine_text")
"""The tests of `test_programs.py` that a program of the corpus stands for."""


@dataclass(frozen=True)
class Condition:
    """What must hold for a number to be right or a store to be in bounds; `text` is once in the module.

    With `without` in its place the condition holds always, or is not asked. `tests` are programs of the corpus, such as
    "loops:over_rows", and tests by the name of their file in `tests`.
    """

    name: str
    module: str
    text: str
    without: str
    tests: tuple[str, ...]


def _c(name: str, module: str, text: str, without: str, *tests: str) -> Condition:
    return Condition(name, module, text, without, tests)


# fmt: off
CONDITIONS: tuple[Condition, ...] = (

)
# fmt: on


@dataclass(frozen=True)
class Outcome:
    noticed: bool
    text: str


def node_ids(tests: Sequence[str]) -> list[str]:
    """The tests as pytest has them.

    >>> node_ids(["loops:over_rows", "test_fits.py"])[::2]
    ['tests/test_programs.py::test_gradient[loops:over_rows]', 'tests/test_fits.py']
    """
    found = []
    for test in tests:
        if ".py" in test:
            found.append(f"tests/{test}")
        else:
            found += [f"tests/test_programs.py::{one}[{test}]" for one in CORPUS]
    return found


def problem(condition: Condition) -> str | None:
    """Why the condition cannot be removed, if so."""
    path = REPOSITORY / "srcad" / condition.module
    if not path.exists():
        return f"there is no {condition.module}"
    times = path.read_text().count(condition.text)
    return None if times == 1 else f"its text is {times} times in {condition.module}"


def copied(folder: Path, condition: Condition | None) -> None:
    """A copy of the repository in which `srcad` lacks the condition; the rest is linked."""
    shutil.copytree(REPOSITORY / "srcad", folder / "srcad", ignore=shutil.ignore_patterns("__pycache__"))
    for entry in REPOSITORY.iterdir():
        if entry.name != "srcad" and not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    if condition is not None:
        path = folder / "srcad" / condition.module
        path.write_text(path.read_text().replace(condition.text, condition.without))


def pytest_run(folder: Path, tests: Sequence[str], *options: str) -> tuple[int, str]:
    """The exit code and what pytest printed; 124 where it took too long."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "--no-header", "-p", "no:cacheprovider"]
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    # Numba's files would be those of another compiler
    environment = {**os.environ, "PYTHONPATH": paths, "SRCAD_CACHE_DIR": str(folder / "cache"), "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            [*command, *options, *node_ids(tests)],
            cwd=folder,
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=LIMIT if "-x" in options else None,
        )
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, done.stdout + done.stderr


def failed(printed: str) -> list[str]:
    return re.findall(r"^(?:FAILED|ERROR) (?:tests/)?(.*?)(?: - .*)?$", printed, re.M)


def judge(condition: Condition) -> Outcome:
    """Remove the condition and run its tests."""
    why = problem(condition)
    if why is not None:
        return Outcome(False, why)
    with tempfile.TemporaryDirectory() as name:
        copied(Path(name), condition)
        code, printed = pytest_run(Path(name), condition.tests, "-x")
    match code:
        case 0:
            return Outcome(False, "not noticed")
        case 1 if failed(printed):
            return Outcome(True, failed(printed)[0])
        case 124:
            return Outcome(False, f"no end within {LIMIT} s")
    return Outcome(False, f"the tests did not run (exit code {code})\n{printed[-2000:]}")


def sound(conditions: Sequence[Condition]) -> bool:
    """Whether all the tests pass on a copy that has every condition."""
    tests = dict.fromkeys(test for condition in conditions for test in condition.tests)
    with tempfile.TemporaryDirectory() as name:
        copied(Path(name), None)
        code, printed = pytest_run(Path(name), list(tests))
    if code:
        print("with nothing removed:", *(failed(printed) or [printed[-2000:]]), sep="\n  ")
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="the conditions whose name contains NAME")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="so many at a time (2)")
    options = parser.parse_args()
    chosen = [c for c in CONDITIONS if not options.only or any(part in c.name for part in options.only)]
    if not chosen:
        parser.error(f"no condition is named like {options.only}")

    def timed(condition: Condition) -> tuple[Condition, Outcome, float]:
        start = time.perf_counter()
        outcome = judge(condition)
        return condition, outcome, time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(options.jobs) as pool:
        whole = pool.submit(sound, chosen)
        missed = 0
        for condition, outcome, seconds in pool.map(timed, chosen):
            missed += not outcome.noticed
            mark = " " if outcome.noticed else "!"
            print(f"{mark} {condition.name:<58} {seconds:5.1f} s  {outcome.text}", flush=True)
        right = whole.result()
    print(f"{len(chosen)} conditions, {missed} not noticed, {time.perf_counter() - start:.0f} s")
    return 1 if missed or not right else 0


if __name__ == "__main__":
    sys.exit(main())

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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.safety_conditions import CONDITIONS, Condition

REPOSITORY = Path(__file__).parents[1]
LIMIT = 120
"""Seconds that the tests of one condition may take: without it, the compiler may not end."""
WIDTH = 90
"""Characters shown of a test; some are called after all of their program."""


@dataclass(frozen=True)
class Outcome:
    noticed: bool
    text: str


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


def run(folder: Path, *command: str, limit: float | None = LIMIT) -> tuple[int, str]:
    """The exit code, 124 where it took too long, and what was printed, of Python run on the copy."""
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    # what is in the cache was written by another compiler
    changed = {"PYTHONPATH": paths, "SRCAD_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    whole = [sys.executable, *command]
    try:
        done = subprocess.run(
            whole, cwd=folder, env=os.environ | changed, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, done.stdout + done.stderr


def commands(tests: Sequence[str], *options: str) -> Iterator[tuple[str, ...]]:
    """Programs of the corpus by `check_programs`, the other tests by pytest; each ends with 1 where a test fails."""
    programs = [test for test in tests if ".py" not in test]
    others = [f"tests/{test}" for test in tests if ".py" in test]
    if programs:
        yield "-m", "tests.safety", "--programs", *programs
    if others:
        quiet = ("-q", "-rfE", "--tb=no", "--no-header", "-p", "no:cacheprovider")
        yield "-m", "pytest", *quiet, *options, *others


def check_programs(names: Sequence[str]) -> int:
    """Judge the text one reads and the text that is compiled as `test_programs.py` does; 1 where one is wrong."""
    from tests.test_programs import ALL, test_gradient, test_machine_text

    cases = {case.name: case for case in ALL}
    wrong = 0
    for name in names:
        for test in (test_gradient, test_machine_text):
            try:
                test(cases[name])
            except Exception as error:
                print(f"FAILED {name} - {test.__name__}: {type(error).__name__}")
                wrong = 1
    return wrong


def failed(printed: str) -> list[str]:
    return re.findall(r"^(?:FAILED|ERROR) (?:tests/)?(.*?)(?: - .*)?$", printed, re.M)


def judge(condition: Condition) -> Outcome:
    """Remove the condition and run its tests."""
    why = problem(condition)
    if why is not None:
        return Outcome(False, why)
    with tempfile.TemporaryDirectory() as name:
        copied(Path(name), condition)
        for command in commands(condition.tests, "-x"):
            code, printed = run(Path(name), *command)
            if code == 1 and failed(printed):
                return Outcome(True, failed(printed)[0][:WIDTH])
            if code == 124:
                return Outcome(False, f"no end within {LIMIT} s")
            if code:
                return Outcome(False, f"the tests did not run (exit code {code})\n{printed[-2000:]}")
    return Outcome(False, "not noticed")


def sound(conditions: Sequence[Condition]) -> bool:
    """Whether all the tests pass on a copy that has every condition."""
    tests = list(dict.fromkeys(test for condition in conditions for test in condition.tests))
    right = True
    with tempfile.TemporaryDirectory() as name:
        copied(Path(name), None)
        for command in commands(tests):
            code, printed = run(Path(name), *command, limit=None)
            if code:
                print("with nothing removed:", *(failed(printed) or [printed[-2000:]]), sep="\n  ")
                right = False
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="the conditions whose name contains NAME")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="so many at a time (2)")
    parser.add_argument("--programs", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.programs:
        return check_programs(options.programs)
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
            print(f"{mark} {condition.name:<62} {seconds:5.1f} s  {outcome.text}", flush=True)
        right = whole.result()
    print(f"{len(chosen)} conditions, {missed} not noticed, {time.perf_counter() - start:.0f} s")
    return 1 if missed or not right else 0


if __name__ == "__main__":
    sys.exit(main())

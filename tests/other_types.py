"""Files of the programs of the corpus, called with arguments of types they were not made for: refused, or right.

python -m tests.other_types --seed 1 --cases 200
"""

from __future__ import annotations

import argparse
import random
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

import srcad
from tests.programs.registry import Case, all_cases
from tests.test_types import flat, others


def judged(case: Case, folder: Path, tally: Counter[str]) -> None:
    """Count what becomes of each argument in other forms; say what is wrong."""
    df = srcad.grad(case.function, case.wrt, target="python")
    try:
        one = df.specialisation(*case.args)
        path = df.save(folder / "made.py")
    except srcad.SrcadError:
        return
    if len(one.generated.lowered.function.params) != len(case.args):
        return  # it reads values from outside
    scope: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    function = scope[one.generated.function.name]
    for at, value in enumerate(case.args):
        if isinstance(value, np.ndarray) and value.size * value.ndim == 0:
            continue
        for other in others(value):
            args = [*case.args[:at], other, *case.args[at + 1 :]]
            what = outcome(case, function, args)
            tally[what] += 1
            if what not in ("refused", "right", "raised"):
                print(f"{what}: {case.function.__module__}.{case.function.__name__}, argument {at}: {other!r}")


def outcome(case: Case, function: Any, args: list[Any]) -> str:
    try:
        have = flat(function(*map(copied, args)))
    except TypeError as error:
        return "refused" if " takes " in str(error) else "raised"
    except Exception:
        return "raised"
    try:
        want = flat(srcad.grad(case.function, case.wrt, target="python")(*map(copied, args)))
    except Exception as error:
        return f"a value where a call raises {type(error).__name__}"
    same = all(np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-9, equal_nan=True) for a, b in zip(have, want))
    return "right" if same else "WRONG"


def copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=200)
    given = parser.parse_args()
    cases = [case for case in all_cases() if all(isinstance(a, np.ndarray | float | int) for a in case.args)]
    random.Random(given.seed).shuffle(cases)
    tally: Counter[str] = Counter()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        for case in track(cases[: given.cases], "programs"):
            judged(case, Path(folder), tally)
    print(", ".join(f"{count} {what}" for what, count in tally.most_common()))


if __name__ == "__main__":
    main()

"""Every text that srcad writes is a program that srcad reads: `python -m tests.read_again [every]` tries the corpus.

For each program the value and gradient are written, as `.source` and as `save` writes them, and each text is read by
`srcad.jit`. What it then computes has to be what the text computes, uncompiled.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections import Counter

import numpy as np

import srcad
from srcad.backend.modules.text_functions import function_of
from srcad.dispatch.loaded_function import as_compiled
from srcad.dispatch.pytree import flatten
from srcad.errors import SrcadError
from tests.programs.registry import Case, all_cases

TOLERANCE = 1e-12
"""Read again, sums may be added up in another order."""


def written(case: Case):
    """The texts of the value and gradient of a program, and the flat arguments for them."""
    df = srcad.value_and_grad(case.function, case.wrt)
    one = df.specialisation(*case.args)
    flat = one.flat(flatten(df._parameters.values(case.args, {}))[0])
    return {"source": one.text, "saved": one.shipment().text}, flat


def outcome(function, args):
    """The numbers a call gives, or the error it raises."""
    try:
        return numbers(function(*copy.deepcopy(args)))
    except SrcadError:
        raise
    except Exception as error:
        return type(error)


def numbers(value):
    if isinstance(value, tuple | list):
        return [number for part in value for number in numbers(part)]
    return [value]


def difference(case: Case) -> str:
    """What is wrong with the texts of a program once they are read again; nothing where all is right."""
    texts, flat = written(case)
    want = outcome(as_compiled(function_of(texts["source"])), flat)
    for name, text in texts.items():
        got = outcome(srcad.jit(text, target="python"), flat)
        if not same(want, got):
            return f"{name}: {want} became {got}"
    return ""


def same(want, got) -> bool:
    if isinstance(want, type) or isinstance(got, type):
        return want is got
    return len(want) == len(got) and all(map(alike, want, got))


def alike(a, b) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b, TOLERANCE, TOLERANCE, equal_nan=True)


def main() -> int:
    warnings.simplefilter("ignore")
    found: Counter[str] = Counter()
    for case in all_cases()[:: int(sys.argv[1]) if len(sys.argv) > 1 else 1]:
        try:
            wrong = difference(case)
        except SrcadError as error:
            wrong = str(error)
        found[wrong.split("\n")[0] if wrong.startswith("srcad error") else "wrong" if wrong else "right"] += 1
        if wrong:
            print(f"{case.name}: {wrong}\n")
    for what, times in found.most_common():
        print(f"{times:5d}  {what}")
    return len(found) > 1


if __name__ == "__main__":
    sys.exit(main())

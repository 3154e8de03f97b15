"""Which calls of NumPy and SciPy have the right value and gradient, through srcad, JAX and autograd.

python -m tests.coverage.numpy_functions                  those of srcad, as plain Python, with the reasons
python -m tests.coverage.numpy_functions --only einsum    calls that contain a word, or of a module
python -m tests.coverage.numpy_functions --with jax,autograd --markdown docs/coverage.md --jobs 2
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.coverage.calls import made
from tests.coverage.functions import TABLES, without_a_call
from tests.coverage.libraries import of_other, of_srcad, others
from tests.coverage.page import Row, page

_CHUNK = 20
"""How many calls a process takes at a time."""


def tried(calls: list[tuple[str, str]], names: list[str], target: str, jobs: int) -> Iterator[Row]:
    """What becomes of the calls, in their order."""
    chunks = [calls[k : k + _CHUNK] for k in range(0, len(calls), _CHUNK)]
    if jobs == 1:
        for chunk in chunks:
            yield from rows_of(chunk, names, target)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(partial(rows_of, names=names, target=target), chunks):
            yield from found


def rows_of(calls: list[tuple[str, str]], names: list[str], target: str) -> list[Row]:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    libraries = others(names)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for module, text in calls:
            call = made(text, Path(folder))
            outcomes = [of_srcad(call, target)]
            outcomes += [of_other(call, *library) for library in libraries.values()]
            rows.append(Row(module, text, tuple(outcomes)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--target", default="python")
    parser.add_argument("--with", dest="others", default="")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    chosen = [(m, t) for m, texts in TABLES.items() for t in texts if given.only in t or given.only == m]
    rows: list[Row] = []
    for row in tried(chosen, given.others.split(","), given.target, given.jobs):
        rows.append(row)
        if row.kinds[0] != "right":
            print(f"{row.text}  {row.outcomes[0]}", flush=True)
    libraries = [*others(given.others.split(","))]
    names = ["srcad", *libraries]
    print("no row:", *without_a_call())
    for k, name in enumerate(names):
        print(name, dict(Counter(row.kinds[k] for row in rows)))
    if given.markdown:
        versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", *map(str.lower, libraries)))
        given.markdown.write_text(page(rows, names, versions), encoding="utf-8")


if __name__ == "__main__":
    main()

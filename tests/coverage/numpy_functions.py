"""Which calls of NumPy and SciPy have the right value and gradient, through srcad, JAX and autograd.

python -m tests.coverage.numpy_functions                  those of srcad, as plain Python, with the reasons
python -m tests.coverage.numpy_functions --only einsum    calls that contain a word, or of a module
python -m tests.coverage.numpy_functions --with jax,autograd --markdown docs/coverage.md
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.coverage.calls import made
from tests.coverage.functions import TABLES, without_a_call
from tests.coverage.libraries import of_other, of_srcad, others
from tests.coverage.page import Row, page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--target", default="python")
    parser.add_argument("--with", dest="others", default="")
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    libraries = others(given.others.split(","))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for module, texts in TABLES.items():
            for text in texts:
                if given.only not in text and given.only != module:
                    continue
                call = made(text, Path(folder))
                outcomes = [of_srcad(call, given.target)]
                outcomes += [of_other(call, *library) for library in libraries.values()]
                rows.append(Row(module, text, tuple(outcomes)))
                if outcomes[0] != "right":
                    print(f"{text}  {outcomes[0]}", flush=True)
    names = ["srcad", *libraries]
    print("no row:", *without_a_call())
    for k, name in enumerate(names):
        print(name, dict(Counter(row.kinds[k] for row in rows)))
    if given.markdown:
        versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", *map(str.lower, libraries)))
        given.markdown.write_text(page(rows, names, versions), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Runs the examples of docs/interop.md that import a library; for processes in which Numba is switched off.

NUMBA_DISABLE_JIT=1 python -m tests.interop_page torch
"""

from __future__ import annotations

import re
import runpy
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "interop.md"


def examples(library: str) -> str:
    """Those of the sections up to and from the one that is about JAX, as one text."""
    torch, _, jax = PAGE.read_text(encoding="utf-8").partition("## A function of ours in JAX")
    blocks = re.findall(r"^```python\n(.*?)^```$", {"torch": torch, "jax": jax}[library], re.MULTILINE | re.DOTALL)
    assert blocks
    return "import numpy as np\n" + "\n".join(blocks)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "example.py"
        file.write_text(examples(sys.argv[1]), encoding="utf-8")
        runpy.run_path(str(file))

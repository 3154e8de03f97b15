"""Which modules belong to libraries."""

from __future__ import annotations

import sys

_LIBRARIES = frozenset({"numpy", "scipy", "numba", "srcad", "optree", "gast"})


def of_library(module: str | None) -> bool:
    """Whether a module belongs to a library: its constants never change, and its source is not the user's.

    >>> [of_library(name) for name in ("numpy.linalg", "math", "model", "__main__")]
    [True, True, False, False]
    """
    root = (module or "").partition(".")[0]
    return root in _LIBRARIES or (root in sys.stdlib_module_names and root != "__main__")

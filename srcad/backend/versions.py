"""What a compiled function depends on besides its own text."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from srcad import machine, runtime


@cache
def versions() -> tuple[str, ...]:
    """Versions of NumPy and Numba, and a digest of the helpers, which Numba inlines into what calls them, and of how
    we have it compile."""
    from srcad.backend import jit, lighter, target

    files = (runtime, machine, jit, lighter, target)
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in files)
    return np.__version__, jit.numba_version(), hashlib.sha256(text).hexdigest()

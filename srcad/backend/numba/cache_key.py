"""What a compiled function depends on besides its own text."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from srcad import runtime, vector_math


@cache
def versions() -> tuple[str, ...]:
    """Versions of NumPy and Numba, and a digest of the helpers, which Numba inlines into what calls them, and of how
    we have it compile."""
    from srcad.backend.numba import compilation, light_overloads, target

    files = (runtime, vector_math, compilation, light_overloads, target)
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in files)
    return np.__version__, compilation.numba_version(), hashlib.sha256(text).hexdigest()

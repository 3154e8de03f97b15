"""The parts of the cache key of a compiled function besides its own text."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from srcad import runtime, vector_math


@cache
def versions() -> tuple[str, ...]:
    """Versions of NumPy and Numba, and a digest of the helpers, which Numba inlines into their callers, and of the
    modules that configure Numba.

    >>> numpy_version, numba_version, digest = versions()
    >>> numpy_version == np.__version__, len(digest)
    (True, 64)
    """
    from srcad.backend.numba import compilation

    files = [Path(str(module.__file__)) for module in (runtime, vector_math)]
    files += sorted(Path(__file__).parent.glob("*.py"))
    text = b"".join(file.read_bytes() for file in files)
    return np.__version__, compilation.numba_version(), hashlib.sha256(text).hexdigest()

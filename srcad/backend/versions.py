"""What a compiled function depends on besides its own text."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from srcad import runtime


@cache
def versions() -> tuple[str, ...]:
    """Versions of NumPy and Numba, and a digest of the helpers, which Numba inlines into what calls them."""
    from srcad.backend.jit import numba_version

    helpers = Path(runtime.__file__).read_bytes()
    return np.__version__, numba_version(), hashlib.sha256(helpers).hexdigest()

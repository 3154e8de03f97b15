"""The kernels as Numba compiles them, at their first call; a later process finds them in the cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from srcad.backend.modules.cache_files import store
from srcad.backend.modules.import_module import load
from srcad.backend.numba import compilation
from srcad.backend.numba.cache_key import versions
from srcad.options import Options


def kernel(name: str, module: str = "kernels") -> Callable[..., Any]:
    """A kernel by its name: one dispatcher, which compiles once for each dtype. Uncompiled where Numba is disabled.

    >>> import numpy as np
    >>> x = np.ones(2)
    >>> kernel("descent")(x, np.array([1.0, 2.0]), 0.5)
    >>> x
    array([0.5, 0. ])
    """
    return _kernel(name, module, compilation.disabled())


@cache
def _kernel(name: str, module: str, disabled: bool) -> Callable[..., Any]:
    source = import_module(f"srcad.optim.{module}")
    if disabled:
        found: Callable[..., Any] = getattr(source, name)
        return found
    # a copy in the folder of the cache, since the package may lie where nothing can be written
    text = Path(str(source.__file__)).read_text(encoding="utf-8")
    return compilation.compiled(getattr(load(store(f"optim_{module}", text, *versions(), keep=False)), name), Options())

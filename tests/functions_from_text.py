"""Functions of a text that a test makes."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_numbers = itertools.count()


def function_of(text: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function `f` of a text, which reads NumPy as `np` and the names that are given."""
    file = f"<program {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    scope = {"__name__": "programs", "np": np, **names}
    exec(compile(text, file, "exec"), scope)
    f: Callable[..., Any] = scope["f"]
    return f

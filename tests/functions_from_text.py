"""Functions of a text that a test makes."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_numbers = itertools.count()


def execute(text: str, names: dict[str, Any]) -> None:
    """Run a text in these names, so that the source of its functions can be read."""
    file = f"<program {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), names)


def function_of(text: str, names: Mapping[str, Any], name: str = "f") -> Callable[..., Any]:
    """The function of that name of a text, which reads NumPy as `np` and the names that are given."""
    scope = {"__name__": "programs", "np": np, **names}
    execute(text, scope)
    f: Callable[..., Any] = scope[name]
    return f

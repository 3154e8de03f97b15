"""Operands and constants as they stand in the text of a recording: ints are written, floats are parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from srcad.errors import fail
from srcad.tape.places import here

_TYPES = {float: "float", int: "int", bool: "bool"}


def literal(value: Any, operand: Callable[[Any], int | None], operands: list[int]) -> str:
    """The text of an argument, with `{}` for each operand, whose number is added to `operands`.

    `operand` gives the number of a value, or None where the value stands in the text.

    >>> literal((1, None), lambda _: None, []), literal({"a": -1}, lambda _: None, [])
    ('(1, None)', '{{"a": -1}}')
    """
    kind = type(value)
    if value is None or kind is int or kind is bool:
        return repr(value)
    number = operand(value)
    if number is not None:
        operands.append(number)
        return "{}"
    if value is Ellipsis:
        return "..."
    if kind is str:
        return repr(value).replace("{", "{{").replace("}", "}}")
    if kind in (tuple, list):
        parts = [literal(item, operand, operands) for item in value]
        if kind is list:
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if kind is dict and all(type(key) is str for key in value):
        return (
            "{{"
            + ", ".join(f"{_quoted(key)}: {literal(item, operand, operands)}" for key, item in value.items())
            + "}}"
        )
    if kind is slice:
        return f"slice({', '.join(literal(part, operand, operands) for part in (value.start, value.stop, value.step))})"
    if isinstance(value, np.integer):
        return repr(int(value))
    if isinstance(value, type) and value in _TYPES:
        return _TYPES[value]
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return f"np.{np.dtype(value).name}"
    fail(
        "S353",
        f"an argument of type {kind.__qualname__} cannot be recorded",
        here(),
        advice="pass tensors, arrays and numbers, in lists, tuples and dicts.",
    )


def index_literal(index: Any, operand: Callable[[Any], int | None], operands: list[int]) -> str:
    """The text between the brackets of an index.

    >>> index_literal((slice(None, -1), None, 2), lambda _: None, [])
    ':-1, None, 2'
    """
    if type(index) is not tuple:
        return _item(index, operand, operands)
    return ", ".join([_item(item, operand, operands) for item in index]) or "()"


def _item(item: Any, operand: Callable[[Any], int | None], operands: list[int]) -> str:
    if type(item) is not slice:
        return literal(item, operand, operands)
    start = "" if item.start is None else literal(item.start, operand, operands)
    stop = "" if item.stop is None else literal(item.stop, operand, operands)
    return f"{start}:{stop}" if item.step is None else f"{start}:{stop}:{literal(item.step, operand, operands)}"


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}") + '"'


@lru_cache
def numpy_name(function: Callable[..., Any]) -> str | None:
    """How NumPy's function or ufunc is called in the text; None if it is not NumPy's.

    >>> numpy_name(np.tanh), numpy_name(np.linalg.norm), numpy_name(len)
    ('np.tanh', 'np.linalg.norm', None)
    """
    module = getattr(function, "__module__", None) or "numpy"  # a ufunc of older versions has no module
    own = function.__name__
    path = [part for part in module.split(".") if part not in ("numpy", "_core", "core", "lib")]
    for parts in ([*path, own], [own]):
        found: Any = np
        for part in parts:
            found = getattr(found, part, None)
        if found is function:
            return ".".join(["np", *parts])
    return None

"""The texts that a pickled function needs where it arrives.

A function of an importable module is pickled by its name. One of a script, a notebook or a function's body is pickled
as byte code (by cloudpickle, which dask, joblib and others use): its text has to come along, as its file may be on
another machine, or the input of a prompt.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from srcad.errors import UnsupportedError
from srcad.frontend.source.read import python_function, read
from srcad.frontend.source.source_text import Text


def texts_to_carry(function: Callable[..., Any]) -> tuple[Text, ...]:
    """Those of `function`, and of the functions that it names and that have no importable name either.

    >>> texts_to_carry(texts_to_carry), len(texts_to_carry(lambda x: x))
    ((), 1)
    """
    found: dict[Text, None] = {}
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        one = waiting.pop()
        try:
            inner = python_function(one)
            if id(inner) in seen or _is_importable(inner):
                continue
            seen.add(id(inner))
            source = read(inner)
        except UnsupportedError:  # without a source here, so there too: a call says so
            continue
        found[Text(source.file, tuple(f"{line}\n" for line in source.lines))] = None
        named = (source.globals.get(name) for name in _names(inner.__code__))
        cells = (cell.cell_contents for cell in source.closure.values() if _is_filled(cell))
        waiting += [value for value in (*named, *cells) if callable(value)]
    return tuple(found)


def _is_importable(function: FunctionType) -> bool:
    """Whether a pickle holds no more than the name: the rule of cloudpickle."""
    if function.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not None


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True

"""A digest of a function's source and of every function of the user's it calls: has the primal changed?"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from srcad.call.parameters import Parameters
from srcad.errors import UnsupportedError
from srcad.frontend.read import read

_LIBRARIES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}", os.path.dirname(os.__file__) + os.sep)


def primal_digest(function: Callable[..., Any]) -> str:
    """Twelve hexadecimal digits. Where the function stands in its file matters: the comments quote its lines."""
    parts = []
    for one in _reached(function, set()):
        source = read(one)
        first, last = source.tree.lineno, source.tree.end_lineno or source.tree.lineno
        text = textwrap.dedent("\n".join(source.lines[first - 1 : last]))
        parts.append(f"{os.path.basename(source.file)}:{first}\n{text}")
    return text_digest("\n\n".join(parts))


_RECORD = re.compile(r"^# srcad build: primal (\w+), text (\w+)$", re.MULTILINE)


def recorded(text: str, digest: str) -> str:
    """The text with a last line that says what it was made from, and whether it is as it was made."""
    return f"{text}\n\n# srcad build: primal {digest}, text {text_digest(text)}\n"


def recorded_digest(text: str) -> str | None:
    """What the text says it was made from."""
    record = _RECORD.search(text)
    return None if record is None else record[1]


def edited(text: str) -> bool:
    """Whether the text is another than the one that was written."""
    record = _RECORD.search(text)
    return record is None or record[2] != text_digest(text[: record.start()].rstrip("\n") + "\n")


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _reached(function: Callable[..., Any], seen: set[int]) -> Iterator[FunctionType]:
    """The function and those it names, as far as they are the user's own."""
    plain = Parameters.of(function).function
    plain = getattr(plain, "py_func", plain)
    if not isinstance(plain, FunctionType) or id(plain) in seen:
        return
    seen.add(id(plain))
    file = plain.__code__.co_filename
    if any(part in file for part in _LIBRARIES) or plain.__module__.split(".")[0] in ("numpy", "numba", "math"):
        return
    yield plain
    inside = inspect.getclosurevars(plain)
    values = [*inside.globals.values(), *inside.nonlocals.values()]
    modules = [value for value in values if isinstance(value, ModuleType)]
    values += [getattr(module, name, None) for module in modules for name in plain.__code__.co_names]
    for value in values:
        if callable(value) and not isinstance(value, type):
            try:
                yield from _reached(value, seen)
            except UnsupportedError:
                continue

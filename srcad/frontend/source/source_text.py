"""Candidate source texts of a function: its file, or the input of a notebook, a prompt or `python -c`.

A code object names a file that need not exist: a prompt, `python -c`, a cell magic that runs its cell itself. The
input is often stored elsewhere. Every candidate is yielded, and none is trusted: `locate` accepts a text only where a
function of it compiles to the byte code that is called.
"""

from __future__ import annotations

import linecache
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any


@dataclass(frozen=True)
class Text:
    """A text with the file name that is shown for it."""

    file: str
    lines: tuple[str, ...]
    """With their newlines."""
    sure: bool = False
    """It is the text of the file that the code names; otherwise an input that may contain the function."""


carried: dict[Text, None] = {}
"""Texts that came with pickled functions from other processes, which may be of other machines."""


def texts(code: CodeType, module_file: str | None) -> Iterator[Text]:
    """All texts that may contain the function of `code`, the likeliest first.

    `module_file` is the path of its module, for a code object with a relative path that does not exist.

    >>> os.path.basename(next(iter(texts(texts.__code__, None))).file)
    'source_text.py'
    """
    name = code.co_filename
    names = [name]
    if module_file and os.path.basename(module_file) == os.path.basename(name):
        names.append(module_file)
    for one in names:
        linecache.checkcache(one)
        lines = linecache.getlines(one)
        if lines:
            # from Python 3.13 on "<string>" is the text of `python -c`, but also the name of any text given to exec
            sure = one != "<string>"
            yield Text(one if one.startswith("<") else os.path.abspath(one), tuple(lines), sure)
            break
    if name == "<string>":
        yield from _candidate(name, _command())
    if name == "<stdin>":
        yield from _candidate(name, _standard_input())
        yield from _candidate(name, _prompt(code.co_name))
    if "IPython" in sys.modules:
        for cell in _cells():
            yield from _candidate(name, cell)
    yield from tuple(carried)


def _candidate(name: str, text: str | None) -> Iterator[Text]:
    if text:
        yield Text(name, tuple(text.splitlines(keepends=True)))


def _command() -> str | None:
    """The text of `python -c text`."""
    given = sys.orig_argv
    return given[given.index("-c") + 1] if "-c" in given[:-1] else None


def _standard_input() -> str | None:
    """The text of `python < file`. A pipe cannot be read again."""
    try:
        state = os.fstat(0)
        if not stat.S_ISREG(state.st_mode):
            return None
        return os.pread(0, state.st_size, 0).decode()
    except (OSError, ValueError, AttributeError):  # no standard input; not UTF-8; not this system
        return None


def _prompt(function: str) -> str | None:
    """The definitions of that name typed at the prompt (of a lambda: the lines), the last first, from readline."""
    readline: Any = sys.modules.get("readline")
    if readline is None:
        return None
    count = readline.get_current_history_length()
    typed = [readline.get_history_item(at) or "" for at in range(1, count + 1)]
    word = "lambda" if function == "<lambda>" else f"def {function}"
    found = []
    for first in reversed(range(len(typed))):
        if word not in typed[first]:
            continue
        # a statement at column 0, with its decorators, and the indented lines below it
        start = first
        while start > 0 and (typed[start][:1] in " \t)" or typed[start - 1].startswith("@")):
            start -= 1
        end = first + 1
        while end < len(typed) and typed[end][:1] in tuple(" \t)"):
            end += 1
        found.append("\n".join(typed[start:end]) + "\n")
    # one text with all definitions of that name; later definitions come first
    return "\n".join(found) or None


def _cells() -> Iterator[str]:
    """The cells of the running notebook, the newest first, as Python, without a magic on the first line."""
    ipython: Any = sys.modules["IPython"]
    shell = ipython.get_ipython()
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    for cell in reversed(list(history or ())):
        body = cell
        while body.startswith("%%"):
            body = body.partition("\n")[2]
        if "def " in body or "lambda" in body:
            yield shell.transform_cell(body)

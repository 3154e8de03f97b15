"""Where the text of a function may be found: its file, or what was typed, in a notebook or at a prompt.

A code object names a file, and that name may lead nowhere: a prompt, `python -c`, a cell magic that runs its cell
itself. What was typed is often kept elsewhere. Each place is offered, and none is trusted: `locate` takes a text only
where a function of it compiles to the very code that is called.
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
    """A text with the name under which it is shown."""

    file: str
    lines: tuple[str, ...]
    """With their newlines."""
    sure: bool = False
    """It is the text of the file that the code names; otherwise it is one where the function may have been typed."""


def texts(code: CodeType, module_file: str | None) -> Iterator[Text]:
    """All texts in which the function of `code` may stand, the likeliest first.

    `module_file` is the path of its module, where the path in the code object is relative and leads nowhere.
    """
    name = code.co_filename
    names = [name]
    if module_file and os.path.basename(module_file) == os.path.basename(name):
        names.append(module_file)
    for one in names:
        linecache.checkcache(one)
        lines = linecache.getlines(one)
        if lines:
            # from Python 3.13 on "<string>" is the text of `python -c`, and of whatever was made by exec beside it
            sure = one != "<string>"
            yield Text(one if one.startswith("<") else os.path.abspath(one), tuple(lines), sure)
            break
    if name == "<string>":
        yield from _of(name, _command())
    if name == "<stdin>":
        yield from _of(name, _standard_input())
        yield from _of(name, _prompt(code.co_name))
    if "IPython" in sys.modules:
        for cell in _cells():
            yield from _of(name, cell)


def _of(name: str, text: str | None) -> Iterator[Text]:
    if text:
        yield Text(name, tuple(text.splitlines(keepends=True)))


def _command() -> str | None:
    """The text of `python -c text`."""
    given = sys.orig_argv
    return given[given.index("-c") + 1] if "-c" in given[:-1] else None


def _standard_input() -> str | None:
    """The text of `python < file`. A pipe was read once, and is gone."""
    try:
        state = os.fstat(0)
        if not stat.S_ISREG(state.st_mode):
            return None
        return os.pread(0, state.st_size, 0).decode()
    except (OSError, ValueError, AttributeError):  # no standard input; not UTF-8; not this system
        return None


def _prompt(function: str) -> str | None:
    """What was typed at the prompt, from the last definition of that name on (a lambda: its last line), by readline."""
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
        # a statement at the margin, with its decorators, and what is indented below it
        start = first
        while start > 0 and (typed[start][:1] in " \t)" or typed[start - 1].startswith("@")):
            start -= 1
        end = first + 1
        while end < len(typed) and typed[end][:1] in tuple(" \t)"):
            end += 1
        found.append("\n".join(typed[start:end]) + "\n")
    # one text, so that all that goes by that name is looked through; later definitions come first
    return "\n".join(found) or None


def _cells() -> Iterator[str]:
    """The cells of the running notebook, the newest first, as Python. A magic on a cell's first line is taken off."""
    ipython: Any = sys.modules["IPython"]
    shell = ipython.get_ipython()
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    for cell in reversed(list(history or ())):
        body = cell
        while body.startswith("%%"):
            body = body.partition("\n")[2]
        if "def " in body or "lambda" in body:
            yield shell.transform_cell(body)

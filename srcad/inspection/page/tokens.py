"""Coloured code: a text, Python's or that of the IR, as HTML line by line."""

from __future__ import annotations

import html
import keyword
import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"""(?P<string>[rbfuRBFU]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<comment>\#[^\n]*)
      | (?P<number>\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
      | (?P<name>%?[^\W\d]\w*(?:\.\d+)*)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = frozenset({*keyword.kwlist, "carrying", "leave", "undefined"} - {"None", "True", "False"})

Role = Callable[[int, str], "str | None"]
"""For the number of a line, from 0, and a name in it, what the name is: the class of its HTML, or None."""


def coloured(text: str, role: Role) -> list[str]:
    """The lines of a text, with what stands in them marked and `<`, `>`, `&` and quotes escaped.

    >>> coloured("if x < y:  # <b>", lambda line, name: "active" if name == "x" else None)
    ['<b>if</b> <i class="active">x</i> &lt; y:  <i class="comment"># &lt;b&gt;</i>']
    """
    parts: list[str] = []
    at = line = 0
    for token in _TOKEN.finditer(text):
        between = text[at : token.start()]
        line += between.count("\n")
        parts.append(html.escape(between))
        found = token.group()
        parts.append(_marked(found, str(token.lastgroup), between.endswith("."), line, role))
        line += found.count("\n")
        at = token.end()
    parts.append(html.escape(text[at:]))
    return "".join(parts).split("\n")


def _marked(found: str, kind: str, of_something: bool, line: int, role: Role) -> str:
    if kind != "name":
        shown = html.escape(found)
        return "\n".join(f'<i class="{kind}">{part}</i>' if part else "" for part in shown.split("\n"))
    if found in _WORDS:
        return f"<b>{found}</b>"
    called = None if of_something else role(line, found)
    return f'<i class="{called}">{html.escape(found)}</i>' if called else html.escape(found)

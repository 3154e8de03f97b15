"""Where the keys of a TOML file stand, which `tomllib` does not tell.

>>> text = '''[tool.srcad]
... folder = "made"  # [no.table]
...
... [[tool.srcad.functions]]
... function = "model:energy"
... wrt = ["x",
...        "k"]
... '''
>>> found = places_of(text)
>>> found["tool", "srcad", "folder"]
Token(text='folder', line=2, column=0)
>>> found["tool", "srcad", "functions", 0, "wrt"].line, found["tool", "srcad", "functions", 0, "wrt", 1].line
(6, 7)
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys, and positions in arrays."""

_MARKS = frozenset("\n[]{},=.")
_TOKEN = re.compile(
    r"""(?P<skipped>[ \t\r]+|\#[^\n]*)
    | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}(?!\") | '{3}.*?'{3,5}(?!') | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<mark>[\n\[\]{},=.])
    | (?P<word>[^\s\[\]{},=."'\#]+)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    text: str
    line: int
    """Counts from 1."""
    column: int
    """Counts from 0."""

    @property
    def is_key(self) -> bool:
        """Whether it is a part of a key, bare or quoted."""
        return self.text not in _MARKS


def places_of(text: str) -> dict[Path, Token]:
    """The first token of each table, key and item of an array, by its path. The text has to be valid TOML."""
    return _Reader(_tokens(text)).read()


def _tokens(text: str) -> list[Token]:
    found, line, start = [], 1, 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skipped":
            found.append(Token(match[0], line, match.start() - start))
        if breaks := match[0].count("\n"):
            line, start = line + breaks, match.start() + match[0].rindex("\n") + 1
    return [*found, Token("\n", line, 0)]


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.places: dict[Path, Token] = {}
        self.counts: dict[Path, int] = {}
        """Of arrays of tables: the number of tables so far."""

    def read(self) -> dict[Path, Token]:
        table: Path = ()
        while self.at < len(self.tokens):
            first = self.tokens[self.at]
            if self._next("\n"):
                continue
            if self._next("["):
                is_array = self._next("[")
                table = self._inside((), self._key())
                if is_array:
                    self.places.setdefault(table, first)
                    self.counts[table] = self.counts.get(table, 0) + 1
                    table = (*table, self.counts[table] - 1)
                self.places[table] = first
                self._skip_line()
            else:
                self._pair(table)
        return self.places

    def _inside(self, start: Path, keys: list[str]) -> Path:
        """The path of a key: in the last table of each array of tables on the way."""
        path = start
        for key in keys:
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
            path = (*path, key)
        return path

    def _pair(self, table: Path) -> None:
        first = self.tokens[self.at]
        keys = self._key()
        for count in range(1, len(keys) + 1):  # of dotted keys each
            self.places.setdefault((*table, *keys[:count]), first)
        self._next("=")
        self._value((*table, *keys))

    def _key(self) -> list[str]:
        keys = []
        while (token := self.tokens[self.at]).is_key or token.text == ".":
            if token.is_key:
                keys.append(_unquoted(token.text))
            self.at += 1
        return keys

    def _value(self, path: Path) -> None:
        if self._next("["):
            self._items(path)
        elif self._next("{"):
            while not self._next("}"):
                if not self._next("\n") and not self._next(","):
                    self._pair(path)
        else:
            while self.tokens[self.at].text not in ("\n", ",", "]", "}"):
                self.at += 1

    def _items(self, path: Path) -> None:
        position = 0
        while not self._next("]"):
            if self._next("\n"):
                continue
            if self._next(","):
                position += 1
                continue
            item = (*path, position)
            self.places[item] = self.tokens[self.at]
            self._value(item)

    def _next(self, text: str) -> bool:
        """Take the next token if it is this one."""
        if self.at < len(self.tokens) and self.tokens[self.at].text == text:
            self.at += 1
            return True
        return False

    def _skip_line(self) -> None:
        while not self._next("\n"):
            self.at += 1


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1]
    return str(ast.literal_eval(text)) if text[0] == '"' else text

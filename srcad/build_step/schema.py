"""What may stand in `[tool.srcad]`: names of keys, types of values, and errors that show the line.

>>> table = read_table('[tool.srcad]\\nfolder = "made"\\nfunction = []\\n')
>>> table.keys(("folder", "functions"))
Traceback (most recent call last):
srcad.errors.CompileError: srcad error S505: there is no key 'function'
<BLANKLINE>
  pyproject.toml:3, in [tool.srcad]
    3 | function = []
      | ^^^^^^^^
  The keys are folder, functions.
<BLANKLINE>
  You can: write functions.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from srcad.build_step.toml_lines import Path, Token, places_of
from srcad.errors import fail
from srcad.ir.nodes import Span

_FILE = "pyproject.toml"
_TABLE = "[tool.srcad]"


@dataclass(frozen=True)
class Table:
    """A table, and where its keys stand."""

    values: Mapping[str, Any]
    places: Mapping[Path, Token]
    lines: tuple[str, ...]
    path: Path

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def keys(self, known: Iterable[str]) -> None:
        """S505 for a key that is not among those known."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                advice = f"write {close[0]}." if close else None
                self.invalid(f"there is no key {key!r}", key, advice, f"The keys are {', '.join(known)}.")

    def string(self, key: str, among: Iterable[str] | None = None) -> str | None:
        """The string at a key, which is one of those that are `among`; None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.invalid(f"{key} is a string, not {value!r}", key)
        if among is not None and value not in (allowed := tuple(among)):
            close = difflib.get_close_matches(value, allowed, 1)
            advice = f'write {key} = "{close[0]}".' if close else None
            self.invalid(f"{key} is one of {', '.join(allowed)}, not {value!r}", key, advice)
        return value

    def truth(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.invalid(f"{key} is true or false, not {value!r}", key)
        return value

    def positive(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            self.invalid(f"{key} is a whole number, at least 1, not {value!r}", key)
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """One name, or a list of names."""
        given = self.values.get(key, [])
        if isinstance(given, str):
            return (given,)
        if not isinstance(given, list):
            self.invalid(f"{key} is a name, or a list of names, not {given!r}", key)
        for at, name in enumerate(given):
            if not isinstance(name, str):
                self.invalid(f"{key} is a list of names, and {name!r} is none", key, item=at)
        return tuple(given)

    def tables(self, key: str) -> list[Table]:
        given = self.values.get(key, [])
        if not isinstance(given, list):
            self.invalid(f"{key} is a list of entries, not {given!r}", key)
        for at, item in enumerate(given):
            if not isinstance(item, dict):
                advice = f'write {{ function = "{item}" }}.' if isinstance(item, str) else None
                self.invalid(f"an entry is a table, not {item!r}", key, advice, item=at)
        return [Table(item, self.places, self.lines, (*self.path, key, at)) for at, item in enumerate(given)]

    def span(self, key: str | None = None, item: int | None = None) -> Span | None:
        """The place of a key of the table, of an item of the list there, or of the table itself."""
        path = self.path if key is None else (*self.path, key) if item is None else (*self.path, key, item)
        place = self.places.get(path)
        if place is None:
            return None
        end = place.column + len(place.text.partition("\n")[0])
        return Span(_FILE, _TABLE, place.line, place.column, place.line, end, self.lines[place.line - 1])

    def invalid(
        self,
        message: str,
        key: str | None = None,
        advice: str | None = None,
        why: str | None = None,
        item: int | None = None,
    ) -> NoReturn:
        span = self.span(key, item)
        fail("S505", message if span else f"{_TABLE} in {_FILE}: {message}", span, why, advice)


def read_table(text: str) -> Table:
    """The table `[tool.srcad]` of a pyproject.toml with this text."""
    # in the standard library since Python 3.11
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        values: Any = toml.loads(text)
    except ValueError as fault:
        fail("S505", f"{_FILE} cannot be read: {fault}")
    places, lines, path = places_of(text), tuple(text.split("\n")), ("tool", "srcad")
    for depth, part in enumerate(path):
        values = values.get(part, {})
        if not isinstance(values, dict):
            Table({}, places, lines, path[: depth + 1]).invalid(f"{part} is a table, not {values!r}")
    return Table(values, places, lines, path)

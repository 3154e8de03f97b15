"""One random program, equal for equal seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.fuzz import language
from tests.fuzz.changed import with_index_moved, with_others
from tests.fuzz.program import Program
from tests.fuzz.writer import MODES, Writer

SORTS = ("values", "language", "second", "lengths", "indices")


def written(seed: int, sort: str = "values") -> Program | None:
    """The program of a seed: as it is, twice differentiated, called with another length, or with an index moved."""
    if sort == "language":
        return language.Language(f"{sort}:{seed}").program(language.MODES)
    writer = Writer(f"{sort}:{seed}")
    program = writer.program(("second",) if sort == "second" else MODES)
    if program is None or sort in ("values", "second"):
        return program
    changed = {"lengths": with_others, "indices": with_index_moved}[sort](program.text, writer.random)
    if changed is None or not callable_text(changed):
        return None
    return replace(program, text=changed)


def callable_text(text: str) -> bool:
    """Whether there are such arguments at all: a view of an array that has become shorter may not be."""
    names: dict[str, Any] = {}
    try:
        exec(compile(text, "<fuzz>", "exec"), names)
        names.get("others", names["arguments"])()
    except Exception:
        return False
    return True

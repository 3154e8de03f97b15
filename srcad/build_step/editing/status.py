"""The state of each generated file, and the statements that a person edited in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from srcad.backend.modules.source_digest import alike, code_digest
from srcad.build_step.config import Entry, entries
from srcad.build_step.editing.merge import conflicts
from srcad.build_step.editing.settle import content, is_edited, no_python
from srcad.build_step.editing.statements import edited_statements
from srcad.build_step.editing.verified import is_verified
from srcad.build_step.locate import importable
from srcad.compiler.base_texts import base_of, was_generated_as
from srcad.compiler.shipment import Shipment
from srcad.errors import SrcadError

_OUTDATED = "function changed"
_NO_FORM = "compiled form out of date"
_BUILD = {"missing", _OUTDATED, _NO_FORM}
_CHECK = {"not checked"}


def status(root: Path) -> Iterator[str]:
    """A line for each entry of `[tool.srcad]`, below it one for each edited statement; then what to do.

    Writes nothing.
    """
    folder, listed = entries(root)
    found: set[str] = set()
    with importable(root):
        for entry in listed:
            states, edits = _state(entry, folder / entry.file)
            found.update(states)
            yield f"{entry.file}: {', '.join(states)}"
            yield from edits
    steps = [f"`srcad {name}`" for name, states in (("build", _BUILD), ("check", _CHECK)) if states & found]
    if steps:
        yield f"run {', then '.join(steps)}"


def _state(entry: Entry, path: Path) -> tuple[list[str], list[str]]:
    text = content(path)
    if text is None:
        return ["missing"], []
    if lines := conflicts(text):
        return [f"conflict in lines {', '.join(map(str, lines))}: keep what is right, and remove the markers"], []
    if fault := no_python(text):
        return [fault], []
    made = entry.shipment()
    if not is_edited(text, made):
        if not alike(text, made.text):
            return [_OUTDATED], []
        return ["up to date" if made.has_form(path) else _NO_FORM], []
    states = ["edited"]
    current = was_generated_as(path, text, made.text)
    base = made.text if current else base_of(path, text)
    edits = list(edited_statements(base, text)) if base is not None else []
    if not current:
        states.append(_OUTDATED)
    elif not _has_form(made, text, path):
        states.append(_NO_FORM)
    if base is None:
        states.append("what it was generated as is lost")
    elif edits:
        states.append("checked" if current and is_verified(path, text) else "not checked")
    return states, edits


def _has_form(made: Shipment, text: str, path: Path) -> bool:
    if code_digest(text) == code_digest(made.text):
        return made.has_form(path)
    try:
        return replace(made, edited=text).has_form(path)
    except SrcadError:  # what srcad cannot read has no form
        return False

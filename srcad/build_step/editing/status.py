"""The state of each generated file, and the statements that a person edited in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from srcad.backend.modules.source_digest import alike, code_digest
from srcad.build_step.config import Entry, entries
from srcad.build_step.editing.merge import conflicts
from srcad.build_step.editing.settle import content, is_edited
from srcad.build_step.editing.statements import edited_statements
from srcad.build_step.editing.verified import is_verified
from srcad.build_step.locate import importable
from srcad.compiler.base_texts import base_of, was_generated_as
from srcad.compiler.shipment import Shipment
from srcad.errors import SrcadError


def status(root: Path) -> Iterator[str]:
    """A line for each entry of `[tool.srcad]`, and below it one for each edited statement. Writes nothing."""
    folder, listed = entries(root)
    with importable(root):
        for entry in listed:
            states, edits = _state(entry, folder / entry.file)
            yield f"{entry.file}: {', '.join(states)}"
            yield from edits


def _state(entry: Entry, path: Path) -> tuple[list[str], list[str]]:
    text = content(path)
    if text is None:
        return ["missing"], []
    if lines := conflicts(text):
        return [f"conflict in lines {', '.join(map(str, lines))}"], []
    made = entry.shipment()
    if not is_edited(text, made):
        if not alike(text, made.text):
            return ["primal changed"], []
        return ["up to date" if made.has_form(path) else "compiled form stale"], []
    states, edits = ["edited"], []
    current = was_generated_as(path, text, made.text)
    base = made.text if current else base_of(path, text)
    if not current:
        states.append("primal changed")
    elif not _has_form(made, text, path):
        states.append("compiled form stale")
    if base is None:
        states.append("what it was generated as is lost")
    else:
        try:
            edits = list(edited_statements(base, text))
        except SyntaxError as fault:
            return [*states, f"no Python ({fault.msg}, line {fault.lineno})"], []
    if edits and not is_verified(path, text):
        states.append("not checked")
    return states, edits


def _has_form(made: Shipment, text: str, path: Path) -> bool:
    if code_digest(text) == code_digest(made.text):
        return made.has_form(path)
    try:
        return replace(made, edited=text).has_form(path)
    except SrcadError:  # what srcad cannot read has no form
        return False

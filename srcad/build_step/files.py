"""The files of gradients: written, kept, and checked when stale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from srcad.backend.modules.source_digest import alike, code_digest, record_of
from srcad.build_step.config import Entry, entries, invalid
from srcad.build_step.locate import importable
from srcad.build_step.merge import conflicts
from srcad.build_step.settle import Settled, content, is_edited, settle
from srcad.build_step.verified import is_verified


def build(root: Path, force: bool = False) -> Iterator[tuple[Entry, Settled]]:
    """Bring the files of all entries up to date; yields each entry with what became of its file.

    Edits are kept, and merged with what changed; with `force` they are overwritten, and a backup stays.
    """
    folder, listed = entries(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        invalid(f"the folder {folder} cannot be made ({fault.strerror})", "choose another with the key folder.")
    with importable(root):
        for entry in listed:
            yield entry, settle(entry.shipment(), folder / entry.file, force)


def stale(root: Path) -> list[str]:
    """A message for each entry whose file is not up to date, or was edited since it was checked.

    Where the function has only moved in its file, the line numbers in the generated file are old: they are ignored.
    """
    folder, listed = entries(root)
    with importable(root):
        found = [_staleness(entry, folder / entry.file) for entry in listed]
    return [message for message in found if message]


def _staleness(entry: Entry, path: Path) -> str | None:
    before = content(path)
    if before is None:
        return f"{path.name} is missing ({entry.function})"
    if conflicts(before):
        return f"{path.name} has conflict markers in lines {', '.join(map(str, conflicts(before)))}"
    made = entry.shipment()
    if is_edited(before, made):
        if record_of(before) != record_of(made.text):
            return f"{entry.function} changed, and the edited {path.name} did not"
        if code_digest(before) != code_digest(made.text) and not is_verified(path, before):
            return f"{path.name} was edited by hand, and `srcad check` has not compared it with differences since"
        made = replace(made, edited=before)
    elif not alike(before, made.text):
        return f"{entry.function} changed, and {path.name} did not"
    return None if made.has_form(path) else f"the compiled form of {path.name} is not of its text"

"""The files of gradients: written, kept, and checked when stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from srcad.backend.modules.source_digest import alike, edited, same
from srcad.build_step.config import Entry, entries, invalid
from srcad.build_step.locate import importable
from srcad.errors import fail


def build(root: Path) -> Iterator[tuple[Entry, str]]:
    """Write the files of all entries; yields each entry with "written" or "unchanged". S504 for an edited file."""
    folder, listed = entries(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        invalid(f"the folder {folder} cannot be made ({fault.strerror})", "choose another with the key folder.")
    with importable(root):
        for entry in listed:
            target, made, before = folder / entry.file, entry.shipment(), _read(folder / entry.file)
            if before is not None and same(before, made.text):
                what = "written" if made.write_form(target) else "unchanged"  # whatever its formatting
                yield entry, what
                continue
            if before is not None and edited(before):
                advice = "move your edits elsewhere, or remove the file and build again."
                fail("S504", f"{target.name} was edited by hand since it was built", advice=advice)
            made.write(target)
            yield entry, "written"


def stale(root: Path) -> list[str]:
    """A message for each entry whose file differs from the text that would be written now.

    Where the function has only moved in its file, the line numbers in the generated file are old: they are ignored.
    """
    folder, listed = entries(root)
    found = []
    with importable(root):
        for entry in listed:
            before = _read(folder / entry.file)
            if before is None:
                found.append(f"{entry.file} is missing ({entry.function})")
                continue
            if edited(before):
                found.append(f"{entry.file} was edited by hand since it was built")
                continue
            made = entry.shipment()
            if not alike(before, made.text):
                found.append(f"{entry.function} changed, and {entry.file} did not")
            elif not made.has_form(folder / entry.file):
                found.append(f"the compiled form of {entry.file} is not of its text")
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        fail("S504", f"{path.name} cannot be read ({fault})")

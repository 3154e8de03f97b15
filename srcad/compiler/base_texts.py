"""The texts that edits of generated files are relative to, in the folder `_machine/_base`.

A generated file records the digest of the text that it was generated as. This text is kept under that digest: a file
names its base, whatever was written when a build was stopped. They are no `.py`, so that no formatter changes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from srcad.backend.modules.cache_files import write_atomically
from srcad.backend.modules.source_digest import alike, record_of
from srcad.compiler import machine_folder

BACKUP = ".orig"
"""What is appended to the name of a file for that of a backup, and a number behind it."""


def write_base(path: Path, text: str) -> None:
    """Keep the text that is generated for the file at `path`."""
    place = place_of_base(path, record_of(text))
    if base_of(path, text) != text:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, text)


def base_of(path: Path, text: str) -> str | None:
    """The text that the file at `path` with this text was generated as, if it is still there."""
    try:
        return place_of_base(path, record_of(text)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def was_generated_as(path: Path, text: str, generated: str) -> bool:
    """Whether the file at `path` with this text was generated as a text like this one, whatever was edited since."""
    if record_of(text) == record_of(generated):
        return True
    base = base_of(path, text)
    return base is not None and alike(base, generated)


def forget_others(path: Path, text: str | None) -> None:
    """Remove the bases of earlier texts of the file at `path`; all, where it has no text any more.

    That of a backup stays as long as the backup: a person may put it back.
    """
    kept = {place_of_base(path, record_of(one)) for one in (text or "", *_backups(path))}
    for place in place_of_base(path, None).parent.glob("*.txt"):
        if place not in kept and place.stem.rpartition(".")[0] == path.stem:
            place.unlink(missing_ok=True)


def _backups(path: Path) -> Iterator[str]:
    for place in path.parent.glob(f"{path.name}{BACKUP}*"):
        with suppress(OSError, UnicodeDecodeError):
            yield place.read_text(encoding="utf-8")


def place_of_base(path: Path, record: str | None) -> Path:
    return path.parent / machine_folder.FOLDER / "_base" / f"{path.stem}.{record}.txt"

"""Which edited files `srcad check` has found right, in `_machine/_checked.json`.

A file is known by the digest of its code, with that of the generated text it belongs to: comments and formatting may
change after it was checked; after a change of the primal the same code is no longer known to be right.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp(), "f_grad.py")
>>> note_verified(path, "x = 1")
>>> is_verified(path, "x = 1  # checked"), is_verified(path, "x = 2")
(True, False)
"""

from __future__ import annotations

from pathlib import Path

from srcad.backend.modules.source_digest import code_digest, record_of
from srcad.build_step.notes import read_notes, write_notes

_TABLE = "_checked.json"


def note_verified(path: Path, text: str) -> None:
    """Note that the file at `path` with this text is right."""
    write_notes(path.parent, _TABLE, {**read_notes(path.parent, _TABLE), path.name: _key(text)})


def is_verified(path: Path, text: str) -> bool:
    """Whether the file at `path`, with this text, was found right."""
    try:
        return bool(read_notes(path.parent, _TABLE).get(path.name) == _key(text))
    except (SyntaxError, ValueError):
        return False


def _key(text: str) -> str:
    return f"{record_of(text)} {code_digest(text)}"

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

import json
from pathlib import Path

from srcad.backend.modules.cache_files import write_atomically
from srcad.backend.modules.source_digest import code_digest, record_of
from srcad.compiler import machine_folder


def note_verified(path: Path, text: str) -> None:
    """Note that the file at `path` with this text is right."""
    place = _place(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    known = {**_known(path), path.name: _key(text)}
    write_atomically(place, json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def is_verified(path: Path, text: str) -> bool:
    """Whether the file at `path`, with this text, was found right."""
    try:
        return _known(path).get(path.name) == _key(text)
    except (SyntaxError, ValueError):
        return False


def _key(text: str) -> str:
    return f"{record_of(text)} {code_digest(text)}"


def _known(path: Path) -> dict[str, str]:
    try:
        known = json.loads(_place(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _place(path: Path) -> Path:
    return path.parent / machine_folder.FOLDER / "_checked.json"

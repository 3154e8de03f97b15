"""What is noted of the files of a folder between two commands, in tables in its folder `_machine`.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> write_notes(folder, "_seen.json", {"f_grad.py": "once"})
>>> read_notes(folder, "_seen.json"), read_notes(folder, "_other.json")
({'f_grad.py': 'once'}, {})
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srcad.backend.modules.cache_files import write_atomically
from srcad.compiler.machine_folder import FOLDER


def read_notes(folder: Path, table: str) -> dict[str, Any]:
    """What is noted of each file, by its name; nothing where the table is missing or cannot be read."""
    try:
        found = json.loads((folder / FOLDER / table).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_notes(folder: Path, table: str, notes: Mapping[str, Any]) -> None:
    """Write the table, one line for each value, so that changes of two files merge."""
    place = folder / FOLDER / table
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, json.dumps(notes, indent=1, sort_keys=True) + "\n")

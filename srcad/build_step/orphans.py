"""Files that srcad wrote into the folder, and that no entry makes any more.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> (folder / "old_grad.py").write_text("x = 1\\n\\n# srcad build: text 0123456789ab\\n") > 0
True
>>> [path.name for path in orphans(folder, [])], [path.name for path in prune(folder, [])]
(['old_grad.py'], [])
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from srcad.backend.modules.source_digest import edited, is_recorded
from srcad.build_step.config import Entry
from srcad.compiler.base_texts import forget_others
from srcad.compiler.machine_folder import FOLDER, is_of_srcad


def orphans(folder: Path, entries: Iterable[Entry]) -> list[Path]:
    """Readable files, then compiled forms. A form is an orphan too where the entry's key `compiled` is false."""
    entries = list(entries)
    made, formed = {entry.file for entry in entries}, {entry.file for entry in entries if entry.compiled}
    readable = [path for path in sorted(folder.glob("*.py")) if path.name not in made and is_recorded(_text(path))]
    forms = [path for path in sorted((folder / FOLDER).glob("*.py")) if path.name not in {*formed, "__init__.py"}]
    return [*readable, *(path for path in forms if is_of_srcad(_text(path)))]


def prune(folder: Path, entries: Iterable[Entry]) -> list[Path]:
    """Remove the orphans that nobody edited, with their forms; returns what was removed."""
    found = orphans(folder, entries)
    kept = {path.name for path in found if path.parent == folder and edited(_text(path))}
    removed = [path for path in found if path.name not in kept]
    for path in removed:
        path.unlink()
        if path.parent == folder:
            forget_others(path, None)
    return removed


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""

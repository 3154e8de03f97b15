"""Gradients that are written while a wheel is built: what the hooks of the packaging tools have in common.

>>> import tempfile
>>> root = Path(tempfile.mkdtemp())
>>> listed = 'functions = [{ function = "math:exp", name = "one", compiled = false }]'
>>> (root / "pyproject.toml").write_text(f"[tool.srcad]\\n{listed}\\n") > 0
True
>>> [path.relative_to(root).as_posix() for path in shipped(root)]
['generated/one.py']
"""

from __future__ import annotations

from pathlib import Path

from srcad.build_step.config import entries
from srcad.build_step.files import build
from srcad.compiler import machine_folder
from srcad.errors import fail


def built(root: Path) -> list[Path]:
    """Build the entries of the project; returns the files that belong into its wheel. S511 where edits conflict."""
    # another process would begin with the main module, which may be a setup.py
    conflicts = [done.message for _, done in build(root, jobs=1) if done.message]
    if conflicts:
        fail("S511", "; ".join(conflicts), advice="edit the file, and build again.")
    return shipped(root)


def shipped(root: Path) -> list[Path]:
    """The readable files of the entries, their compiled forms, and what these need."""
    folder, listed = entries(root)
    compiled = [entry.file for entry in listed if entry.compiled]
    return [*(folder / entry.file for entry in listed), *machine_folder.needed(folder, compiled)]

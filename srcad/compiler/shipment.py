"""A generated function as files: the readable one, which stands alone, and its compiled form beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from srcad.backend.modules.cache_files import write_atomically
from srcad.backend.modules.source_digest import recorded
from srcad.compiler import machine_folder
from srcad.compiler.generate import Generated
from srcad.compiler.standalone import standalone_module
from srcad.options import Options


@dataclass(frozen=True, eq=False)
class Shipment:
    """What is written for one function, generated for the weakest types that its text is right for."""

    generated: Generated
    options: Options

    @cached_property
    def text(self) -> str:
        """The readable file."""
        return recorded(standalone_module(self.generated, self.options))

    def write(self, path: Path) -> None:
        """Write the readable file and its compiled form. The form comes first: a file never lacks its own."""
        self.write_form(path, self.text)
        write_atomically(path, self.text)

    def write_form(self, path: Path, text: str) -> bool:
        """Write the compiled form of the file at `path`, which has this text; whether anything was to be written."""
        changed = False
        for place, content in self._files(path, text):
            if _content(place) != content:
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(place, content)
                changed = True
        return changed

    def has_form(self, path: Path, text: str) -> bool:
        """Whether the compiled form of the file at `path` is there, and of this text."""
        return all(_content(place) == content for place, content in self._files(path, text))

    def _files(self, path: Path, text: str) -> list[tuple[Path, str]]:
        if self.options.target == "python":
            return []
        folder = path.parent / machine_folder.FOLDER
        files = machine_folder.files(self.generated, self.options, path.stem, text)
        return [(folder / place, content) for place, content in files.items()]


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None

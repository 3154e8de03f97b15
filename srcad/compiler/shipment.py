"""A generated function as files: the readable one, which stands alone, and its compiled form beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from srcad.backend.modules.cache_files import write_atomically
from srcad.backend.modules.source_digest import recorded
from srcad.compiler import machine_folder
from srcad.compiler.base_texts import forget_others, write_base
from srcad.compiler.generate import Generated
from srcad.compiler.rereading import reread
from srcad.compiler.standalone import standalone_module
from srcad.options import Options


@dataclass(frozen=True, eq=False)
class Shipment:
    """What is written for one function."""

    generated: Generated
    """The function for the weakest types that the text is right for."""
    options: Options
    edited: str | None = None
    """What the readable file says, where somebody edited it since it was written."""
    with_form: bool = True
    """Whether the compiled form is written too; what is for Python alone has none."""
    weakened_by: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """How the types were weakened, from those of the example."""

    @cached_property
    def text(self) -> str:
        """The readable file."""
        if self.edited is not None:
            return self.edited
        return recorded(standalone_module(self.generated, self.options, self.with_form))

    @cached_property
    def _compiled(self) -> Generated:
        """What the compiled form is made of: an edited text is read."""
        return self.generated if self.edited is None else reread(self.edited, self.generated, self.options)

    def read(self) -> None:
        """Read the file, if it was edited: raises what the compiler has against it."""
        assert self._compiled

    def write(self, path: Path) -> None:
        """Write the readable file, its compiled form, and the text that edits of it will be relative to.

        The file comes last: stopped at any point, a file has its own form and base, or the earlier file has its base.
        """
        self.write_form(path)
        if self.edited is None and self.options.target != "python":  # else the file lies alone
            write_base(path, self.text)
        write_atomically(path, self.text)
        forget_others(path, self.text)

    def write_form(self, path: Path) -> bool:
        """Write the compiled form of the file at `path`, which has this text; whether anything was to be written."""
        changed = False
        for place, content in self._files(path).items():
            if _content(place) != content:
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(place, content)
                changed = True
        return changed

    def has_form(self, path: Path) -> bool:
        """Whether the compiled form of the file at `path` is there, as it would be written now.

        Line numbers of the primal do not count, in the file and in the form: then the form says which text it is of.
        """
        text = _content(path)
        for place, content in self._files(path).items():
            found = _content(place)
            if found is None or text is None:
                return False
            if found != content and not (place.stem == path.stem and machine_folder.is_form(found, text, content)):
                return False
        return True

    def places(self, path: Path) -> list[Path]:
        """All files that are written for the readable file at `path`, and that one."""
        return [path, *self._files(path)]

    def _files(self, path: Path) -> dict[Path, str]:
        if self.options.target == "python" or not self.with_form:
            return {}
        files = machine_folder.files(self._compiled, self.options, path.stem, self.text)
        return {path.parent / machine_folder.FOLDER / place: content for place, content in files.items()}


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None

"""What the last build made each file of: an entry is compiled again only where that, or the file, has changed.

The record of an entry is a digest of all that decides its files: the entry, the versions, and the function generated
for the types of its example, by reading the primal and all that it calls as they are now. What is left out where the
digest is the same is the search for the weakest types with this text, and the compiled form.

>>> fingerprint(("x", 1.0, frozenset({"b", "a"}))), fingerprint({"x": -0.0})
("('x' 1.0 {'a' 'b'})", "{'x': -0.0}")
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import srcad
from srcad.backend.modules.source_digest import edited
from srcad.backend.numba.compilation import numba_version
from srcad.build_step.config import Entry
from srcad.build_step.notes import read_notes, write_notes
from srcad.compiler.generate import Generated
from srcad.compiler.shipment import Shipment
from srcad.dispatch.specialisation import Specialisation
from srcad.dispatch.weaker_types import Steps
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Span

_TABLE = "_build.json"


@dataclass(frozen=True)
class Record:
    """What the files of one entry were made of, and what they contained."""

    made_of: str
    """A digest."""
    weakened_by: Steps
    """How the types of the text were found."""
    files: tuple[tuple[str, str], ...]
    """The path of each file in the folder, and the digest of its content."""

    def holds(self, folder: Path, entry: Entry, one: Specialisation) -> bool:
        """Whether the files are as they were written, and would be written so now."""
        if any(_content_digest(folder / place) != content for place, content in self.files):
            return False
        try:
            weakest = one.weakened(self.weakened_by)
        except (srcad.SrcadError, LookupError):  # other types than those that were weakened
            return False
        return made_of(entry, one, weakest, self.weakened_by) == self.made_of


def written_record(folder: Path, entry: Entry, one: Specialisation, made: Shipment) -> Record | None:
    """The record of what was written; None for a file that somebody edited: what is to be done is asked each time."""
    target = folder / entry.file
    if edited(target.read_text(encoding="utf-8")):
        return None
    files = {place.relative_to(folder).as_posix(): _content_digest(place) for place in made.places(target)}
    made_of_now = made_of(entry, one, made.generated, made.weakened_by)
    return Record(made_of_now, made.weakened_by, tuple((place, found or "") for place, found in files.items()))


def made_of(entry: Entry, one: Specialisation, weakest: Generated, steps: Steps) -> str:
    """The digest of all that decides what is written for an entry."""
    functions = [made for each in (one.generated, weakest) for made in (each.lowered.function, each.function)]
    known = [(position, repr(value)) for position, value in one.arguments.known]
    parts = (entry, _versions(), known, steps, weakest.takes, weakest.defaults, functions)
    text = _renumbered(fingerprint(parts)) + weakest.text(asks=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _versions() -> tuple[str, ...]:
    return _srcad_digest(), np.__version__, numba_version(), *map(version, ("gast", "astunparse"))


@cache
def _srcad_digest() -> str:
    """Of all modules of srcad: between releases, its version says too little."""
    home = Path(str(srcad.__file__)).parent
    modules = sorted((path.relative_to(home).as_posix(), path) for path in home.rglob("*.py"))
    return hashlib.sha256(b"\0".join(name.encode() + path.read_bytes() for name, path in modules)).hexdigest()


# ---- the IR as text ------------------------------------------------------------------------------


def fingerprint(value: Any) -> str:
    """A value as text: equal for equal values in any process; without places in files, which the text quotes.

    What this does not know is its `repr`: that of a function is another in each process, and it is compiled again.
    """
    if isinstance(value, Span):
        return ""
    if isinstance(value, LinearForm):
        terms = sorted(map(fingerprint, value.terms), key=_by_unknown)
        return f"{type(value).__name__}({' '.join(terms)} {value.const})"
    if is_dataclass(value) and not isinstance(value, type):
        inside = " ".join(f"{one.name}={fingerprint(getattr(value, one.name))}" for one in fields(value))
        return f"{type(value).__name__}({inside})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{fingerprint(key)}: {fingerprint(item)}' for key, item in value.items()))}}}"
    if isinstance(value, frozenset | set):
        return f"{{{' '.join(sorted(map(fingerprint, value)))}}}"
    if isinstance(value, tuple | list):
        return f"({' '.join(map(fingerprint, value))})"
    if isinstance(value, np.ndarray):
        return f"array({value.dtype} {value.shape} {value.tobytes().hex()})"
    return repr(value)


_UNKNOWN = re.compile(r"\?(\d+)")


def _by_unknown(term: str) -> tuple[str, list[int]]:
    return _UNKNOWN.sub("?", term), [int(number) for number in _UNKNOWN.findall(term)]


def _renumbered(text: str) -> str:
    """Unknown lengths are numbered as they come in a process: here, as they come in the text.

    >>> _renumbered("?7 + ?3 - ?7")
    '?0 + ?1 - ?0'
    """
    numbers: dict[str, int] = {}
    return _UNKNOWN.sub(lambda found: f"?{numbers.setdefault(found[1], len(numbers))}", text)


# ---- the file ------------------------------------------------------------------------------------


def read_records(folder: Path) -> dict[str, Record]:
    """The records of the last build, by file; of one that cannot be read, none."""
    found = {file: _record(stored) for file, stored in read_notes(folder, _TABLE).items()}
    return {file: record for file, record in found.items() if record is not None}


def _record(stored: Any) -> Record | None:
    try:
        steps = tuple((int(at), tuple(map(str, names))) for at, names in stored["weakened_by"])
        return Record(str(stored["made_of"]), steps, tuple(sorted(stored["files"].items())))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def write_records(folder: Path, records: Mapping[str, Record]) -> None:
    write_notes(folder, _TABLE, {file: {**asdict(one), "files": dict(one.files)} for file, one in records.items()})


def _content_digest(place: Path) -> str | None:
    try:
        return hashlib.sha256(place.read_bytes()).hexdigest()[:32]
    except OSError:
        return None

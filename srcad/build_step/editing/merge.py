r"""Edits of a generated file, and changes of its primal, in one text: a three-way merge, made by git.

>>> base, file, new = "a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nc\nD\n"
>>> merged(base, file, new, Path("f.py"))
'a\nB\nc\nD\n'
>>> conflicts(merged("a\n", "b\n", "c\n", Path("f.py")))
[1, 5]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from srcad.errors import fail

_MARKER = re.compile(r"(<{7}|>{7}) ")
_QUOTE = re.compile(r"^ *# ((?:\w+ )?)L(\d+): (.*)$", re.MULTILINE)
_PLACE = re.compile(r"(?:(?<=# )|(?<=[\"']))((?:\w+ )?)L(\d+): ")
_LABELS = ("edited", "as it was generated", "generated")
_FORMATTERS = (("ruff", "format", "--stdin-filename"), ("black", "-q", "--stdin-filename"))


def merged(base: str, file: str, new: str, path: Path) -> str:
    """The file at `path`, an edited `base`, with the changes from `base` to `new`; with git's markers at conflicts.

    Line numbers of the primal that only moved are no changes. Where the file was formatted as well, the layout of whole
    statements is in conflict: then the other two texts are formatted in the same way. Raises S512 without git.
    """
    moved, generated = _moved(base, new), {line.strip() for line in base.splitlines()}
    base, file = (_renumbered(text, moved, generated) for text in (base, file))
    best = _merge(base, file, new, path)
    for formatter in _FORMATTERS:
        if not conflicts(best):
            return best
        formatted, wanted = _formatted(base, path, formatter), _formatted(new, path, formatter)
        if formatted is not None and wanted is not None:
            best = min(best, _merge(formatted, file, wanted, path), key=_in_conflict)
    return best


def _moved(base: str, new: str) -> dict[tuple[str, str], str]:
    """For a function and a line number of the base the one that the same line has in the new text.

    >>> _moved("# L3: y = x\\n# g L5: z = y\\n", "# L4: y = x\\n# g L5: z = y\\n")
    {('', '3'): '4', ('g ', '5'): '5'}
    """
    before, after = _quoted(base), _quoted(new)
    return {
        (function, old): now
        for (function, line), numbers in before.items()
        if len(numbers) == len(after.get((function, line), ()))
        for old, now in zip(numbers, after[function, line], strict=True)
    }


def _quoted(text: str) -> dict[tuple[str, str], list[str]]:
    """The numbers of each line of the primal that a text quotes, upward."""
    found: dict[tuple[str, str], set[str]] = {}
    for function, number, line in _QUOTE.findall(text):
        found.setdefault((function, line), set()).add(number)
    return {line: sorted(numbers, key=int) for line, numbers in found.items()}


def _renumbered(text: str, moved: dict[tuple[str, str], str], generated: set[str]) -> str:
    """The text with the new numbers in the lines that were generated, not in those that a person wrote."""

    def number(place: re.Match[str]) -> str:
        return f"{place[1]}L{moved.get((place[1], place[2]), place[2])}: "

    lines = text.split("\n")
    return "\n".join(_PLACE.sub(number, line) if line.strip() in generated else line for line in lines)


def conflicts(text: str) -> list[int]:
    """The lines at which git's conflicts start and end; also the one that was left where only one was removed."""
    return [at for at, line in enumerate(text.splitlines(), 1) if _MARKER.match(line)]


def _in_conflict(text: str) -> int:
    """The number of lines between markers."""
    inside, count = False, 0
    for line in text.splitlines():
        inside = (inside or line.startswith("<" * 7)) and not line.startswith(">" * 7)
        count += inside
    return count


def _merge(base: str, file: str, new: str, path: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="srcad-") as folder:
        places = [Path(folder, name) for name in ("file", "base", "new")]
        for place, text in zip(places, (file, base, new), strict=True):
            place.write_text(text, encoding="utf-8", newline="\n")
        labels = [part for label in _LABELS for part in ("-L", label)]
        try:
            done = subprocess.run(["git", "merge-file", "-p", *labels, *map(str, places)], capture_output=True)
        except OSError as fault:
            _cannot(path, f"git cannot be run ({fault.strerror})")
        if not 0 <= done.returncode <= 127:  # else it is the number of conflicts
            _cannot(path, f"git says: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode("utf-8")


def _cannot(path: Path, reason: str) -> None:
    fail(
        "S512",
        f"{path.name} was edited, its function changed, and the two cannot be merged: {reason}",
        why="The file is as it was.",
        advice="install git; or build with --force, which keeps your file as a backup beside the new one.",
    )


def _formatted(text: str, path: Path, formatter: tuple[str, ...]) -> str | None:
    """The text as a formatter lays it out that is configured for the file; None where there is no such formatter."""
    command = [sys.executable, "-m", *formatter, str(path.resolve()), "-"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, cwd=path.resolve().parent)
    except OSError:
        return None
    return done.stdout.decode("utf-8") if done.returncode == 0 else None

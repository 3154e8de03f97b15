"""The page of a gradient that is named by its function: `srcad view`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from srcad.backend.modules.cache_files import write_atomically
from srcad.build_step.config import Entry, entries, entry_for
from srcad.build_step.editing.settle import content
from srcad.build_step.editing.statements import edited_statements
from srcad.build_step.locate import importable
from srcad.compiler.stages import recorded
from srcad.errors import fail
from srcad.inspection.page.rendering import MARK, page


def write_page(
    function: str,
    wrt: tuple[str, ...],
    signature: str | None,
    mode: str | None,
    examples: str | None,
    output: Path | None,
) -> Path:
    """Write the page of a function as `entry_for` finds it; where its arguments are known, with bytes.

    S503 where the file cannot be written, or is there and is no page of srcad's.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page("colorsys:rgb_to_yiq", ("r",), None, "primal", None, Path(folder, "a.txt"))
    Traceback (most recent call last):
        ...
    srcad.errors.ArgumentError: srcad error S316: nobody has said of what type r, g and b of rgb_to_yiq are
    ...
    """
    with importable(Path(".")), recorded() as stages:
        entry = entry_for(function, wrt, signature, mode)
        if examples is not None:
            entry = replace(entry, examples=examples, signature=None)
        derivative = entry.derivative()
        example = entry.example(derivative)
        made = derivative.specialise_for(example).generated
        if entry.target == "cpu":
            _ = made.compiled  # for its passes
    plan = None if example.invented else derivative.plan(*example.args, **example.kwargs)
    remarks = tuple(_remarks(entry))
    path = output or Path(entry.file).with_suffix(".html")
    if path.exists() and not _is_page(path):
        fail("S503", f"{path} is there, and is no page that srcad wrote", advice="name another file with --output.")
    write_atomically(path, page(made, stages, plan, remarks))
    return path


def _remarks(entry: Entry) -> Iterator[str]:
    """Where the entry is listed and its file has other statements than are shown: whoever reviews it should know."""
    if entry.span is None:
        return
    folder, listed = entries(Path("."))
    path = folder / entry.file
    text = content(path)
    if text is None or entry not in listed:
        return
    try:
        others = list(edited_statements(entry.shipment().text, text))
    except SyntaxError as fault:
        others = [f"it is no Python: {fault.msg}, line {fault.lineno}"]
    if others:
        yield f"{path.as_posix()} is not what is shown here. It was edited or is out of date: see `srcad status`."
        yield from others


def _is_page(path: Path) -> bool:
    try:
        return MARK in path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False

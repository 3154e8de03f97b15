"""One file of a build: written, kept as a person edited it, or merged with its edits."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path

from srcad.backend.modules.cache_files import write_atomically
from srcad.backend.modules.source_digest import digest, edited, record_of, same, with_record
from srcad.build_step.editing.merge import conflicts, merged
from srcad.compiler.base_texts import BACKUP, base_of, forget_others, was_generated_as, write_base
from srcad.compiler.shipment import Shipment
from srcad.errors import SrcadError, fail


@dataclass(frozen=True)
class Settled:
    """What became of a file."""

    what: str
    """"written": it is as generated now. "unchanged": it was. "kept": it was edited, and what is generated is as
    before. "merged": its edits and the changes of what is generated are both in it. "conflict": likewise, and a person
    has to look."""
    text: str
    """What the file says now."""
    shipped: Shipment | None
    """What its compiled form is made of; None at a conflict."""
    backup: bool = False
    """Whether what it was is kept in NAME.py.orig."""
    message: str = ""


def settle(made: Shipment, path: Path, force: bool = False) -> Settled:
    """Bring the file at `path` up to date with what is generated, and its compiled form with it.

    With `force`, edits are overwritten. Raises S504 for a file that srcad did not write, S511 for a conflict that is
    not resolved, S512 where nothing can be merged. The file is then as it was.

    The file is written last: a build that is stopped leaves it as it was, and the text that its edits are relative to.
    """
    while True:
        before = content(path)
        done = _decide(made, path, before, force)
        if done.backup and before is not None:
            _back_up(path, before)
        new_form = done.shipped is not None and done.shipped.write_form(path)
        if done.text != before or base_of(path, done.text) is None:  # else with the line numbers that the file has
            write_base(path, made.text)
        if content(path) != before:
            continue  # a person saved it meanwhile
        if done.text != before:
            write_atomically(path, done.text)
        forget_others(path, done.text)  # also those that a killed build has left
        return replace(done, what="written") if done.what == "unchanged" and new_form else done


def _decide(made: Shipment, path: Path, before: str | None, force: bool) -> Settled:
    if before is None:
        return Settled("written", made.text, made)
    if same(before, made.text) and record_of(before) == record_of(made.text):
        return Settled("unchanged", before, made)  # whatever its formatting
    if not is_edited(before, made):
        return Settled("written", made.text, made)
    if force:
        return Settled("written", made.text, made, backup=True)
    if record_of(before) is None:
        advice = "move it elsewhere; or build with --force, which keeps it as a backup beside the new one."
        fail("S504", f"{path.name} was not written by srcad: no digest is recorded at its end", advice=advice)
    refuse_broken(path, before)
    if was_generated_as(path, before, made.text):
        return Settled("kept", before, replace(made, edited=before))
    base = base_of(path, before)
    if base is None:
        fail(
            "S512",
            f"{path.name} was edited, its function changed, and the text it was generated as is lost",
            why="It belongs into the folder _machine/_base beside the file.",
            advice="restore that folder; or build with --force, which keeps your file as a backup beside the new one.",
        )
    ours, theirs = with_record(before, None), with_record(made.text, None)
    text = with_record(merged(with_record(base, None), ours, theirs, path), record_of(made.text))
    return _after_merge(made, path, text)


def _after_merge(made: Shipment, path: Path, text: str) -> Settled:
    """The merge, which is a conflict as well where srcad cannot read what came of it."""
    where = ", ".join(map(str, conflicts(text)))
    if where:
        message = (
            f"{path.name}: your edits and what is generated now exclude each other: see lines {where}. "
            f"Keep what is right, remove the markers, and build again; {path.name}{BACKUP} is what it was."
        )
        return Settled("conflict", text, None, backup=True, message=message)
    shipped = replace(made, edited=text)
    try:
        shipped.read()
    except SrcadError as error:
        message = f"{path.name}: your edits and what is generated now do not fit together:\n{error}"
        return Settled("conflict", text, None, backup=True, message=message)
    return Settled("merged", text, shipped)


def is_edited(text: str, made: Shipment) -> bool:
    """Whether the text of a file is neither as it was generated nor as it is generated now."""
    return edited(text) and digest(text) != record_of(made.text)


def refuse_broken(path: Path, text: str) -> None:
    """S511 where the markers of a merge are left in a file, S504 where it is no Python."""
    if lines := conflicts(text):
        fail(
            "S511",
            f"{path.name} has conflict markers in lines {', '.join(map(str, lines))}",
            why="There your edits and what is generated for the changed function exclude each other.",
            advice="keep what is right, remove the markers, and run `srcad build`, then `srcad check`; "
            f"what the file was before is in its backup, {path.name}{BACKUP}.",
        )
    if fault := no_python(text):
        advice = "mend it; or run `srcad build --force`, which keeps it as a backup beside the new one."
        fail("S504", f"{path.name} is {fault}", advice=advice)


def no_python(text: str) -> str | None:
    """Why Python cannot read a text."""
    try:
        ast.parse(text)
    except SyntaxError as fault:
        return f"no Python: {fault.msg}, in line {fault.lineno}"
    except ValueError as fault:  # of null bytes
        return f"no Python: {fault}"
    return None


def content(path: Path) -> str | None:
    """The text of a file; None if there is none, S504 if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        fail("S504", f"{path.name} cannot be read ({fault})")


def _back_up(path: Path, text: str) -> None:
    """Keep the text beside the file. An earlier backup is never overwritten."""
    place, number = path.with_name(f"{path.name}{BACKUP}"), 1
    while (known := content(place)) is not None and known != text:
        number += 1
        place = path.with_name(f"{path.name}{BACKUP}{number}")
    if known is None:
        write_atomically(place, text)

"""The files of gradients: written, kept, and checked when stale."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from srcad.backend.modules.cache_files import remove_drafts
from srcad.backend.modules.source_digest import alike, code_digest
from srcad.build_step.config import Entry, entries
from srcad.build_step.editing.merge import conflicts
from srcad.build_step.editing.settle import Settled, content, is_edited, no_python, settle
from srcad.build_step.editing.verified import is_verified
from srcad.build_step.locate import importable
from srcad.build_step.orphans import orphans
from srcad.build_step.records import Record, read_records, write_records, written_record
from srcad.compiler.base_texts import was_generated_as
from srcad.compiler.machine_folder import FOLDER
from srcad.errors import fail


def build(root: Path, jobs: int | None = None, force: bool = False) -> Iterator[tuple[Entry, Settled]]:
    """Bring the files of all entries up to date, in `jobs` processes (default: one for each core).

    Yields each entry with what became of its file, in the order of the list. Edits are kept, and merged with what
    changed; with `force` they are overwritten, and a backup stays.
    """
    folder, listed = entries(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        advice = "choose another with the key folder."
        fail("S505", f"the folder {folder} cannot be made ({fault.strerror})", advice=advice)
    remove_drafts(folder, FOLDER)
    before = read_records(folder)
    records = {entry.file: before[entry.file] for entry in listed if entry.file in before}
    tasks = [_Task(root.resolve(), folder.resolve(), entry, force, before.get(entry.file)) for entry in listed]
    try:
        for task, (settled, record) in zip(tasks, _all_done(tasks, jobs or os.cpu_count() or 1), strict=True):
            if record is None:
                records.pop(task.entry.file, None)
            else:
                records[task.entry.file] = record
            yield task.entry, settled
    finally:  # of those that were written before another failed
        if records != before:
            write_records(folder, records)


@dataclass(frozen=True)
class _Task:
    root: Path
    folder: Path
    entry: Entry
    force: bool
    before: Record | None

    def is_done(self) -> bool:
        """Whether the files are as the last build wrote them, and would be written so now."""
        if self.before is None:
            return False
        with importable(self.root):
            return self.before.holds(self.folder, self.entry, self.entry.specialisation())

    def as_it_was(self) -> tuple[Settled, Record | None]:
        return Settled("unchanged", content(self.folder / self.entry.file) or "", None), self.before

    def done(self) -> tuple[Settled, Record | None]:
        """What was done, and the record of it."""
        with importable(self.root):
            one = self.entry.specialisation()
            made = self.entry.shipment(one)
            settled = settle(made, self.folder / self.entry.file, self.force)
            # the compiler's own objects do not go from one process to another
            return replace(settled, shipped=None), written_record(self.folder, self.entry, one, made)


def _all_done(tasks: list[_Task], jobs: int) -> Iterator[tuple[Settled, Record | None]]:
    """In the order of the tasks. To see that nothing is to be done is quicker than to start a process."""
    left = [task for task in tasks if not task.is_done()]
    results = _in_processes(left, min(jobs, len(left))) if jobs > 1 and len(left) > 1 else map(_Task.done, left)
    for task in tasks:
        yield next(results) if task in left else task.as_it_was()


def _in_processes(tasks: list[_Task], jobs: int) -> Iterator[tuple[Settled, Record | None]]:
    # not forked: Numba and BLAS have threads
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as processes:
        try:
            yield from processes.map(_Task.done, tasks)
        finally:  # where one has failed, no more are begun
            processes.shutdown(cancel_futures=True)


def stale(root: Path) -> list[str]:
    """A message for each entry whose file is not up to date, or was edited since it was checked.

    Where the function has only moved in its file, the line numbers in the generated file are old: they are ignored.
    """
    folder, listed = entries(root)
    with importable(root):
        found = [_staleness(entry, folder / entry.file) for entry in listed]
    found += [f"no entry makes {path.relative_to(folder)} any more" for path in orphans(folder, listed)]
    return [message for message in found if message]


def _staleness(entry: Entry, path: Path) -> str | None:
    before = content(path)
    if before is None:
        return f"{path.name} is missing ({entry.function})"
    if conflicts(before):
        return f"{path.name} has conflict markers in lines {', '.join(map(str, conflicts(before)))}"
    if fault := no_python(before):
        return f"{path.name} is {fault}"
    made = entry.shipment()
    if is_edited(before, made):
        if not was_generated_as(path, before, made.text):
            return f"{entry.function} changed, and the edited {path.name} did not"
        if code_digest(before) != code_digest(made.text) and not is_verified(path, before):
            return f"{path.name} was edited by hand, and `srcad check` has not compared it with differences since"
        made = replace(made, edited=before)
    elif not alike(before, made.text):
        return f"{entry.function} changed, and {path.name} did not"
    return None if made.has_form(path) else f"the compiled form of {path.name} is not of its text"

"""The files of gradients: written, kept, and checked when stale."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from srcad.backend.modules.source_digest import alike, edited, same
from srcad.build_step.config import Entry, entries
from srcad.build_step.locate import importable
from srcad.build_step.orphans import orphans
from srcad.build_step.records import Record, read_records, record_of, write_records
from srcad.compiler.shipment import Shipment
from srcad.errors import fail


def build(root: Path, jobs: int | None = None) -> Iterator[tuple[Entry, str]]:
    """Write the files of all entries, in `jobs` processes (default: one for each core).

    Yields each entry with what was done, in the order of the list. S504 for an edited file.
    """
    folder, listed = entries(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        advice = "choose another with the key folder."
        fail("S505", f"the folder {folder} cannot be made ({fault.strerror})", advice=advice)
    before = read_records(folder)
    records = {entry.file: before[entry.file] for entry in listed if entry.file in before}
    tasks = [_Task(root.resolve(), folder.resolve(), entry, before.get(entry.file)) for entry in listed]
    try:
        for task, (what, record) in zip(tasks, _all_done(tasks, jobs or os.cpu_count() or 1), strict=True):
            if record is None:
                records.pop(task.entry.file, None)
            else:
                records[task.entry.file] = record
            yield task.entry, what
    finally:  # of those that were written before another failed
        if records != before:
            write_records(folder, records)


@dataclass(frozen=True)
class _Task:
    root: Path
    folder: Path
    entry: Entry
    before: Record | None

    def is_done(self) -> bool:
        """Whether the files are as the last build wrote them, and would be written so now."""
        if self.before is None:
            return False
        with importable(self.root):
            return self.before.holds(self.folder, self.entry, self.entry.specialisation())

    def done(self) -> tuple[str, Record | None]:
        """What was done, and the record of it."""
        with importable(self.root):
            one = self.entry.specialisation()
            made = self.entry.shipment(one)
            what = write_file(made, self.folder / self.entry.file)
            return what, record_of(self.folder, self.entry, one, made)


def _all_done(tasks: list[_Task], jobs: int) -> Iterator[tuple[str, Record | None]]:
    """In the order of the tasks. To see that nothing is to be done is quicker than to start a process."""
    left = [task for task in tasks if not task.is_done()]
    results = _in_processes(left, min(jobs, len(left))) if jobs > 1 and len(left) > 1 else map(_Task.done, left)
    for task in tasks:
        yield next(results) if task in left else ("unchanged", task.before)


def _in_processes(tasks: list[_Task], jobs: int) -> Iterator[tuple[str, Record | None]]:
    # not forked: Numba and BLAS have threads
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as processes:
        try:
            yield from processes.map(_Task.done, tasks)
        finally:  # where one has failed, no more are begun
            processes.shutdown(cancel_futures=True)


def write_file(made: Shipment, target: Path) -> str:
    """Write the files of one entry; "written" or "unchanged". S504 where somebody edited the file."""
    before = _read(target)
    if before is not None and same(before, made.text):
        return "written" if made.write_form(target) else "unchanged"  # whatever its formatting
    if before is not None and edited(before):
        advice = "move your edits elsewhere, or remove the file and build again."
        fail("S504", f"{target.name} was edited by hand since it was built", advice=advice)
    made.write(target)
    return "written"


def stale(root: Path) -> list[str]:
    """A message for each entry whose file differs from the text that would be written now.

    Where the function has only moved in its file, the line numbers in the generated file are old: they are ignored.
    """
    folder, listed = entries(root)
    found = []
    with importable(root):
        for entry in listed:
            before = _read(folder / entry.file)
            if before is None:
                found.append(f"{entry.file} is missing ({entry.function})")
                continue
            if edited(before):
                found.append(f"{entry.file} was edited by hand since it was built")
                continue
            made = entry.shipment()
            if not alike(before, made.text):
                found.append(f"{entry.function} changed, and {entry.file} did not")
            elif not made.has_form(folder / entry.file):
                found.append(f"the compiled form of {entry.file} is not of its text")
    found += [f"no entry makes {path.relative_to(folder)} any more" for path in orphans(folder, listed)]
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        fail("S504", f"{path.name} cannot be read ({fault})")

"""Tasks in child processes: one that dies or hangs costs its own task, and another takes its place."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.fuzz.judge import SECONDS, Outcome, TooLong, judged, limit
from tests.fuzz.program import Program
from tests.fuzz.written import written

RECYCLED = 400
"""Tasks of one process: what is generated stays in memory."""
PATIENCE = 20 * SECONDS
"""Seconds of the clock; the processes watch their own processor time."""


@dataclass(frozen=True)
class Task:
    """A seed, or a program at hand."""

    seed: int = -1
    sort: str = "values"
    targets: tuple[str, ...] = ("python", "machine")
    program: Program | None = None

    @classmethod
    def of_second(cls, seed: int) -> Task:
        """Of second order: forward mode of the gradient, and for each fourth seed reverse mode."""
        return cls(seed, "second", ("forward", "reverse") if seed % 4 == 0 else ("forward",))


@dataclass(frozen=True)
class Answer:
    task: Task
    outcome: Outcome
    program: Program | None = None


@dataclass
class _Child:
    process: Any
    pipe: Connection
    folder: Path
    task: Task | None = None
    since: float = 0.0
    done: int = 0


@dataclass
class Pool:
    """`jobs` child processes; `run` gives the answers as they come."""

    jobs: int
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="fuzz_")))
    children: list[_Child] = field(default_factory=list)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            self._end(child)
        shutil.rmtree(self.folder, ignore_errors=True)

    def one(self, task: Task) -> Answer:
        return next(self.run([task]))

    def run(self, tasks: Iterable[Task], begun: Callable[[Task], None] | None = None) -> Iterator[Answer]:
        left = iter(tasks)
        exhausted = False
        while True:
            while not exhausted and sum(child.task is not None for child in self.children) < self.jobs:
                task = next(left, None)
                if task is None:
                    exhausted = True
                    break
                self._give(task)
            busy = [child for child in self.children if child.task is not None]
            if not busy:
                return
            ready = wait([child.pipe for child in busy], timeout=1.0)
            for child in busy:
                task = child.task
                assert task is not None
                if child.pipe in ready:
                    answer = self._heard(child, task)
                elif time.monotonic() - child.since > PATIENCE:
                    answer = Answer(task, Outcome("timeout"))
                    self._end(child)
                else:
                    continue
                child.task = None
                yield answer

    def _give(self, task: Task) -> None:
        child = next((one for one in self.children if one.task is None), None)
        if child is not None and child.done >= RECYCLED:
            self._end(child)
            child = None
        if child is None:
            child = self._begin()
        child.task, child.since = task, time.monotonic()
        child.done += 1
        child.pipe.send(task)

    def _heard(self, child: _Child, task: Task) -> Answer:
        try:
            answer: Answer = child.pipe.recv()
            return answer
        except EOFError:
            child.process.join()
            code = child.process.exitcode
            self._end(child)
            return Answer(task, Outcome("died", f"exit code {code}"))

    def _begin(self) -> _Child:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        process = context.Process(target=_serve, args=(there, folder), daemon=True)
        process.start()
        there.close()
        child = _Child(process, here, folder)
        self.children.append(child)
        return child

    def _end(self, child: _Child) -> None:
        child.process.kill()
        child.process.join()
        child.pipe.close()
        shutil.rmtree(child.folder, ignore_errors=True)
        self.children.remove(child)


def _serve(pipe: Connection, folder: Path) -> None:
    os.environ["SRCAD_CACHE_DIR"] = str(folder / "cache")
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # programs print
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        pipe.send(answered(task, folder))


def answered(task: Task, folder: Path) -> Answer:
    """What becomes of a task, in this process."""
    try:
        with limit(SECONDS):
            program = task.program or written(task.seed, task.sort)
    except TooLong:
        return Answer(task, Outcome("timeout", "what is written so far does not end"))
    if program is None:
        return Answer(task, Outcome("not written"))
    return Answer(task, judged(program, folder, task.targets), program)

"""Random programs from the grammar of the language: each derivative is right, or refused with a line.

    python -m tests.fuzz [--count N] [--seed FIRST] [--compiled] [--sort values|language|second|lengths|indices]
                         [--jobs N] [--save FOLDER] [--no-minimise] [--refusals N] [FILE ...]

A program is tried as the text that is read and the text that is compiled, both run by Python; `--compiled` compiles it.
The value is compared with the program, run by Python, the gradient with differences. `lengths` calls each program
again with one array longer or shorter by one, `indices` moves one index: where Python raises, the derivative has to.
`second` compares forward mode of the gradient, and for each fourth program reverse mode of it, with differences of it.
Each program runs in a child process: one that dies is counted. A file is a program that was saved, tried again.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.syntax import Syntax
from rich.table import Table

from tests.fuzz.judge import FAILURES
from tests.fuzz.minimise import minimised
from tests.fuzz.pool import Answer, Pool, Task
from tests.fuzz.program import Program
from tests.fuzz.written import SORTS

ORDER = ("right", "raised", "refused", "not smooth", "not finite", "not written", *FAILURES)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="programs to try (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the next follow (default 0)")
    parser.add_argument("--compiled", action="store_true", help="compile each program")
    parser.add_argument("--sort", choices=SORTS, default="values")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="child processes (default: the cores)")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write each failing program there")
    parser.add_argument("--no-minimise", action="store_true", help="show failing programs as they are")
    parser.add_argument("--refusals", type=int, default=0, metavar="N", help="show the N most frequent, with programs")
    parser.add_argument("files", nargs="*", type=Path, help="saved programs to try again")
    options = parser.parse_args()
    console = Console()
    targets = ("cpu",) if options.compiled else ("python", "machine")
    if options.files:
        tasks = [Task(targets=targets, program=Program.read(path), seed=at) for at, path in enumerate(options.files)]
    else:
        seeds = range(options.seed, options.seed + options.count)
        tasks = [
            Task.of_second(seed) if options.sort == "second" else Task(seed, options.sort, targets) for seed in seeds
        ]
    tally: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    failed: list[Answer] = []
    refused: dict[str, list[Answer]] = {}
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Pool(options.jobs) as pool:
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            bar = progress.add_task("", total=len(tasks))
            for answer in pool.run(tasks):
                outcome = answer.outcome
                tally[outcome.kind] += 1
                if outcome.kind in ("refused", "raised"):
                    codes[f"{outcome.kind} {outcome.detail}"] += 1
                if outcome.kind == "refused":
                    refused.setdefault(outcome.group, []).append(answer)
                if outcome.failed:
                    failed.append(answer)
                    where = options.files[answer.task.seed] if options.files else f"seed {answer.task.seed}"
                    first = outcome.detail.splitlines()[0] if outcome.detail else ""
                    said = f"{where}: {outcome.kind} ({outcome.target}) {first}"
                    progress.console.print(said[:150], markup=False, highlight=False)
                bad = sum(tally[kind] for kind in FAILURES)
                progress.update(bar, advance=1, description=f"{tally['right']} right, {bad} failed")
        seconds = time.monotonic() - began
        console.print(table(tally, codes, len(tasks), seconds))
        for group, answers in sorted(refused.items(), key=lambda item: -len(item[1]))[: options.refusals]:
            console.rule(f"{len(answers)} refused: {group}", align="left")
            show(min(answers, key=lambda a: len(a.program.text) if a.program else 0), pool, options, console)
        for answer in sorted(failed, key=lambda a: a.task.seed):
            show(answer, pool, options, console)
    if failed:
        raise SystemExit(1)


def table(tally: Counter[str], codes: Counter[str], count: int, seconds: float) -> Table:
    made = Table(title=f"{count} programs in {seconds:.0f} s", show_header=False)
    for kind in sorted(tally, key=ORDER.index):
        of_kind = [(code, n) for code, n in codes.most_common() if code.startswith(f"{kind} ")]
        listed = ", ".join(f"{code.removeprefix(kind + ' ')} {n}" for code, n in of_kind)
        made.add_row(kind, str(tally[kind]), listed)
    return made


def show(answer: Answer, pool: Pool, options: argparse.Namespace, console: Console) -> None:
    task, outcome = answer.task, answer.outcome
    program = answer.program or (None if outcome.kind == "timeout" else pool_program(task))
    if program is None:
        console.print(f"seed {task.seed}: {outcome.kind} {outcome.detail}", markup=False, highlight=False)
        return
    if not options.no_minimise and outcome.kind != "timeout":

        def fails(smaller: Program) -> bool:
            found = pool.one(Task(targets=task.targets, program=smaller)).outcome
            return found.kind == outcome.kind and found.group == outcome.group

        program = minimised(program, fails)
        outcome = pool.one(Task(targets=task.targets, program=program)).outcome
    compiled = " --compiled" if "cpu" in task.targets else ""
    console.rule(f"seed {task.seed}: {outcome.kind} ({outcome.target})")
    console.print(Syntax(program.own(), "python"))
    console.print(outcome.detail, markup=False, highlight=False)
    if not options.files:
        again = f"python -m tests.fuzz --sort {task.sort} --seed {task.seed} --count 1{compiled}"
        console.print(f"again: {again}", markup=False, highlight=False)
    if options.save and answer.outcome.failed:
        options.save.mkdir(parents=True, exist_ok=True)
        (options.save / f"{task.sort}_{task.seed}.py").write_text(program.shown())


def pool_program(task: Task) -> Program | None:
    from tests.fuzz.written import written

    return task.program or written(task.seed, task.sort)


if __name__ == "__main__":
    main()

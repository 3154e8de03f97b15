"""The command line interface: `srcad build` writes gradients into files or checks them, `srcad show` prints one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from srcad.errors import SrcadError

T = TypeVar("T")

# plain text: Rich would take [tool.srcad] for markup, and print its own tracebacks
app = typer.Typer(
    help="Gradients of Python functions, as readable source.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a gradient is out of date.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes to use. [default: one for each core]")] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove files of entries that are listed no more.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite edits; a backup NAME.py.orig stays.")] = False,
    root: Annotated[Path, typer.Option(help="The folder of pyproject.toml.")] = Path("."),
) -> None:
    """Write the gradients listed in [tool.srcad], one readable module each."""
    from srcad.build_step import files as work
    from srcad.build_step import orphans
    from srcad.build_step.config import entries

    try:
        if check:
            found = work.stale(root)
            for line in found:
                typer.echo(f"out of date: {line}", err=True)
            if found:
                typer.echo("run `srcad build`, then `srcad check`, and commit what they write", err=True)
                raise typer.Exit(1)
            typer.echo("all gradients are up to date")
            return
        folder, listed = entries(root)
        conflicts = False
        for entry, done in _with_progress(work.build(root, jobs, force), len(listed)):
            typer.echo(f"{done.what:10} {entry.file}{' (edited)' if done.what == 'kept' else ''}")
            if done.message:
                typer.echo(f"conflict: {done.message}", err=True)
                conflicts = True
        for path in orphans.prune(folder, listed) if prune else ():
            typer.echo(f"removed    {path.relative_to(folder)}")
        for path in orphans.orphans(folder, listed):
            why = "it was edited: remove it yourself" if prune else "`srcad build --prune` removes it"
            typer.echo(f"orphan     {path.relative_to(folder)} (no entry makes it; {why})")
        if conflicts:
            raise typer.Exit(1)
    except SrcadError as error:
        _stop(error)


@app.command()
def status(root: Annotated[Path, typer.Option(help="The folder of pyproject.toml.")] = Path(".")) -> None:
    """List the files of [tool.srcad]: what `build` would do, and what was edited by hand."""
    from srcad.build_step.editing.status import status as found

    try:
        for line in found(root):
            typer.echo(line)
    except SrcadError as error:
        _stop(error)


@app.command()
def check(
    functions: Annotated[list[str] | None, typer.Argument(help="module:function of entries; else all.")] = None,
    root: Annotated[Path, typer.Option(help="The folder of pyproject.toml.")] = Path("."),
) -> None:
    """Compare generated gradients, edited or not, with finite differences; name the first wrong statement."""
    from srcad.build_step.editing.check import check as checked

    try:
        all_right = True
        for entry, verdict in checked(root, tuple(functions or ())):
            typer.echo(f"{verdict.what:10} {entry.file}")
            for line in verdict.why.splitlines():
                typer.echo(f"  {line}")
            all_right = all_right and verdict.what == "right"
        if not all_right:
            raise typer.Exit(1)
    except SrcadError as error:
        _stop(error)


def _with_progress(done: Iterator[T], total: int) -> Iterator[T]:
    """What is done, with a progress bar below it on a terminal."""
    if not sys.stdout.isatty():
        yield from done
        return
    from rich.progress import Progress

    with Progress(transient=True) as progress:
        yield from progress.track(done, total, description="")


@app.command()
def show(
    function: Annotated[str, typer.Argument(help="module:function, or path/to/file.py:function")],
    wrt: Annotated[list[str] | None, typer.Option(help="A parameter to differentiate with respect to.")] = None,
    signature: Annotated[str | None, typer.Option(help="Types of the arguments, in Numba's notation.")] = None,
    mode: Annotated[str | None, typer.Option(help="gradient, value, jacobian, adjoint or primal.")] = None,
) -> None:
    """Print the gradient of a function, for the types given, listed in [tool.srcad], or annotated."""
    from srcad.build_step.config import entry_for
    from srcad.build_step.locate import importable

    try:
        with importable(Path(".")):
            text = entry_for(function, tuple(wrt or ()), signature, mode).specialisation().text
    except SrcadError as error:
        _stop(error)
        return
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.syntax import Syntax

        Console().print(Syntax(text, "python", background_color="default"))
    else:
        typer.echo(text, nl=False)


@app.command()
def view(
    function: Annotated[str, typer.Argument(help="module:function, or path/to/file.py:function")],
    wrt: Annotated[list[str] | None, typer.Option(help="A parameter to differentiate with respect to.")] = None,
    signature: Annotated[str | None, typer.Option(help="Types of the arguments, in Numba's notation.")] = None,
    mode: Annotated[str | None, typer.Option(help="gradient, value, jacobian, adjoint or primal.")] = None,
    examples: Annotated[str | None, typer.Option(help="module:function that returns arguments, for bytes.")] = None,
    output: Annotated[Path | None, typer.Option(help="The page to write. [default: NAME.html]")] = None,
) -> None:
    """Write a page to look at a gradient beside its source, with what is saved and every pass (docs/looking.md)."""
    from srcad.build_step.viewing import write_page

    try:
        typer.echo(f"written    {write_page(function, tuple(wrt or ()), signature, mode, examples, output)}")
    except SrcadError as error:
        _stop(error)


@app.command()
def stages(
    function: Annotated[str, typer.Argument(help="module:function, or path/to/file.py:function")],
    wrt: Annotated[list[str] | None, typer.Option(help="A parameter to differentiate with respect to.")] = None,
    signature: Annotated[str | None, typer.Option(help="Types of the arguments, in Numba's notation.")] = None,
    mode: Annotated[str | None, typer.Option(help="gradient, value, jacobian, adjoint or primal.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A pass to be shown; else all that do anything.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="An optional pass to be left out.")] = None,
) -> None:
    """Print what the compiler makes of a function, pass by pass: for the text one reads, then for what is compiled."""
    from srcad.build_step.config import entry_for
    from srcad.build_step.locate import importable
    from srcad.compiler.manager import settings
    from srcad.compiler.passes import check_names
    from srcad.compiler.stages import recorded

    try:
        shown, left_out = check_names(only or ()), check_names(without or (), optional=True)
        with importable(Path(".")), settings(without=left_out, verify=True), recorded() as found:
            entry_for(function, tuple(wrt or ()), signature, mode).specialisation().generated.machine_text()
    except SrcadError as error:
        _stop(error)
    for stage in found:
        if stage.of.name in shown if shown else stage.changed:
            typer.echo(str(stage))


def _stop(error: SrcadError) -> None:
    typer.echo(str(error), err=True)
    raise typer.Exit(2)

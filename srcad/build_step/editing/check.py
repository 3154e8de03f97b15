"""Generated gradients, edited or not, compared with finite differences on example arguments."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from srcad.backend.modules.source_digest import alike
from srcad.backend.modules.text_functions import function_at
from srcad.build_step.config import Entry, entries
from srcad.build_step.editing.differences import Point
from srcad.build_step.editing.example_points import points
from srcad.build_step.editing.first_wrong_statement import first_wrong
from srcad.build_step.editing.recording import Notes, Run, record
from srcad.build_step.editing.settle import content, is_edited, refuse_broken
from srcad.build_step.editing.verified import note_verified
from srcad.build_step.locate import find, importable
from srcad.compiler.base_texts import was_generated_as
from srcad.dispatch.pytree import copied
from srcad.errors import fail


@dataclass(frozen=True)
class Verdict:
    """What was found of a file."""

    what: str
    """"right", "wrong", or "outdated": it is not compared before `srcad build` has written it."""
    why: str = ""


def check(root: Path, functions: Sequence[str] = ()) -> Iterator[tuple[Entry, Verdict]]:
    """Each entry, or those of the functions, with what was found of its file.

    An edited file that is right is noted as verified. Raises S511 for a file with conflict markers, S504 for one that
    is no Python, S513 where no arguments are found to compare with.
    """
    folder, listed = entries(root)
    if missing := [name for name in functions if name not in {entry.function for entry in listed}]:
        known = ", ".join(dict.fromkeys(entry.function for entry in listed))
        fail("S505", f"[tool.srcad] in pyproject.toml lists no function {missing[0]}", advice=f"name one of: {known}.")
    with importable(root):
        for entry in listed:
            if not functions or entry.function in functions:
                yield entry, _verdict(entry, folder / entry.file)


def _verdict(entry: Entry, path: Path) -> Verdict:
    text = content(path)
    if text is None:
        return Verdict("outdated", "it is missing: run `srcad build`")
    refuse_broken(path, text)
    derivative = entry.derivative()
    example = entry.example(derivative)
    one = derivative.specialise_for(example)
    made = entry.shipment(one)
    edited = is_edited(text, made)
    current = was_generated_as(path, text, made.text) if edited else alike(text, made.text)
    if not current:
        return Verdict("outdated", f"{entry.function} changed: run `srcad build`")
    f = find(entry.function)
    cases = [
        _Case(path, text, made.text, Point(entry, f, one, point)) for point in points(entry, derivative, example, f)
    ]
    for case in cases:
        if fault := _fault_of_text(case):
            return Verdict("wrong", fault)
    made = replace(made, edited=text) if edited else made
    has_form = made.has_form(path)
    with TemporaryDirectory(prefix="srcad-") as folder:
        place = path
        if not has_form:  # the one that a build would write
            place = Path(folder, path.name)
            made.write_form(place)
            place.write_text(text, encoding="utf-8")
        for case in cases:
            if fault := _fault_of_form(case, place):
                return Verdict("wrong", fault)
    if edited:
        note_verified(path, text)
    return Verdict("right", "" if has_form else "its compiled form is out of date: run `srcad build`")


@dataclass(frozen=True)
class _Case:
    """A file, and what it is compared with, at one point."""

    path: Path
    text: str
    generated: str
    """What the file would be without edits."""
    point: Point

    @property
    def name(self) -> str:
        return self.point.one.generated.entry

    @property
    def has_differences(self) -> bool:
        """Whether finite differences say what is right; of what has a block of `insert_gradient_of`, the generated text
        alone does."""
        return self.point.one.generated.inserted is None


def _fault_of_text(case: _Case) -> str | None:
    """What is wrong with the file as it stands, uncompiled."""
    right = record(case.generated, case.name, case.point.flat, noting=False)
    if right.failure:
        return f"the generated text raises {type(right.failure[1]).__name__}: {right.failure[1]}"
    if own := case.point.difference(right.run):
        return f"the generated text differs from finite differences: {own}\nthis is a fault of srcad, or a kink there"
    found = record(case.text, case.name, case.point.flat, noting=False, like=right)
    if found.failure or found.stopped or not case.point.agree(found.run, right.run):
        return f"{_how(case, found)}\n{_where(case)}"
    return None


def _fault_of_form(case: _Case, place: Path) -> str | None:
    """What is wrong with what is compiled of the file at `place`."""
    right = record(case.generated, case.name, case.point.flat, noting=False)
    flat = copied(tuple(case.point.flat))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = function_at(place, case.name)
        try:
            compiled = Run(function(*flat), flat)
        except Exception as fault:  # Numba and an edited text may raise anything
            return f"compiled, it raises {type(fault).__name__}: {fault}"
    return None if case.point.agree(compiled, right.run) else "compiled, it gives other values than uncompiled"


def _how(case: _Case, found: Notes) -> str:
    """What is wrong with the result of an edited text."""
    if found.failure:
        return f"it raises {type(found.failure[1]).__name__}: {found.failure[1]}"
    if found.stopped:
        return "it goes on for more than ten times as many iterations as the generated text"
    try:
        difference = case.point.difference(found.run)
    except Exception:  # a result of another structure
        return "it returns something else than the generated text"
    agrees = ", which agrees with finite differences" if case.has_differences else ""
    return difference or f"it gives another result than the generated text{agrees}"


def _where(case: _Case) -> str:
    """The first wrong statement of an edited text."""
    first = first_wrong(case.text, case.generated, case.name, case.point.flat, case.point.in_place)
    if first is None:
        return "no statement was found that differs from the generated text; smaller arguments may show it"
    of = "" if first.primal is None else f"\n    of {first.primal}"
    return f"first wrong statement:\n  {case.path}:{first.line}: {first.statement}\n    {first.what}{of}"

"""Generated gradients, edited or not, compared with finite differences on example arguments."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from srcad.backend.modules.source_digest import alike
from srcad.backend.modules.text_functions import function_at
from srcad.build_step.config import Entry, entries
from srcad.build_step.editing.example_points import points
from srcad.build_step.editing.first_wrong_statement import first_wrong
from srcad.build_step.editing.recording import Notes, record
from srcad.build_step.editing.settle import content, is_edited, refuse_conflicts
from srcad.build_step.editing.verified import note_verified
from srcad.build_step.locate import find, importable
from srcad.compiler.base_texts import was_generated_as
from srcad.dispatch.example_arguments import Example
from srcad.dispatch.pytree import copied, flatten
from srcad.dispatch.signature import Parameters
from srcad.dispatch.specialisation import Specialisation
from srcad.errors import fail
from srcad.gradient_check import compared

_CLOSE = {np.dtype(np.float32): 1e-3}
"""The relative difference of an edited file and the generated text that is rounding; else 1e-7."""


def check(root: Path, functions: Sequence[str] = ()) -> Iterator[tuple[Entry, str | None]]:
    """Each entry, or those of the functions, with what is wrong with its file, or None.

    An edited file that is right is noted as verified. Raises S511 for a file with conflict markers, S513 where no
    arguments are found to compare with.
    """
    folder, listed = entries(root)
    if missing := [name for name in functions if name not in {entry.function for entry in listed}]:
        fail("S505", f"[tool.srcad] in pyproject.toml lists no function {missing[0]}")
    with importable(root):
        for entry in listed:
            if not functions or entry.function in functions:
                yield entry, _fault(entry, folder / entry.file)


def _fault(entry: Entry, path: Path) -> str | None:
    text = content(path)
    if text is None:
        return f"{path.name} is missing: run `srcad build`"
    refuse_conflicts(path, text)
    derivative = entry.derivative()
    example = entry.example(derivative)
    one = derivative.specialise_for(example)
    made = entry.shipment(one)
    changed = is_edited(text, made)
    current = was_generated_as(path, text, made.text) if changed else alike(text, made.text)
    if not current:
        return f"{path.name} is out of date: run `srcad build`"
    case = _Case(entry, path, text, made.text, one, find(entry.function))
    compared_at = [case.at(point) for point in points(entry, derivative, example, case.f)]
    for flat, point in compared_at:
        if fault := _fault_of_text(case, flat, point):
            return fault
    if not (replace(made, edited=text) if changed else made).has_form(path):
        return "as it stands it is right, but its compiled form is not of this text: run `srcad build`, and check again"
    for flat, _ in compared_at:
        if fault := _fault_of_form(case, flat):
            return fault
    if changed:
        note_verified(path, text)
    return None


@dataclass(frozen=True)
class _Case:
    """A file, and what it is compared with."""

    entry: Entry
    path: Path
    text: str
    generated: str
    """What the file would be without edits."""
    one: Specialisation
    f: Callable[..., Any]

    @property
    def name(self) -> str:
        return self.one.generated.function.name

    def at(self, point: Example) -> tuple[Sequence[Any], Example]:
        """The flat arguments at a point, with the point."""
        return self.one.flat(flatten(Parameters.of(self.f).values(point.args, point.kwargs))[0]), point


def _fault_of_text(case: _Case, flat: Sequence[Any], point: Example) -> str | None:
    """What is wrong at one point with the file as it stands, uncompiled."""
    right = record(case.generated, case.name, flat, noting=False)
    if right.failure:
        return f"the generated text raises {type(right.failure[1]).__name__}: {right.failure[1]}"
    if own := _difference(case.entry, case.f, point, case.one.finish(right.result)):
        return f"the generated text differs from finite differences: {own}\nthis is a fault of srcad, or a kink there"
    found = record(case.text, case.name, flat, noting=False, like=right)
    if found.failure or found.stopped or not _agree(found.result, right.result):
        return f"{_how(case, point, found)}\n{_where(case, flat)}"
    return None


def _fault_of_form(case: _Case, flat: Sequence[Any]) -> str | None:
    """What is wrong at one point with what is compiled."""
    right = record(case.generated, case.name, flat, noting=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = function_at(case.path, case.name)
        try:
            compiled = function(*copied(tuple(flat)))
        except Exception as fault:  # Numba and an edited text may raise anything
            return f"compiled, it raises {type(fault).__name__}: {fault}"
    return None if _agree(compiled, right.result) else "compiled, it gives other values than uncompiled"


def _how(case: _Case, point: Example, found: Notes) -> str:
    """What is wrong with the result of an edited text."""
    if found.failure:
        return f"it raises {type(found.failure[1]).__name__}: {found.failure[1]}"
    if found.stopped:
        return "it goes on for more than ten times as many iterations as the generated text"
    try:
        difference = _difference(case.entry, case.f, point, case.one.finish(found.result))
    except Exception:  # a result of another structure
        return "it returns something else than the generated text"
    return difference or "it gives another result than the generated text, which agrees with finite differences"


def _where(case: _Case, flat: Sequence[Any]) -> str:
    """The first wrong statement of an edited text."""
    first = first_wrong(case.text, case.generated, case.name, flat)
    if first is None:
        return "no statement was found that differs from the generated text; smaller arguments may show it"
    of = "" if first.primal is None else f"\n    of {first.primal}"
    return f"first wrong statement:\n  {case.path}:{first.line}: {first.statement}\n    {first.what}{of}"


def _difference(entry: Entry, f: Callable[..., Any], point: Example, result: Any) -> str | None:
    """How the structured result of a derivative differs from finite differences of the function."""
    if entry.mode == "adjoint":  # compared with the generated text alone
        return None
    function = partial(f, **point.kwargs) if point.kwargs else f
    parameters = Parameters.of(f)
    if entry.mode == "primal":
        return None if _agree(result, f(*copied(point.args), **point.kwargs)) else "its result is another"
    wrt = [(name, parameters.place(name, len(point.args))) for name in parameters.wrt(entry.wrt or 0)]
    if entry.mode == "jacobian":
        counts = [len(flatten(point.args[position])[0]) for _, position in wrt]
        gradients: Any
        function, gradients = _weighted(function, point.args, result, counts)
    else:
        found = result[1] if entry.mode == "value" else result[0] if entry.has_aux else result
        gradients = found if entry.wrt else (found,)
    worst, right = compared(function, point.args, wrt, gradients, entry.has_aux)
    return None if right else str(worst)


def _weighted(
    f: Callable[..., Any], args: tuple[Any, ...], result: Any, counts: Sequence[int]
) -> tuple[Callable[..., Any], list[list[Any]]]:
    """A weighted sum of all that the function returns; and by its Jacobian the gradient of that sum.

    The gradient has, for each argument, a list of as many leaves as `counts` says.
    """
    outputs = flatten(f(*copied(args)))[0]
    weights = [np.random.default_rng(at).uniform(0.5, 1.5, np.shape(leaf)) for at, leaf in enumerate(outputs)]

    def weighted(*given: Any) -> float:
        return float(sum(np.sum(w * leaf) for w, leaf in zip(weights, flatten(f(*given))[0], strict=True)))

    rows = np.split(np.arange(len(weights) * sum(counts)), len(weights))  # of each output those of all arguments
    leaves = flatten(result)[0]
    gradient = [
        sum(np.tensordot(w, leaves[at], np.ndim(w)) for w, at in zip(weights, column, strict=True))
        for column in zip(*rows, strict=True)
    ]
    ends = np.cumsum(counts)
    return weighted, [gradient[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _agree(one: Any, other: Any) -> bool:
    ours, theirs = ([np.asarray(leaf) for leaf in flatten(value)[0]] for value in (one, other))
    return len(ours) == len(theirs) and all(map(_near, ours, theirs))


def _near(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool(np.all(one == other))
    relative = _CLOSE.get(other.dtype, 1e-7)
    size = float(np.max(np.abs(other), initial=0.0, where=np.isfinite(other)))
    return bool(np.allclose(one, other, rtol=relative, atol=relative * 1e-3 * size, equal_nan=True))

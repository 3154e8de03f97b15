"""A recording as the source of a function, whose gradient the compiler makes; cached by structure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from optree import PyTreeSpec

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported
from srcad.derivative import Derivative
from srcad.dispatch.pytree import flatten, leaf_names
from srcad.errors import SrcadError
from srcad.request import Request
from srcad.tape.recording import RESERVED, Recording, function_key

_NAME = "recorded"
_COTANGENT = "cotangent"
_MOST = 256
"""Programs that are kept."""


@dataclass(frozen=True)
class Program:
    """The function that a recording is, up to the operation that is differentiated."""

    text: str
    path: Path
    derivative: Derivative
    structure: PyTreeSpec
    """Of its arguments: numbers and arrays."""
    differentiated: tuple[int, ...]
    """The numbers of the leaves that the gradient is taken by, the first parameters."""
    retained: tuple[int, ...]
    """The numbers of intermediate values whose gradient is kept; of each a parameter is added to it."""
    inputs: tuple[int, ...]
    """The other inputs."""
    lines: dict[int, int]
    """The number of the entry that a line of the text is."""
    functions: tuple[tuple[Hashable, Callable[..., Any]], ...]
    """Those that it calls, with their keys."""

    def is_current(self) -> bool:
        """Whether no variable of a function that it calls has been bound to another value."""
        return not self.functions or all(function_key(f) == key for key, f in self.functions)

    def located(self, error: SrcadError, recording: Recording) -> SrcadError:
        """The error, where it is at a line of the text, at the user's line that was recorded there."""
        problems = []
        for problem in error.problems:
            span = problem.span
            if span is not None and span.file == str(self.path) and span.line in self.lines:
                problem = replace(problem, span=recording.place(self.lines[span.line]).span)
            problems.append(problem)
        return type(error)(*problems)


class Programs:
    """The programs of recordings, by their structure. `made` counts those that were generated."""

    def __init__(self) -> None:
        self.made = 0
        self._known: dict[Hashable, Program] = {}

    def of(self, recording: Recording, root: int, has_cotangent: bool) -> Program:
        key: Hashable = tuple(recording.entries[: root + 1]), has_cotangent, recording.options
        if recording.functions or recording.retained:
            hooks = tuple((number, *names) for number, names in recording.hooks.items())
            functions = tuple((name, key) for name, (key, _) in recording.functions.items())
            key = key, hooks, tuple(recording.retained), functions
        known = self._known.get(key)
        if known is None or not known.is_current():
            known = _program(recording, root, has_cotangent)
            self.made += 1
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = known
        return known


PROGRAMS = Programs()


def _program(recording: Recording, root: int, has_cotangent: bool) -> Program:
    needed = _needed(recording, root)
    inputs = [at for at in needed if recording.operation(at) is None]
    differentiated = [at for at in inputs if recording.entries[at] is True]
    retained = [at for at in recording.retained if at in set(needed)]
    taken = {*RESERVED, _COTANGENT, *recording.functions}
    names = _names(recording, needed, taken)
    zeros = {at: leaf_names(f"at_{names[at]}", [()], taken)[0] for at in retained}
    adjoints = {at: leaf_names(f"d_{names[at]}", [()], taken)[0] for at in recording.hooks if at in names}
    others = [at for at in inputs if at not in set(differentiated)]
    parameters = [*(names[at] for at in differentiated), *zeros.values(), *(names[at] for at in others)]
    parameters += [_COTANGENT] * has_cotangent
    lines = ["import numpy as np", "import srcad", "", "", f"def {_NAME}({', '.join(parameters)}):"]
    if not recording.hooks:
        del lines[1]
    of_line: dict[int, int] = {}
    for at in needed:
        written = _lines(recording, at, names, zeros, adjoints)
        of_line.update((len(lines) + 1 + k, at) for k in range(len(written)))
        lines += [f"    {line}" for line in written]
    lines.append(f"    return np.sum({names[root]} * {_COTANGENT})" if has_cotangent else f"    return {names[root]}")
    of_line[len(lines)] = root
    text = "\n".join(lines) + "\n"
    path = cache_files.store(_NAME, text, keep=False)
    module = imported(path, f"made_by_srcad.{path.stem}")  # a module of srcad would be a library
    for name, (_, one) in recording.functions.items():
        setattr(module, name, one)
    function: Callable[..., Any] = getattr(module, _NAME)
    wrt = tuple(parameters[: len(differentiated) + len(zeros)])
    derivative = Derivative(function, Request("value_and_grad", wrt, False, False, recording.options))
    return Program(
        text,
        path,
        derivative,
        flatten((0.0,) * len(parameters))[1],
        tuple(differentiated),
        tuple(zeros),
        tuple(others),
        of_line,
        tuple(recording.functions.values()),
    )


def _needed(recording: Recording, root: int) -> list[int]:
    """The entries that the root depends on, in order; all where an array is changed in place: views may see it."""
    operations = [recording.operation(at) for at in range(root + 1)]
    if any(one is not None and one.is_statement for one in operations):
        return list(range(root + 1))
    found = {root}
    for at in range(root, -1, -1):
        one = operations[at]
        if at in found and one is not None:
            found.update(one.numbers)
    return sorted(found)


def _lines(
    recording: Recording, at: int, names: dict[int, str], zeros: dict[int, str], adjoints: dict[int, str]
) -> list[str]:
    """The lines of an entry: none of an input."""
    operation = recording.operation(at)
    if operation is None:
        return []
    expression = operation.text.format(*[one if isinstance(one, str) else names[one] for one in operation.operands])
    if operation.is_statement:
        return [expression]
    name = names[at]
    lines = [f"{name} = {expression}"]
    if at in zeros:
        lines.append(f"{name} = {name} + {zeros[at]}")
    for hook in reversed(recording.hooks.get(at, [])):  # the reverse sweep comes to the last one first
        d_name = adjoints[at]
        lines += [f"with srcad.insert_gradient_of({name}) as {d_name}:", f"    {d_name} = {hook}({d_name})"]
    return lines


def _names(recording: Recording, needed: Sequence[int], taken: set[str]) -> dict[int, str]:
    """The names of the entries: that of a tensor, of the variable that was assigned, or of its kind and a number."""
    named = partial(_name, taken=taken)
    names: dict[int, str] = {}
    for at in needed:
        operation = recording.operation(at)
        if operation is not None:
            if not operation.is_statement:
                names[at] = named(recording.place(at).assigned_name or "v")
        elif at in recording.leaves:
            names[at] = named(recording.leaves[at][0].name or "x")
        else:
            names[at] = named("a" if hasattr(recording.inputs[at], "shape") else "c")
    return names


def _name(wanted: str, taken: set[str]) -> str:
    return leaf_names(wanted, [()], taken)[0]

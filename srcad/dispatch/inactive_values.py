"""The inactive part of a function at run time: before each call Python computes what the compiled part reads of it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.outside_state import NUMBERS
from srcad.dispatch.pytree import with_copied_arrays
from srcad.errors import fail
from srcad.frontend.source.read import Source
from srcad.frontend.syntax.inactive_code import GIVEN, InactiveCode, Taken
from srcad.rules.libraries import read_as

Observed = dict[str, list[Any]]
_PLAIN = {float: "float", int: "int", bool: "bool"}
PYTHON = f"{GIVEN}_function"
"""The name of the function of the Python part: the function's own name stays that of the whole."""


class Cell:
    """The value of a variable of the rest in this thread: like a cell of a closure."""

    def __init__(self, first: Any) -> None:
        self._first, self._local = first, threading.local()

    @property
    def cell_contents(self) -> Any:
        return getattr(self._local, "value", self._first)

    def set(self, value: Any) -> None:
        self._local.value = value


class Nothing:
    """A cell without a value: the front end's error about it names what is to be taken out next."""

    @property
    def cell_contents(self) -> Any:
        raise ValueError


@dataclass(frozen=True, eq=False)
class InactivePart:
    """What is computed before each call, and the source of the rest, whose variables from outside have the values."""

    source: Source
    """The rest."""
    whole: Source
    code: InactiveCode
    cells: dict[str, Cell]
    conversions: dict[str, str]
    _function: Callable[..., Callable[..., Any]]
    _names: tuple[str, ...]

    def run(self, values: Sequence[Any]) -> None:
        """Compute the values for a call with these arguments. Raises what the Python part raises, and S362."""
        found: Observed = {one.name: [] for one in self.code.taken.values()}
        called(self._function, self.whole, self._names, values, found)
        for one in self.code.taken.values():
            items = found[one.name]
            if one.in_loop:
                if items and conversion(items) != self.conversions.get(one.name, ""):
                    _changed(self.source, one)
                items = [together(items, self.cells[one.values].cell_contents)]
            if items:
                self.cells[one.values].set(items[-1])

    def raised_by_rest(self, values: Sequence[Any]) -> Exception | None:
        """What the rest raises where Python executes it, with what was computed last; None where it raises nothing.

        What it prints has been printed before.
        """
        closure = {name: cell for name, cell in self.source.closure.items() if not isinstance(cell, Nothing)}
        rest = replace(self.source, closure=closure)
        try:
            with redirect_stdout(io.StringIO()):
                called(compiled(rest.tree, rest), rest, self._names, values, {})
        except Exception as real:
            return real
        return None


def compiled(tree: Any, source: Source) -> Callable[..., Callable[..., Any]]:
    """What makes the function of a tree, from the values of its free variables and the function that values go to."""
    args = tree.args
    names = [
        one.id for one in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if one is not None
    ]
    plain = gast.arguments([gast.Name(n, gast.Param(), None, None) for n in names], [], None, [], [], None, [])
    inner = gast.FunctionDef(PYTHON, plain, tree.body, [], None, None, [])
    free = gast.arguments(
        [gast.Name(n, gast.Param(), None, None) for n in (*source.closure, GIVEN)], [], None, [], [], None, []
    )
    body = [gast.copy_location(inner, tree), gast.Return(gast.Name(PYTHON, gast.Load(), None, None))]
    factory = gast.FunctionDef("factory", free, body, [], None, None, [])
    module = gast.fix_missing_locations(gast.gast_to_ast(gast.Module([factory], [])))
    scratch: dict[str, Any] = {}
    exec(compile(module, source.file, "exec"), scratch)
    return FunctionType(scratch["factory"].__code__, source.globals)  # type: ignore[arg-type]


def called(
    function: Callable[..., Callable[..., Any]],
    source: Source,
    names: tuple[str, ...],
    values: Sequence[Any],
    found: Mapping[str, list[Any]],
) -> None:
    """Call the function with copies of the arguments, whose arrays it may write into."""

    def given(name: str, value: Any, view: Any = None) -> Any:
        if view is bool:
            value = bool(value)
        elif view is iter and not isinstance(value, list | tuple | np.ndarray | range):
            items: list[Any] = []
            found[name].append(items)
            return _noting(value, items)
        read = read_as(value)
        found[name].append(deepcopy(read) if is_plain_data(read) else value)
        return value

    free = [cell.cell_contents for cell in source.closure.values()]
    copies = with_copied_arrays(tuple(values))
    function(*free, given)(**dict(zip(names, copies, strict=True)))


def _noting(iterable: Any, items: list[Any]) -> Iterator[Any]:
    """What a loop takes one by one, noted."""
    for item in iterable:
        items.append(deepcopy(item) if is_plain_data(item) else item)
        yield item


def is_plain_data(value: Any) -> bool:
    """Whether a value can be a variable from outside of a compiled function."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return bool(value) and all(map(is_plain_data, value))
    if type(value) is dict:
        return (
            bool(value) and all(isinstance(key, str | int) for key in value) and all(map(is_plain_data, value.values()))
        )
    return isinstance(value, (*NUMBERS, str)) or type(value).__module__.startswith("srcad.rules.scipy.")


def is_uniform(items: Sequence[Any]) -> bool:
    """Whether values can be the elements, or the rows, of one array."""
    if all(isinstance(item, np.ndarray) for item in items):
        return len({(item.shape, item.dtype) for item in items}) == 1 and items[0].dtype.kind in "biuf"
    return len({type(item) for item in items}) == 1 and isinstance(items[0], NUMBERS)


def conversion(items: Sequence[Any]) -> str:
    """What makes an element of the array a Python number again, whose dtype is weaker than that of an array."""
    kinds = {type(item) for item in items}
    return _PLAIN.get(next(iter(kinds)), "") if len(kinds) == 1 else ""


def together(items: Sequence[Any], before: Any) -> Any:
    if not items:
        return before[:0]
    return np.array(items) if is_uniform(items) else fail("S362", "the values of an expression differ in shape or type")


def _changed(source: Source, one: Taken) -> None:
    fail("S362", f"the values of {gast.unparse(one.node).strip()} are of another type than in the first call")

"""Name resolution: locals, variables of enclosing functions, globals and builtins; captures and guards.

Scalars and arrays from outside the function become hidden parameters, read at each call: a captured variable that
changes between calls is never frozen. Functions, modules and strings are compile-time constants behind guards.
"""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeGuard

import numpy as np

from srcad.errors import SrcadError
from srcad.frontend.source.read import PythonPart
from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    HeapRef,
    Leaf,
    Table,
    TypeConflict,
    leaves,
    map_structure,
)
from srcad.frontend.values.cells import cell_value, declared_nonlocal, is_cell
from srcad.frontend.values.constants import to_abstract, to_callee
from srcad.frontend.values.context import Captured, Context, Frame, NotYetBound
from srcad.frontend.values.definedness import check_bound
from srcad.frontend.values.describe import INTEGERS, describe, flatten, is_namedtuple
from srcad.frontend.values.iterables import is_iterator
from srcad.frontend.values.libraries import of_library
from srcad.ir.nodes import Var
from srcad.ir.types import Array, Symbol, dim
from srcad.rules.libraries import read_as
from srcad.rules.primitive_type import Primitive

_DELETED = object()
"""What a guard reads where there is no such variable any more."""


def lookup(ctx: Context, name: str) -> Abstract:
    """The value of a name read here."""
    frame: Frame | None = ctx.frame
    while frame is not None:
        if (name in frame.locals or name in frame.names) and name not in declared_nonlocal(frame.origin):
            return ctx.narrowed(_local(ctx, frame, name))
        if frame.parent is None:
            return _outer(ctx, frame, name)
        frame = frame.parent
    raise AssertionError("a frame was expected")


def _local(ctx: Context, frame: Frame, name: str) -> Abstract:
    value = frame.names.get(name, UNBOUND)
    if isinstance(value, HeapRef) and is_cell(value):
        return cell_value(ctx, frame, value, name)
    if value is not UNBOUND:
        check_bound(ctx, frame, name)
    if isinstance(value, Leaf):
        if ctx.is_undefined(value):
            ctx.read_undefined.add(name)
        return value
    if value is UNBOUND:
        try:
            ctx.fail(
                "S120",
                f"{name} has no value here",
                f"{name} is assigned in this function, but on no path that leads here.",
            )
        except SrcadError as error:
            if name in frame.pending:
                raise NotYetBound(error) from None
            raise
    if isinstance(value, TypeConflict):
        ctx.check(value)
    _note_undefined(ctx, value, name)
    if is_iterator(value) and not frame.library:
        frame.names[name] = used_up(name)
    return value


def used_up(name: str) -> TypeConflict:
    """What an iterator is after a loop over it."""
    return TypeConflict(
        "S113",
        f"{name} is an iterator that was looped over before",
        "Nothing, or what that loop has left, is in it.",
        f"make a list of it: {name} = list(...).",
    )


def _note_undefined(ctx: Context, value: Abstract, name: str) -> None:
    def each(part: Abstract) -> Abstract:
        if isinstance(part, Leaf):
            if ctx.is_undefined(part):
                ctx.read_undefined.add(name)
            return part
        return part if isinstance(part, HeapRef) else map_structure(part, each)

    map_structure(value, each)


def _outer(ctx: Context, frame: Frame, name: str) -> Abstract:
    source = frame.source
    if name in source.closure:
        cell = source.closure[name]

        def read_cell() -> object:
            return cell.cell_contents

        try:
            return outside_value(ctx, frame, name, read_cell, id(cell))
        except ValueError:
            ctx.fail("S120", f"{name} has no value yet", "The function around this one has not assigned it.")
    if name in source.globals:
        scope = source.globals
        return outside_value(ctx, frame, name, lambda: scope.get(name, _DELETED), id(scope))
    if hasattr(builtins, name):
        if not frame.library:
            ctx.guards[id(source.globals), name] = (False, lambda: name in source.globals)
        return to_abstract(ctx, getattr(builtins, name))
    ctx.fail("S120", f"the name {name} is not defined")


def outside_value(ctx: Context, frame: Frame, name: str, read: Callable[[], object], scope: int) -> Abstract:
    """A variable from outside the function: a captured parameter, or a constant behind a guard."""
    value = read_as(read())
    if frame.library:
        return to_abstract(ctx, value)
    if ctx.is_rule:
        if any(isinstance(leaf, np.ndarray) for leaf in flatten(value, False)):
            advice = "give it to the function as an argument, or write its numbers in the rule."
            ctx.fail("S206", f"a rule reads the array {name} from outside", None, advice)
        return to_abstract(ctx, value)
    key = (scope, name)
    if key in ctx.captured_values:
        return ctx.captured_values[key]
    if not has_leaves(value) or (ctx.fixed and _is_static_data(value)):
        ctx.guards[key] = (read(), read) if isinstance(value, ModuleType) else (frozen(value), lambda: frozen(read()))
        return _memoised(ctx, key, lambda: to_abstract(ctx, value))
    table = ctx.tables and _is_table(value)
    short, given = name.rpartition(".")[2], np.array(value) if table else value
    described = describe(short, given, ctx.taken, name, ctx.place(), ctx.fixed)
    if frame.source.python is not None and _is_of_loop(frame.source.python, scope):
        described = _of_any_number(described)
    ctx.zero_d_seen.made |= isinstance(value, np.ndarray) and value.ndim == 0
    ctx.captures[key] = Captured(name, described, read, ctx.fixed, table, scope)
    if ctx.fixed:
        ctx.guards[key] = (_integers(value), lambda: _integers(read()))
    ctx.declare(described)
    for leaf, now in zip(leaves(described), flatten(given, ctx.fixed), strict=True):
        if isinstance(leaf.atom, Var) and isinstance(now, np.ndarray):
            ctx.shapes[leaf.atom.name] = now.shape
    if table:
        assert isinstance(described, Leaf) and isinstance(given, np.ndarray)
        ctx.table_lengths[name] = given.shape
        return _memoised(ctx, key, lambda: Table(described, given.shape, type(value)))
    return _memoised(ctx, key, lambda: to_callee(ctx, described))


def _is_of_loop(python: PythonPart, scope: int) -> bool:
    """Whether a variable has the values that Python computes in a loop."""
    return any(one.in_loop and id(one.cell) == scope for one in python.values)


def _of_any_number(values: Abstract) -> Abstract:
    """The array of the values of a loop, which are read one by one: of how many, the text says nothing."""
    if not (isinstance(values, Leaf) and isinstance(values.atom, Var) and isinstance(values.type, Array)):
        return values
    first = dim(Symbol(values.atom.name, 0))
    return Leaf(values.atom, dataclasses.replace(values.type, dims=(first, *values.type.dims[1:])))


def _memoised(ctx: Context, key: tuple[int, str], make: Callable[[], Abstract]) -> Abstract:
    """Memoise the value of an outer variable; its lists and dicts are on the heap of every path."""
    before = set(ctx.heap)
    ctx.captured_values[key] = make()
    ctx.captured_heap |= {ref: cells for ref, cells in ctx.heap.items() if ref not in before}
    return ctx.captured_values[key]


def has_leaves(value: Any) -> bool:
    """Whether the object has leaves that are read at run time.

    >>> [has_leaves(value) for value in (1.0, {"W": np.eye(2)}, "relu", (None, np.tanh))]
    [True, True, False, False]
    """
    if isinstance(value, bool | int | float | complex | np.ndarray | np.generic):
        return True
    if isinstance(value, Primitive | type):
        return False
    if isinstance(value, tuple | list):
        return any(has_leaves(item) for item in value)
    if isinstance(value, dict):
        return any(has_leaves(item) for item in value.values())
    return _is_record(value) or is_namedtuple(value)


_SMALLEST_TABLE = 5


def _is_table(value: object) -> bool:
    """Whether the value is a list of numbers, or of rows of them, that a person would loop over.

    >>> _is_table((0.5,) * 5), _is_table([(0.0, 1.0)] * 3), _is_table((0.5, 1) * 3), _is_table([(0.5,), (1.0, 2.0)] * 3)
    (True, True, False, False)
    """
    if not _is_sequence(value) or len(value) < 2:
        return False
    lengths = {len(row) if _is_sequence(row) else 0 for row in value}
    numbers = [number for row in value for number in row] if 0 not in lengths else value
    return len(lengths) == 1 and len(numbers) >= _SMALLEST_TABLE and all(isinstance(one, float) for one in numbers)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, tuple | list) and not is_namedtuple(value)


def frozen(value: Any) -> object:
    """The part of a value that a guard compares: the contents, where it may be modified in place."""
    if isinstance(value, list | dict | tuple) or _is_record(value):
        items: Any = value
        if isinstance(value, dict):
            items = [(key, item) for key, item in value.items()]
        elif not isinstance(value, list | tuple):
            items = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return type(value), tuple(frozen(item) for item in items)
    if isinstance(value, set):
        return type(value), frozenset(value)
    return (type(value), value) if isinstance(value, int | np.generic) else value


def _integers(value: object) -> object:
    return frozen([leaf for leaf in flatten(value) if isinstance(leaf, INTEGERS)])


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_static_data(value: Any) -> bool:
    """Whether the value consists of integers, bools and strings only."""
    if _is_record(value):
        return all(_is_static_data(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple | list):
        return all(_is_static_data(item) for item in value)
    if isinstance(value, dict):
        return all(_is_static_data(item) for item in value.values())
    return isinstance(value, bool | int | str | np.integer | np.bool_ | None)


def module_value(ctx: Context, module: ModuleType, name: str) -> Abstract:
    """`module.name`: a constant of a library is a compile-time constant; a scalar in a user's module is captured."""
    if not hasattr(module, name):
        ctx.fail("S122", f"module {module.__name__} has no attribute {name}")
    value = getattr(module, name)
    if of_library(module.__name__):
        return to_abstract(ctx, value)
    shown = f"{module.__name__}.{name}"
    return outside_value(ctx, ctx.frame, shown, lambda: getattr(module, name), id(module))

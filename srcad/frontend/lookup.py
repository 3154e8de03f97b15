"""What a name means: a variable of this function, of one around it, a global, or a builtin.

Numbers and arrays found outside the function become hidden parameters, read at each call: a captured variable
that changes between calls is never frozen. Functions, modules and strings are used as they are while compiling.
"""

from __future__ import annotations

import builtins
import dataclasses
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from srcad.errors import SrcadError
from srcad.frontend.arguments import describe, is_namedtuple
from srcad.frontend.context import Captured, Context, Frame, Pending
from srcad.frontend.statics import inside_form, wrapped
from srcad.frontend.values import UNBOUND, Abstract, Conflict, Leaf, Ref, map_structure
from srcad.rules.primitives import Primitive


def lookup(ctx: Context, name: str) -> Abstract:
    """The value of a name read here."""
    frame: Frame | None = ctx.frame
    while frame is not None:
        if name in frame.locals or name in frame.names:
            return _local(ctx, frame, name)
        if frame.parent is None:
            return _outer(ctx, frame, name)
        frame = frame.parent
    raise AssertionError("a frame was expected")


def _local(ctx: Context, frame: Frame, name: str) -> Abstract:
    value = frame.names.get(name, UNBOUND)
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
                raise Pending(error) from None
            raise
    if isinstance(value, Conflict):
        ctx.check(value)
    _note_undefined(ctx, value, name)
    return value


def _note_undefined(ctx: Context, value: Abstract, name: str) -> None:
    def each(part: Abstract) -> Abstract:
        if isinstance(part, Leaf):
            if ctx.is_undefined(part):
                ctx.read_undefined.add(name)
            return part
        return part if isinstance(part, Ref) else map_structure(part, each)

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
        return outside_value(ctx, frame, name, lambda: scope[name], id(scope))
    if hasattr(builtins, name):
        return wrapped(ctx, getattr(builtins, name))
    ctx.fail("S120", f"the name {name} is not defined")


def outside_value(ctx: Context, frame: Frame, name: str, read: Callable[[], object], scope: int) -> Abstract:
    """A variable from outside the function."""
    value = read()
    if frame.library:
        return wrapped(ctx, value)
    key = (scope, name)
    known = ctx.captures.get(key)
    if known is not None:
        return ctx.inner[key]
    if not holds_numbers(value):
        if not isinstance(value, ModuleType):
            ctx.guards[key] = (value, read)
        return wrapped(ctx, value)
    described = describe(name.rpartition(".")[2], value, ctx.taken, name, ctx.place())
    ctx.captures[key] = Captured(name, described, read)
    ctx.declare(described)
    before = set(ctx.heap)
    ctx.inner[key] = inside_form(ctx, described)
    ctx.captured_heap |= {ref: cells for ref, cells in ctx.heap.items() if ref not in before}
    return ctx.inner[key]


def holds_numbers(value: Any) -> bool:
    """Whether the object has leaves that are read at run time."""
    if isinstance(value, bool | int | float | complex | np.ndarray | np.generic):
        return True
    if isinstance(value, Primitive | type):
        return False
    if isinstance(value, tuple | list):
        return any(holds_numbers(item) for item in value)
    if isinstance(value, dict):
        return any(holds_numbers(item) for item in value.values())
    return dataclasses.is_dataclass(value) or is_namedtuple(value)


def module_value(ctx: Context, module: ModuleType, name: str) -> Abstract:
    """`module.name`: a constant of a library is one; a number in a module of the user's is read at each call."""
    if not hasattr(module, name):
        ctx.fail("S122", f"module {module.__name__} has no attribute {name}")
    value = getattr(module, name)
    root = module.__name__.partition(".")[0]
    if root in _LIBRARIES or root in sys.stdlib_module_names or not holds_numbers(value):
        return wrapped(ctx, value)
    shown = f"{module.__name__}.{name}"
    return outside_value(ctx, ctx.frame, shown, lambda: getattr(module, name), id(module))


_LIBRARIES = frozenset({"numpy", "scipy", "numba", "srcad"})

"""Lowering of `class` inside a function: Python makes the class while compiling.

Its methods are real functions with the text of the file, and are read as any others. What their closures would have of
the function around them is found in its frame (`values/inner_classes`). Python executes what stands in the class
itself, so that has to be known while compiling, and to have no effect.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, k):
...     class Spring:
...         rest = 0.5
...         def __init__(self, length):
...             self.length = length
...         def energy(self):
...             return k * (self.length - self.rest) ** 2
...     return Spring(x).energy()
>>> print(text(normal_form(f, 1.0, 2.0)))
f(x: float64, k: float64):
    %difference.0 = x - 0.5
    %power.0 = %difference.0 ** 2
    %product.0 = k * %power.0
    return %product.0
"""

from __future__ import annotations
import __future__

import ast
import enum
import functools
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import CodeType, FunctionType, MemberDescriptorType
from typing import Any, NoReturn, cast
from weakref import WeakKeyDictionary

import gast
import numpy as np

from srcad.frontend.source.scopes import loads
from srcad.frontend.values.abstract_values import UNKNOWN, Constant
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context, Frame
from srcad.frontend.values.inner_classes import DefinedIn, note_inner_class
from srcad.frontend.values.libraries import of_library
from srcad.frontend.values.name_resolution import lookup
from srcad.frontend.values.user_classes import class_attribute, is_written
from srcad.frontend.values.variable_naming import bind_name

_PLAIN = (gast.FunctionDef, gast.Assign, gast.AnnAssign, gast.Pass)
_FROM = frozenset({"builtins", "dataclasses", "functools", "enum", "abc", "typing", "math", "collections"})
"""The modules whose functions a class may call while it is made."""
_WHY = "Python makes the class while compiling."
_ADVICE = "set it in __init__; or define the class outside of the function."


_classes: WeakKeyDictionary[Any, list[tuple[Frame | None, dict[str, object], type]]] = WeakKeyDictionary()
"""Those that have nothing of the call in them: they are the same for all calls, and in each attempt to lower one."""


def class_definition(ctx: Context, node: Any) -> None:
    """`class C: ...` in a function."""
    tree = _as_read(ctx.frame, node)
    captured = _captured(ctx.frame, tree)
    with ctx.at(tree):
        values = {name: _known(ctx, tree, name) for name in sorted(_read_by_class(tree))}
        _refuse_effects(ctx, tree, values)
        frame = ctx.frame if captured - {tree.name} else None
        known = _classes.setdefault(tree, []) if frame is None else ctx.inner_classes.setdefault(id(tree), [])
        found = next((one for one in known if one[0] is frame and _are_same(one[1], values)), None)
        if found is None:
            found = (frame, values, _made(ctx, tree, captured, values))
            known.append(found)
    bind_name(ctx, tree.name, Constant(found[2]))


def _are_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether names have the same values: an object is another one, whatever it is equal to."""
    return one.keys() == other.keys() and all(
        a is b or (isinstance(a, int | float | str) and type(a) is type(b) and a == b)
        for a, b in zip(one.values(), other.values(), strict=True)
    )


def _as_read(frame: Frame, node: Any) -> Any:
    """The definition as it stands in the file: the body of the function has been normalised."""
    place = node.lineno, node.col_offset
    found = (one for one in gast.walk(frame.origin) if isinstance(one, gast.ClassDef))
    return next(one for one in found if (one.lineno, one.col_offset) == place)


def _captured(frame: Frame, tree: Any) -> set[str]:
    """The variables of the functions around a class that it reads."""
    around: set[str] = set()
    outer: Frame | None = frame
    while outer is not None:
        around |= outer.locals | outer.names.keys()
        outer = outer.parent
    return {name for name in loads(tree) if name in around}


def _own_parts(tree: Any) -> Iterator[Any]:
    """The nodes that Python evaluates when it makes the class: all but what is in functions."""
    pending = list(gast.iter_child_nodes(tree))
    while pending:
        node = pending.pop()
        if isinstance(node, gast.FunctionDef | gast.Lambda):
            pending += [*getattr(node, "decorator_list", ()), *node.args.defaults, *filter(None, node.args.kw_defaults)]
            continue
        yield node
        pending += gast.iter_child_nodes(node)


def _bound_by_class(tree: Any) -> set[str]:
    stored = {n.id for n in _own_parts(tree) if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Store)}
    return stored | {one.name for one in tree.body if isinstance(one, gast.FunctionDef)}


def _read_by_class(tree: Any) -> set[str]:
    """The names that have to have values when the class is made."""
    read = {n.id for n in _own_parts(tree) if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Load)}
    return read - _bound_by_class(tree)


def _known(ctx: Context, tree: Any, name: str) -> object:
    value = to_python(ctx, lookup(ctx, name))
    if value is UNKNOWN:
        _refuse(ctx, f"class {tree.name} reads {name}, whose value only a run knows, where it is made")
    return value


def _refuse(ctx: Context, message: str) -> NoReturn:
    ctx.fail("S110", message, _WHY, _ADVICE)


def _refuse_effects(ctx: Context, tree: Any, values: Mapping[str, object]) -> None:
    """S110 of all that does more than define methods and attributes."""
    for stmt in tree.body:
        is_text = isinstance(stmt, gast.Expr) and isinstance(stmt.value, gast.Constant)
        if not isinstance(stmt, _PLAIN) and not is_text:
            with ctx.at(stmt):
                _refuse(ctx, f"class {tree.name} does more than define methods and attributes")
    bases = [_resolved(base, values) for base in tree.bases]
    if any(is_written(class_attribute(base, "__init_subclass__")) for base in bases if isinstance(base, type)):
        _refuse(ctx, f"class {tree.name} has a base with __init_subclass__")
    called = [node.func for node in _own_parts(tree) if isinstance(node, gast.Call)]
    functions = [tree, *(one for one in tree.body if isinstance(one, gast.FunctionDef))]
    decorators = [one for function in functions for one in function.decorator_list]
    of_class = [keyword.value for keyword in tree.keywords]
    bound = _bound_by_class(tree)
    for one in (*called, *decorators, *of_class):
        if isinstance(one, gast.Call) or _root(one) in bound:  # as `@length.setter`
            continue
        value = _resolved(one, values)
        if str(getattr(value, "__module__", "")).partition(".")[0] not in _FROM:
            with ctx.at(one):
                _refuse(ctx, f"class {tree.name} calls {gast.unparse(one).strip()} where it is made")


def _root(node: Any) -> str | None:
    while isinstance(node, gast.Attribute):
        node = node.value
    return node.id if isinstance(node, gast.Name) else None


def _resolved(node: Any, values: Mapping[str, object]) -> object:
    """The object that a name with attributes stands for; None for any other expression."""
    if isinstance(node, gast.Attribute):
        return getattr(_resolved(node.value, values), node.attr, None)
    return values.get(node.id) if isinstance(node, gast.Name) else None


@lru_cache(maxsize=1024)
def _maker(tree: Any, names: tuple[str, ...], around: CodeType) -> CodeType:
    """The code of a function like the one around the class, which returns the class and a reader of these variables.

    One for each class: methods are the same in each attempt to lower the function.
    """
    definition = _without_annotations(gast.gast_to_ast(tree))
    cells = ast.Lambda(_parameters(()), ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load()))
    result = ast.Return(ast.Tuple([ast.Name(tree.name, ast.Load()), cells], ast.Load()))
    maker = ast.FunctionDef(_MAKER, _parameters(names), [definition, result], [])
    if "type_params" in ast.FunctionDef._fields:  # Python 3.12 and later
        maker.type_params = []  # type: ignore[attr-defined]
    module = ast.fix_missing_locations(ast.Module([ast.copy_location(maker, definition)], []))
    flags = around.co_flags & _FUTURES
    return cast(CodeType, compile(module, around.co_filename, "exec", flags, dont_inherit=True))


_MAKER = "class_maker"


def _made(ctx: Context, tree: Any, captured: set[str], values: Mapping[str, object]) -> type:
    """The class, whose methods have cells for the variables of the functions around it."""
    names, frame = tuple(sorted(captured)), ctx.frame
    stored = (n for n in gast.walk(frame.origin) if isinstance(n, gast.Name) and not isinstance(n.ctx, gast.Load))
    is_rebound = any(one.id == tree.name for one in stored)
    function = frame.source.function
    code = _maker(tree, names, function.__code__)
    scope: dict[str, Any] = {}
    exec(code, function.__globals__, scope)
    try:
        cls, reader = scope[_MAKER](**{name: values.get(name) for name in names})
    except Exception as error:
        ctx.fail("S127", f"{type(error).__name__}: {error}")
    for name, cell in zip(reader.__code__.co_freevars, reader.__closure__ or (), strict=True):
        is_itself = name == tree.name and not is_rebound
        cell.cell_contents = cls if is_itself else DefinedIn(ctx.frame)
    for name in sorted(_bound_by_class(tree) & vars(cls).keys()):
        value = vars(cls)[name]
        if not _is_constant(value) and not (name.startswith("__") and name.endswith("__")):
            _refuse(ctx, f"{name} of class {tree.name} is a {type(value).__name__}, which all its objects share")
    note_inner_class(cls, bool(captured - {tree.name}))
    return cls  # type: ignore[no-any-return]


_FUTURES = sum(getattr(__future__, name).compiler_flag for name in set(__future__.all_feature_names)) & ~0x10
"""Without CO_NESTED, which has the value that an outdated future flag once had."""


def _parameters(names: Sequence[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def _without_annotations(tree: Any) -> Any:
    """Those of methods have no meaning here, and may name what is not known yet."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return tree


def _is_constant(value: object) -> bool:
    """Whether an attribute of a class is one that nothing changes."""
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    if isinstance(value, enum.Enum | property | staticmethod | classmethod | functools.cached_property):
        return True
    descriptor = isinstance(value, FunctionType | MemberDescriptorType) or of_library(type(value).__module__)
    return descriptor and not isinstance(value, list | dict | set | np.ndarray)

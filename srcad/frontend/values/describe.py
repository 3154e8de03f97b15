"""Abstraction of arguments: the abstract value of a run-time value, and its flat list of leaves.

`describe` and `flatten` traverse in the same order: dicts by insertion, records by field.

>>> flatten({"W": np.eye(2)[0], "b": (1.0, None)})
[array([1., 0.]), 1.0]
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from srcad.errors import fail
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq
from srcad.ir.nodes import Span, Var
from srcad.ir.types import ONE, Array, Scalar, Symbol, Type, dim
from srcad.rules.libraries import read_as
from srcad.typing.kinds import DTYPES

INTEGERS = (bool, int, np.integer, np.bool_)
_STATIC = (
    str,
    bytes,
    type(None),
    type,
    np.dtype,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    slice,
    range,
    type(...),
    enum.Enum,
)


def describe(
    name: str,
    value: object,
    taken: set[str] | None = None,
    path: str | None = None,
    span: Span | None = None,
    fixed: bool = False,
) -> Abstract:
    """The structure of `value` with typed leaves, whose names (`params_W_0`) are unique among `taken`.

    Whether the length of an axis is 1 is part of the type. Where `fixed`, integers and bools are constants, not leaves.

    >>> from srcad.backend.python.argument_checks import notation
    >>> described = describe("params", {"W": np.ones((3, 1)), "n": 4})
    >>> paths(described, "params", lambda leaf, path: print(path, leaf.atom, notation(leaf.type)))
    params['W'] Var(name='params_W') float64[:, ::1]
    params['n'] Var(name='params_n') int64
    """
    taken = set() if taken is None else taken

    def walk(value: Any, name: str, path: str) -> Abstract:
        value = read_as(value)
        if fixed and isinstance(value, INTEGERS):
            return Constant(value.item() if isinstance(value, np.generic) else value)
        if isinstance(value, bool | int | float | complex | np.generic | np.ndarray):
            flat = _unique(name, taken)
            return Leaf(Var(flat), _type(value, flat, path, span))
        if is_namedtuple(value):
            return Record(
                type(value), tuple((f, walk(getattr(value, f), f"{name}_{f}", f"{path}.{f}")) for f in value._fields)
            )
        if isinstance(value, tuple | list):
            kind = "list" if isinstance(value, list) else "tuple"
            return Seq(tuple(walk(v, f"{name}_{i}", f"{path}[{i}]") for i, v in enumerate(value)), kind)
        if isinstance(value, dict):
            return Mapping(tuple((k, walk(v, f"{name}_{name_part(k)}", f"{path}[{k!r}]")) for k, v in value.items()))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = [f.name for f in dataclasses.fields(value)]
            return Record(
                type(value), tuple((f, walk(getattr(value, f), f"{name}_{f}", f"{path}.{f}")) for f in fields)
            )
        if isinstance(value, _STATIC) or callable(value):
            return Constant(value)
        fail("S302", f"{path} is a {type(value).__name__}", span, None, _LEAVES)

    return walk(value, name, name if path is None else path)


def flatten(value: object, fixed: bool = False) -> list[object]:
    """The leaves of a value in the order of `describe`; a 0-d array as a scalar."""
    out: list[object] = []

    def walk(value: Any) -> None:
        value = read_as(value)
        if isinstance(value, np.ndarray):
            out.append(value[()] if value.ndim == 0 else value)
        elif isinstance(value, bool | int | float | complex | np.generic):
            if not (fixed and isinstance(value, INTEGERS)):
                out.append(value)
        elif isinstance(value, tuple | list):
            for item in value:
                walk(item)
        elif isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                walk(getattr(value, field.name))

    walk(value)
    return out


def paths(value: Abstract, path: str, found: Callable[[Leaf, str], None]) -> None:
    """Call `found` with every leaf and its path in the user's notation: `params['W'][0]`."""
    match value:
        case Leaf():
            found(value, path)
        case Seq(items):
            for i, item in enumerate(items):
                paths(item, f"{path}[{i}]", found)
        case Mapping(pairs):
            for key, item in pairs:
                paths(item, f"{path}[{key!r}]", found)
        case Record(_, fields):
            for field, item in fields:
                paths(item, f"{path}.{field}", found)
        case _:
            return


def is_namedtuple(value: object) -> bool:
    cls = value if isinstance(value, type) else type(value)
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


_LEAVES = "give numbers, arrays, and tuples, lists, dicts, namedtuples or dataclasses of them."


def _type(value: Any, name: str, path: str, span: Span | None) -> Type:
    if isinstance(value, bool):
        return Scalar("bool")
    if isinstance(value, int):
        return Scalar("int64", dim(Symbol(name, None)))
    if isinstance(value, float) and not isinstance(value, np.generic):
        return Scalar("float64")
    if isinstance(value, complex) and not isinstance(value, np.generic):
        return Scalar("complex128")
    dtype = value.dtype.name
    if dtype not in DTYPES:
        code = "S303" if value.dtype.kind == "O" else "S305"
        fail(
            code, f"{path} has dtype {dtype}", span, None, f"convert it first; srcad takes {', '.join(sorted(DTYPES))}."
        )
    if np.ndim(value) == 0:
        return Scalar(dtype, dim(Symbol(name, None)) if dtype == "int64" else None)
    dims = tuple(ONE if n == 1 else dim(Symbol(name, axis, not_one=True)) for axis, n in enumerate(value.shape))
    return Array(dtype, dims, "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A")


def _unique(name: str, taken: set[str]) -> str:
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def name_part(key: object) -> str:
    return re.sub(r"\W", "_", str(key)) or "_"

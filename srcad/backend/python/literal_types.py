"""Dtype queries for printing, in particular for float literals in float32 operations.

In NumPy a Python float takes the precision of the other operand; Numba types it float64 and widens the operation. A
literal in an operation that is float32 in NumPy is therefore printed as `np.float32(...)`.

>>> from srcad.ir.notation import parse
>>> types = {"x": Scalar("float32"), "y": Scalar("float64")}
>>> [is_narrow(parse(f"z = {text}")[0].value, types) for text in ("2.0 * x", "2.0 * y", "x * y")]
[True, False, False]
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from srcad.analysis.values.element_scalars import element_scalars
from srcad.ir.nodes import Const, Expr, Function, Op, Var
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS, having

_WEAK_LITERALS = having(lambda p: p.weak_literals)


def promoting_types(f: Function) -> dict[str, Type]:
    """The types of the names, for the queries on promotion: an integer that is an element counts as an array."""
    elements = {n: kind.dtype for n in element_scalars(f) if isinstance(kind := f.types[n], Scalar)}
    return {**f.types, **{n: Array(dtype, ()) for n, dtype in elements.items() if "int" in dtype}}


def is_narrow(op: Op, types: Mapping[str, Type], weak: bool = False) -> bool:
    """True when all the float operands of an arithmetic operation that are not literals are float32.

    With `weak`, float64 scalars count as Python floats, which do not widen either.
    """
    if op.prim in COMPARISONS:
        op = Op("+", op.args)
    return op.prim in _WEAK_LITERALS and _dtype(op, types, weak) == "float32"


def is_weak(expr: Expr, types: Mapping[str, Type]) -> bool:
    """Whether the expression is a float64 scalar variable."""
    return isinstance(expr, Var) and isinstance(known := types.get(expr.name), Scalar) and known.dtype == "float64"


def _dtype(expr: Expr, types: Mapping[str, Type], weak: bool) -> str | None:
    """The dtype of an expression as far as it matters here; None for a literal, "other" for anything else."""
    match expr:
        case Var(name):
            known = types.get(name)
            if weak and is_weak(expr, types):
                return None
            if isinstance(known, Array) and known.dtype.startswith(("int", "uint")):
                # float32 with an array of larger integers gives float64
                return "other" if np.can_cast(known.dtype, "float32") else "float64"
            return str(getattr(known, "dtype", "other"))
        case Const():
            return None
        case Op("index" | "copy" | "np.transpose" | "reshape" | "np.broadcast_to", args):
            return _dtype(args[0], types, weak)
        case Op("astype" | "np.zeros" | "np.ones" | "np.empty" | "np.full", _, static):
            return str(dict(static).get("dtype", "float64"))
        case Op(prim) if prim in PRIMITIVES and PRIMITIVES[prim].dtype in ("int64", "bool"):
            return PRIMITIVES[prim].dtype
        case Op(_, args):
            found = {d for d in (_dtype(arg, types, weak) for arg in args) if d not in (None, "bool", "int64", "other")}
            return found.pop() if len(found) == 1 else "float64" if found else "other"
        case _:
            return "other"


def is_python_scalar(expr: Expr, types: Mapping[str, Type]) -> bool:
    """Whether an expression consists of literals and integers only: a Python scalar, which widens no operand."""
    match expr:
        case Const(value):
            return isinstance(value, int | float)
        case Op(prim, args) if prim in _WEAK_LITERALS and prim != "np.where":
            return all(is_python_scalar(arg, types) for arg in args)
        case _:
            return is_integer(expr, types)


def is_integer(expr: Expr, types: Mapping[str, Type]) -> bool:
    """Whether an expression is known to be an integer scalar."""
    match expr:
        case Var(name):
            known = types.get(name)
            return isinstance(known, Scalar) and known.dtype.startswith(("int", "uint"))
        case Const(value):
            return type(value) is int
        case Op("shape" | "len" | "size"):
            return True
        case Op("+" | "-" | "*" | "//" | "%", (a, b)):
            return is_integer(a, types) and is_integer(b, types)
    return False

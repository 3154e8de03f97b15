"""Errors of operations, where a handler catches them: division by zero, domains, overflow, matrices without a factor.

Compiled code computes NaN and infinities there, and so does NumPy: only Python's own numbers raise an error, and the
functions of `math`, which are given any.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np

from srcad.frontend.values.abstract_values import Leaf
from srcad.frontend.values.context import Context
from srcad.frontend.values.raise_points import catches_any, may_catch, python_check
from srcad.ir.nodes import Assign, Atom, Const, Expr, Op, Var
from srcad.ir.types import INEXACT, Array, Scalar
from srcad.typing.builder import Builder

_LEAST: dict[str, tuple[str, float]] = {
    "math.sqrt": ("<", 0.0),
    "math.log": ("<=", 0.0),
    "math.log2": ("<=", 0.0),
    "math.log10": ("<=", 0.0),
    "math.log1p": ("<=", -1.0),
    "math.acosh": ("<", 1.0),
}
"""Functions that are not defined for what is less than a number."""
_LARGEST: dict[str, tuple[str, float]] = {
    "math.asin": (">", 1.0),
    "math.acos": (">", 1.0),
    "math.atanh": (">=", 1.0),
    "math.sin": ("==", inf),
    "math.cos": ("==", inf),
    "math.tan": ("==", inf),
}
"""Functions that are not defined for what has a larger absolute value."""
_TOTAL = {
    *("math.isnan", "math.isinf", "math.isfinite", "math.atan", "math.atan2", "math.tanh", "math.asinh", "math.fabs"),
    *("math.radians", "math.degrees", "math.copysign", "math.erf", "math.erfc"),
}
"""Functions that raise no error."""
_TO_INTEGER = {"int", "math.floor", "math.ceil", "math.trunc"}
_EXPONENTIAL = {"math.exp": "np.exp", "math.expm1": "np.expm1", "math.sinh": "np.sinh", "math.cosh": "np.cosh"}
_SOLVABLE = {
    "np.linalg.cholesky": "runtime.has_cholesky",
    "np.linalg.inv": "runtime.has_inverse",
    "np.linalg.solve": "runtime.has_inverse",
}
"""Functions of matrices, and what says whether they raise an error."""
_OPERATORS = {"/": operator.truediv, "//": operator.floordiv, "%": operator.mod}
_KNOWN = {*_LEAST, *_LARGEST, *_EXPONENTIAL, *_TOTAL}


def check_scalar_errors(ctx: Context, prim: str, args: tuple[Leaf, ...]) -> None:
    """Emit the checks of the errors that Python raises in an operation, those that a handler catches."""
    if not catches_any(ctx) or (ctx.frame.library and not prim.startswith(("math.", "np.linalg."))):
        return
    atoms = [arg.atom for arg in args]
    if prim in ("/", "//", "%") and may_catch(ctx, ZeroDivisionError) and _are_pythons(ctx, args):
        raised = raised_by(_OPERATORS[prim], _example(args, 1.0), 0)
        holds = ctx.builder.op("!=", atoms[1], Const(0))
        python_check(ctx, holds, ZeroDivisionError, "division by zero", raised=raised)
    elif prim == "**":
        _check_power(ctx, args)
    elif prim in _TO_INTEGER:
        _check_integer(ctx, args[0])
    elif prim in _SOLVABLE and may_catch(ctx, np.linalg.LinAlgError):
        raised = raised_by(getattr(np.linalg, prim.rpartition(".")[2]), *[np.zeros((1, 1))] * len(args))
        holds = ctx.builder.op(_SOLVABLE[prim], atoms[0])
        python_check(ctx, holds, np.linalg.LinAlgError, f"{prim} fails", raised=raised)
    elif prim.startswith("math."):
        _check_function(ctx, prim, args)


def _check_power(ctx: Context, args: tuple[Leaf, ...]) -> None:
    builder, (base, power) = ctx.builder, args
    zero = may_catch(ctx, ZeroDivisionError) and not (isinstance(power.static, int | float) and power.static >= 0)
    overflow = may_catch(ctx, OverflowError) and _is_float(base, power)
    if not (zero or overflow) or not _are_pythons(ctx, args):
        return
    if zero:
        holds = builder.op("or", builder.op("!=", base.atom, Const(0)), builder.op(">=", power.atom, Const(0)))
        raised = raised_by(pow, _example(args, 0.0), -1)
        python_check(ctx, holds, ZeroDivisionError, "0.0 to a negative power", raised=raised)
    if overflow:
        numpys = builder.op("astype", base.atom, dtype="float64")
        _check_finite(
            ctx, builder.op("**", numpys, power.atom), raised_by(pow, _example(args, 10.0), 400), base.atom, power.atom
        )


def _check_function(ctx: Context, prim: str, args: tuple[Leaf, ...]) -> None:
    builder, value = ctx.builder, args[0].atom
    if prim in _LEAST and may_catch(ctx, ValueError):
        op, limit = _LEAST[prim]
        raised = raised_by(_function(prim), -2.0)
        python_check(ctx, _not(builder, op, value, limit), ValueError, "math domain error", raised=raised)
    elif prim in _LARGEST and may_catch(ctx, ValueError):
        op, limit = _LARGEST[prim]
        raised = raised_by(_function(prim), inf)
        holds = _not(builder, op, builder.op("abs", value), limit)
        python_check(ctx, holds, ValueError, "math domain error", raised=raised)
    elif prim in _EXPONENTIAL and may_catch(ctx, OverflowError):
        _check_finite(ctx, builder.op(_EXPONENTIAL[prim], value), raised_by(_function(prim), 1e308), value)
    elif prim not in _KNOWN and (may_catch(ctx, ValueError) or may_catch(ctx, OverflowError)):
        why = "Whether it raises an error is not asked in compiled code."
        ctx.fail("S103", f"{prim} in a try", why, "test the condition with if.")


def _check_integer(ctx: Context, arg: Leaf) -> None:
    if not _is_float(arg):
        return
    if may_catch(ctx, ValueError):
        python_check(
            ctx, _not(ctx.builder, "np.isnan", arg.atom), ValueError, "an integer of nan", raised=raised_by(int, nan)
        )
    if may_catch(ctx, OverflowError):
        python_check(
            ctx, _not(ctx.builder, "np.isinf", arg.atom), OverflowError, "an integer of inf", raised=raised_by(int, inf)
        )


def _check_finite(ctx: Context, result: Atom, raised: Exception | None, *operands: Atom) -> None:
    """The result is finite, or an operand is not."""
    builder = ctx.builder
    holds = builder.op("np.isfinite", result)
    for operand in operands:
        if not isinstance(operand, Const):
            holds = builder.op("or", holds, _not(builder, "np.isfinite", operand))
    python_check(ctx, holds, OverflowError, "the result is too large", raised=raised)


def raised_by(function: Callable[..., Any], *values: Any) -> Exception | None:
    """The error that a function raises for these values; None where its text has a value in it.

    >>> raised_by(pow, 0.0, -1)
    ZeroDivisionError('0.0 cannot be raised to a negative power')
    """
    try:
        function(*values)
    except Exception as error:
        return (
            None if any(str(value) in str(error) for value in values if isinstance(value, float) and value) else error
        )
    return None


def _function(prim: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(math, prim.rpartition(".")[2])
    return found


def _example(args: tuple[Leaf, ...], value: float) -> complex:
    """The value, as a number of Python's of the dtype that an operation of these numbers has."""
    dtypes = {arg.type.dtype for arg in args if isinstance(arg.type, Scalar)}
    if any(dtype.startswith("complex") for dtype in dtypes):
        return complex(value)
    return value if _is_float(*args) else int(value)


def _not(builder: Builder, op: str, value: Atom, *others: float) -> Atom:
    return builder.op("not", builder.op(op, value, *map(Const, others)))


def _is_float(*args: Leaf) -> bool:
    return any(isinstance(arg.type, Scalar) and arg.type.dtype in INEXACT for arg in args)


def _are_pythons(ctx: Context, args: tuple[Leaf, ...]) -> bool:
    """Whether all are Python's numbers, whose arithmetic raises errors; S103 where only a run knows."""
    kinds = [ctx.builder.typeof(arg.atom) for arg in args]
    if any(isinstance(kind, Array) for kind in kinds):
        return False
    if all(isinstance(kind, Scalar) and kind.weak for kind in kinds):
        return True
    if any(_is_numpys(ctx.builder, arg.atom) for arg in args):
        return False
    ctx.fail(
        "S103",
        "arithmetic in a try, of numbers that may be Python's or NumPy's",
        "Python's raise an error where NumPy's give inf or nan.",
        "make it Python's number: float(y); or test the condition with if.",
    )


def _is_numpys(builder: Builder, atom: Expr) -> bool:
    """Whether a value is certainly NumPy's: an element of an array, or what is computed with such."""
    if isinstance(atom, Const):
        return False
    kind = builder.typeof(atom)
    if isinstance(kind, Array):
        return True
    if not isinstance(kind, Scalar) or kind.weak is not False:
        return False
    value = builder.definitions.get(atom)
    if value is not None:
        return any(_is_numpys(builder, arg) for arg in value.args if isinstance(arg, Var))
    return any(
        isinstance(stmt, Assign) and Var(stmt.target) == atom and isinstance(stmt.value, Op) for stmt in builder.before
    )

"""Literals in operations of single precision: where they are printed as `np.float32(...)`, or `np.complex64(...)`.

In NumPy a Python float takes the precision of the other operand; Numba types it float64 and widens the operation. So
a literal is printed with a type where the operation is float32 in NumPy, which is what the inferred dtype says.

>>> from srcad.ir.notation import parse
>>> from srcad.ir.types import Scalar
>>> types = {"x": Scalar("float32"), "y": Scalar("float64")}
>>> [is_narrow(parse(f"z = {text}")[0].value, types) for text in ("2.0 * x", "2.0 * y", "x * y")]
[True, False, False]
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.nodes import Const, Expr, Op
from srcad.ir.types import Type
from srcad.rules.traits import COMPARISONS, having
from srcad.typing.kinds import kind

_WEAK_LITERALS = having(lambda p: p.weak_literals)
SINGLE = {"float32": "float64", "complex64": "complex128"}
"""The dtypes of single precision, and those of the same numbers in double precision."""
_NARROWED = {double: single for single, double in SINGLE.items()}


def is_narrow(op: Op, types: Mapping[str, Type], weak: bool = False) -> bool:
    """Whether an arithmetic operation is one in float32 or complex64.

    Scalars of which it is not known count as strong, or as `weak`.
    """
    if op.prim in COMPARISONS:
        op = Op("+", op.args)
    if op.prim not in _WEAK_LITERALS:
        return False
    known = kind(op, types)
    return known is not None and (known.dtype if weak else known.strong_dtype or known.dtype) in SINGLE


def is_weak(expr: Expr, types: Mapping[str, Type], unknown: bool = False) -> bool:
    """Whether a scalar of double precision is Python's, which widens no operand; `unknown` where nobody knows."""
    if isinstance(expr, Const):
        return False
    known = kind(expr, types)
    is_double = known is not None and known.rank == 0 and known.dtype in _NARROWED
    return is_double and known is not None and (unknown if known.weak is None else known.weak)


def narrowed(expr: Expr, types: Mapping[str, Type]) -> str:
    """The dtype of single precision for a literal or a scalar.

    >>> narrowed(Const(1j), {}), narrowed(Const(2), {})
    ('complex64', 'float32')
    """
    known = kind(expr, types)
    return _NARROWED.get(known.dtype, "float32") if known is not None else "float32"


def is_python_scalar(expr: Expr, types: Mapping[str, Type]) -> bool:
    """Whether an expression consists of literals and integers only: a Python scalar, which widens no operand."""
    match expr:
        case Const(value):
            return isinstance(value, int | float | complex)
        case Op(prim, args) if prim in _WEAK_LITERALS and prim != "np.where":
            return all(is_python_scalar(arg, types) for arg in args)
        case _:
            return is_integer(expr, types, weak=True)


def is_integer(expr: Expr, types: Mapping[str, Type], weak: bool = False) -> bool:
    """Whether an expression is known to be an integer scalar; with `weak`, one that may be a Python integer."""
    known = kind(expr, types)
    is_int = known is not None and known.rank == 0 and known.is_certain and known.dtype.startswith(("int", "uint"))
    return is_int and not (weak and known is not None and known.weak is False)

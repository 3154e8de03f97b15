"""Type inference for nested expressions of the sequential form, where the type is certain."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.nodes import Const, Expr, Op, Slice, Undef, Var
from srcad.ir.types import Array, Dim, Opaque, Scalar, Type, unknown
from srcad.typing.infer import Operand, infer
from srcad.typing.kinds import TypeMismatch, rank_of, type_of_constant
from srcad.typing.slices import UNKNOWN, Bound


def typeof(expr: Expr, types: Mapping[str, Type]) -> Type | None:
    """The type, or None. Unknown lengths differ from all others.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.printer import type_text
    >>> from srcad.ir.types import dim
    >>> (stmt,) = parse("y = np.sin(x)[1:]")
    >>> type_text(typeof(stmt.value, {"x": Array("float32", (dim(9),))}))
    'float32[8]'

    Where the dtype depends on a scalar of which it is not known whether it is weak, the result is None.
    """
    match expr:
        case Var(name):
            return types.get(name)
        case Const(value):
            return type_of_constant(value)
        case Slice() | Undef():
            return None
        case Op(prim, args, static):
            operands = [_operand(arg, types) for arg in args]
            known = [o for o in operands if o is not None]
            if len(known) < len(operands):
                return None
            try:
                return infer(prim, known, dict(static), unknown())
            except (TypeMismatch, KeyError, AssertionError, IndexError):
                return None


def linear_value(expr: Expr, types: Mapping[str, Type]) -> Dim | None:
    """The value of an integer expression as a linear form, where its type has it.

    >>> from srcad.ir.types import dim
    >>> types = {"n": Scalar("int64", dim(3)), "x": Array("float64", (dim(4),))}
    >>> linear_value(Op("-", (Var("n"), Const(1))), types), linear_value(Var("x"), types)
    (Dim(terms=(), const=2), None)
    """
    inferred = typeof(expr, types)
    return inferred.dim if isinstance(inferred, Scalar) else None


def _operand(expr: Expr, types: Mapping[str, Type]) -> Operand | None:
    if isinstance(expr, Slice):
        bounds = (_bound(expr.lower, types), _bound(expr.upper, types), _bound(expr.step, types))
        return Operand(expr, Opaque("slice"), bounds)
    inferred = typeof(expr, types)
    return None if inferred is None else Operand(expr, inferred)


def _bound(expr: Expr | None, types: Mapping[str, Type]) -> Bound:
    if expr is None:
        return None
    return linear_value(expr, types) or UNKNOWN


def is_scalar(expr: Expr, types: Mapping[str, Type]) -> bool:
    return rank_of(expr, types) == 0


def same_type(a: Type | None, b: Type | None) -> bool:
    """Whether two types are known to agree in dtype and in every length."""
    match a, b:
        case Scalar(left), Scalar(right):
            return left == right
        case Array(left, dims), Array(right, others):
            return left == right and dims == others
        case _:
            return False

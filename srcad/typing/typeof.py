"""Type inference for nested expressions of the sequential form, where the type is certain."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.nodes import Const, Expr, Op, Slice, Undef, Var
from srcad.ir.types import Array, Dim, Opaque, Scalar, Type, dim, unknown
from srcad.typing.infer import Operand, TypeMismatch, infer
from srcad.typing.slices import UNKNOWN, Bound


def typeof(expr: Expr, types: Mapping[str, Type]) -> Type | None:
    """The type, or None. Unknown lengths differ from all others.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.printer import type_text
    >>> (stmt,) = parse("y = np.sin(x)[1:]")
    >>> type_text(typeof(stmt.value, {"x": Array("float32", (dim(9),))}))
    'float32[8]'

    In sequential form it is no longer known whether a scalar is weak (see `infer`): where that decides the dtype, the
    result is None.
    """
    match expr:
        case Var(name):
            return types.get(name)
        case Const(bool()):
            return Scalar("bool")
        case Const(int(value)):
            return Scalar("int64", dim(value))
        case Const(float()):
            return Scalar("float64")
        case Const(value):
            return Opaque("str" if isinstance(value, str) else "None")
        case Slice() | Undef():
            return None
        case Op(prim, args, static):
            operands = [_operand(arg, types) for arg in args]
            known = [o for o in operands if o is not None]
            if len(known) < len(operands):
                return None
            fresh = unknown()
            try:
                one, _ = infer(prim, known, dict(static), fresh)
                strong = [_strengthened(o) for o in known]
                if strong == known:
                    return one
                other, _ = infer(prim, strong, dict(static), fresh)
            except (TypeMismatch, KeyError, AssertionError, IndexError):
                return None
            return one if one == other else None


def linear_value(expr: Expr, types: Mapping[str, Type]) -> Dim | None:
    """The value of an integer expression as a linear form, where its type has it.

    >>> types = {"n": Scalar("int64", dim(3)), "x": Array("float64", (dim(4),))}
    >>> linear_value(Op("-", (Var("n"), Const(1))), types), linear_value(Var("x"), types)
    (Dim(terms=(), const=2), None)
    """
    inferred = typeof(expr, types)
    return inferred.dim if isinstance(inferred, Scalar) else None


def _operand(expr: Expr, types: Mapping[str, Type]) -> Operand | None:
    if isinstance(expr, Slice):
        bounds = (_bound(expr.lower, types), _bound(expr.upper, types), _bound(expr.step, types))
        return Operand(expr, Opaque("slice"), False, bounds)
    inferred = typeof(expr, types)
    if inferred is None:
        return None
    weak = isinstance(inferred, Scalar) and inferred.dtype in ("bool", "int64", "float64")
    return Operand(expr, inferred, weak)


def _bound(expr: Expr | None, types: Mapping[str, Type]) -> Bound:
    if expr is None:
        return None
    return linear_value(expr, types) or UNKNOWN


def _strengthened(operand: Operand) -> Operand:
    if operand.weak and not isinstance(operand.expr, Const):
        return Operand(operand.expr, operand.type, False, operand.bounds)
    return operand


def is_scalar(expr: Expr, types: Mapping[str, Type]) -> bool:
    return isinstance(typeof(expr, types), Scalar)


def same_type(a: Type | None, b: Type | None) -> bool:
    """Whether two types are known to agree in dtype and in every length."""
    match a, b:
        case Scalar(left), Scalar(right):
            return left == right
        case Array(left, dims), Array(right, others):
            return left == right and dims == others
        case _:
            return False

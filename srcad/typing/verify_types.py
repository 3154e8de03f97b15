"""Declared types against inferred ones: of each assignment, dtype and rank are those of its value."""

from __future__ import annotations

from srcad.ir.nodes import Assign, Const, Function, Undef
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Scalar
from srcad.ir.verify import Malformed
from srcad.typing.typeof import typeof


def verify_types(f: Function, precisely: bool = True) -> Function:
    """Raise `Malformed` unless what is assigned a scalar or an array is declared as one of that dtype and rank.

    Unless `precisely`, a float32 may be given to a float64 and the other way round: a cotangent has the precision of
    what it is computed from, its adjoint that of the variable.

    >>> from srcad.ir.nodes import Op, Var
    >>> x = Assign("x", Op("/", (Const(1), Const(2))))
    >>> verify_types(Function("f", (), (x,), (Var("x"),), {"x": Scalar("int64")}))
    Traceback (most recent call last):
    srcad.ir.verify.Malformed: f: x is declared int64, and is given a value of type float64
    """
    for stmt in walk(f.body):
        # a constant has the dtype of what it is given to
        if isinstance(stmt, Assign) and not isinstance(stmt.value, Const | Undef):
            declared, given = f.types.get(stmt.target), typeof(stmt.value, f.types)
            if isinstance(given, Scalar | Array) and _kind(declared, precisely) != _kind(given, precisely):
                what = f"{stmt.target} is declared {_kind(declared)}, and is given a value of type {_kind(given)}"
                raise Malformed(f"{f.name}: {what}")
    return f


def _kind(known: object, precisely: bool = True) -> str:
    match known:
        case Scalar("float32" | "float64") if not precisely:
            return "float"
        case Array("float32" | "float64", dims) if not precisely:
            return f"float[{len(dims)}]"
        case Scalar(dtype):
            return dtype
        case Array(dtype, dims):
            return f"{dtype}[{', '.join(':' for _ in dims)}]"
        case None:
            return "nothing"
    return type(known).__name__

"""Declared types against inferred ones: of each assignment, dtype and rank are those of its value."""

from __future__ import annotations

from srcad.ir.nodes import Assign, Const, Function, Undef, Var
from srcad.ir.traversal import walk
from srcad.ir.types import FLOATS
from srcad.ir.verify import Malformed
from srcad.typing.kinds import Kind, kind


def verify_types(f: Function, precisely: bool = True) -> Function:
    """Raise `Malformed` unless what is assigned a scalar or an array is declared as one of that dtype and rank.

    Unless `precisely`, a float32 scalar may be given to a float64 one and the other way round: a cotangent has the
    precision of what it is computed from, its adjoint that of the variable. Of arrays dtypes are equal always.

    >>> from srcad.ir.nodes import Op
    >>> from srcad.ir.types import Scalar
    >>> x = Assign("x", Op("/", (Const(1), Const(2))))
    >>> verify_types(Function("f", (), (x,), (Var("x"),), {"x": Scalar("int64")}))
    Traceback (most recent call last):
    srcad.ir.verify.Malformed: f: x is declared int64, and is given a value of type float64
    """
    for stmt in walk(f.body):
        # a constant has the dtype of what it is given to
        if isinstance(stmt, Assign) and not isinstance(stmt.value, Const | Undef):
            declared, given = kind(Var(stmt.target), f.types), kind(stmt.value, f.types)
            if given is None or given.rank < 0 or given.is_list or not given.is_certain:
                continue
            if _text(declared, precisely) != _text(given, precisely):
                what = f"{stmt.target} is declared {_text(declared)}, and is given a value of type {_text(given)}"
                raise Malformed(f"{f.name}: {what}")
    return f


def _text(known: Kind | None, precisely: bool = True) -> str:
    if known is None:
        return "nothing"
    dtype = "float" if known.dtype in FLOATS and not (precisely or known.rank) else known.dtype
    axes = f"[{', '.join(':' * known.rank)}]" if known.rank > 0 else ""
    return f"{'list of ' if known.is_list else ''}{dtype}{axes}"

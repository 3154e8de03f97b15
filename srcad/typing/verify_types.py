"""Declared types against inferred ones: of each assignment, dtype and rank are those of its value."""

from __future__ import annotations

import operator

from srcad.ir.nodes import Assign, Const, Function, Undef, Var
from srcad.ir.traversal import reads, walk
from srcad.ir.types import COMPLEX, FLOATS, Type
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
            types = [f.types.get(name) for name in (stmt.target, *reads(stmt.value))]
            # most passes leave most statements as they were: a statement remembers the types it was right for
            known: tuple[bool, list[Type | None]] | None = getattr(stmt, "_right_for", None)
            if known is not None and known[0] is precisely and all(map(operator.is_, known[1], types)):
                continue
            declared, given = kind(Var(stmt.target), f.types), kind(stmt.value, f.types)
            is_known = given is not None and given.rank >= 0 and not given.is_list and given.is_certain
            if is_known and _text(declared, precisely) != _text(given, precisely):
                what = f"{stmt.target} is declared {_text(declared)}, and is given a value of type {_text(given)}"
                raise Malformed(f"{f.name}: {what}")
            object.__setattr__(stmt, "_right_for", (precisely, types))
    return f


def _text(known: Kind | None, precisely: bool = True) -> str:
    if known is None:
        return "nothing"
    dtype = known.dtype
    if not (precisely or known.rank):
        dtype = "float" if dtype in FLOATS else "complex" if dtype in COMPLEX else dtype
    axes = f"[{', '.join(':' * known.rank)}]" if known.rank > 0 else ""
    return f"{'list of ' if known.is_list else ''}{dtype}{axes}"

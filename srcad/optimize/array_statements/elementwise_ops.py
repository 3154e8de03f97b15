"""Elementwise operations as scalar operations on one element, where Numba's result equals NumPy's on arrays."""

from __future__ import annotations

from srcad.ir.nodes import Const, Expr, Op
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import IN_PLACE, having

ELEMENTWISE = having(lambda p: p.element)
SLOW = having(lambda p: p.element and p.dtype == "float" and not p.cheap and p.vector != "instructions")
"""Expensive functions: library calls of many instructions."""
DTYPES = ("bool", "int64", "float32", "float64")
"""Those whose scalar arithmetic in Numba is that of NumPy arrays: Numba adds two int32 scalars as int64."""

_MAX_POWER = 4  # up to this power products are not less accurate than `pow`


def dtype_of(op: Op, dtypes: list[str | None]) -> str | None:
    """The dtype of an operation on elements of these dtypes (None is a literal); None where it cannot be lowered.

    >>> from srcad.ir.nodes import Var
    >>> dtype_of(Op("+", (Var("x"), Const(1))), ["float32", None])
    'float32'
    >>> dtype_of(Op("+", (Var("x"), Var("y"))), ["bool", "bool"]) is None
    True
    """
    array_dtypes = [d for d in dtypes if d is not None]
    joined = _joined(array_dtypes)
    if joined is None or any(d not in DTYPES for d in array_dtypes):
        return None
    dtype = PRIMITIVES[op.prim].dtype
    if dtype == "bool":
        return "bool"
    if dtype == "bits":
        return "bool" if set(array_dtypes) == {"bool"} and None not in dtypes else None
    if op.prim in ("np.where", "select"):
        chosen = [d for d in dtypes[1:] if d is not None]
        literals = [_literal(a) for a, d in zip(op.args[1:], dtypes[1:], strict=True) if d is None]
        narrow = any(d.startswith("float") for d in chosen)
        return _joined(chosen + [d for d in literals if not narrow])
    if op.prim == "astype":
        to = str(dict(op.static)["dtype"])
        return to if to in DTYPES else None
    if "bool" in array_dtypes and not (joined == "float64" and op.prim in IN_PLACE):
        # NumPy's sum of two bools is a bool, Numba's an integer
        return None
    if dtype == "power":
        return _power(op, joined)
    if dtype == "float":
        return joined if joined.startswith("float") else "float64"
    if joined == "int64" and any(isinstance(a, Const) and isinstance(a.value, float) for a in op.args):
        return "float64"
    return joined if dtype == "joined" else None


def scalar_operation(op: Op) -> Expr:
    """The operation on single elements.

    >>> from srcad.ir.nodes import Var
    >>> scalar_operation(Op("np.where", (Var("c"), Var("a"), Var("b")))).prim
    'select'
    """
    match op:
        case Op("**", (base, Const(int(power)))) if not 0 <= power <= _MAX_POWER:
            return Op("**", (base, Const(float(power))))
    element = PRIMITIVES[op.prim].element
    return op if element == op.prim else Op(element, op.args, op.static)


def _power(op: Op, joined: str) -> str | None:
    exponent = op.args[1]
    if joined == "int64" and isinstance(exponent, Const):
        if isinstance(exponent.value, float):
            return "float64"
        return "int64" if isinstance(exponent.value, int) and 0 <= exponent.value <= _MAX_POWER else None
    return joined if joined.startswith("float") else None


def _literal(expr: Expr) -> str:
    match expr:
        case Const(bool()):
            return "bool"
        case Const(int()):
            return "int64"
    return "float64"


def _joined(dtypes: list[str]) -> str | None:
    found = set(dtypes)
    if found == {"int64", "float32"}:
        return "float64"
    return max(found, key=DTYPES.index) if found <= set(DTYPES) and found else None

"""Elementwise operations as scalar operations on one element, where Numba's result equals NumPy's on arrays."""

from __future__ import annotations

from srcad.ir.nodes import Const, Expr, Op

_ARITHMETIC = frozenset({"+", "-", "*", "neg", "pos"})
_COMPARED = frozenset({"<", "<=", ">", ">=", "==", "!="})
_LOGICAL = frozenset({"&", "|", "^"})
_CHOSEN = frozenset({"np.maximum", "np.minimum", "np.fmax", "np.fmin", "np.abs", "abs", "np.sign", "np.fabs"})
_TESTS = frozenset({"np.isnan", "np.isinf", "np.isfinite"})
_BOTH = frozenset({"np.logical_and", "np.logical_or", "np.logical_xor", "np.logical_not"})
_FLOAT = frozenset({
    "np.sin", "np.cos", "np.tan", "np.arcsin", "np.arccos", "np.arctan", "np.arctan2", "np.hypot", "np.sinh",
    "np.cosh", "np.tanh", "np.arcsinh", "np.arccosh", "np.arctanh", "np.exp", "np.exp2", "np.expm1", "np.log",
    "np.log2", "np.log10", "np.log1p", "np.logaddexp", "np.logaddexp2", "np.sqrt", "root", "np.floor", "np.ceil",
    "np.trunc", "np.rint", "np.copysign", "np.deg2rad", "np.rad2deg",
})  # fmt: skip
ELEMENTWISE = _ARITHMETIC | _COMPARED | _LOGICAL | _CHOSEN | _TESTS | _BOTH | _FLOAT | {
    "/", "**", "~", "np.where", "select", "astype",
}  # fmt: skip
SLOW = _FLOAT - {
    "np.sqrt",
    "root",
    "np.floor",
    "np.ceil",
    "np.trunc",
    "np.rint",
    "np.copysign",
    "np.deg2rad",
    "np.rad2deg",
}
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
    if op.prim in _COMPARED or op.prim in _TESTS or op.prim in _BOTH:
        return "bool"
    if op.prim in _LOGICAL or op.prim == "~":
        return "bool" if set(array_dtypes) == {"bool"} and None not in dtypes else None
    if op.prim in ("np.where", "select"):
        chosen = [d for d in dtypes[1:] if d is not None]
        literals = [_literal(a) for a, d in zip(op.args[1:], dtypes[1:], strict=True) if d is None]
        narrow = any(d.startswith("float") for d in chosen)
        return _joined(chosen + [d for d in literals if not narrow])
    if op.prim == "astype":
        to = str(dict(op.static)["dtype"])
        return to if to in DTYPES else None
    if "bool" in array_dtypes and not (joined == "float64" and op.prim in _ARITHMETIC | {"/"}):
        # NumPy's sum of two bools is a bool, Numba's an integer
        return None
    if op.prim == "**":
        return _power(op, joined)
    if op.prim in _FLOAT or op.prim == "/":
        return joined if joined.startswith("float") else "float64"
    if joined == "int64" and any(isinstance(a, Const) and isinstance(a.value, float) for a in op.args):
        return "float64"
    return joined if op.prim in _ARITHMETIC | _CHOSEN else None


def scalar_operation(op: Op) -> Expr:
    """The operation on single elements.

    >>> from srcad.ir.nodes import Var
    >>> scalar_operation(Op("np.where", (Var("c"), Var("a"), Var("b")))).prim
    'select'
    """
    match op:
        case Op("np.where", args):
            return Op("select", args)
        case Op("~", args):
            return Op("not", args)
        case Op("**", (base, Const(int(power)))) if not 0 <= power <= _MAX_POWER:
            return Op("**", (base, Const(float(power))))
    return op


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

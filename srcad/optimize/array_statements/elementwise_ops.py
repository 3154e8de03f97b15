"""Elementwise operations as scalar operations on one element, where Numba's result equals NumPy's on arrays."""

from __future__ import annotations

from collections.abc import Sequence

from srcad.ir.nodes import Const, Expr, Op
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import IN_PLACE, having
from srcad.typing.kinds import Kind, TypeMismatch, kind_of, kind_of_type, type_of_constant

ELEMENTWISE = having(lambda p: p.element)
SLOW = having(lambda p: p.element and p.dtype == "float" and not p.cheap and p.vector != "instructions")
"""Expensive functions: library calls of many instructions."""
DTYPES = ("bool", "int64", "float32", "float64", "complex128")
"""Those whose scalar arithmetic in Numba is that of NumPy arrays: Numba adds two int32 scalars as int64."""

SUMMED = ("float32", "float64", "complex128")
"""Those of sums that are lowered to loops."""

_MAX_POWER = 4  # up to this power products are not less accurate than `pow`


def dtype_of(op: Op, dtypes: Sequence[str | None]) -> str | None:
    """The dtype of an operation on elements of these dtypes (None is a literal); None where it cannot be lowered.

    >>> from srcad.ir.nodes import Var
    >>> dtype_of(Op("+", (Var("x"), Const(1))), ["float32", None])
    'float32'
    >>> dtype_of(Op("+", (Var("x"), Var("y"))), ["bool", "bool"]) is None
    True
    """
    known = [d for d in dtypes if d is not None]
    if not known or any(d not in DTYPES for d in known) or not _computes_as_numpy(op, known):
        return None
    kinds = [
        Kind(d, 1) if d is not None else kind_of_type(type_of_constant(arg.value if isinstance(arg, Const) else None))
        for arg, d in zip(op.args, dtypes, strict=True)
    ]
    try:
        dtype = kind_of(op.prim, op.args, kinds, dict(op.static)).dtype
    except TypeMismatch:
        return None
    return dtype if dtype in DTYPES else None


def _computes_as_numpy(op: Op, dtypes: Sequence[str]) -> bool:
    """Whether Numba's operation on scalars of these dtypes has the dtype and value of NumPy's on arrays."""
    trait = PRIMITIVES[op.prim].dtype
    if trait == "bool" or op.prim in ("np.where", "select", "astype"):
        return True
    if trait == "bits":
        return set(dtypes) == {"bool"} and len(dtypes) == len(op.args)
    # NumPy's sum of two bools is a bool, Numba's an integer
    if "bool" in dtypes and not ("float64" in dtypes and op.prim in IN_PLACE):
        return False
    if trait == "power" and not {*SUMMED} & set(dtypes):
        exponent = op.args[1].value if isinstance(op.args[1], Const) else None
        return isinstance(exponent, float) or (isinstance(exponent, int) and 0 <= exponent <= _MAX_POWER)
    return trait in ("joined", "float", "power")


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

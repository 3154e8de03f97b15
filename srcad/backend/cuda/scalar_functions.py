"""The functions of numbers that Numba compiles for CUDA, and the spelling of those that it knows by another name.

Numba for CUDA has few ufuncs of NumPy; those of `math` are the functions of CUDA's own library, and give floats of the
precision of their arguments.
"""

from __future__ import annotations

from srcad.ir.nodes import Const, Op
from srcad.rules.traits import having

_OPERATORS = having(lambda p: p.operator) - {"@"}
_BUILTINS = frozenset({"abs", "float", "int", "bool", "max", "min", "select", "is_index", "np.uint64", "astype"})
_NUMPY = frozenset(
    f"np.{name}"
    for name in (
        "log log2 log10 hypot sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh "
        "deg2rad rad2deg maximum minimum fmax fmin logical_and logical_or logical_xor logical_not"
    ).split()
)
_MATH = frozenset(
    f"math.{name}"
    for name in (
        "floor ceil trunc isnan isinf isfinite pow exp expm1 log log2 log10 log1p sqrt sin cos tan asin acos atan "
        "atan2 sinh cosh tanh asinh acosh atanh radians degrees fabs copysign erf erfc gamma lgamma"
    ).split()
)
_INDICES = having(lambda p: p.kind == "query" and p.name.startswith("cuda."))
_DIRECT = _OPERATORS | _BUILTINS | _NUMPY | _MATH | _INDICES
_SPELLED = {
    **{f"np.{name}": f"math.{name}" for name in "exp expm1 log1p sqrt fabs copysign isnan isinf isfinite".split()},
    "root": "math.sqrt",
    "np.abs": "abs",
    "np.where": "select",
}


def scalar_op(op: Op) -> Op | None:
    """The operation on numbers as device code spells it; None where it has none.

    >>> from srcad.ir.nodes import Var
    >>> scalar_op(Op("np.exp", (Var("x"),)))
    Op(prim='math.exp', args=(Var(name='x'),), static=())
    >>> scalar_op(Op("np.spacing", (Var("x"),))) is None
    True
    """
    if op.prim in _DIRECT:
        return op
    if op.prim in _SPELLED:
        return Op(_SPELLED[op.prim], op.args, op.static)
    if op.prim == "np.sign":  # of NaN it is NaN, of an integer an integer
        (x,) = op.args
        return Op("select", (Op(">", (x, Const(0))), Const(1), Op("select", (Op("<", (x, Const(0))), Const(-1), x))))
    return None

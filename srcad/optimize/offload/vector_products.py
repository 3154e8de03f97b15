"""Products of two vectors, as sums over their elements: a thread, or a kernel, adds them up."""

from __future__ import annotations

from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Const, Expr, For, Function, Op, Slice, Stmt, Var
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.offload.hoisted_operands import Hoisted, with_hoisted_operands
from srcad.typing.typeof import typeof

_ZEROS: dict[str, Expr] = {
    "float64": Const(0.0),
    "float32": Op("astype", (Const(0.0),), (("dtype", "float32"),)),
    "int64": Const(0),
}


def lower_vector_products(f: Function) -> Function:
    """Write products of two vectors as loops.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> types = {"x": Array("float64", (dim(3),)), "a": Array("float64", (dim(3), dim(3))), "s": Scalar("float64")}
    >>> print(show(lower_vector_products(Function("f", (), parse("s = 1.0 + a[2] @ x"), (), types)).body))
    product = 0.0
    for k in range(shape(a, axis=1)):
        product += a[2, k] * x[k]
    s = 1.0 + product
    """
    return with_hoisted_operands(f, _product)


def _product(op: Op, types: dict[str, Type]) -> Hoisted | None:
    if op.prim != "@" or not isinstance(kind := typeof(op, types), Scalar) or kind.dtype not in _ZEROS:
        return None
    before: list[Stmt] = []
    total, k = fresh_name("product", kind, types), fresh_name("k", Scalar("int64"), types)
    first, second = (_named(vector, types, before) for vector in op.args)
    add = AugAssign(total, "+", Op("*", (_item(first, Var(k)), _item(second, Var(k)))))
    loop = For(k, Const(0), _length(first), Const(1), (add,))
    return (*before, Assign(total, _ZEROS[kind.dtype]), loop), Var(total)


def _named(vector: Expr, types: dict[str, Type], before: list[Stmt]) -> Expr:
    """The vector as a name, or a row of an array; another view gets a name."""
    match vector:
        case Var():
            return vector
        case Op("index", (Var(), *items)) if not any(isinstance(i, Slice) or i == Const(None) for i in items):
            return vector
    kind = typeof(vector, types)
    assert isinstance(kind, Array)
    name = fresh_name("vector", kind, types)
    before.append(Assign(name, vector))
    return Var(name)


def _item(vector: Expr, at: Expr) -> Expr:
    match vector:
        case Op("index", (base, *items)):
            return Op("index", (base, *items, at))
    return Op("index", (vector, at))


def _length(vector: Expr) -> Expr:
    match vector:
        case Op("index", (base, *items)):
            return Op("shape", (base,), (("axis", len(items)),))
    return Op("shape", (vector,), (("axis", 0),))

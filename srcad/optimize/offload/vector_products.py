"""Products of two vectors, as sums over their elements: a thread, or a kernel, adds them up."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, Op, Slice, Stmt, Var, While
from srcad.ir.traversal import blocks, rewrite_own
from srcad.ir.types import Array, Scalar, Type
from srcad.typing.typeof import typeof

_MAYBE = frozenset({"and", "or", "select"})
"""Operations that leave operands unevaluated."""


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
    types = dict(f.types)
    return replace(f, body=_block(f.body, types), types=types)


def _block(block: Block, types: dict[str, Type]) -> Block:
    return tuple(new for stmt in block for new in _stmt(stmt, types))


def _stmt(stmt: Stmt, types: dict[str, Type]) -> Block:
    work = _Products(types)
    nested = [_block(b, types) for b in blocks(stmt)]
    if isinstance(stmt, While):  # what its condition computes is computed in each turn
        test, body = nested
        cond = work.expr(stmt.cond)
        return (replace(stmt, test=(*test, *work.before), cond=cond, body=body),)
    changed = rewrite_own(stmt, work.expr, nested)
    return (*work.before, changed)


class _Products:
    """The products in an expression, and the loops that compute them before it."""

    def __init__(self, types: dict[str, Type]) -> None:
        self._types = types
        self.before: list[Stmt] = []

    def expr(self, expr: Expr) -> Expr:
        if not isinstance(expr, Op) or expr.prim in _MAYBE:
            return expr
        args = tuple(map(self.expr, expr.args))
        new = expr if args == expr.args else replace(expr, args=args)
        kind = typeof(new, self._types)
        if new.prim != "@" or not isinstance(kind, Scalar) or kind.dtype not in ("float64", "float32", "int64"):
            return new
        total, k = fresh_name("product", kind, self._types), fresh_name("k", Scalar("int64"), self._types)
        first, second = map(self._named, new.args)
        zero: Expr = Const(0 if kind.dtype == "int64" else 0.0)
        if kind.dtype == "float32":
            zero = Op("astype", (zero,), (("dtype", "float32"),))
        term = Op("*", (_item(first, Var(k)), _item(second, Var(k))))
        add = AugAssign(total, "+", term)
        self.before += [Assign(total, zero), For(k, Const(0), _length(first), Const(1), (add,))]
        return Var(total)

    def _named(self, vector: Expr) -> Expr:
        """The vector as a name, or a row of an array; another view gets a name."""
        match vector:
            case Var():
                return vector
            case Op("index", (Var(), *items)) if not any(isinstance(i, Slice) or i == Const(None) for i in items):
                return vector
        kind = typeof(vector, self._types)
        assert isinstance(kind, Array)
        name = fresh_name("vector", kind, self._types)
        self.before.append(Assign(name, vector))
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

"""Integers of other dtypes than int64 wrap where NumPy's do: what is computed of them is converted to NumPy's dtype.

Numba computes with integers in 64 bits: of scalars, of elements in an array expression of several operations, and where
one operand is a literal. NumPy computes in the dtype that the operands have in common. Sums, products and powers agree
in their last bits, so that a conversion of the result gives NumPy's. A uint64 and a literal are a float64 for Numba,
so they are converted before.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.errors import fail
from srcad.ir.nodes import Assign, AugAssign, Const, Expr, Function, Op, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, ops, own_exprs, place, rewrite, rewrite_own, walk
from srcad.ir.types import FLOATS, Array
from srcad.rules.traits import having
from srcad.typing.kinds import dtype_of, kind

_COMPUTED = having(lambda p: p.kind == "elementwise" and p.dtype in ("joined", "bits", "power"))
_CHOICES = having(lambda p: p.choice == "condition")
_WRAPPING = frozenset({"int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64"})


def wrap_integers(f: Function) -> Function:
    """Convert what is computed of integers to the dtype that NumPy computes in.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import FLOATS, Array, dim
    >>> types = {n: Array(d, (dim(9),)) for n, d in [("a", "uint8"), ("b", "uint8"), ("k", "int64"), ("y", "float64")]}
    >>> print(show(wrap_integers(Function("f", (), parse("y = (a - b) * k + (k - 1) * 0.5"), (), types)).body))
    y = (astype(a - b, dtype='uint8') * k) + ((k - 1) * 0.5)
    """
    exprs = [*f.results, *(expr for stmt in walk(f.body) for expr in own_exprs(stmt))]
    dtypes = {getattr(known, "dtype", None) for known in f.types.values()}
    dtypes |= {dict(op.static).get("dtype") for expr in exprs for op in ops(expr) if op.static}
    if not dtypes & _WRAPPING:
        return f
    work = _Wrapping(f)
    return replace(f, body=work.block(f.body), results=tuple(map(work.expr, f.results)))


class _Wrapping:
    def __init__(self, f: Function) -> None:
        self._types = f.types

    def block(self, block: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return tuple(map(self._statement, block))

    def _statement(self, stmt: Stmt) -> Stmt:
        if blocks(stmt):
            inner = [self.block(b) for b in blocks(stmt)]
            return rewrite_own(stmt, self.expr, inner)
        stmt = rewrite(stmt, self.expr)
        match stmt:
            case AugAssign(target, op, value):
                updated = Op(op, (Var(target), value))
                if not isinstance(self._types.get(target), Array):
                    wrapped = self._wrapped(updated)
                    return stmt if wrapped is updated else Assign(target, wrapped, stmt.span)
                return replace(stmt, value=self._stored(updated))
            case Store(_, _, value, str(op)):
                return replace(stmt, value=self._stored(Op(op, (place(stmt), value))))
        return stmt

    def expr(self, expr: Expr) -> Expr:
        return map_expr(expr, lambda part: self._wrapped(part) if isinstance(part, Op) else part)

    def _wrapped(self, op: Op) -> Expr:
        dtype = self._wrapping_dtype(op)
        if dtype is None:
            return op
        if dtype == "float64":
            return self._converted(op, dtype)
        if op.prim == "np.sign" and dtype.startswith("u"):  # Numba's takes large numbers for negative ones
            return _as(Op("!=", (op.args[0], Const(0))), dtype)
        return _as(self._converted(op, dtype) if dtype == "uint64" else op, dtype)

    def _stored(self, update: Op) -> Expr:
        """The value in `place op= value`: the store converts the result, Numba asks for an operand of the dtype."""
        dtype = self._wrapping_dtype(update)
        return update.args[1] if dtype is None else self._converted(update, dtype).args[1]

    def _converted(self, op: Op, dtype: str) -> Op:
        first = 1 if op.prim in _CHOICES else 0
        args = [arg if dtype_of(arg, self._types) == dtype else _as(arg, dtype) for arg in op.args[first:]]
        return Op(op.prim, (*op.args[:first], *args), op.static)

    def _wrapping_dtype(self, op: Op) -> str | None:
        """The dtype of the result where it is one of integers, but not int64; or the float64 of uint64 and int64."""
        if op.prim not in _COMPUTED:
            return None
        known = kind(op, self._types)
        if known is None or known.rank < 0:
            return None
        if known.dtype == "float64" and known.is_certain:
            of_operands = {dtype_of(arg, self._types) for arg in op.args}
            return "float64" if "uint64" in of_operands and not of_operands & {*FLOATS} else None
        if not {known.dtype, known.strong_dtype} & _WRAPPING:
            return None
        if not known.is_certain:
            what = f"an operation whose dtype may be {known.dtype} or {known.strong_dtype}"
            why = "A name in it has a Python integer at one time, and an integer of NumPy at another."
            fail("S119", what, None, why, "give the two values names of their own.")
        return known.dtype


def _as(expr: Expr, dtype: str) -> Expr:
    return Op("astype", (expr,), (("dtype", dtype),))

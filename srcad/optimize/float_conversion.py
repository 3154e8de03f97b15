"""Conversion of integer operands to float64, where NumPy computes in float64 and Numba would in float32.

NumPy promotes a float32 and an int64 or int32 array to float64, and computes in that. Numba takes a function's form
for float32, whatever the integers; and its quotient of two int16 arrays is float32. With the integers converted before,
Numba has no choice but float64, of the elements in a loop as of whole arrays.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Const, Expr, Function, Op, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, ops, own_exprs, place, rewrite, rewrite_own, walk
from srcad.rules.traits import COMPARISONS, IN_PLACE, having
from srcad.typing.kinds import dtype_of, kind, rank_of

_PROMOTING = COMPARISONS | having(
    lambda p: (
        (p.kind == "elementwise" and p.dtype in ("joined", "float", "power") and p.choice != "condition")
        or p.name == "np.outer"  # Numba's is a product of arrays
    )
)
_OF_LITERALS = having(lambda p: p.kind == "elementwise" and p.dtype in ("joined", "float") and p.choice != "condition")
"""With a literal integer, Numba computes these in float64."""
_FLOATS_ONLY = having(lambda p: p.float_operands)
_SMALL = frozenset({"int8", "uint8", "int16", "uint16"})
"""Integers that fit in a float32."""
_NARROW = _SMALL | {"float32"}


def convert_to_float(f: Function) -> Function:
    """Convert the integer operands of operations on different dtypes.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, dim
    >>> types = {n: Array(d, (dim(9),)) for n, d in [("x", "float32"), ("k", "int64"), ("y", "float64")]}
    >>> print(show(convert_to_float(Function("f", (), parse("y = np.hypot(x, k) + y * k"), (), types)).body))
    y = np.hypot(x, astype(k, dtype='float64')) + (y * k)
    """
    exprs = [*f.results, *(expr for stmt in walk(f.body) for expr in own_exprs(stmt))]
    operations = [op for expr in exprs for op in ops(expr)]
    dtypes = {getattr(kind, "dtype", None) for kind in f.types.values()}
    dtypes |= {dict(op.static).get("dtype") for op in operations if op.static}
    if not dtypes & _NARROW and not any(op.prim in _FLOATS_ONLY for op in operations):
        return f
    work = _Conversion(f)
    return replace(f, body=work.block(f.body), results=tuple(map(work.expr, f.results)))


class _Conversion:
    def __init__(self, f: Function) -> None:
        self._types = f.types

    # ---- statements --------------------------------------------------------------------------

    def block(self, block: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return tuple(map(self._statement, block))

    def _statement(self, stmt: Stmt) -> Stmt:
        if blocks(stmt):
            inner = [self.block(b) for b in blocks(stmt)]
            return rewrite_own(stmt, self.expr, inner)
        match stmt:
            case Assign(target, value):
                declared = self._types.get(target)
                return replace(stmt, value=self.expr(value, getattr(declared, "dtype", None)))
            case AugAssign(target, op, value):
                return replace(stmt, value=self._added(op, Var(target), self.expr(value)))
            case Store(base, index, value, str(op)):
                new = replace(stmt, base=self.expr(base), index=tuple(map(self.expr, index)))
                return replace(new, value=self._added(op, place(new), self.expr(value)))
        return rewrite(stmt, self.expr)

    def _added(self, op: str, target: Expr, value: Expr) -> Expr:
        """The value in `target op= value`, which is an operation too."""
        return self._operation(Op(op, (target, value)), None).args[1]

    # ---- expressions -------------------------------------------------------------------------

    def expr(self, expr: Expr, declared: str | None = None) -> Expr:
        """The expression, `declared` being the dtype of its value where that is known."""

        def convert(part: Expr) -> Expr:
            return self._operation(part, None) if isinstance(part, Op) else part

        new = map_expr(expr, convert)
        return self._operation(new, declared) if isinstance(new, Op) else new

    def _operation(self, op: Op, declared: str | None) -> Op:
        if op.prim not in _PROMOTING:
            return op
        if op.prim in _FLOATS_ONLY:
            kinds = [self._dtype(arg) for arg in op.args]
            wanted = [k is not None and not k.startswith("float") for k in kinds]
        else:
            if len(op.args) != 2:
                return op
            kinds = [self._dtype(arg) for arg in op.args]
            found = {k for k in kinds if k is not None}
            if found == {"float32"} and op.prim in _OF_LITERALS:
                return Op(op.prim, tuple(map(self._rounded, op.args)), op.static)
            mixed = "float32" in found and not found <= _NARROW | {"bool"}
            if op.prim in IN_PLACE and all(map(self._is_scalar, op.args)):
                return op  # Numba's operators of scalars are right
            if "float64" in found or not (mixed or (found and found <= _SMALL)):
                return op
            computed = Op("+", op.args) if op.prim in COMPARISONS else op
            result = kind(computed, self._types)
            if result is None or "float64" not in (result.dtype, result.strong_dtype):
                return op
            if not result.is_certain and (declared != "float64" or op.prim in COMPARISONS):
                return op
            wanted = [k is not None and k != "float32" for k in kinds]
        if not any(wanted):
            return op
        args = [
            _as_float64(arg) if convert else self._rounded(arg) for arg, convert in zip(op.args, wanted, strict=True)
        ]
        return Op(op.prim, tuple(args), op.static)

    def _rounded(self, expr: Expr) -> Expr:
        """An operand in float32, with floats for literal integers: of those Numba makes int64, and a result in float64.

        Where all of an expression is float32, it is rounded in the end, and has only more accurate parts.
        """
        match expr:
            case Op(prim, args, static) if prim in IN_PLACE and self._dtype(expr) == "float32":
                return Op(prim, tuple(map(self._rounded, args)), static)
            case Const(int(value)) if not isinstance(value, bool):
                return Const(float(value))
        return expr

    def _is_scalar(self, expr: Expr) -> bool:
        return rank_of(expr, self._types) == 0

    def _dtype(self, expr: Expr) -> str | None:
        """The dtype; None of a literal, or where it is not known."""
        return None if isinstance(expr, Const) else dtype_of(expr, self._types)


def _as_float64(expr: Expr) -> Expr:
    return Op("astype", (expr,), (("dtype", "float64"),))

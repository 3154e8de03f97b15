"""Algebraic simplification of expressions: identities, signs and constant folding."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import AugAssign, Block, Const, Expr, Op, Slice, Stmt, Store
from srcad.ir.result_memory import is_read_only, roots
from srcad.ir.traversal import blocks, map_expr, place, rewrite, with_blocks
from srcad.ir.types import Array, Dim, Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS, having
from srcad.typing.typeof import is_scalar, same_type, typeof

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.FloorDiv, ast.Mod)
_FOLDED = COMPARISONS | having(lambda p: p.operator in _ARITHMETIC)
_READERS = frozenset({"elementwise", "reduce", "linalg"})
Fixed = Callable[[Expr], bool]


def simplify_algebra(block: Block, types: Mapping[str, Type], fixed: Fixed = lambda e: False) -> Block:
    """Simplify every expression, as long as neither its dtype nor its shape can change.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(simplify_algebra(parse('''
    ... d += -(0.1 * b) * 1.0
    ... '''), {"b": Scalar("float64"), "d": Scalar("float64")})))
    d -= 0.1 * b

    `0 * e` is never folded: it would lose a NaN, and a shape. Products with two constants may change in the
    last bit, so may products of matrices, and the sign of a zero may change. What is `fixed` stays as it is.
    """
    rules = _AlgebraRules(types, fixed)
    return tuple(s for stmt in block for s in rules.statement(rewrite(stmt, rules.whole)))


class _AlgebraRules:
    def __init__(self, types: Mapping[str, Type], fixed: Fixed) -> None:
        self.types, self.fixed = types, fixed

    def whole(self, expr: Expr) -> Expr:
        # the rules reorder operands: impure ones (draws of random numbers) must keep their order
        return map_expr(expr, self.node) if is_pure(expr) and not self.fixed(expr) else expr

    # ---- statements --------------------------------------------------------------------------

    def statement(self, stmt: Stmt) -> list[Stmt]:
        """Store into `x[1:]`, not into `x[1:][:]`; move the sign of the value of a `+=` or `-=` into the operator."""
        if isinstance(stmt, Store) and isinstance(stmt.base, Op):
            match self.node(place(stmt)):
                case Op("index", (base, *items)):
                    stmt = replace(stmt, base=base, index=tuple(items))
        if isinstance(stmt, AugAssign | Store) and stmt.op in ("+", "-"):
            value = _negated(stmt.value)
            if value is not None:
                return [replace(stmt, op="-" if stmt.op == "+" else "+", value=value)]
        return [with_blocks(stmt, [tuple(s for inner in b for s in self.statement(inner)) for b in blocks(stmt)])]

    # ---- expressions -------------------------------------------------------------------------

    def node(self, expr: Expr) -> Expr:
        while isinstance(expr, Op) and (new := self._step(expr)) is not None:
            expr = new
        return expr

    def _step(self, op: Op) -> Expr | None:
        """One simplification at the root of an expression with simplified operands; None where none applies."""
        constant = _constant(op)
        if constant is not None:
            return constant
        kind = PRIMITIVES[op.prim].kind if op.prim in PRIMITIVES else ""
        if op.prim == "copy" or (kind in _READERS and op.prim not in ("select", "stop_gradient", "cut_gradient")):
            # an operation that only reads its operands needs neither a copy nor `[:]`
            args = tuple(_without_copy(a) for a in op.args)
            if args != op.args:
                return replace(op, args=args)
        match op:
            case Op("neg", (a,), _):
                return self._neg(a)
            case Op("+", (a, b), _):
                return self._add(op, a, b)
            case Op("-", (a, b), _):
                return self._subtract(op, a, b)
            case Op("*", (a, b), _):
                return self._multiply(op, a, b)
            case Op("/", (a, b), _):
                return self._divide(op, a, b)
            case Op("**", (a, Const(value)), _) if value == 1 and value is not True:
                return self._unchanged(op, a)
            case Op("**", (a, Const(value)), _) if value == 0 and value is not False:
                return Const(1.0) if self._is_float(a) and is_scalar(a, self.types) else None
            case Op("shape" | "size" | "len" as prim, (Op() as whole,), static):
                part = self._operand_of_shape(whole)
                return None if part is None else Op(prim, (part,), static)
            case Op("copy", (a,), _):
                is_new = isinstance(a, Op) and not roots(a) and not is_read_only(a)
                return a if is_scalar(a, self.types) or is_new else None
            case Op("float", (a,), _):
                return a if same_type(typeof(a, self.types), Scalar("float64")) else None
            case Op("np.zeros_like", (Op("np.zeros_like", _, ()) as same,), ()):
                return same
            case Op("np.transpose", (Op("np.transpose", (a,), inner),), outer) if inner == outer:
                axes = dict(outer).get("axes")
                return a if isinstance(axes, tuple) and axes == tuple(range(len(axes)))[::-1] else None
            case Op("np.transpose", (Op("@", (Op("np.transpose", (a,), swap), b)),), swapped) if swap == swapped == (
                ("axes", (1, 0)),
            ) and self._is_matrix(b):
                return Op("@", (Op("np.transpose", (b,), swap), a))
            case Op(
                "np.transpose", (Op("*", (Op("index", (a, Slice(None, None, None), Const(None))), b)),), swapped
            ) if swapped == (("axes", (1, 0)),) and self._is_vector(a) and self._is_vector(b):
                return Op("*", (Op("index", (b, Slice(), Const(None))), a))
            case Op("index", (Op("index", (a, *inner), _), *outer), _) if _same_view(tuple(inner), tuple(outer)):
                return a
            case Op("index", (Op("index", (a, *inner), _), *outer), _) if (both := _joined(inner, outer)) is not None:
                return Op("index", (a, *both))
            case Op("index", (Op("index", (a, Slice(Const(int(low)), _, None)), _), Const(int(at)), *rest), _) if (
                type(at) is int and low >= 0 and at >= 0
            ):
                return Op("index", (a, Const(low + at), *rest))
            case Op("index", (Op("index") as part, *outer), _) if all(item == Slice() for item in outer):
                return part
            case Op("index" | "np.sum" as prim, (Op("neg", (a,), _), *items), static) if self._is_float(a):
                return Op("neg", (Op(prim, (a, *items), static),))
            case Op(prim, (Op("neg", (a,), _), like), static) if prim.startswith("runtime.unbroadcast"):
                return Op("neg", (Op(prim, (a, like), static),))
            case Op("select", (Const(bool(chosen)), a, b), _):
                return self._unchanged(op, a if chosen else b)
            case Op("not", (Op("not", (a,), _),), _):
                return a if same_type(typeof(a, self.types), Scalar("bool")) else None
        return None

    def _neg(self, a: Expr) -> Expr | None:
        match a:
            case Op("neg", (inner,), _):
                return self._unchanged(Op("neg", (a,)), inner)
            case Op("-", (left, right), _):
                return Op("-", (right, left))
        return self._scaled(a, -1.0)

    def _add(self, op: Op, a: Expr, b: Expr) -> Expr | None:
        if _is(b, 0):
            return self._unchanged(op, a)
        if _is(a, 0):
            return self._unchanged(op, b)
        minus = _negated(b)
        if minus is not None:
            return Op("-", (a, minus))
        minus = _negated(a)
        if minus is not None:
            return Op("-", (b, minus))
        return self._combined(op, 1.0) or self._offset(a, b, 1)

    def _subtract(self, op: Op, a: Expr, b: Expr) -> Expr | None:
        if _is(b, 0):
            return self._unchanged(op, a)
        if _is(a, 0) and self._is_float(b) and self._unchanged(op, b) is not None:
            return Op("neg", (b,))
        minus = _negated(b)
        if minus is not None:
            return Op("+", (a, minus))
        return self._combined(op, -1.0) or self._offset(a, b, -1)

    def _combined(self, op: Op, sign: float) -> Expr | None:
        """`3.0 * e + 0.5 * e` is `3.5 * e`."""
        a, b = op.args
        if isinstance(a, Op) and a.prim in ("+", "-"):
            rest, last = a.args
            both = self._combined(Op(a.prim, (last, b)), sign if a.prim == "+" else -sign)
            return None if both is None else Op(a.prim, (rest, both))
        (c, one), (d, other) = _term(a), _term(b)
        total = c + sign * d
        if not _safe(total) or not self._is_float(one) or _ordered(one) != _ordered(other):
            return None
        return self._unchanged(op, one) if total == 1.0 else _times(total, one)

    def _offset(self, a: Expr, b: Expr, sign: int) -> Expr | None:
        """Integers: `(e + 3) - 1` is `e + 2`, and `1 + e` is `e + 1` where that gives two constants."""
        if not isinstance(b, Const) or type(b.value) is not int:
            return None
        match a:
            case Op("+" | "-" as inner, (rest, Const(value)), _) if type(value) is int:
                if not same_type(typeof(rest, self.types), Scalar("int64")):
                    return None
                total = (value if inner == "+" else -value) + sign * b.value
                if total == 0:
                    return rest
                return Op("+", (rest, Const(total))) if total > 0 else Op("-", (rest, Const(-total)))
        return None

    def _multiply(self, op: Op, a: Expr, b: Expr) -> Expr | None:
        for one, other in ((a, b), (b, a)):
            if _is(one, 1):
                return self._unchanged(op, other)
            if _is(one, -1) and self._unchanged(op, other) is not None:
                return Op("neg", (other,))
            if one is not other and (quotient := self._over(one, other)) is not None:
                return quotient
        match a, b:
            case Op("neg", (inner,), _), _:
                return Op("neg", (Op("*", (inner, b)),))
            case _, Op("neg", (inner,), _):
                return Op("neg", (Op("*", (a, inner)),))
            case Const(float(c)), _ if (scaled := self._scaled(b, c)) is not None:
                return scaled
            case Const(float()), Op("/", (above, below), _) if self._is_float(b):
                return Op("/", (self.node(Op("*", (a, above))), below))
            case Const(int(c)), _ if type(c) is int and (scaled := self._scaled(b, float(c))) is not None:
                return scaled
            case Op("*", (Const(float(c)), x), _), Op("*", (Const(float(d)), y), _) if _safe(c * d):
                return Op("*", (self.node(Op("*", (Const(c * d), x))), y))
            case Const(), _:
                return None
            case _, Const(float()) if self._is_float(a):
                return Op("*", (b, a))
            case _, Op("*", (Const(float()) as c, rest), _) if self._both_scalar_or_array(a, rest):
                return Op("*", (self.node(Op("*", (c, a))), rest))
            case _, Op("*", (left, right), _) if self._both_scalar_or_array(a, left) and is_scalar(right, self.types):
                return Op("*", (self.node(Op("*", (a, left))), right)) if is_scalar(a, self.types) else None
        return None

    def _scaled(self, expr: Expr, by: float) -> Expr | None:
        """`by` times the expression, where that only changes the constant it begins with."""
        match expr:
            case Const(float(value)) if _safe(by * value):
                return Const(by * value)
            case Op("*" | "/" as prim, (a, b), _):
                new = self._scaled(a, by)
                return None if new is None else self.node(Op(prim, (new, b)))
        return None

    def _over(self, a: Expr, b: Expr) -> Expr | None:
        """`a * (1.0 / e)` is `a / e`, and one rounding less."""
        match b:
            case Op("/", (Const(float(c)), below), _) if c == 1.0 and self._divides(below, a):
                quotient = Op("/", (a, below))
                same = same_type(typeof(quotient, self.types), typeof(Op("*", (a, b)), self.types))
                return quotient if same else None
        return None

    def _divide(self, op: Op, a: Expr, b: Expr) -> Expr | None:
        if _is(b, 1):
            return self._unchanged(op, a)
        match a, b:
            case Op("neg", (inner,), _), _:
                return Op("neg", (Op("/", (inner, b)),))
            case _, Op("neg", (inner,), _):
                return Op("neg", (Op("/", (a, inner)),))
        return None

    def _unchanged(self, op: Op, part: Expr) -> Expr | None:
        """`part` for `op`, where they are known to have one type; a copy where it would alias memory."""
        known = typeof(part, self.types)
        if not same_type(known, typeof(op, self.types)):
            return None
        return Op("copy", (part,)) if isinstance(known, Array) and (roots(part) or is_read_only(part)) else part

    def _operand_of_shape(self, op: Op) -> Expr | None:
        """An operand with the shape of the result, for shape queries: they need not compute the rest."""
        primitive = PRIMITIVES.get(op.prim)
        if primitive is None or primitive.kind != "elementwise":
            return None
        dims = _dims(typeof(op, self.types))
        return next((a for a in op.args if dims and _dims(typeof(a, self.types)) == dims), None)

    def _is_vector(self, e: Expr) -> bool:
        t = typeof(e, self.types)
        return isinstance(t, Array) and t.rank == 1

    def _is_matrix(self, e: Expr) -> bool:
        known = typeof(e, self.types)
        return isinstance(known, Array) and known.rank == 2

    def _is_float(self, expr: Expr) -> bool:
        known = typeof(expr, self.types)
        return isinstance(known, Scalar | Array) and known.dtype in ("float64", "float32")

    def _divides(self, below: Expr, a: Expr) -> bool:
        return self._both_scalar_or_array(a, below) or (
            is_scalar(below, self.types) and self._is_float(below) and self._is_float(a)
        )

    def _both_scalar_or_array(self, a: Expr, b: Expr) -> bool:
        """Both floating scalars, or neither a scalar: then regrouping makes no more work on arrays."""
        both = (is_scalar(a, self.types), is_scalar(b, self.types))
        return both in ((True, True), (False, False)) and self._is_float(a) and self._is_float(b)


def _dims(t: Type | None) -> tuple[Dim, ...]:
    return t.dims if isinstance(t, Array) else ()


def _constant(op: Op) -> Const | None:
    if not op.args or not all(isinstance(a, Const) and type(a.value) in (int, float) for a in op.args):
        return None
    values = [a.value for a in op.args if isinstance(a, Const)]
    if op.prim == "neg":
        return Const(-values[0])  # type: ignore[operator]
    if op.prim not in _FOLDED or len(values) != 2:
        return None
    try:
        value = PRIMITIVES[op.prim].evaluate(*values)
    except ArithmeticError:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return Const(value) if isinstance(value, bool | int | float) else None


def _is(expr: Expr, value: int) -> bool:
    return isinstance(expr, Const) and type(expr.value) in (int, float) and expr.value == value


def _without_copy(expr: Expr) -> Expr:
    """The operand with the same elements as the expression: `x` for `x.copy()` and for `x[:]`."""
    match expr:
        case Op("copy", (x,), _):
            return x
        case Op("index", (x, *items), _) if all(item == Slice() for item in items):
            return x
    return expr


def _joined(inner: Sequence[Expr], outer: Sequence[Expr]) -> list[Expr] | None:
    """The index of an index, where the inner one has integers and whole axes only: `[1, :][0]` is `[1, 0]`."""
    if Slice() not in inner or any(
        item == Const(None) or (isinstance(item, Slice) and item != Slice()) for item in inner
    ):
        return None
    rest = list(outer)
    if Const(None) in rest:
        return None
    return [(rest.pop(0) if item == Slice() and rest else item) for item in inner] + rest


def _same_view(inner: tuple[Expr, ...], outer: tuple[Expr, ...]) -> bool:
    """Whether the outer index removes just the axes that the inner one inserts: `[:, None][:, 0]`."""
    if len(inner) != len(outer) or not all(item in (Slice(), Const(None)) for item in inner):
        return False
    return all(o == (Slice() if i == Slice() else Const(0)) for i, o in zip(inner, outer, strict=True))


def _safe(value: float) -> bool:
    return value != 0 and math.isfinite(value)


def _negated(expr: Expr) -> Expr | None:
    """`e` where the expression is written `-e`."""
    match expr:
        case Op("neg", (a,), _):
            return a
        case Const(float(c)) if c < 0:
            return Const(-c)
        case Op("*", (Const(float(c)), rest), _) if c < 0:
            return Op("*", (Const(-c), rest))
        case Op("*" | "/" as prim, (a, b), _):
            minus = _negated(a)
            return None if minus is None else Op(prim, (minus, b))
    return None


def _ordered(expr: Expr) -> Expr:
    """The expression with the operands of `*` and `+` in a fixed order, to compare."""

    def node(e: Expr) -> Expr:
        if isinstance(e, Op) and e.prim in ("*", "+") and len(e.args) == 2:
            return Op(e.prim, tuple(sorted(_operands(e, e.prim), key=repr)))
        return e

    return map_expr(expr, node)


def _operands(expr: Expr, prim: str) -> list[Expr]:
    """The operands of a chain of one operation, however it is grouped."""
    if isinstance(expr, Op) and expr.prim == prim:
        return [part for arg in expr.args for part in _operands(arg, prim)]
    return [expr]


def _term(expr: Expr) -> tuple[float, Expr]:
    """The expression as a constant times the rest."""
    match expr:
        case Op("neg", (a,), _):
            c, rest = _term(a)
            return -c, rest
        case Op("*", (Const(float(c)), rest), _):
            return c, rest
        case Op("/", (Const(float(c)), below), _) if c != 1.0:
            return c, Op("/", (Const(1.0), below))
        case Op("*" | "/" as prim, (a, b), _):
            c, rest = _term(a)
            return (c, Op(prim, (rest, b))) if c != 1.0 else (1.0, expr)
    return 1.0, expr


def _times(c: float, expr: Expr) -> Expr:
    """`c * expr` with the constant in front."""
    match expr:
        case Op("/", (Const(float(one)), below), _) if one == 1.0:
            return Op("/", (Const(c), below))
        case Op("*" | "/" as prim, (a, b), _):
            return Op(prim, (_times(c, a), b))
        case _:
            return Op("*", (Const(c), expr))

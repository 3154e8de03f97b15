"""Printing of IR expressions as Python syntax trees: one spelling for each primitive.

>>> from srcad.ir.notation import parse
>>> body = parse("y = select(c, copy(x), np.zeros(n, m, dtype='float32'))")
>>> printer = Expressions(Function("f", (), body, (), {}))
>>> ast.unparse(printer.expr(body[0].value))
'x.copy() if c else np.zeros((n, m), dtype=np.float32)'
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from typing_extensions import assert_never

from srcad.backend.python.contiguity import is_maybe_noncontiguous, maybe_noncontiguous, stored
from srcad.backend.python.literal_types import (
    SINGLE,
    is_integer,
    is_narrow,
    is_python_scalar,
    is_weak,
    narrowed,
)
from srcad.ir.called import callee_of
from srcad.ir.nodes import Const, Expr, Function, Op, Slice, Undef, Var
from srcad.ir.types import Array
from srcad.rules.kernels import BLOCK, BLOCK_SIZE, GRID_BLOCKS, THREAD
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS
from srcad.typing.kinds import rank_of
from srcad.typing.typeof import typeof

_INDICES = frozenset({THREAD, BLOCK, BLOCK_SIZE, GRID_BLOCKS})
_JOINED = frozenset({"np.concatenate", "np.stack", "np.vstack", "np.hstack", "np.column_stack"})


class Expressions:
    """Printing of expressions, for the types of one function."""

    def __init__(self, function: Function) -> None:
        types = self._types = function.types
        self._noncontiguous = maybe_noncontiguous(function)
        self._stored = stored(function)
        self._written_through = False  # whether the expression is a view that is written through
        self._weak = False
        # literals need care only where something has single precision: Numba lets a literal of float64 widen an array
        self._has_single = any(getattr(t, "dtype", None) in SINGLE for t in types.values())

    def expr(self, expr: Expr) -> ast.expr:
        match expr:
            case Var(name):
                return ast.Name(name)
            case Const(value):
                return ast.Constant(value)
            case Undef():
                return ast.Constant(None)
            case Slice(lower, upper, step):
                parts = (None if part is None else self.expr(part) for part in (lower, upper, step))
                return ast.Slice(*parts)
            case Op():
                return self._op(expr)
            case _:
                assert_never(expr)

    def value_of(self, target: str, value: Expr) -> ast.expr:
        """The value assigned to `target`. Of an array of single precision, scalars of double were Python's."""
        known = self._types.get(target)
        self._written_through = target in self._stored
        self._weak = self._has_single and isinstance(known, Array) and known.dtype in SINGLE
        try:
            return self.expr(value)
        finally:
            self._weak = self._written_through = False

    def store_target(self, base: Expr, index: tuple[Expr, ...], augmented: bool) -> ast.expr:
        """The target of a store: `x[i, j]`; all of `x` is `x` where augmented, `x[:]` otherwise."""
        self._written_through = True
        try:
            return self._store_target(base, index, augmented)
        finally:
            self._written_through = False

    def _store_target(self, base: Expr, index: tuple[Expr, ...], augmented: bool) -> ast.expr:
        if isinstance(base, Op) and base.prim == "index" and (not index or _all_integers(base.args[1:])):
            if index or not augmented:
                merged = base.args[1:] + index
                return self._subscript(base.args[0], merged)
            return self.expr(base)
        if index:
            return self._subscript(base, index)
        # Python has no `x.T += y`
        return self.expr(base) if augmented and isinstance(base, Var) else self._subscript(base, (Slice(),))

    def _subscript(self, base: Expr, index: tuple[Expr, ...]) -> ast.expr:
        while isinstance(base, Op) and base.prim == "index" and _all_integers(base.args[1:]):
            index = base.args[1:] + index
            base = base.args[0]
        items = [self.expr(item) for item in index]
        return ast.Subscript(self.expr(base), items[0] if len(items) == 1 else ast.Tuple(items))

    def _op(self, op: Op) -> ast.expr:
        static = dict(op.static)
        name = op.prim
        match name:
            case "select":
                cond, then, orelse = self._operands(op)
                return ast.IfExp(cond, then, orelse)
            case "index":
                return self._subscript(op.args[0], op.args[1:])
            case "shape":
                return ast.Subscript(_attribute(self.expr(op.args[0]), "shape"), _literal(static["axis"]))
            case "size":
                return _attribute(self.expr(op.args[0]), "size")
            case "stop_gradient" | "cut_gradient":
                return self.expr(op.args[0])
            case "np.real" | "np.imag" | "real" | "imag":
                return _attribute(self.expr(op.args[0]), name.removeprefix("np."))
            case "copy":
                return _method(self.expr(op.args[0]), "copy")
            case "astype":
                # a Python or Numba scalar has no methods
                if rank_of(op.args[0], self._types) == 0:
                    return ast.Call(_dtype(static["dtype"]), [self.expr(op.args[0])], [])
                return _method(self.expr(op.args[0]), "astype", _dtype(static["dtype"]))
            case "root":
                return ast.Call(dotted("np.sqrt"), [self.expr(op.args[0])], [])
            case "nonzero":
                found = ast.Call(dotted("np.nonzero"), [self.expr(op.args[0])], [])
                return ast.Subscript(found, _literal(static.get("axis", 0)))
            case "diagonal":
                return self._created("np.diag", self._operands(op), static)
            case "np.arange" if op.args[0] == Const(0) and op.args[2:] in ((), (Const(1),)):
                return ast.Call(dotted(name), [self.expr(op.args[1])], [])
            case "reshape":
                x, *lengths = self._operands(op)
                if not self._written_through and is_maybe_noncontiguous(op.args[0], self._noncontiguous, self._types):
                    x = ast.Call(dotted("np.ascontiguousarray"), [x], [])
                return _method(x, "reshape", *lengths)
            case "np.transpose":
                return self._transpose(op, static)
            case "array" | "np.array":
                return self._created("np.array", [ast.List(self._operands(op))], static)
            case "cuda.grid" | "cuda.gridsize":
                every = ast.Call(dotted(name), [_literal(static["ndim"])], [])
                return every if static["ndim"] == 1 else ast.Subscript(every, _literal(static["axis"]))
            case "cuda.atomic.add" | "cuda.atomic.max":
                array, value, *items = self._operands(op)
                return ast.Call(dotted(name), [array, _shape(items), value], [])
            case "cuda.local.array" | "cuda.shared.array":
                return ast.Call(dotted(name), [_shape(self._operands(op)), _dtype(static["dtype"])], [])
            case "tuple":
                return ast.Tuple(self._operands(op))
            case "list.new":
                return ast.List(self._operands(op))
            case "list.append" | "append":
                target, value = self._operands(op)
                return _method(target, "append", value)
            case "list.pop":
                return _method(self.expr(op.args[0]), "pop")
            case "list.length":
                return ast.Call(dotted("len"), [self.expr(op.args[0])], [])
            case "call":
                return ast.Call(ast.Name(callee_of(op).name), self._operands(op), [])
            case "result":
                return ast.Subscript(self.expr(op.args[0]), _literal(static["at"]))
            case "list.item":
                of, at = self._operands(op)
                return ast.Subscript(of, at)
        if name.rpartition(".")[0] in _INDICES:
            return dotted(name)
        if name == "not":
            return self._negated(op.args[0])
        operands = self._operands(op)
        primitive = PRIMITIVES.get(name)
        match primitive and primitive.operator and primitive.operator():
            case ast.operator() as binary:
                return ast.BinOp(operands[0], binary, operands[1])
            case ast.cmpop() as compared:
                return ast.Compare(operands[0], [compared], [operands[1]])
            case ast.unaryop() as unary:
                return ast.UnaryOp(unary, operands[0])
            case ast.boolop():
                return _boolean(name, operands)
        if name in ("max", "min"):
            return ast.Call(dotted(name), [*_operands_of_same(name, operands[0]), operands[1]], [])
        if name == "is_index":
            index, length = operands
            least: ast.expr = ast.UnaryOp(ast.USub(), length)
            return ast.Compare(least, [ast.LtE(), ast.Lt()], [index, length])
        if name == "np.full":
            value, *lengths = operands
            return self._created(name, [_shape(lengths), value], static)
        if primitive is not None and primitive.lengths_from is not None:
            # the lengths are one tuple
            before = primitive.lengths_from
            return self._created(name, [*operands[:before], _shape(operands[before:])], static)
        if name == "np.concatenate" and static.get("axis", 0) == 0 and (rows := self._rows(op)):
            return self._created("np.array", [ast.List(rows)], {})
        if name in _JOINED:
            axis = {} if static.get("axis", 0) == 0 else static
            return self._created(name, [ast.Tuple(operands)], axis)
        return self._created(name, operands, static)

    def _rows(self, op: Op) -> list[ast.expr]:
        """The rows of a matrix that is joined of lists of numbers, all of one dtype; else none."""
        rows: list[Op] = []
        for part in op.args:
            match part:
                case Op("index", (Op("array" | "np.array", _, ()) as row, Const(None))):
                    rows.append(row)
        known = {typeof(item, self._types) for row in rows for item in row.args}
        one_dtype = len({getattr(t, "dtype", None) for t in known}) == 1
        regular = len({len(row.args) for row in rows}) == 1 and len(rows) == len(op.args)
        return [ast.List(self._operands(row)) for row in rows] if one_dtype and regular else []

    def _negated(self, test: Expr) -> ast.expr:
        """`i != 3` for `not i == 3`; an order is inverted for integers only: comparisons with NaN are false."""
        match test:
            case Op("not", (inner,)):
                return self.expr(inner)
            case Op(prim, (a, b)) if prim in COMPARISONS:
                if prim in ("==", "!=") or (is_integer(a, self._types) and is_integer(b, self._types)):
                    return self.expr(Op(PRIMITIVES[prim].negation, (a, b)))
        return ast.UnaryOp(ast.Not(), self.expr(test))

    def _operands(self, op: Op) -> list[ast.expr]:
        operands = [self.expr(arg) for arg in op.args]
        if self._has_single and is_narrow(op, self._types, self._weak):
            # the lengths of a new array stay integers
            values = op.args[:1] if op.prim == "np.full" else op.args
            for at, arg in enumerate(values):
                widens = op.prim == "np.where" or not isinstance(arg, Const)  # Numba widens for a literal 0 in it alone
                wide = op.prim != "**" and widens and is_python_scalar(arg, self._types)
                if wide or _is_float_literal(arg) or is_weak(arg, self._types, self._weak):
                    operands[at] = ast.Call(_dtype(narrowed(arg, self._types)), [operands[at]], [])
        return operands

    def _transpose(self, op: Op, static: dict[str, object]) -> ast.expr:
        x = self.expr(op.args[0])
        axes = static.get("axes")
        if axes is None or axes == tuple(range(len(axes)))[::-1]:  # type: ignore[arg-type]
            return _attribute(x, "T")
        return ast.Call(dotted("np.transpose"), [x, _literal(axes)], [])

    def _created(self, name: str, args: list[ast.expr], static: Mapping[str, object]) -> ast.expr:
        """A call with its static parameters as keywords, without those that have their default value."""
        keywords = []
        for key, value in static.items():
            if key == "dtype":
                if value != "float64":
                    keywords.append(ast.keyword(key, _dtype(value)))
            elif value is not None and (key, value) != ("k", 0):
                keywords.append(ast.keyword(key, _literal(value)))
        return ast.Call(dotted(without_module(name)), args, keywords)


def without_module(name: str) -> str:
    """The name in the text of what is imported from srcad, or from a module of the user's."""
    for prefix in ("runtime.", "machine.", "external."):
        name = name.removeprefix(prefix)
    return name


def dotted(name: str) -> ast.expr:
    """`np.linalg.solve` as an expression."""
    first, *rest = name.split(".")
    node: ast.expr = ast.Name(first)
    for part in rest:
        node = _attribute(node, part)
    return node


def _attribute(value: ast.expr, name: str) -> ast.expr:
    return ast.Attribute(value, name)


def _method(value: ast.expr, name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(_attribute(value, name), list(args), [])


def _dtype(dtype: object) -> ast.expr:
    return dotted("np.bool_" if dtype == "bool" else f"np.{dtype}")


def _shape(lengths: list[ast.expr]) -> ast.expr:
    return lengths[0] if len(lengths) == 1 else ast.Tuple(lengths)


def _literal(value: object) -> ast.expr:
    if isinstance(value, tuple):
        return ast.Tuple([_literal(item) for item in value])
    return ast.Constant(value)  # type: ignore[arg-type]


def _boolean(name: str, operands: list[ast.expr]) -> ast.expr:
    kind = ast.And if name == "and" else ast.Or
    values: list[ast.expr] = []
    for operand in operands:
        # `(a and b) and c` is `a and b and c`; only the first operand may be flattened without regrouping
        if not values and isinstance(operand, ast.BoolOp) and isinstance(operand.op, kind):
            values += operand.values
        elif values and name == "and" and (chain := _chained(values[-1], operand)) is not None:
            values[-1] = chain
        else:
            values.append(operand)
    return values[0] if len(values) == 1 else ast.BoolOp(kind(), values)


def _chained(first: ast.expr, second: ast.expr) -> ast.Compare | None:
    """`a < b < c` for `a < b and b < c`."""
    match first, second:
        case ast.Compare(left, ops, operands), ast.Compare(middle, [op], [last]):
            orders = not {type(one) for one in (*ops, op)} & {ast.Eq, ast.NotEq}
            if orders and ast.dump(operands[-1]) == ast.dump(middle):
                return ast.Compare(left, [*ops, op], [*operands, last])
    return None


def _operands_of_same(name: str, operand: ast.expr) -> list[ast.expr]:
    """`max(a, b)` as the first operand of `max` is a and b."""
    match operand:
        case ast.Call(ast.Name(id=called), args) if called == name:
            return args
    return [operand]


def _all_integers(items: tuple[Expr, ...]) -> bool:
    return not any(isinstance(item, Slice) or item == Const(None) for item in items)


def _is_float_literal(expr: Expr) -> bool:
    return isinstance(expr, Const) and isinstance(expr.value, float | complex)

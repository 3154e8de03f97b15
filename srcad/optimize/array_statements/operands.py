"""Operand lowering: elementwise trees over array views, scalars with reductions in them, indices."""

from __future__ import annotations

from collections.abc import Callable

from srcad.analysis.memory.access_maps import AccessMap, access_map
from srcad.ir.nodes import Assign, AugAssign, Const, Expr, Op, Slice, Stmt, Var
from srcad.ir.result_memory import root, roots
from srcad.ir.runtime_checks import check
from srcad.ir.types import Array, Scalar
from srcad.optimize.array_statements.elementwise_ops import DTYPES, ELEMENTWISE, SUMMED
from srcad.optimize.array_statements.expression_trees import (
    ArrayOperand,
    ElementwiseTree,
    NotLowerable,
    broadcast_space,
    element_value,
    loop_order,
    narrow_to_float32,
    tree_dtype,
)
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.array_statements.nests import nest_indices, ordered_nest
from srcad.optimize.array_statements.small_products import unrolled_product
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import LAZY, WRITABLE_VIEWS, having
from srcad.typing.kinds import rank_of
from srcad.typing.typeof import typeof

_FILLED = having(lambda p: p.contents in ("zeros", "ones", "value"))


class Operands:
    """Operands in a form that loop bodies can read; what has to be computed first is appended to `before`.

    `assign` lowers `target = value`, for the temporaries.

    >>> from srcad.ir.nodes import Function
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> types = {"x": Array("float64", (dim(9),)), "h": Scalar("float64")}
    >>> state = LoweringState(Function("f", (), (), (), types))
    >>> operands = Operands(state, lambda target, value: [Assign(target, value)])
    >>> (stmt,), before = parse("s = h * np.sum(x * x)"), []
    >>> value = operands.scalar(stmt.value, before)
    >>> print(show((*before, Assign("s", value))))
    total = 0.0
    for i in range(9):
        total += x[i] * x[i]
    s = h * total
    """

    def __init__(self, state: LoweringState, assign: Callable[[str, Expr], list[Stmt]]) -> None:
        self.state = state
        self.shapes = state.shapes
        self._assign = assign

    # ---- expressions -------------------------------------------------------------------------

    def rank(self, expr: Expr) -> int | None:
        return rank_of(expr, self.shapes.types)

    def value(self, expr: Expr, before: list[Stmt]) -> Expr:
        """An operand of an operation that is not lowered: a computed array gets a name."""
        if not isinstance(expr, Op):
            return expr
        rank = self.rank(expr)
        if rank == 0:
            return self.scalar(expr, before)
        if rank is None:
            return expr
        if expr.prim in ELEMENTWISE or expr.prim in ("np.sum", "@"):
            added: list[Stmt] = []
            facts = self.shapes.snapshot()
            try:
                named = self.named(expr, added)
            except NotLowerable:
                self.shapes.restore(facts)
                return expr
            before += added
            return named
        if expr.prim in ("np.ascontiguousarray", "reshape", "np.transpose"):
            return Op(expr.prim, (self.value(expr.args[0], before), *expr.args[1:]), expr.static)
        return expr

    def named(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A temporary for an array that is computed before."""
        kind = typeof(expr, self.shapes.types)
        if not isinstance(kind, Array) or not isinstance(expr, Op):
            raise NotLowerable
        role = expr.prim.rpartition(".")[2]
        bases = roots(expr)
        if len(bases) > 1:
            raise NotLowerable
        name = self.state.fresh_name(role if role.isidentifier() else "part", kind, memory=next(iter(bases), None))
        before += self._assign(name, expr)
        return Var(name)

    def scalar(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A scalar expression, with its reductions lowered to loops before."""
        match expr:
            case Op("shape", (Var(name),), static) if name in self.shapes.extents:
                return self.shapes.extents[name][dict(static)["axis"]]  # type: ignore[call-overload,no-any-return]
            case Op("shape", (Var(name),), static) if isinstance(array_type := self.shapes.types.get(name), Array):
                length = self.shapes.representative(array_type.dims[dict(static)["axis"]])  # type: ignore[call-overload]
                return expr if length.terms else Const(max(length.const, 0))
            case Op("size", (Var(name),)) if name in self.shapes.extents:
                return product(self.shapes.extents[name])
        if not isinstance(expr, Op):
            return expr
        if expr.prim in _RESULT and len(expr.args) == 1 and not dict(expr.static).get("axis"):
            added: list[Stmt] = []
            facts = self.shapes.snapshot()
            try:
                total = self._total(expr, added)
            except NotLowerable:
                self.shapes.restore(facts)
                return expr
            before += added
            return total
        if expr.prim in LAZY:
            return Op(expr.prim, (self.scalar(expr.args[0], before), *expr.args[1:]), expr.static)
        match expr:
            case Op("index", (Op(prim) as inner, *items), static) if prim == "@" or prim in ELEMENTWISE:
                return Op("index", (self.value(inner, before), *items), static)
        if expr.prim == "@":
            added = []
            facts = self.shapes.snapshot()
            try:
                total = self.product(expr, added)
            except NotLowerable:
                self.shapes.restore(facts)
            else:
                before += added
                return total
        kind = PRIMITIVES[expr.prim].kind if expr.prim in PRIMITIVES else ""
        if kind == "elementwise":
            return Op(expr.prim, tuple(self.scalar(arg, before) for arg in expr.args), expr.static)
        if kind == "linalg":
            return Op(expr.prim, tuple(self.value(arg, before) for arg in expr.args), expr.static)
        return expr

    def product(self, op: Op, before: list[Stmt]) -> Expr:
        """An unrolled product of small matrices."""
        a, b = (self._path(arg, before, True) for arg in op.args)
        types, extents = self.shapes.types, self.shapes.extents
        views = access_map(a, types, extents), access_map(b, types, extents)
        if views[0] is None or views[1] is None:
            raise NotLowerable
        return unrolled_product(a, b, (views[0], views[1]), self.state, before)

    def _total(self, op: Op, before: list[Stmt]) -> Expr:
        """A full reduction: a scalar, and a nest that accumulates into it."""
        if not self.rank(op.args[0]) or "axis" in dict(op.static):
            raise NotLowerable
        kind = typeof(op, self.shapes.types)
        if not isinstance(kind, Scalar):
            raise NotLowerable
        tree = self.tree(op.args[0], before)
        if kind.dtype == "float32":
            tree = narrow_to_float32(tree, self.state, before)
        dtype = tree.dtype
        if op.prim in ("np.any", "np.all"):
            is_supported = dtype == "bool"
        elif op.prim == "np.sum":
            is_supported = dtype == kind.dtype or (dtype == "bool" and kind.dtype == "int64")
        else:
            is_supported = dtype == kind.dtype and dtype in SUMMED
        if not is_supported:
            raise NotLowerable
        space = broadcast_space(tree, self.state, before)
        indices = nest_indices(len(space.lengths), self.state)
        size = product(space.extents)
        if op.prim in ("np.max", "np.min"):
            if any(not d.terms and d.const == 0 for d in space.lengths):
                raise NotLowerable
            message = "zero-size array to reduction operation which has no identity"
            before.append(check(Op(">", (size, Const(0))), "ValueError", (message,)))
        name = self.state.fresh_name(_RESULT[op.prim], kind)
        start: Expr = Const(PRIMITIVES[op.prim].neutral)
        if kind.dtype == "float32":
            start = Op("astype", (start,), (("dtype", "float32"),))
        elif kind.dtype == "int64":
            start = Const(0)
        before.append(Assign(name, start))
        value = element_value(tree, space, indices)
        step: Stmt
        if op.prim in ("np.sum", "np.mean"):
            step = AugAssign(name, "+", value, free=True)  # the order of NumPy's own sum is unspecified
        elif op.prim in ("np.any", "np.all"):
            step = AugAssign(name, "|" if op.prim == "np.any" else "&", value)
        else:
            step = Assign(name, Op("np.maximum" if op.prim == "np.max" else "np.minimum", (Var(name), value)))
        axes = loop_order(tree, space, indices, self.state, None)
        before.append(ordered_nest(indices, space.extents, space.lengths, axes, (step,), self.state))
        if op.prim == "np.mean":
            return Op("/", (Var(name), size))
        return Var(name)

    # ---- trees -------------------------------------------------------------------------------

    def tree(self, expr: Expr, before: list[Stmt]) -> ElementwiseTree:
        leaves: list[ArrayOperand] = []
        built = self._subtree(expr, leaves, before)
        dtype = tree_dtype(built, leaves, self.state)
        if dtype is None:
            raise NotLowerable
        return ElementwiseTree(built, tuple(leaves), dtype)

    def _subtree(self, expr: Expr, leaves: list[ArrayOperand], before: list[Stmt]) -> Expr:
        rank = self.rank(expr)
        if rank is None:
            raise NotLowerable
        if rank == 0:
            return self._atom(expr, before)
        if isinstance(expr, Op) and expr.prim in ELEMENTWISE:
            return Op(expr.prim, tuple(self._subtree(arg, leaves, before) for arg in expr.args), expr.static)
        match expr:
            case Op("np.outer", (a, b)) if self.rank(a) == 1 and self.rank(b) == 1:
                column, row = Op("index", (a, Slice(), Const(None))), Op("index", (b, Const(None), Slice()))
                return self._subtree(Op("*", (column, row)), leaves, before)
            case Op("real" | "imag" as part, (whole,)):
                return self._subtree(Op(f"np.{part}", (whole,)), leaves, before)
        leaf = self.leaf(expr, before)
        for k, other in enumerate(leaves):
            if other == leaf:
                return Op("leaf", (Const(k),))
        leaves.append(leaf)
        return Op("leaf", (Const(len(leaves) - 1),))

    def leaf(self, expr: Expr, before: list[Stmt]) -> ArrayOperand:
        kind = typeof(expr, self.shapes.types)
        if not isinstance(kind, Array) or kind.dtype not in DTYPES:
            raise NotLowerable
        inner = _nested_views(expr)[-1] if isinstance(expr, Op) else expr
        if isinstance(inner, Op) and inner.prim in _FILLED:
            full = self._constant(inner, before)
            if inner == expr:
                return full
            placeholder = self.state.fresh_name("part", Array(full.dtype, full.lengths))
            self.shapes.extents[placeholder] = full.extents
            path = self._path(_applied_to(expr, inner, Var(placeholder)), before, True)
            mapped = access_map(path, self.shapes.types, self.shapes.extents)
            if mapped is None:
                raise NotLowerable
            return ArrayOperand(None, full.position, mapped.lengths, mapped.extents, full.dtype)
        view = self.view(expr, before, reading=True)
        return ArrayOperand(view, None, view.lengths, view.extents, kind.dtype)

    def _constant(self, expr: Op, before: list[Stmt]) -> ArrayOperand:
        """An array with one constant for all elements: only its lengths are evaluated."""
        array_type = typeof(expr, self.shapes.types)
        if not isinstance(array_type, Array):
            raise NotLowerable
        fill_value: Expr
        if expr.prim in ("np.full_like", "np.full"):
            fill_value = self._atom(expr.args[1 if expr.prim == "np.full_like" else 0], before)
            kind = typeof(fill_value, self.shapes.types)
            if not isinstance(kind, Scalar) or kind.dtype != array_type.dtype:
                raise NotLowerable
        else:
            value = 0 if "zeros" in expr.prim else 1
            fill_value = Const(float(value) if array_type.dtype.startswith("float") else value)
            if array_type.dtype not in ("int64", "float64"):
                raise NotLowerable
        if expr.prim.endswith("_like"):
            view = self.view(expr.args[0], before, reading=True)
            return ArrayOperand(None, fill_value, view.lengths, view.extents, array_type.dtype)
        shape = tuple(self._atom(e, before) for e in (expr.args[1:] if expr.prim == "np.full" else expr.args))
        return ArrayOperand(None, fill_value, array_type.dims, shape, array_type.dtype)

    def view(self, expr: Expr, before: list[Stmt], reading: bool) -> AccessMap:
        path = self._path(expr, before, reading)
        mapped = access_map(path, self.shapes.types, self.shapes.extents, reading)
        if mapped is not None:
            return mapped
        kind = typeof(path, self.shapes.types)
        base = root(path)
        if not isinstance(kind, Array) or base is None or (not reading and self._may_copy(path)):
            raise NotLowerable
        name = self.state.fresh_name("view", kind, memory=base)
        before.append(Assign(name, path))
        mapped = access_map(Var(name), self.shapes.types, {})
        assert mapped is not None
        return mapped

    def _may_copy(self, path: Expr) -> bool:
        return not isinstance(_nested_views(path)[-1], Var)

    def _path(self, expr: Expr, before: list[Stmt], reading: bool) -> Expr:
        """The same view with simple indices (names, or sums with constants), of an array that has a name."""
        match expr:
            case Var():
                return expr
            case Op(prim, (inner, *items), static) if prim in WRITABLE_VIEWS or (
                reading and prim in ("copy", "np.ascontiguousarray", "stop_gradient", "cut_gradient", "reshape")
            ):
                new = tuple(self._item(item, before) for item in items)
                return Op(prim, (self._path(inner, before, reading), *new), static)
        if not reading:
            raise NotLowerable
        return self.named(expr, before)

    def _item(self, item: Expr, before: list[Stmt]) -> Expr:
        match item:
            case Slice(lower, upper, step):
                return Slice(*(None if e is None else self._item(e, before) for e in (lower, upper, step)))
            case Op("+" | "-", (a, Const(int()))) if isinstance(a, Var):
                return item
            case Op("shape" | "len" | "size", (Var(),)):
                return item
        return self._atom(item, before)

    def _atom(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A scalar as a name or literal."""
        expr = self.scalar(expr, before)
        if isinstance(expr, Var | Const):
            return expr
        kind = typeof(expr, self.shapes.types)
        if not isinstance(kind, Scalar):
            raise NotLowerable
        name = self.state.fresh_name("factor", kind)
        before.append(Assign(name, expr))
        return Var(name)


_RESULT = {
    "np.sum": "total", "np.mean": "total", "np.max": "largest", "np.min": "smallest", "np.any": "found",
    "np.all": "held",
}  # fmt: skip


def product(extents: tuple[Expr, ...]) -> Expr:
    size = extents[0]
    for extent in extents[1:]:
        size = Op("*", (size, extent))
    return size


def _nested_views(path: Expr) -> list[Expr]:
    """The nested views of a path, and last their base."""
    found = [path]
    while isinstance(path, Op) and path.prim in WRITABLE_VIEWS:
        path = path.args[0]
        found.append(path)
    return found


def _applied_to(path: Expr, inner: Expr, new: Expr) -> Expr:
    """The path applied to another base."""
    if path == inner or not isinstance(path, Op):
        return new
    return Op(path.prim, (_applied_to(path.args[0], inner, new), *path.args[1:]), path.static)

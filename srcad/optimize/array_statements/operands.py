"""What the statements read: arrays in trees of operations, numbers with reductions in them, indices."""

from __future__ import annotations

from srcad.analysis.memory.access_maps import AccessMap, access_map
from srcad.ir.loop_nest import LoopNest, loop_nest
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, Op, Slice, Stmt, Var
from srcad.ir.result_memory import root, roots
from srcad.ir.runtime_checks import check
from srcad.ir.types import Array, Dim, Scalar
from srcad.optimize.array_statements.elementwise_ops import DTYPES, ELEMENTWISE
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
from srcad.optimize.array_statements.small_products import unrolled_product
from srcad.optimize.shapes.shape_environment import ShapeEnvironment
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import LAZY, WRITABLE_VIEWS, having
from srcad.typing.typeof import typeof

_FILLED = having(lambda p: p.contents in ("zeros", "ones", "value"))


class Operands:
    """Expressions in a form that loops can read; what has to be computed first is put before."""

    def __init__(self, known: ShapeEnvironment) -> None:
        self.known = known

    def assign(self, target: str, value: Expr) -> list[Stmt]:
        """`target = value` in statements; `_Spread` knows how."""
        raise NotImplementedError

    def loops(
        self,
        counters: tuple[str, ...],
        extents: tuple[Expr, ...],
        lengths: tuple[Dim, ...],
        axes: tuple[int, ...],
        body: Block,
    ) -> LoopNest:
        return loop_nest(
            tuple(counters[k] for k in axes),
            tuple(extents[k] for k in axes),
            tuple(lengths[k] for k in axes),
            body,
            self.known.equal,
        )

    def counters(self, rank: int) -> tuple[str, ...]:
        if not 0 < rank <= len(self.known.counters):
            raise NotLowerable
        return self.known.counters[:rank]

    # ---- expressions -------------------------------------------------------------------------

    def rank(self, expr: Expr) -> int | None:
        match expr:
            case Op(prim, args) if prim in ELEMENTWISE:
                ranks = [self.rank(arg) for arg in args]
                return None if None in ranks else max((r for r in ranks if r is not None), default=0)
        known = typeof(expr, self.known.types)
        return known.rank if isinstance(known, Array) else 0 if isinstance(known, Scalar) else None

    def value(self, expr: Expr, before: list[Stmt]) -> Expr:
        """An operand of what is not elementwise: an array that is computed gets a name."""
        if not isinstance(expr, Op):
            return expr
        rank = self.rank(expr)
        if rank == 0:
            return self.scalar(expr, before)
        if rank is None:
            return expr
        if expr.prim in ELEMENTWISE or expr.prim in ("np.sum", "@"):
            mine: list[Stmt] = []
            facts = self.known.snapshot()
            try:
                named = self.named(expr, mine)
            except NotLowerable:
                self.known.restore(facts)
                return expr
            before += mine
            return named
        if expr.prim in ("np.ascontiguousarray", "reshape", "np.transpose"):
            return Op(expr.prim, (self.value(expr.args[0], before), *expr.args[1:]), expr.static)
        return expr

    def named(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A name for an array that is computed first."""
        kind = typeof(expr, self.known.types)
        if not isinstance(kind, Array) or not isinstance(expr, Op):
            raise NotLowerable
        role = expr.prim.rpartition(".")[2]
        held = roots(expr)
        if len(held) > 1:
            raise NotLowerable
        name = self.known.fresh_name(role if role.isidentifier() else "part", kind, memory=next(iter(held), None))
        before += self.assign(name, expr)
        return Var(name)

    def scalar(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A number, with the reductions in it done in loops before."""
        match expr:
            case Op("shape", (Var(name),), static) if name in self.known.extents:
                return self.known.extents[name][dict(static)["axis"]]  # type: ignore[call-overload,no-any-return]
            case Op("shape", (Var(name),), static) if isinstance(known := self.known.types.get(name), Array):
                length = self.known.length(known.dims[dict(static)["axis"]])  # type: ignore[call-overload]
                return expr if length.terms else Const(max(length.const, 0))
            case Op("size", (Var(name),)) if name in self.known.extents:
                return product(self.known.extents[name])
        if not isinstance(expr, Op):
            return expr
        if expr.prim in _RESULT and len(expr.args) == 1 and not dict(expr.static).get("axis"):
            mine: list[Stmt] = []
            facts = self.known.snapshot()
            try:
                total = self._total(expr, mine)
            except NotLowerable:
                self.known.restore(facts)
                return expr
            before += mine
            return total
        if expr.prim in LAZY:
            return Op(expr.prim, (self.scalar(expr.args[0], before), *expr.args[1:]), expr.static)
        match expr:
            case Op("index", (Op(prim) as inner, *items), static) if prim == "@" or prim in ELEMENTWISE:
                return Op("index", (self.value(inner, before), *items), static)
        if expr.prim == "@":
            mine = []
            facts = self.known.snapshot()
            try:
                total = self.product(expr, mine)
            except NotLowerable:
                self.known.restore(facts)
            else:
                before += mine
                return total
        kind = PRIMITIVES[expr.prim].kind if expr.prim in PRIMITIVES else ""
        if kind == "elementwise":
            return Op(expr.prim, tuple(self.scalar(arg, before) for arg in expr.args), expr.static)
        if kind == "linalg":
            return Op(expr.prim, tuple(self.value(arg, before) for arg in expr.args), expr.static)
        return expr

    def product(self, op: Op, before: list[Stmt]) -> Expr:
        """A product of small matrices, element by element."""
        a, b = (self._path(arg, before, True) for arg in op.args)
        types, extents = self.known.types, self.known.extents
        views = access_map(a, types, extents), access_map(b, types, extents)
        if views[0] is None or views[1] is None:
            raise NotLowerable
        return unrolled_product(a, b, (views[0], views[1]), self.known, before)

    def _total(self, op: Op, before: list[Stmt]) -> Expr:
        """A reduction over all elements."""
        if not self.rank(op.args[0]) or "axis" in dict(op.static):
            raise NotLowerable
        kind = typeof(op, self.known.types)
        if not isinstance(kind, Scalar):
            raise NotLowerable
        tree = self.tree(op.args[0], before)
        if kind.dtype == "float32":
            tree = narrow_to_float32(tree, self.known, before)
        dtype = tree.dtype
        if op.prim in ("np.any", "np.all"):
            fits = dtype == "bool"
        elif op.prim == "np.sum":
            fits = dtype == kind.dtype or (dtype == "bool" and kind.dtype == "int64")
        else:
            fits = dtype == kind.dtype and dtype.startswith("float")
        if not fits:
            raise NotLowerable
        where = broadcast_space(tree, self.known, before)
        counters = self.counters(len(where.lengths))
        size = product(where.extents)
        if op.prim in ("np.max", "np.min"):
            if any(not d.terms and d.const == 0 for d in where.lengths):
                raise NotLowerable
            message = "zero-size array to reduction operation which has no identity"
            before.append(check(Op(">", (size, Const(0))), "ValueError", (message,)))
        name = self.known.fresh_name(_RESULT[op.prim], kind)
        start: Expr = Const(PRIMITIVES[op.prim].neutral)
        if kind.dtype == "float32":
            start = Op("astype", (start,), (("dtype", "float32"),))
        elif kind.dtype == "int64":
            start = Const(0)
        before.append(Assign(name, start))
        value = element_value(tree, where, counters)
        step: Stmt
        if op.prim in ("np.sum", "np.mean"):
            step = AugAssign(name, "+", value, free=True)  # NumPy itself adds up in an order of its own
        elif op.prim in ("np.any", "np.all"):
            step = AugAssign(name, "|" if op.prim == "np.any" else "&", value)
        else:
            step = Assign(name, Op("np.maximum" if op.prim == "np.max" else "np.minimum", (Var(name), value)))
        axes = loop_order(tree, where, counters, self.known, None)
        before.append(self.loops(counters, where.extents, where.lengths, axes, (step,)))
        if op.prim == "np.mean":
            return Op("/", (Var(name), size))
        return Var(name)

    # ---- trees -------------------------------------------------------------------------------

    def tree(self, expr: Expr, before: list[Stmt]) -> ElementwiseTree:
        leaves: list[ArrayOperand] = []
        built = self._part(expr, leaves, before)
        dtype = tree_dtype(built, leaves, self.known)
        if dtype is None:
            raise NotLowerable
        return ElementwiseTree(built, tuple(leaves), dtype)

    def _part(self, expr: Expr, leaves: list[ArrayOperand], before: list[Stmt]) -> Expr:
        rank = self.rank(expr)
        if rank is None:
            raise NotLowerable
        if rank == 0:
            return self._atom(expr, before)
        if isinstance(expr, Op) and expr.prim in ELEMENTWISE:
            return Op(expr.prim, tuple(self._part(arg, leaves, before) for arg in expr.args), expr.static)
        match expr:
            case Op("np.outer", (a, b)) if self.rank(a) == 1 and self.rank(b) == 1:
                column, row = Op("index", (a, Slice(), Const(None))), Op("index", (b, Const(None), Slice()))
                return self._part(Op("*", (column, row)), leaves, before)
        leaf = self.leaf(expr, before)
        for k, other in enumerate(leaves):
            if other == leaf:
                return Op("leaf", (Const(k),))
        leaves.append(leaf)
        return Op("leaf", (Const(len(leaves) - 1),))

    def leaf(self, expr: Expr, before: list[Stmt]) -> ArrayOperand:
        known = typeof(expr, self.known.types)
        if not isinstance(known, Array) or known.dtype not in DTYPES:
            raise NotLowerable
        inner = _steps(expr)[-1] if isinstance(expr, Op) else expr
        if isinstance(inner, Op) and inner.prim in _FILLED:
            whole = self._constant(inner, before)
            if inner == expr:
                return whole
            stands = self.known.fresh_name("part", Array(whole.dtype, whole.lengths))
            self.known.extents[stands] = whole.extents
            path = self._path(_on(expr, inner, Var(stands)), before, True)
            seen = access_map(path, self.known.types, self.known.extents)
            if seen is None:
                raise NotLowerable
            return ArrayOperand(None, whole.position, seen.lengths, seen.extents, whole.dtype)
        view = self.view(expr, before, reading=True)
        return ArrayOperand(view, None, view.lengths, view.extents, known.dtype)

    def _constant(self, expr: Op, before: list[Stmt]) -> ArrayOperand:
        """An array of one number: only its lengths are asked for."""
        known = typeof(expr, self.known.types)
        if not isinstance(known, Array):
            raise NotLowerable
        number: Expr
        if expr.prim in ("np.full_like", "np.full"):
            number = self._atom(expr.args[1 if expr.prim == "np.full_like" else 0], before)
            kind = typeof(number, self.known.types)
            if not isinstance(kind, Scalar) or kind.dtype != known.dtype:
                raise NotLowerable
        else:
            value = 0 if "zeros" in expr.prim else 1
            number = Const(float(value) if known.dtype.startswith("float") else value)
            if known.dtype in ("bool", "float32"):
                raise NotLowerable
        if expr.prim.endswith("_like"):
            view = self.view(expr.args[0], before, reading=True)
            return ArrayOperand(None, number, view.lengths, view.extents, known.dtype)
        shape = tuple(self._atom(e, before) for e in (expr.args[1:] if expr.prim == "np.full" else expr.args))
        return ArrayOperand(None, number, known.dims, shape, known.dtype)

    def view(self, expr: Expr, before: list[Stmt], reading: bool) -> AccessMap:
        path = self._path(expr, before, reading)
        seen = access_map(path, self.known.types, self.known.extents, reading)
        if seen is not None:
            return seen
        kind = typeof(path, self.known.types)
        base = root(path)
        if not isinstance(kind, Array) or base is None or (not reading and self._may_copy(path)):
            raise NotLowerable
        name = self.known.fresh_name("view", kind, memory=base)
        before.append(Assign(name, path))
        seen = access_map(Var(name), self.known.types, {})
        assert seen is not None
        return seen

    def _may_copy(self, path: Expr) -> bool:
        return not isinstance(_steps(path)[-1], Var)

    def _path(self, expr: Expr, before: list[Stmt], reading: bool) -> Expr:
        """The same view, with indices that are names or simple sums, of an array that has a name."""
        match expr:
            case Var():
                return expr
            case Op(prim, (inner, *items), static) if prim in WRITABLE_VIEWS or (
                reading and prim in ("copy", "np.ascontiguousarray", "stop_gradient", "reshape")
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
        """A number under a name, where it is not one already."""
        expr = self.scalar(expr, before)
        if isinstance(expr, Var | Const):
            return expr
        kind = typeof(expr, self.known.types)
        if not isinstance(kind, Scalar):
            raise NotLowerable
        name = self.known.fresh_name("factor", kind)
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


def _steps(path: Expr) -> list[Expr]:
    """The views of a path, and at the end what they are views of."""
    found = [path]
    while isinstance(path, Op) and path.prim in WRITABLE_VIEWS:
        path = path.args[0]
        found.append(path)
    return found


def _on(path: Expr, inner: Expr, new: Expr) -> Expr:
    """The path on another array."""
    if path == inner or not isinstance(path, Op):
        return new
    return Op(path.prim, (_on(path.args[0], inner, new), *path.args[1:]), path.static)

"""Statements on whole arrays as loops over their elements, one nest for each."""

from __future__ import annotations

from dataclasses import replace

from srcad.analyses.sharing import SIZES
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)  # fmt: skip
from srcad.ir.types import Array, Dim, Scalar
from srcad.ir.walk import defined, names, root
from srcad.rules.primitives import PRIMITIVES
from srcad.simplify.typeof import typeof
from srcad.tune.elements import DTYPES, ELEMENTWISE
from srcad.tune.fuse import add
from srcad.tune.known import Known
from srcad.tune.nest import Nest, is_own, nest
from srcad.tune.trees import Leaf, Tree, Unfit, at, empty, narrowed, order, space, tree_dtype
from srcad.tune.views import View, view_of

_TOTALS = frozenset({"np.sum", "np.mean", "np.max", "np.min", "np.any", "np.all"})
_PATHS = frozenset({"index", "np.transpose"})
_FILLED = frozenset({"np.full_like", "np.zeros_like", "np.ones_like", "np.zeros", "np.ones", "np.full"})
_LAZY = frozenset({"select", "and", "or"})
"""Of these only the first operand is surely evaluated."""
_IN_PLACE = frozenset({"+", "-", "*", "/"})


def spread(f: Function) -> Function:
    """The function with loops where that is sure to give the same numbers.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol
    >>> x = Array("float64", (dim(Symbol("x", 0, many=True)),))
    >>> f = Function("f", (Param("x", "x"),), parse("y = 2.0 * x + 1.0"), (Var("y"),), {"x": x, "y": x})
    >>> print(show(spread(f).body))
    y = np.empty(shape(x, axis=0))
    for i in range(shape(x, axis=0)):
        y[i] = (2.0 * x[i]) + 1.0
    """
    work = _Spread(f)
    body = work.block(f.body)
    results = f.results
    if results and not (f.body and isinstance(f.body[-1], Return)):
        before: list[Stmt] = []
        results = tuple(work.value(e, before) for e in results)
        body += tuple(before)
    return replace(f, body=body, results=results, types={**f.types, **work.made})


class _Spread:
    def __init__(self, f: Function) -> None:
        self.known = Known(f)
        self._declared = f.types
        self._spans: list[Stmt] = []

    @property
    def made(self) -> dict[str, Array | Scalar]:
        """The types of the names that were added."""
        types = self.known.types
        return {n: t for n, t in types.items() if n not in self._declared and isinstance(t, Array | Scalar)}

    # ---- statements --------------------------------------------------------------------------

    def block(self, block: Block) -> Block:
        facts = self.known.facts()
        found: list[Stmt] = []
        for stmt in _started(block, self.known):
            for one in self._statement(stmt):
                add(found, one, self.known)
        self.known.back_to(facts)
        return tuple(found)

    def _statement(self, stmt: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        match stmt:
            case Assign(target, value):
                return self._assign(target, value)
            case AugAssign(target, op, value):
                if isinstance(self.known.types.get(target), Array):
                    return self._store(Store(Var(target), (), value, op, stmt.span), stmt)
                value = self.scalar(value, before)
                self.known.forget((target,))
                return [*before, replace(stmt, value=value)]
            case Store():
                return self._store(stmt, stmt)
            case If(cond, then, orelse):
                cond = self.scalar(cond, before)
                new_then = self.block(then)
                self.known.forget(defined(then))
                new_orelse = self.block(orelse)
                self.known.forget(defined(orelse))
                return [*before, replace(stmt, cond=cond, then=new_then, orelse=new_orelse)]
            case For(index, start, stop, step, body):
                start, stop, step = (self.scalar(e, before) for e in (start, stop, step))
                self.known.forget(defined(body))
                self.known.turn(stmt)
                new = self.block(body)
                leave = stmt.exit
                if leave is not None:
                    more: list[Stmt] = []
                    leave = self.scalar(leave, more)
                    new += tuple(more)
                self.known.forget({index, *defined(body)})
                return [*before, replace(stmt, start=start, stop=stop, step=step, body=new, exit=leave)]
            case While(test, cond, body):
                changed = defined(test) | defined(body)
                self.known.forget(changed)
                new_test = self.block(test)
                new_body = self.block(body)
                self.known.forget(changed)
                return [replace(stmt, test=new_test, body=new_body)]
            case Effect(Op(prim, args, static)) if prim in ("append", "list.append"):
                args = (args[0], *(self.value(arg, before) for arg in args[1:]))
                return [*before, replace(stmt, call=Op(prim, args, static))]
            case Return(values):
                new_values = tuple(self.value(e, before) for e in values)
                return [*before, replace(stmt, values=new_values)]
        return [stmt]

    def _assign(self, target: str, value: Expr) -> list[Stmt]:
        try:
            return self._assigned(target, value)
        except Unfit:
            self.known.assign(target, value)
            return [Assign(target, value)]

    def _assigned(self, target: str, value: Expr) -> list[Stmt]:
        """The assignment in other words; what is known of the target afterwards is noted."""
        before: list[Stmt] = []
        declared = self.known.types.get(target)
        new = value
        if isinstance(declared, Scalar):
            new = self.scalar(value, before)
        elif isinstance(declared, Array) and isinstance(value, Op):
            if value.prim in ELEMENTWISE and self.rank(value) == declared.rank:
                return self._filled(target, declared, value)
            if value.prim == "np.sum" and isinstance(dict(value.static).get("axis"), int):
                return self._summed(target, declared, value)
            if value.prim in PRIMITIVES and value.prim not in SIZES and PRIMITIVES[value.prim].kind != "view":
                new = Op(value.prim, tuple(self.value(arg, before) for arg in value.args), value.static)
        self.known.assign(target, value)
        return [*before, Assign(target, new)]

    def _filled(self, target: str, declared: Array, value: Expr) -> list[Stmt]:
        """`target = tree` as an array that a nest fills."""
        before: list[Stmt] = []
        tree = self._tree(value, before)
        if declared.dtype == "float32":
            tree = narrowed(tree, self.known, before)
        if tree.dtype != declared.dtype:
            raise Unfit
        where = space(tree, self.known, before)
        if len(where.lengths) != declared.rank:
            raise Unfit
        extents = tuple(self._extent(d, e, before) for d, e in zip(where.lengths, where.extents, strict=True))
        name = target
        if target in names(value):
            name = self.known.new(f"{target}_new", declared)
        before.append(Assign(name, empty(extents, declared.dtype)))
        counters = self._counters(len(extents))
        store = Store(Var(name), tuple(map(Var, counters)), at(tree, where, counters))
        axes = order(tree, where, counters, self.known, None)
        made: list[Stmt] = [*before, self._nest(counters, extents, where.lengths, axes, (store,))]
        kept = Array(declared.dtype, where.lengths, declared.layout)
        if name != target:
            made.append(Assign(target, Var(name)))
        self._now(target, kept, extents)
        return made

    def _now(self, target: str, type: Array, extents: tuple[Expr, ...]) -> None:
        """The array of that name is one that was made here."""
        self.known.forget((target,))
        self.known.types[target] = type
        if not any(target in names(e) for e in extents):
            self.known.extents[target] = extents

    def _summed(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.sum(tree, axis=k)`."""
        before: list[Stmt] = []
        tree = self._tree(value.args[0], before)
        if declared.dtype == "float32":
            tree = narrowed(tree, self.known, before)
        counted = (tree.dtype, declared.dtype) == ("bool", "int64")
        if not counted and (tree.dtype != declared.dtype or not tree.dtype.startswith("float")):
            raise Unfit
        where = space(tree, self.known, before)
        axis = dict(value.static)["axis"]
        assert isinstance(axis, int)
        axis %= len(where.lengths)
        kept = [k for k in range(len(where.lengths)) if k != axis]
        bounds = tuple(self._extent(where.lengths[k], where.extents[k], before) for k in kept)
        name = self.known.new(f"{target}_new", declared) if target in names(value) else target
        before.append(Assign(name, empty(bounds, declared.dtype, "np.zeros")))
        counters = self._counters(len(where.lengths))
        store = Store(Var(name), tuple(Var(counters[k]) for k in kept), at(tree, where, counters), "+")
        axes = order(tree, where, counters, self.known, None)
        made: list[Stmt] = [*before, self._nest(counters, where.extents, where.lengths, axes, (store,))]
        if name != target:
            made.append(Assign(target, Var(name)))
        self._now(target, Array(declared.dtype, tuple(where.lengths[k] for k in kept)), bounds)
        return made

    def _store(self, stmt: Store, given: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            rank = self.rank(place)
            if rank is None:
                raise Unfit
            if rank == 0 or (stmt.op is None and self.rank(stmt.value) == 0):
                value = self.scalar(stmt.value, before)
                return [*before, replace(given, value=value) if isinstance(given, Store | AugAssign) else given]
            return self._stored(stmt, place, before)
        except Unfit:
            return [given]

    def _stored(self, stmt: Store, place: Expr, before: list[Stmt]) -> list[Stmt]:
        """`x[...] op= tree`."""
        if stmt.op is not None and stmt.op not in _IN_PLACE:
            raise Unfit
        name = root(stmt.base)
        kind = typeof(place, self.known.types)
        if name is None or not isinstance(kind, Array):
            raise Unfit
        tree = self._tree(stmt.value, before)
        target = self._view(place, before, reading=False)
        if kind.dtype == "float32":
            tree = narrowed(tree, self.known, before)
        if not kind.dtype.startswith("float") and (stmt.op is not None or tree.dtype != kind.dtype):
            raise Unfit
        counters = self._counters(len(target.lengths))
        index = target.index(tuple(map(Var, counters)))
        where = space(tree, self.known, before, target)
        for leaf, factors in zip(tree.leaves, where.factors, strict=True):
            if leaf.view is not None and self.known.memory(leaf.view.base) == self.known.memory(target.base):
                own = counters[len(counters) - len(factors) :]
                read = leaf.view.index(tuple(Const(0) if f == Const(0) else Var(c) for c, f in zip(own, factors)))  # noqa: B905
                if leaf.view.base != target.base or not (
                    (read == index and is_own(index, counters)) or self._apart(read, index)
                ):
                    raise Unfit
        store = Store(Var(target.base), index, at(tree, where, counters), stmt.op, stmt.span)
        axes = order(tree, where, counters, self.known, target)
        return [*before, self._nest(counters, where.extents, where.lengths, axes, (store,))]

    def _apart(self, one: tuple[Expr, ...], other: tuple[Expr, ...]) -> bool:
        """Whether two elements are never the same: along some axis their fixed indices differ."""
        for a, b in zip(one, other, strict=True):
            x, y = self.known.number(a), self.known.number(b)
            if a == b or x is None or y is None or (names(a) | names(b)) & set(self.known.counters):
                continue
            least = [d.bound(False) for d in (x, y)]
            if all(d is not None and d.never_negative for d in least) and not (x - y).terms and (x - y).const != 0:
                return True
        return False

    def _nest(
        self,
        counters: tuple[str, ...],
        extents: tuple[Expr, ...],
        lengths: tuple[Dim, ...],
        axes: tuple[int, ...],
        body: Block,
    ) -> Nest:
        return nest(
            tuple(counters[k] for k in axes),
            tuple(extents[k] for k in axes),
            tuple(lengths[k] for k in axes),
            body,
            self.known.facts(),
        )

    def _counters(self, rank: int) -> tuple[str, ...]:
        if not 0 < rank <= len(self.known.counters):
            raise Unfit
        return self.known.counters[:rank]

    def _extent(self, length: Dim, extent: Expr, before: list[Stmt]) -> Expr:
        """The length of an array to be made: never negative, as `n - 2` is for an array that is too short."""
        if not length.terms:
            return Const(max(length.const, 0))
        if length.never_negative or isinstance(extent, Var) or (isinstance(extent, Op) and extent.prim == "shape"):
            return extent
        count = self.known.new("length", Scalar("int64", length))
        before.append(Assign(count, extent))
        clamped = self.known.new("length", Scalar("int64", length))
        before.append(Assign(clamped, Op("select", (Op(">", (Var(count), Const(0))), Var(count), Const(0)))))
        return Var(clamped)

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
        if expr.prim in ELEMENTWISE or expr.prim == "np.sum":
            mine: list[Stmt] = []
            try:
                named = self._named(expr, mine)
            except Unfit:
                return expr
            before += mine
            return named
        if expr.prim in ("np.ascontiguousarray", "reshape", "np.transpose"):
            return Op(expr.prim, (self.value(expr.args[0], before), *expr.args[1:]), expr.static)
        return expr

    def _named(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A name for an array that is computed first."""
        kind = typeof(expr, self.known.types)
        if not isinstance(kind, Array) or not isinstance(expr, Op):
            raise Unfit
        role = expr.prim.rpartition(".")[2]
        name = self.known.new(role if role.isidentifier() else "part", kind)
        before += self._assign(name, expr)
        return Var(name)

    def scalar(self, expr: Expr, before: list[Stmt]) -> Expr:
        """A number, with the reductions in it done in loops before."""
        match expr:
            case Op("shape", (Var(name),), static) if name in self.known.extents:
                return self.known.extents[name][dict(static)["axis"]]  # type: ignore[call-overload,no-any-return]
            case Op("size", (Var(name),)) if name in self.known.extents:
                return product(self.known.extents[name])
        if not isinstance(expr, Op):
            return expr
        if expr.prim in _TOTALS and len(expr.args) == 1 and not dict(expr.static).get("axis"):
            mine: list[Stmt] = []
            try:
                total = self._total(expr, mine)
            except Unfit:
                return expr
            before += mine
            return total
        if expr.prim in _LAZY:
            return Op(expr.prim, (self.scalar(expr.args[0], before), *expr.args[1:]), expr.static)
        kind = PRIMITIVES[expr.prim].kind if expr.prim in PRIMITIVES else ""
        if kind == "elementwise":
            return Op(expr.prim, tuple(self.scalar(arg, before) for arg in expr.args), expr.static)
        if kind == "linalg":
            return Op(expr.prim, tuple(self.value(arg, before) for arg in expr.args), expr.static)
        return expr

    def _total(self, op: Op, before: list[Stmt]) -> Expr:
        """A reduction over all elements."""
        if not self.rank(op.args[0]) or "axis" in dict(op.static):
            raise Unfit
        kind = typeof(op, self.known.types)
        if not isinstance(kind, Scalar):
            raise Unfit
        tree = self._tree(op.args[0], before)
        if kind.dtype == "float32":
            tree = narrowed(tree, self.known, before)
        dtype = tree.dtype
        if op.prim in ("np.any", "np.all"):
            fits = dtype == "bool"
        elif op.prim == "np.sum":
            fits = dtype == kind.dtype or (dtype == "bool" and kind.dtype == "int64")
        else:
            fits = dtype == kind.dtype and dtype.startswith("float")
        if not fits:
            raise Unfit
        where = space(tree, self.known, before)
        counters = self._counters(len(where.lengths))
        size = product(where.extents)
        if op.prim in ("np.max", "np.min"):
            if any(not d.terms and d.const == 0 for d in where.lengths):
                raise Unfit
            message = Const("zero-size array to reduction operation which has no identity")
            before.append(If(Op("<=", (size, Const(0))), (Effect(Op("raise", (message,))),), ()))
        name = self.known.new(_RESULT[op.prim], kind)
        start: Expr = Const(_START[op.prim])
        if kind.dtype == "float32":
            start = Op("astype", (start,), (("dtype", "float32"),))
        elif kind.dtype == "int64":
            start = Const(0)
        before.append(Assign(name, start))
        value = at(tree, where, counters)
        step: Stmt
        if op.prim in ("np.sum", "np.mean"):
            step = AugAssign(name, "+", value)
        elif op.prim in ("np.any", "np.all"):
            step = AugAssign(name, "|" if op.prim == "np.any" else "&", value)
        else:
            step = Assign(name, Op("np.maximum" if op.prim == "np.max" else "np.minimum", (Var(name), value)))
        axes = order(tree, where, counters, self.known, None)
        before.append(self._nest(counters, where.extents, where.lengths, axes, (step,)))
        if op.prim == "np.mean":
            return Op("/", (Var(name), size))
        return Var(name)

    # ---- trees -------------------------------------------------------------------------------

    def _tree(self, expr: Expr, before: list[Stmt]) -> Tree:
        leaves: list[Leaf] = []
        built = self._part(expr, leaves, before)
        dtype = tree_dtype(built, leaves, self.known)
        if dtype is None:
            raise Unfit
        return Tree(built, tuple(leaves), dtype)

    def _part(self, expr: Expr, leaves: list[Leaf], before: list[Stmt]) -> Expr:
        rank = self.rank(expr)
        if rank is None:
            raise Unfit
        if rank == 0:
            return self._atom(expr, before)
        if isinstance(expr, Op) and expr.prim in ELEMENTWISE:
            return Op(expr.prim, tuple(self._part(arg, leaves, before) for arg in expr.args), expr.static)
        leaf = self._leaf(expr, before)
        for k, other in enumerate(leaves):
            if other == leaf:
                return Op("leaf", (Const(k),))
        leaves.append(leaf)
        return Op("leaf", (Const(len(leaves) - 1),))

    def _leaf(self, expr: Expr, before: list[Stmt]) -> Leaf:
        known = typeof(expr, self.known.types)
        if not isinstance(known, Array) or known.dtype not in DTYPES:
            raise Unfit
        inner = _steps(expr)[-1] if isinstance(expr, Op) else expr
        if isinstance(inner, Op) and inner.prim in _FILLED:
            whole = self._constant(inner, before)
            if inner == expr:
                return whole
            stands = self.known.new("part", Array(whole.dtype, whole.lengths))
            self.known.extents[stands] = whole.extents
            path = self._path(_on(expr, inner, Var(stands)), before, True)
            seen = view_of(path, self.known.types, self.known.extents)
            if seen is None:
                raise Unfit
            return Leaf(None, whole.number, seen.lengths, seen.extents, whole.dtype)
        view = self._view(expr, before, reading=True)
        return Leaf(view, None, view.lengths, view.extents, known.dtype)

    def _constant(self, expr: Op, before: list[Stmt]) -> Leaf:
        """An array of one number: only its lengths are asked for."""
        known = typeof(expr, self.known.types)
        if not isinstance(known, Array):
            raise Unfit
        number: Expr
        if expr.prim in ("np.full_like", "np.full"):
            number = self._atom(expr.args[1 if expr.prim == "np.full_like" else 0], before)
            kind = typeof(number, self.known.types)
            if not isinstance(kind, Scalar) or kind.dtype != known.dtype:
                raise Unfit
        else:
            value = 0 if "zeros" in expr.prim else 1
            number = Const(float(value) if known.dtype.startswith("float") else value)
            if known.dtype in ("bool", "float32"):
                raise Unfit
        if expr.prim.endswith("_like"):
            view = self._view(expr.args[0], before, reading=True)
            return Leaf(None, number, view.lengths, view.extents, known.dtype)
        shape = tuple(self._atom(e, before) for e in (expr.args[1:] if expr.prim == "np.full" else expr.args))
        return Leaf(None, number, known.dims, shape, known.dtype)

    def _view(self, expr: Expr, before: list[Stmt], reading: bool) -> View:
        path = self._path(expr, before, reading)
        seen = view_of(path, self.known.types, self.known.extents, reading)
        if seen is not None:
            return seen
        kind = typeof(path, self.known.types)
        base = root(path)
        if not isinstance(kind, Array) or base is None or (not reading and self._may_copy(path)):
            raise Unfit
        name = self.known.new("view", kind, memory=base)
        before.append(Assign(name, path))
        seen = view_of(Var(name), self.known.types, {})
        assert seen is not None
        return seen

    def _may_copy(self, path: Expr) -> bool:
        return not isinstance(_steps(path)[-1], Var)

    def _path(self, expr: Expr, before: list[Stmt], reading: bool) -> Expr:
        """The same view, with indices that are names or simple sums, of an array that has a name."""
        match expr:
            case Var():
                return expr
            case Op(prim, (inner, *items), static) if prim in _PATHS or (
                reading and prim in ("copy", "np.ascontiguousarray", "stop_gradient", "reshape")
            ):
                new = tuple(self._item(item, before) for item in items)
                return Op(prim, (self._path(inner, before, reading), *new), static)
        if not reading:
            raise Unfit
        return self._named(expr, before)

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
            raise Unfit
        name = self.known.new("factor", kind)
        before.append(Assign(name, expr))
        return Var(name)


_RESULT = {
    "np.sum": "total", "np.mean": "total", "np.max": "largest", "np.min": "smallest", "np.any": "found",
    "np.all": "held",
}  # fmt: skip
_START: dict[str, float | bool] = {
    "np.sum": 0.0, "np.mean": 0.0, "np.max": float("-inf"), "np.min": float("inf"), "np.any": False, "np.all": True,
}  # fmt: skip


def product(extents: tuple[Expr, ...]) -> Expr:
    size = extents[0]
    for extent in extents[1:]:
        size = Op("*", (size, extent))
    return size


def _started(block: Block, known: Known) -> Block:
    """`d = zeros + e` for `d = zeros` followed by `d += e`."""
    found: list[Stmt] = []
    for stmt in block:
        match found, stmt:
            case (
                [*_, Assign(target, Op("np.zeros" | "np.zeros_like" as prim, args, static))],
                AugAssign(name, "+", value) | Store(Var(name), (), value, "+"),
            ) if target == name and name not in names(value) and isinstance(known.types.get(name), Array):
                found[-1] = Assign(target, Op("+", (Op(prim, args, static), value)), stmt.span)
            case _:
                found.append(stmt)
    return tuple(found)


def _steps(path: Expr) -> list[Expr]:
    """The views of a path, and at the end what they are views of."""
    found = [path]
    while isinstance(path, Op) and path.prim in _PATHS:
        path = path.args[0]
        found.append(path)
    return found


def _on(path: Expr, inner: Expr, new: Expr) -> Expr:
    """The path on another array."""
    if path == inner or not isinstance(path, Op):
        return new
    return Op(path.prim, (_on(path.args[0], inner, new), *path.args[1:]), path.static)

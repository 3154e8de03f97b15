"""Scalarization: each statement on full arrays becomes a loop nest over their elements."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.loop_nest import is_injective
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import defined, names
from srcad.ir.types import Array, Scalar
from srcad.optimize.array_statements.expression_trees import (
    NotLowerable,
    ReadAfterWrite,
    broadcast_space,
    element_value,
    loop_order,
    narrow_to_float32,
    operand_index,
)
from srcad.optimize.loops.fusion import fuse_into
from srcad.optimize.shapes.loop_shapes import LoopShapes
from srcad.typing.typeof import typeof

_IN_PLACE = frozenset({"+", "-", "*", "/"})


def lower_array_statements(f: Function) -> Function:
    """Lower array statements to loop nests where the results are provably the same.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0, not_one=True)),))
    >>> f = Function("f", (Param("x", "x"),), parse("y = 2.0 * x + 1.0"), (Var("y"),), {"x": x, "y": x})
    >>> print(show(lower_array_statements(f).body))
    y = np.empty(shape(x, axis=0))
    for i in range(shape(x, axis=0)):
        y[i] = (2.0 * x[i]) + 1.0
    """
    work = _ArrayStatementLowering(f)
    body = work.block(f.body)
    results = f.results
    if results and not (f.body and isinstance(f.body[-1], Return)):
        before: list[Stmt] = []
        results = tuple(work.value(e, before) for e in results)
        body += tuple(before)
    return replace(f, body=body, results=results, types={**f.types, **work.added_types})


class _ArrayStatementLowering(LoopShapes):
    def __init__(self, f: Function) -> None:
        super().__init__(f)

    @property
    def added_types(self) -> dict[str, Array | Scalar]:
        """The types of the added names."""
        types = self.shapes.types | dict.fromkeys(self.shapes.indices, Scalar("int64"))
        return {n: t for n, t in types.items() if n not in self.declared and isinstance(t, Array | Scalar)}

    # ---- statements --------------------------------------------------------------------------

    def block(self, block: Block) -> Block:
        facts, guards = self.shapes.snapshot(), self.guards
        found: list[Stmt] = []
        rest = list(block)
        while rest:
            lowered = self._first_contribution(rest[0], rest[1]) if len(rest) > 1 else []
            rest, lowered = (rest[2:], lowered) if lowered else (rest[1:], self._statement(rest[0]))
            for one in lowered:
                fuse_into(found, one, self.shapes)
                match one:
                    case Assign(target, Var(name)) if name not in self.declared:
                        self.shapes.bind(target, name)
        self.shapes.restore(facts)
        self.guards = guards
        return tuple(found)

    def _first_contribution(self, one: Stmt, other: Stmt) -> list[Stmt]:
        """`d = zeros` and `d += e` as the nest of `d = zeros + e`; nothing where it cannot be lowered."""
        match one, other:
            case (
                Assign(target, Op("np.zeros" | "np.zeros_like") as zeros),
                AugAssign(name, "+", value) | Store(Var(name), (), value, "+"),
            ) if target == name and name not in names(value) | names(zeros):
                declared, facts = self.shapes.types.get(target), self.shapes.snapshot()
                if isinstance(declared, Array):
                    try:
                        return self.filled(target, declared, Op("+", (zeros, value)))
                    except NotLowerable:
                        self.shapes.restore(facts)
        return []

    def _statement(self, stmt: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        match stmt:
            case Assign(target, value):
                return self.assign(target, value)
            case AugAssign(target, op, value):
                if isinstance(self.shapes.types.get(target), Array):
                    return self._store(Store(Var(target), (), value, op, stmt.span, stmt.free), stmt)
                value = self.scalar(value, before)
                self.shapes.forget((target,))
                return [*before, replace(stmt, value=value)]
            case Store():
                return self._store(stmt, stmt)
            case If(cond, then, orelse):
                cond = self.scalar(cond, before)
                new_then, new_orelse = self.branches(then, orelse)
                return [*before, replace(stmt, cond=cond, then=new_then, orelse=new_orelse)]
            case For(_, start, stop, step):
                start, stop, step = (self.scalar(e, before) for e in (start, stop, step))
                return [*before, self.loop(replace(stmt, start=start, stop=stop, step=step))]
            case While(test, cond, body):
                new_test, new_body = self.repeated(
                    defined(test) | defined(body), lambda: (self.block(test), self.block(body))
                )
                return [replace(stmt, test=new_test, body=new_body)]
            case Effect(Op(prim, args, static)) if prim in ("append", "list.append"):
                args = (args[0], *(self.value(arg, before) for arg in args[1:]))
                return [*before, replace(stmt, call=Op(prim, args, static))]
            case Return(values):
                new_values = tuple(self.value(e, before) for e in values)
                return [*before, replace(stmt, values=new_values)]
        return [stmt]

    def _store(self, stmt: Store, original: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        facts = self.shapes.snapshot()
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            rank = self.rank(place)
            if rank is None:
                raise NotLowerable
            if rank == 0 or (stmt.op is None and self.rank(stmt.value) == 0):
                value = self.scalar(stmt.value, before)
                return [
                    *before,
                    replace(original, value=value) if isinstance(original, Store | AugAssign) else original,
                ]
            return self.stored(stmt, place, before)
        except ReadAfterWrite:
            self.shapes.restore(facts)
            return self._via_temporary(stmt, original)
        except NotLowerable:
            self.shapes.restore(facts)
            return [self._unlowered(original)]

    def stored(self, stmt: Store, place: Expr, before: list[Stmt]) -> list[Stmt]:
        """Lower `x[...] op= tree` to a nest."""
        if stmt.op is not None and stmt.op not in _IN_PLACE:
            raise NotLowerable
        name = root(stmt.base)
        kind = typeof(place, self.shapes.types)
        if name is None or not isinstance(kind, Array):
            raise NotLowerable
        tree = self.tree(stmt.value, before)
        target = self.view(place, before, reading=False)
        if kind.dtype == "float32":
            tree = narrow_to_float32(tree, self.shapes, before)
        if not kind.dtype.startswith("float") and (stmt.op is not None or tree.dtype != kind.dtype):
            raise NotLowerable
        indices = self.indices(len(target.lengths))
        index = target.index(tuple(map(Var, indices)))
        space = broadcast_space(tree, self.shapes, before, target)
        for leaf, factors in zip(tree.leaves, space.factors, strict=True):
            if leaf.view is not None and self.shapes.alias_class(leaf.view.base) == self.shapes.alias_class(
                target.base
            ):
                read = leaf.view.index(operand_index(factors, indices))
                if leaf.view.base != target.base or not (
                    (read == index and is_injective(index, indices)) or self._are_distinct(read, index)
                ):
                    raise ReadAfterWrite
        store = Store(Var(target.base), index, element_value(tree, space, indices), stmt.op, stmt.span, stmt.free)
        axes = loop_order(tree, space, indices, self.shapes, target)
        return [*before, self.loops(indices, space.extents, space.lengths, axes, (store,))]

    def _via_temporary(self, stmt: Store, original: Stmt) -> list[Stmt]:
        """`x[...] op= tree`, where the loop would read what it writes: as `new = tree`, then `x[...] op= new`."""
        facts = self.shapes.snapshot()
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            kind, target = typeof(stmt.value, self.shapes.types), typeof(place, self.shapes.types)
            rank = self.rank(stmt.value)
            if not isinstance(target, Array) or not rank:
                raise NotLowerable
            if not isinstance(kind, Array):
                kind = Array(target.dtype, tuple(self.shapes.unknown_length() for _ in range(rank)))
            name = self.shapes.fresh_name("new", replace(kind, layout="C"))
            lowered = self.filled(name, replace(kind, layout="C"), stmt.value)
            before: list[Stmt] = []
            return lowered + self.stored(replace(stmt, value=Var(name)), place, before)
        except NotLowerable:
            self.shapes.restore(facts)
            return [self._unlowered(original)]

    def _unlowered(self, stmt: Stmt) -> Stmt:
        """The unlowered statement. Numba's `x[1:] += x[:-1]` would read what it has written, so the value is copied."""
        match stmt:
            case Store(base, _, value, str()) | AugAssign(base, _, value) if self.rank(value):
                to = base if isinstance(base, str) else root(base)
                if to is not None and self.shapes.alias_class(to) in map(self.shapes.alias_class, roots(value)):
                    return replace(stmt, value=Op("copy", (value,)))
        return stmt

    def _are_distinct(self, one: tuple[Expr, ...], other: tuple[Expr, ...]) -> bool:
        """Whether two elements are surely distinct: along some axis their loop-invariant indices differ."""
        for a, b in zip(one, other, strict=True):
            x, y = self.shapes.linear_form(a), self.shapes.linear_form(b)
            if a == b or x is None or y is None or (names(a) | names(b)) & set(self.shapes.indices):
                continue
            least = [d.bound(False) for d in (x, y)]
            if all(d is not None and d.is_nonnegative for d in least) and not (x - y).terms and (x - y).const != 0:
                return True
        return False

"""Statements on whole arrays as loops over their elements, one nest for each."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.integers.element_dependence import surely_apart
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
from srcad.ir.types import Array, Dim, Scalar
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
from srcad.rules.traits import IN_PLACE
from srcad.typing.typeof import typeof


def lower_array_statements(f: Function) -> Function:
    """The function with loops where that is sure to give the same numbers.

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
    work = _Spread(f)
    body = work.block(f.body)
    results = f.results
    if results and not (f.body and isinstance(f.body[-1], Return)):
        before: list[Stmt] = []
        results = tuple(work.value(e, before) for e in results)
        body += tuple(before)
    return replace(f, body=body, results=results, types={**f.types, **work.made})


class _Spread(LoopShapes):
    def __init__(self, f: Function) -> None:
        super().__init__(f)

    @property
    def made(self) -> dict[str, Array | Scalar]:
        """The types of the names that were added."""
        types = self.known.types | dict.fromkeys(self.known.counters, Scalar("int64"))
        return {n: t for n, t in types.items() if n not in self.declared and isinstance(t, Array | Scalar)}

    # ---- statements --------------------------------------------------------------------------

    def block(self, block: Block) -> Block:
        facts, asked = self.known.snapshot(), self.asked
        found: list[Stmt] = []
        rest = list(block)
        while rest:
            made = self._started(rest[0], rest[1]) if len(rest) > 1 else []
            rest, made = (rest[2:], made) if made else (rest[1:], self._statement(rest[0]))
            for one in made:
                fuse_into(found, one, self.known)
                match one:
                    case Assign(target, Var(name)) if name not in self.declared:
                        self.known.define(target, name)
        self.known.restore(facts)
        self.asked = asked
        return tuple(found)

    def _started(self, one: Stmt, other: Stmt) -> list[Stmt]:
        """`d = zeros` and `d += e` as `d = zeros + e`, where that is a nest; nothing otherwise."""
        match one, other:
            case (
                Assign(target, Op("np.zeros" | "np.zeros_like") as zeros),
                AugAssign(name, "+", value) | Store(Var(name), (), value, "+"),
            ) if target == name and name not in names(value) | names(zeros):
                declared, facts = self.known.types.get(target), self.known.snapshot()
                if isinstance(declared, Array):
                    try:
                        return self.filled(target, declared, Op("+", (zeros, value)))
                    except NotLowerable:
                        self.known.restore(facts)
        return []

    def _statement(self, stmt: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        match stmt:
            case Assign(target, value):
                return self.assign(target, value)
            case AugAssign(target, op, value):
                if isinstance(self.known.types.get(target), Array):
                    return self._store(Store(Var(target), (), value, op, stmt.span, stmt.free), stmt)
                value = self.scalar(value, before)
                self.known.forget((target,))
                return [*before, replace(stmt, value=value)]
            case Store():
                return self._store(stmt, stmt)
            case If(cond, then, orelse):
                cond = self.scalar(cond, before)
                new_then, new_orelse = self.either(then, orelse)
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

    def _store(self, stmt: Store, given: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        facts = self.known.snapshot()
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            rank = self.rank(place)
            if rank is None:
                raise NotLowerable
            if rank == 0 or (stmt.op is None and self.rank(stmt.value) == 0):
                value = self.scalar(stmt.value, before)
                return [*before, replace(given, value=value) if isinstance(given, Store | AugAssign) else given]
            return self.stored(stmt, place, before)
        except ReadAfterWrite:
            self.known.restore(facts)
            return self._after_its_value(stmt, given)
        except NotLowerable:
            self.known.restore(facts)
            return [self._as_it_is(given)]

    def stored(self, stmt: Store, place: Expr, before: list[Stmt]) -> list[Stmt]:
        """`x[...] op= tree`."""
        if stmt.op is not None and stmt.op not in IN_PLACE:
            raise NotLowerable
        name = root(stmt.base)
        kind = typeof(place, self.known.types)
        if name is None or not isinstance(kind, Array):
            raise NotLowerable
        tree = self.tree(stmt.value, before)
        target = self.view(place, before, reading=False)
        if kind.dtype == "float32":
            tree = narrow_to_float32(tree, self.known, before)
        if not kind.dtype.startswith("float") and (stmt.op is not None or tree.dtype != kind.dtype):
            raise NotLowerable
        counters = self.counters(len(target.lengths))
        index = target.index(tuple(map(Var, counters)))
        where = broadcast_space(tree, self.known, before, target)
        for leaf, factors in zip(tree.leaves, where.factors, strict=True):
            if leaf.view is not None and self.known.memory(leaf.view.base) == self.known.memory(target.base):
                read = leaf.view.index(operand_index(factors, counters))
                if leaf.view.base != target.base or not (
                    (read == index and is_injective(index, counters)) or self._apart(read, index)
                ):
                    raise ReadAfterWrite
        store = Store(Var(target.base), index, element_value(tree, where, counters), stmt.op, stmt.span, stmt.free)
        axes = loop_order(tree, where, counters, self.known, target)
        return [*before, self.loops(counters, where.extents, where.lengths, axes, (store,))]

    def _after_its_value(self, stmt: Store, given: Stmt) -> list[Stmt]:
        """`x[...] op= tree`, where the tree reads what is written: as `new = tree`, then `x[...] op= new`."""
        facts = self.known.snapshot()
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            kind, target = typeof(stmt.value, self.known.types), typeof(place, self.known.types)
            rank = self.rank(stmt.value)
            if not isinstance(target, Array) or not rank:
                raise NotLowerable
            if not isinstance(kind, Array):
                kind = Array(target.dtype, tuple(self.known.any_length() for _ in range(rank)))
            name = self.known.fresh_name("new", replace(kind, layout="C"))
            made = self.filled(name, replace(kind, layout="C"), stmt.value)
            before: list[Stmt] = []
            return made + self.stored(replace(stmt, value=Var(name)), place, before)
        except NotLowerable:
            self.known.restore(facts)
            return [self._as_it_is(given)]

    def _as_it_is(self, stmt: Stmt) -> Stmt:
        """The statement on whole arrays. Numba's `x[1:] += x[:-1]` would read what it has just written."""
        match stmt:
            case Store(base, _, value, str()) | AugAssign(base, _, value) if self.rank(value):
                to = base if isinstance(base, str) else root(base)
                if to is not None and self.known.memory(to) in map(self.known.memory, roots(value)):
                    return replace(stmt, value=Op("copy", (value,)))
        return stmt

    def _apart(self, one: tuple[Expr, ...], other: tuple[Expr, ...]) -> bool:
        """Whether two elements are never the same, whichever the iterations of the nest in which they are met."""

        def fixed(item: Expr) -> Dim | None:
            return None if names(item) & set(self.known.counters) else self.known.number(item)

        return surely_apart(one, other, fixed)

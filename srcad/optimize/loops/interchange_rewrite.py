"""How a statement that has moved is written: its nest, and the loop that is left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.integers.constraint_solver import is_satisfiable
from srcad.analysis.integers.element_dependence import affine_index, iteration_before, same_iteration
from srcad.ir.length_exprs import minus, plus
from srcad.ir.linear import LinearForm
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.traversal import defined, map_expr, names, replace_names
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.optimize.loops.interchange_legality import DistributedStatement, StatementDistribution, limits
from srcad.optimize.memory.register_promotion import always_evaluated


@dataclass(frozen=True)
class DistributedLoop:
    """What becomes of a loop of which a statement is moved out."""

    before: Block
    rest: For | None
    at: int
    """Where in the rest the statement's loops stood."""
    nest: Block
    """The statement's own loops, and after it what of the loop has to wait for it."""
    rows: frozenset[str]
    """Arrays of numbers that flow to the statement, which others may read as well."""


def distributed_loop(move: StatementDistribution, rows: frozenset[str]) -> DistributedLoop:
    return _Nested(move, rows).made()


class _Nested:
    def __init__(self, move: StatementDistribution, rows: frozenset[str]) -> None:
        assert move.statement is not None and move.expanded_scalars is not None and move.deferred is not None
        self.move = move
        self.types = move.types
        self.statement: DistributedStatement = move.statement
        self.flowing: tuple[str, ...] = move.expanded_scalars
        self.waiting: int = move.deferred
        self.rows = rows

    def made(self) -> DistributedLoop:
        move, loop = self.move, self.move.loop
        low, high = limits(loop)
        here = minus(Var(loop.index), low)
        there = {name: row for name in self.flowing if (row := self._kept(name, here)) is not None}
        new = {name: self._row(name) for name in self.flowing if name not in there}
        items: dict[str, Expr] = {n: Op("index", (Var(row), here)) for n, row in (there | new).items()}
        keep = tuple(Store(Var(row), (here,), Var(name)) for name, row in new.items())
        body, late = move.rest.body[: self.waiting], move.rest.body[self.waiting :]
        rest = replace(move.rest, body=(*body[: move.at], *keep, *body[move.at :]))
        nest = self._nest(items)
        if late:
            back = tuple(Assign(name, items[name]) for name in self.flowing if not self.statement.index)
            nest += (replace(loop, body=(*back, *late)),)
        length = _length(minus(high, low))
        made = tuple(Assign(row, Op("np.empty", (length,))) for row in new.values())
        # what is added to is the statement's alone
        others = self.rows | (frozenset(new.values()) if self.statement.index else frozenset())
        return DistributedLoop(made, rest, move.at + len(keep), nest, others)

    def _nest(self, items: dict[str, Expr]) -> Block:
        move, loop, loops = self.move, self.move.loop, list(self.move.chain.loops)
        order = [*self._same_turn, iteration_before(loop.index, loop.step)]
        inner = loop if move.conflicts_with_itself([order]) else _over(replace(loop, step=Const(1)), *limits(loop))
        if any(loop.index in names(e) for around in loops for e in (around.start, around.stop)):
            (low, high), bounds = self._changed_over()
            loops = [_over(loops[0], low, high)]
            inner = _over(inner, *bounds)
        nest = self._innermost(inner, items)
        for k, around in enumerate(reversed(loops)):
            comments = tuple(s for s in move.chain.body if isinstance(s, Comment)) if k == 0 else ()
            nest = (replace(around, body=(*comments, *nest)),)
        return nest

    def _changed_over(self) -> tuple[tuple[Expr, Expr], tuple[Expr, Expr]]:
        """The limits of the inner loop of a triangle, now the outer one, and of the outer one, now the inner."""
        (inner,) = self.move.chain.loops
        assert self.move.slope is not None
        ends, shift = self.move.slope
        low, high = limits(inner)
        first, end = limits(self.move.loop)
        k = Var(inner.index)
        if ends:  # k < c + shift
            return (low, plus(end, shift - 1)), (self._greater(first, plus(k, 1 - shift)), end)
        return (plus(first, shift), high), (first, Op("min", (end, plus(k, 1 - shift))))

    def _greater(self, bound: Expr, other: Expr) -> Expr:
        """The greater of two, of which the second may be known to be."""
        one, two = affine_index(bound, self.types), affine_index(other, self.types)
        if one is not None and two is not None and not is_satisfiable([one - two - 1, *self.move.around]):
            return other
        return Op("max", (bound, other))

    def _innermost(self, inner: For, items: dict[str, Expr]) -> Block:
        """The new innermost loop; what stays the same all through it is a number."""
        value, index, stmt = replace_names(self.statement.value, items), self.statement.index, self.statement.stmt
        if not index:
            row = items[self.statement.target]
            assert isinstance(row, Op)
            base, *where = row.args
            return (replace(inner, body=(Store(base, tuple(where), value, stmt.op, stmt.span, stmt.free),)),)
        target = self.statement.target
        element = Op("index", (Var(target), *index))
        first: list[Stmt] = []
        for op in dict.fromkeys(
            op for op in always_evaluated(value) if op.prim == "index" and inner.index not in names(op)
        ):
            if op != element and self._is_apart(op):
                item = self._number(op)
                value = map_expr(value, lambda e, op=op, item=item: Var(item) if e == op else e)  # type: ignore[misc]
                first.append(Assign(item, op))
        turn: Stmt = Store(Var(target), index, value, stmt.op, stmt.span, stmt.free)
        last: Block = ()
        fixed = not any(inner.index in names(e) for e in index)
        if fixed and stmt.op in ("+", "-") and self._is_double(target) and self._is_apart(value):
            total = fresh_name(f"{target}_total", Scalar("float64"), self.types)
            first.append(Assign(total, element))
            turn = AugAssign(total, stmt.op, value, stmt.span, stmt.free)
            last = (Store(Var(target), index, Var(total)),)
        loop = replace(inner, body=(turn,))
        low, high = limits(inner)
        return (If(Op("<", (low, high)), (*first, loop, *last), ()),) if first else (loop,)

    def _is_double(self, array: str) -> bool:
        known = self.types[array]
        return isinstance(known, Array) and known.dtype == "float64"

    def _is_apart(self, expr: Expr) -> bool:
        """Whether the statement changes nothing that the expression reads, all through the innermost loop."""
        move = self.move
        read = list(move.accesses.read(expr, move.around, move.counters))
        return not move.accesses.conflict(move.own[:1], read, [self._same_turn])

    @property
    def _same_turn(self) -> list[LinearForm[str]]:
        return [f for n in self.move.chain.counters for f in same_iteration(n)]

    # ---- names -------------------------------------------------------------------------------

    def _kept(self, name: str, here: Expr) -> str | None:
        """The row in which a statement that has moved before finds the number."""
        for stmt in reversed(self.move.loop.body[: self.move.at]):
            match stmt:
                case Store(Var(row), (where,), Var(value), None) if value == name and where == here:
                    return row if row in self.rows else None
            if name in defined((stmt,)):
                return None
        return None

    def _row(self, name: str) -> str:
        return fresh_name(f"{name}_row", Array("float64", (dim(Symbol(f"?{name}_row", None)),)), self.types)

    def _number(self, element: Op) -> str:
        match element:
            case Op("index", (Var(base), *_)) if isinstance(known := self.types.get(base), Array):
                return fresh_name(f"{base}_item", Scalar(known.dtype), self.types)
        raise AssertionError(element)


def _over(loop: For, low: Expr, high: Expr) -> For:
    """The loop with these limits, in the direction it has."""
    start, stop = (low, high) if loop.step == Const(1) else (plus(high, -1), plus(low, -1))
    return replace(loop, start=start, stop=stop)


def _length(extent: Expr) -> Expr:
    """The number of turns, never negative."""
    match extent:
        case Const(int(value)):
            return Const(max(value, 0))
        case Op("shape" | "len"):
            return extent
    return Op("select", (Op(">", (extent, Const(0))), extent, Const(0)))

"""Code generation of loop distribution and interchange: the new nest, and the loop that is left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.integers.constraint_solver import is_satisfiable
from srcad.analysis.integers.element_dependence import affine_index, iteration_before, same_iteration
from srcad.ir.length_exprs import minus, plus
from srcad.ir.linear import LinearForm
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, Block, Const, Expr, For, Op, Store, Var
from srcad.ir.traversal import defined, names, replace_names
from srcad.ir.types import Array, Symbol, dim
from srcad.optimize.loops.interchange_legality import DistributedStatement, StatementDistribution, limits


@dataclass(frozen=True)
class DistributedLoop:
    """A loop after one statement was distributed out of it."""

    before: Block
    rest: For | None
    nest: Block
    """The new nest, and after it the deferred statements of the loop."""
    expansions: frozenset[str]
    """Scalar expansions that further distributed statements may read as well."""


def distributed_loop(distribution: StatementDistribution, existing_rows: frozenset[str]) -> DistributedLoop:
    """Distribute the statement into an interchanged nest; `existing_rows` are the scalar expansions so far.

    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> from srcad.optimize.loops.interchange_legality import PerfectNest
    >>> (loop,) = parse('''
    ... for j in range(n):
    ...     d = w[j] * w[j]
    ...     for k in range(n):
    ...         A[k, j] += x[k] * d
    ... ''')
    >>> types = {"A": Array("float64", (dim(9), dim(9))), **dict.fromkeys("xw", Array("float64", (dim(9),)))}
    >>> types |= {**dict.fromkeys("jkn", Scalar("int64")), "d": Scalar("float64")}
    >>> nest, shared = PerfectNest((loop.body[1],)), may_alias((loop,), types)
    >>> found = distributed_loop(StatementDistribution(loop, 1, nest, 0, types, shared, frozenset(), ()), frozenset())
    >>> print(show((*found.before, found.rest, *found.nest)))
    d_row = np.empty(select(n > 0, n, 0))
    for j in range(n):
        d = w[j] * w[j]
        d_row[j] = d
        for k in range(n):
            pass
    for k in range(n):
        for j in range(n):
            A[k, j] += x[k] * d_row[j]
    """
    return _DistributionRewriting(distribution, existing_rows).distributed()


class _DistributionRewriting:
    def __init__(self, distribution: StatementDistribution, existing_rows: frozenset[str]) -> None:
        assert (
            distribution.statement is not None
            and distribution.expanded_scalars is not None
            and distribution.deferred is not None
        )
        self.distribution = distribution
        self.types = distribution.types
        self.statement: DistributedStatement = distribution.statement
        self.expanded: tuple[str, ...] = distribution.expanded_scalars
        self.deferred: int = distribution.deferred
        self.existing_rows = existing_rows

    def distributed(self) -> DistributedLoop:
        distribution, loop = self.distribution, self.distribution.loop
        low, high = limits(loop)
        here = minus(Var(loop.index), low)
        existing = {name: row for name in self.expanded if (row := self._existing_row(name, here)) is not None}
        new = {name: self._row(name) for name in self.expanded if name not in existing}
        items: dict[str, Expr] = {n: Op("index", (Var(row), here)) for n, row in (existing | new).items()}
        stores = tuple(Store(Var(row), (here,), Var(name)) for name, row in new.items())
        body, deferred_statements = distribution.rest.body[: self.deferred], distribution.rest.body[self.deferred :]
        rest = replace(distribution.rest, body=(*body[: distribution.at], *stores, *body[distribution.at :]))
        nest = self._nest(items)
        if deferred_statements:
            reloads = tuple(Assign(name, items[name]) for name in self.expanded if not self.statement.index)
            nest += (replace(loop, body=(*reloads, *deferred_statements)),)
        length = _trip_count(minus(high, low))
        allocations = tuple(Assign(row, Op("np.empty", (length,))) for row in new.values())
        # the expansion of an accumulator is private to the statement
        others = self.existing_rows | (frozenset(new.values()) if self.statement.index else frozenset())
        return DistributedLoop(allocations, rest, nest, others)

    def _nest(self, items: dict[str, Expr]) -> Block:
        distribution, loop, loops = self.distribution, self.distribution.loop, list(self.distribution.nest.loops)
        order = [*self._same_iteration, iteration_before(loop.index, loop.step)]
        inner = (
            loop
            if distribution.conflicts_with_itself([order])
            else _with_bounds(replace(loop, step=Const(1)), *limits(loop))
        )
        if any(loop.index in names(e) for around in loops for e in (around.start, around.stop)):
            (low, high), bounds = self._interchanged_bounds()
            loops = [_with_bounds(loops[0], low, high)]
            inner = _with_bounds(inner, *bounds)
        nest = self._innermost(inner, items)
        for around in reversed(loops):
            nest = (replace(around, body=nest),)
        return nest

    def _interchanged_bounds(self) -> tuple[tuple[Expr, Expr], tuple[Expr, Expr]]:
        """The bounds of an interchanged triangle: those of the new outer loop and those of the new inner one."""
        (inner,) = self.distribution.nest.loops
        assert self.distribution.triangle_bound is not None
        ends, shift = self.distribution.triangle_bound
        low, high = limits(inner)
        first, end = limits(self.distribution.loop)
        k = Var(inner.index)
        if ends:  # k < c + shift
            return (low, plus(end, shift - 1)), (self._maximum(first, plus(k, 1 - shift)), end)
        return (plus(first, shift), high), (first, Op("min", (end, plus(k, 1 - shift))))

    def _maximum(self, bound: Expr, other: Expr) -> Expr:
        """The maximum of two bounds, the second alone where it is provably the greater."""
        one, two = affine_index(bound, self.types), affine_index(other, self.types)
        if one is not None and two is not None and not is_satisfiable([one - two - 1, *self.distribution.around]):
            return other
        return Op("max", (bound, other))

    def _innermost(self, inner: For, items: dict[str, Expr]) -> Block:
        value, index, stmt = replace_names(self.statement.value, items), self.statement.index, self.statement.stmt
        target: Expr = Var(self.statement.target)
        if not index:
            row = items[self.statement.target]
            assert isinstance(row, Op)
            target, *where = row.args
            index = tuple(where)
        return (replace(inner, body=(Store(target, index, value, stmt.op, stmt.span, stmt.free),)),)

    @property
    def _same_iteration(self) -> list[LinearForm[str]]:
        return [f for n in self.distribution.nest.indices for f in same_iteration(n)]

    # ---- names -------------------------------------------------------------------------------

    def _existing_row(self, name: str, here: Expr) -> str | None:
        """An existing expansion of the scalar, stored for a statement that was distributed before."""
        for stmt in reversed(self.distribution.loop.body[: self.distribution.at]):
            match stmt:
                case Store(Var(row), (where,), Var(value), None) if value == name and where == here:
                    return row if row in self.existing_rows else None
            if name in defined((stmt,)):
                return None
        return None

    def _row(self, name: str) -> str:
        return fresh_name(f"{name}_row", Array("float64", (dim(Symbol(f"?{name}_row", None)),)), self.types)


def _with_bounds(loop: For, low: Expr, high: Expr) -> For:
    """The loop with these bounds, in its direction."""
    start, stop = (low, high) if loop.step == Const(1) else (plus(high, -1), plus(low, -1))
    return replace(loop, start=start, stop=stop)


def _trip_count(extent: Expr) -> Expr:
    """The trip count, never negative."""
    match extent:
        case Const(int(value)):
            return Const(max(value, 0))
        case Op("shape" | "len"):
            return extent
    return Op("select", (Op(">", (extent, Const(0))), extent, Const(0)))

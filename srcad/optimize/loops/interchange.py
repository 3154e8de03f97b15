"""Loop distribution and interchange, where the innermost loop then has unit stride.

The adjoint of `y += A[i, k] * x[k]` adds to `d_A[i, k]` with unit stride; that of `y += A[k, j] * x[k]` goes down a
column, with the stride of a row. A statement of an innermost loop with strided accesses is distributed out of all its
loops into a nest of its own, in which an outer loop becomes the innermost one. The rest of the loops stays where it is;
scalars that flow from it to the statement are expanded to arrays with one element for each iteration.

    for c in range(n):
        d = d_y[c]
        for k in range(m):
            d_A[k, c] += x[k] * d
    ->
    d_row = np.empty(n)
    for c in range(n):
        d = d_y[c]
        d_row[c] = d
    for k in range(m):
        for c in range(n):
            d_A[k, c] += x[k] * d_row[c]

Every element is updated in the same order as before, so that results are bitwise equal; except for the sums of
adjoints, which are reassociable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from srcad.analysis.integers.element_dependence import index_bounds
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.memory_queries import MemoryQueries
from srcad.analysis.values.effects import is_pure
from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.linear import LinearForm
from srcad.ir.loop_nest import LoopNest
from srcad.ir.nodes import Assign, AugAssign, Block, Const, For, Function, If, Stmt, Store
from srcad.ir.traversal import defined, names, ops, own_exprs, walk, with_blocks
from srcad.ir.types import Scalar, Type
from srcad.optimize.loops.interchange_legality import PerfectNest, StatementDistribution
from srcad.optimize.loops.interchange_rewrite import DistributedLoop, distributed_loop
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.rules.traits import SHAPE_ARITHMETIC

_SHORT_TRIP_COUNT = 4
"""The trip count up to which a loop is not worth being the innermost."""


def interchange(f: Function) -> Function:
    """Distribute statements into nests of their own, whose innermost loop has unit stride.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Scalar, Symbol, dim
    >>> matrix = Array("float64", (dim(Symbol("a", 0)), dim(Symbol("a", 1))))
    >>> types = {**dict.fromkeys("AB", matrix), **dict.fromkeys("inkj", Scalar("int64"))}
    >>> body = parse('''
    ... for j in range(i, n):
    ...     for k in range(i):
    ...         A[i, j] -= B[i, k] * B[k, j]
    ... ''')
    >>> print(show(interchange(Function("f", (), body, (), types)).body))
    for k in range(i):
        for j in range(i, n, 1):
            A[i, j] -= B[i, k] * B[k, j]
    """
    if not any(isinstance(s, For) for s in walk(f.body)):
        return f
    types = dict(f.types)
    memory = MemoryQueries(f)

    def block(stmts: Block, path: Path, facts: tuple[LinearForm[str], ...]) -> Block:
        return tuple(s for k, stmt in enumerate(stmts) for s in one(stmt, (*path, k), facts))

    def one(stmt: Stmt, path: Path, facts: tuple[LinearForm[str], ...]) -> Iterable[Stmt]:
        if isinstance(stmt, LoopNest):
            return (stmt,)
        here = (*facts, *index_bounds(stmt, types)) if isinstance(stmt, For) else facts
        stmt = with_blocks(stmt, [block(b, (*path, name), here) for name, b in inner_blocks(stmt)])
        if not isinstance(stmt, For) or not _is_distributable(stmt, types):
            return (stmt,)
        later = memory.liveness.live_after((*path, "head"))

        def distributed(
            loop: For, at: int, nest: PerfectNest, k: int, expanded: frozenset[str]
        ) -> DistributedLoop | None:
            distribution = StatementDistribution(loop, at, nest, k, types, memory.classes, later, facts)
            if not (distribution.is_profitable() and distribution.is_legal()):
                return None
            found = distributed_loop(distribution, expanded)
            return replace(found, rest=_without_dead_code(found.rest, later, types) if found.rest else None)

        return _distributed(stmt, distributed)

    return replace(f, body=block(f.body, (), ()), types=types)


def _is_distributable(loop: For, types: Mapping[str, Type]) -> bool:
    """Whether the loop has a form from which statements can be distributed."""
    if loop.exit is not None or loop.carried or loop.step not in (Const(1), Const(-1)):
        return False
    match loop.start, loop.stop:
        case Const(int(start)), Const(int(stop)) if abs(stop - start) <= _SHORT_TRIP_COUNT:
            return False
    inside = defined((loop,))
    if not all(names(e).isdisjoint(inside) for e in (loop.start, loop.stop)) or loop.index in defined(loop.body):
        return False
    if not all(op.prim in SHAPE_ARITHMETIC for e in (loop.start, loop.stop) for op in ops(e)):
        return False
    if not any(isinstance(s, For) for s in loop.body):
        return False
    if not all(isinstance(types.get(n), Scalar) for n in inside):
        return False
    simple = all(isinstance(s, Assign | AugAssign | Store | If | For) for s in walk(loop.body))
    return simple and all(is_pure(e) for s in walk(loop.body) for e in own_exprs(s))


def _distributed(
    loop: For, distribute: Callable[[For, int, PerfectNest, int, frozenset[str]], DistributedLoop | None]
) -> list[Stmt]:
    """The loop without the distributed statements, with their nests before and after it."""
    before: list[Stmt] = []
    after: list[Stmt] = []
    rest: For | None = loop
    expanded: frozenset[str] = frozenset()
    while rest is not None:
        found = next((m for at, nest, k in _statements(rest) if (m := distribute(rest, at, nest, k, expanded))), None)
        if found is None:
            return [*before, rest, *after]
        before += found.before
        after = [*found.nest, *after]
        rest, expanded = found.rest, found.expansions
    return [*before, *after]


def _statements(loop: For) -> Iterator[tuple[int, PerfectNest, int]]:
    """The statements of innermost loops: the position of their nest in the body, the nest, and their position in it."""
    for at, stmt in enumerate(loop.body):
        nest = _perfect_nest(stmt) if isinstance(stmt, For) else None
        if nest is not None:
            for k, inner in enumerate(nest.body):
                if isinstance(inner, Store | AugAssign):
                    yield at, nest, k


def _perfect_nest(loop: For) -> PerfectNest | None:
    """The loops down to an innermost one, where there are only scalar definitions between them."""
    loops: list[For] = []
    while True:
        if (
            isinstance(loop, LoopNest)
            or loop.exit is not None
            or loop.carried
            or loop.step not in (Const(1), Const(-1))
        ):
            return None
        if not all(op.prim in SHAPE_ARITHMETIC for e in (loop.start, loop.stop) for op in ops(e)):
            return None
        loops.append(loop)
        inner = [s for s in loop.body if isinstance(s, For)]
        if not inner:
            if all(isinstance(s, Assign | AugAssign | Store) for s in loop.body):
                return PerfectNest(tuple(loops))
            return None
        *definitions, last = loop.body
        if last is not inner[0] or not all(isinstance(s, Assign) for s in definitions):
            return None
        loop = inner[0]


def _without_dead_code(loop: For, live: frozenset[str], types: Mapping[str, Type]) -> For | None:
    """The loop without scalars that are dead now that a statement was distributed; None if nothing is left of it."""
    rest = remove_dead_code((loop,), live, types)
    assert all(isinstance(s, For) for s in rest)
    return rest[0] if rest else None  # type: ignore[return-value]

"""Parallelisation: outer loops whose iterations may run at once run on threads.

The iterations are divided into blocks, whose number depends on the trip count alone. A block adds to sums of its own,
which are added up in the order of the blocks: so the bits of a result do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.loops.concurrent_iterations import Concurrency, concurrency
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.memory_queries import MemoryQueries, may_alias_in
from srcad.analysis.values.duplication_cost import operation_cost
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.length_exprs import minus, plus
from srcad.ir.loop_nest import element
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.traversal import blocks, defined, names, ops, own_exprs, rename, replace_names, walk, with_blocks
from srcad.ir.types import FLOATS, Array, Scalar, Symbol, Type, dim
from srcad.optimize.memory.array_contraction import inner_blocks

_BLOCKS = 64
"""At most. More divide the work more evenly, and need more memory for their sums."""
_LEAST_WORK = 50_000
"""In cycles, about: below it, one thread is done before the others have begun."""
_UNKNOWN_TRIPS = 8
_COSTLY = 20
_INT = Scalar("int64")


def parallelize(f: Function) -> Function:
    """Run outer loops on threads, where their iterations may run at once and there is work enough.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0)),))
    >>> types = {"x": x, "y": x, "s": Scalar("float64"), "t": Scalar("float64"), "i": _INT, "n": _INT}
    >>> body = parse('''
    ... s = 0.0
    ... for i in range(n):
    ...     t = np.exp(x[i])
    ...     y[i] = t
    ...     s += t
    ... ''')
    >>> params = tuple(Param(name, name) for name in "xyn")
    >>> print(show(parallelize(Function("f", params, body, (Var("s"),), types)).body))
    s = 0.0
    if (n * 25) > 50000:
        blocks = min(n, 64)
        s_of = np.zeros(blocks)
        for block in prange(blocks):
            s_here = 0.0
            for i1 in range((block * n) // blocks, ((block + 1) * n) // blocks):
                t1 = np.exp(x[i1])
                y[i1] = t1
                s_here += t1
            s_of[block] = s_here
        for block1 in range(blocks):
            s += s_of[block1]
    else:
        for i in range(n):
            t = np.exp(x[i])
            y[i] = t
            s += t

    Where a loop begins with fewer iterations at its end than at its start (a triangle), a block has each 64th.
    """
    changed = _Parallelization(f)
    return replace(f, body=changed.block(f.body, ()), types=changed.types)


class _Parallelization:
    def __init__(self, f: Function) -> None:
        self.types: dict[str, Type] = dict(f.types)
        self.memory = MemoryQueries(f)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(new for at, stmt in enumerate(block) for new in self._stmt(stmt, (*path, at)))

    def _stmt(self, stmt: Stmt, path: Path) -> Block:
        if isinstance(stmt, For):
            found = self._concurrency(stmt, path)
            if isinstance(found, Concurrency):
                return (self._on_threads(stmt, found),)
        return (with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)]),)

    def _concurrency(self, loop: For, path: Path) -> Concurrency | str:
        bounds = names(loop.start) | names(loop.stop)
        if bounds & defined((loop,)) or not (_is_of_lengths(loop.start) and _is_of_lengths(loop.stop)):
            return "its bounds may change"
        live = self.memory.liveness.live_after((*path, "head"))
        aliases = may_alias_in(self.memory.aliases_at(path))
        return concurrency(loop, self.types, aliases, self.memory.classes.aliases, live)

    def _on_threads(self, loop: For, found: Concurrency) -> Stmt:
        """The loop on threads where there is work enough, which depends on lengths alone; else as it was."""
        loop = ascending_loop(loop)
        trips = minus(loop.stop, loop.start)
        work = _product(trips, self._work(loop.body, loop))
        for array in found.arrays:  # each block has one, which is added up
            size: Expr = Const(2 * _BLOCKS)
            for length in _lengths(array, self.types):
                size = _product(size, length)
            work = minus(work, size)
        return If(Op(">", (work, Const(_LEAST_WORK))), self._in_blocks(loop, trips, found), (loop,))

    def _in_blocks(self, loop: For, trips: Expr, found: Concurrency) -> Block:
        count, block, added = (self._fresh(name, _INT) for name in ("blocks", "block", "block"))
        own = {name: self._fresh(f"{name}_here", self.types[name]) for name in found.scalars}
        parts = {name: self._parts(name) for name in (*found.scalars, *found.arrays)}
        new = {name: self._fresh(name, self.types[name]) for name in (*found.own, loop.index)}
        (renamed,) = rename((loop,), {**new, **own})
        assert isinstance(renamed, For)
        body = _stored_in(renamed.body, {name: parts[name] for name in found.arrays}, Var(block))
        start, stop, step = _iterations_of(loop, trips, Var(block), Var(count))
        inside = (
            *(Assign(own[name], Const(_zero(self.types[name]))) for name in found.scalars),
            For(renamed.index, start, stop, step, body),
            *(Store(Var(parts[name]), (Var(block),), Var(own[name])) for name in found.scalars),
        )
        sums = [self._added(name, parts[name], added) for name in parts]
        return (
            Assign(count, Op("min", (trips, Const(_BLOCKS)))),
            *(Assign(parts[name], self._zeros(name, Var(count))) for name in parts),
            For(block, Const(0), Var(count), Const(1), inside, parallel=True),
            *((For(added, Const(0), Var(count), Const(1), tuple(sums)),) if sums else ()),
        )

    def _parts(self, name: str) -> str:
        """An array with an axis more than the sum has, for what each block adds to it."""
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        dims = kind.dims if isinstance(kind, Array) else ()
        wanted = f"{name}_of"
        return self._fresh(wanted, Array(kind.dtype, (dim(Symbol(wanted, 0)), *dims)))

    def _zeros(self, name: str, count: Expr) -> Op:
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        static = () if kind.dtype == "float64" else (("dtype", kind.dtype),)
        return Op("np.zeros", (count, *_lengths(name, self.types)), static)

    def _added(self, name: str, parts: str, block: str) -> Stmt:
        """What a block has added is added to the sum."""
        axes = len(_lengths(name, self.types))
        if not axes:
            return AugAssign(name, "+", element(parts, (Var(block),)), free=True)
        counters = tuple(self._fresh("k", _INT) for _ in range(axes))
        index = tuple(map(Var, counters))
        stmt: Stmt = Store(Var(name), index, element(parts, (Var(block), *index)), "+", free=True)
        for counter, length in reversed(list(zip(counters, _lengths(name, self.types), strict=True))):
            stmt = For(counter, Const(0), length, Const(1), (stmt,))
        return stmt

    def _work(self, block: Block, around: For) -> Expr:
        """About how many cycles it takes, from what is known before the loop around it."""
        whole: Expr = Const(sum(_cycles(stmt) for stmt in block))
        for stmt in block:
            if isinstance(stmt, For | If | While):
                inner: Expr = Const(0)
                for one in blocks(stmt):
                    inner = plus(inner, self._work(one, around))
                whole = plus(whole, _product(_trips(stmt, around), inner))
        return whole

    def _fresh(self, wanted: str, kind: Type) -> str:
        return fresh_name(wanted, kind, self.types)


def _trips(stmt: Stmt, around: For) -> Expr:
    """How many times a block of the statement runs, from what is known before the loop around it."""
    if isinstance(stmt, If):
        return Const(1)
    if not isinstance(stmt, For) or stmt.step not in (Const(1), Const(-1)):
        return Const(_UNKNOWN_TRIPS)
    loop = ascending_loop(stmt)
    middle = Op("//", (plus(around.start, around.stop), Const(2)))
    trips = replace_names(minus(loop.stop, loop.start), {around.index: middle})
    changes = names(trips) & defined((around,))
    return Const(_UNKNOWN_TRIPS) if changes or not _is_of_lengths(trips) else trips


def _is_of_lengths(expr: Expr) -> bool:
    return all(op.prim in SHAPE_ARITHMETIC for op in ops(expr))


def _cycles(stmt: Stmt) -> int:
    return 1 + sum(_COSTLY if (cost := operation_cost(op.prim)) is None else cost for e in own_exprs(stmt) for op in ops(e))


def _product(a: Expr, b: Expr) -> Expr:
    match a, b:
        case (Const(int(x)), Const(int(y))):
            return Const(x * y)
        case (Const(0), _) | (_, Const(0)):
            return Const(0)
        case (Const(1), other) | (other, Const(1)):
            return other
    return Op("*", (a, b))


def _lengths(name: str, types: Mapping[str, Type]) -> tuple[Expr, ...]:
    kind = types[name]
    axes = kind.rank if isinstance(kind, Array) else 0
    return tuple(Op("shape", (Var(name),), (("axis", axis),)) for axis in range(axes))


def _zero(kind: Type) -> float | int:
    return 0.0 if isinstance(kind, Scalar) and kind.dtype in FLOATS else 0


def _stored_in(block: Block, parts: Mapping[str, str], at: Expr) -> Block:
    """The block, adding to the parts of one block in place of the arrays."""

    def change(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(array), index) if array in parts:
                return replace(stmt, base=Var(parts[array]), index=(at, *index))
        return with_blocks(stmt, [tuple(map(change, inner)) for inner in blocks(stmt)])

    return tuple(map(change, block))


def _iterations_of(loop: For, trips: Expr, block: Expr, count: Expr) -> tuple[Expr, Expr, Expr]:
    """The range of the iterations of a block."""
    if any(loop.index in names(e) for s in walk(loop.body) if isinstance(s, For) for e in (s.start, s.stop)):
        return plus(loop.start, block), loop.stop, count  # iterations of unequal length: each block has some of all
    first, last = (Op("//", (Op("*", (at, trips)), count)) for at in (block, plus(block, 1)))
    return plus(loop.start, first), plus(loop.start, last), Const(1)

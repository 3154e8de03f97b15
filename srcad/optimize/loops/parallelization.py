"""Parallelisation: outer loops whose iterations may run at once run on threads.

The iterations are divided into blocks, whose number depends on the trip count alone. A block adds to sums of its own,
which are added up in the order of the blocks: so the bits of a result do not depend on the number of threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from srcad.analysis.loops.concurrent_iterations import Concurrency
from srcad.analysis.memory.liveness import Path
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.length_exprs import minus, plus
from srcad.ir.loop_nest import LoopNest, element
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, Function, If, Op, Stmt, Store, Var
from srcad.ir.traversal import (
    defined,
    names,
    rename,
    replace_names,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.loops.concurrent_loops import ConcurrentLoops
from srcad.optimize.loops.work_estimate import product, work
from srcad.optimize.memory.array_contraction import inner_blocks

_BLOCKS = 64
"""At most. More divide the work more evenly, and need more memory for their sums."""
LEAST_WORK = 50_000
"""In cycles, about: below it, one thread is done before the others have begun."""
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
    if (0 < n) and ((n * 24) > 50000):
        # s: a sum for each block, added in their order
        blocks = min(n, 64)
        s_of = np.empty(blocks)
        for block in prange(blocks):
            s_here = 0.0
            for i1 in range((block * n) // blocks, ((block + 1) * n) // blocks, 1):
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

    Where iterations are of unequal length (bounds of an inner loop contain the index), a block has each 64th of them.
    """
    changed = _Parallelization(f)
    body = changed.block(f.body, ())
    if not any(isinstance(stmt, For) and stmt.parallel for stmt in walk(body)):
        return replace(f, body=body, types=changed.types)
    # in the code for threads Numba calls the second value of `y` also `y_2`
    numbered = {name: f"{name}_" for name in sorted(defined(body)) if re.search(r"_\d+$", name)}
    new = {name: fresh_name(wanted, changed.types[name], changed.types) for name, wanted in numbered.items()}
    results = tuple(replace_names(e, {name: Var(other) for name, other in new.items()}) for e in f.results)
    return replace(f, body=rename(body, new), results=results, types=changed.types)


class _Parallelization:
    def __init__(self, f: Function) -> None:
        self.f = f
        self.types: dict[str, Type] = dict(f.types)
        self.loops = ConcurrentLoops(f)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(new for at, stmt in enumerate(block) for new in self._stmt(stmt, (*path, at)))

    def _stmt(self, stmt: Stmt, path: Path) -> Block:
        if isinstance(stmt, For):
            found = self.loops.concurrency(stmt, path)
            if isinstance(found, Concurrency):
                return (self._on_threads(stmt, found),)
        if isinstance(stmt, LoopNest):
            return (stmt,)
        return (with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)]),)

    def _on_threads(self, loop: For, found: Concurrency) -> Stmt:
        """The loop on threads where there is work enough, which depends on lengths alone; else as it was."""
        loop = ascending_loop(loop)
        cycles = work(loop)
        for array in found.arrays:  # each block has one, which is added up
            size: Expr = Const(2 * _BLOCKS)
            for length in _lengths(array, self.types):
                size = product(size, length)
            cycles = minus(cycles, size)
        pays = Op("and", (Op("<", (loop.start, loop.stop)), Op(">", (cycles, Const(LEAST_WORK)))))
        for length in found.lengths:
            pays = Op("and", (pays, Op(">=", (length, Const(0)))))
        return If(pays, self._in_blocks(loop, found), (loop,))

    def _in_blocks(self, loop: For, found: Concurrency) -> Block:
        count, block, added = (self._fresh(name, _INT) for name in ("blocks", "block", "block"))
        sums = (*found.scalars, *found.arrays)
        own = {name: self._fresh(f"{name}_here", self.types[name]) for name in sums}
        new = {name: self._fresh(name, self.types[name]) for name in (*found.own, *found.saved, loop.index)}
        (renamed,) = rename((loop,), {**new, **own})
        assert isinstance(renamed, For)
        parts = {name: self._parts(name) for name in sums}
        trips = minus(loop.stop, loop.start)
        start, stop, step = _iterations_of(loop, trips, Var(block), Var(count))
        inside = (
            *(Assign(new[name], self.loops.allocations[name]) for name in found.saved),
            *(Assign(own[name], self._zero(name)) for name in sums),
            For(renamed.index, start, stop, step, renamed.body),
            *(self._kept(name, parts[name], Var(block), own[name]) for name in sums),
        )
        totals = tuple(self._added(name, parts[name], Var(added)) for name in sums)
        return (
            *_said(found),
            Assign(count, Op("min", (trips, Const(_BLOCKS)))),
            *(Assign(parts[name], self._allocation("np.empty", name, Var(count))) for name in sums),
            For(block, Const(0), Var(count), Const(1), inside, parallel=True),
            *((For(added, Const(0), Var(count), Const(1), totals),) if totals else ()),
        )

    def _parts(self, name: str) -> str:
        """An array with an axis more than the sum has: the sums of all blocks."""
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        dims = kind.dims if isinstance(kind, Array) else ()
        return self._fresh(f"{name}_of", Array(kind.dtype, (dim(Symbol(f"{name}_of", 0)), *dims)))

    def _zero(self, name: str) -> Expr:
        kind = self.types[name]
        if isinstance(kind, Array):
            return self._allocation("np.zeros", name)
        zero = Const(0.0 if kind in (Scalar("float64"), Scalar("float32")) else 0)
        return Op("astype", (zero,), (("dtype", "float32"),)) if kind == Scalar("float32") else zero

    def _allocation(self, prim: str, name: str, *first: Expr) -> Op:
        """A new array with the dtype of the sum, and these axes before its own."""
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        static = () if kind.dtype == "float64" else (("dtype", kind.dtype),)
        return Op(prim, (*first, *_lengths(name, self.types)), static)

    def _kept(self, name: str, part: str, block: Expr, own: str) -> Stmt:
        """The sum of a block is stored with those of the others."""
        return self._nest(name, lambda index: Store(Var(part), (block, *index), _item(own, index)))

    def _added(self, name: str, part: str, block: Expr) -> Stmt:
        """The sum of a block is added to the whole."""
        if not isinstance(self.types[name], Array):
            return AugAssign(name, "+", element(part, (block,)), free=True)
        return self._nest(name, lambda index: Store(Var(name), index, element(part, (block, *index)), "+", free=True))

    def _nest(self, name: str, stmt: Callable[[tuple[Expr, ...]], Stmt]) -> Stmt:
        """A statement for each element of the sum."""
        lengths = _lengths(name, self.types)
        counters = tuple(self._fresh("k", _INT) for _ in lengths)
        made = stmt(tuple(map(Var, counters)))
        for counter, length in reversed(list(zip(counters, lengths, strict=True))):
            made = For(counter, Const(0), length, Const(1), (made,))
        return made

    def _fresh(self, wanted: str, kind: Type) -> str:
        return fresh_name(wanted, kind, self.types)


def _said(found: Concurrency) -> Iterator[Comment]:
    """What the iterations do with memory that others use too."""
    if sums := (*found.scalars, *found.arrays):
        yield Comment(f"{', '.join(map(stem, sums))}: a sum for each block, added in their order")
    if found.saved:
        yield Comment(f"{', '.join(map(stem, found.saved))}: an array for each block")


def _lengths(name: str, types: Mapping[str, Type]) -> tuple[Expr, ...]:
    kind = types[name]
    axes = kind.rank if isinstance(kind, Array) else 0
    return tuple(Op("shape", (Var(name),), (("axis", axis),)) for axis in range(axes))


def _item(name: str, index: tuple[Expr, ...]) -> Expr:
    return element(name, index) if index else Var(name)


def _iterations_of(loop: For, trips: Expr, block: Expr, count: Expr) -> tuple[Expr, Expr, Expr]:
    """The range of the iterations of a block."""
    if any(loop.index in names(e) for s in walk(loop.body) if isinstance(s, For) for e in (s.start, s.stop)):
        return plus(loop.start, block), loop.stop, count  # iterations of unequal length: each block has some of all
    first, last = (Op("//", (Op("*", (at, trips)), count)) for at in (block, plus(block, 1)))
    return plus(loop.start, first), plus(loop.start, last), Const(1)

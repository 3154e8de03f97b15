"""Blocks of iterations: a loop whose iterations may run at once as a loop over blocks of them, which runs on threads.

How many blocks there are depends on lengths alone. A block adds to sums of its own, which are added up in the order of
the blocks: so the bits of a result do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from srcad.analysis.loops.concurrent_iterations import Concurrency
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.length_exprs import minus, plus
from srcad.ir.loop_nest import element
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.runtime_checks import check, negated
from srcad.ir.traversal import names, ops, own_exprs, rename, walk
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.loops.work_estimate import is_enough, product, work
from srcad.typing.typeof import typeof

BLOCKS = 64
"""At most. More divide the work more evenly, and need more memory for their sums."""
CYCLES_OF_SUM = 50
"""About the cycles that an element of an array of sums may cost a block, to be set to zero, used and added up, times
how often the work must exceed that."""
_INT = Scalar("int64")


def in_blocks(
    loop: For, found: Concurrency, filled: Mapping[str, str], types: dict[str, Type], ended: str = ""
) -> Block:
    """The loop over blocks, and what adds up their sums. `types` gets the new names.

    `filled` names what allocates the arrays of which each block has its own. `ended` is the variable that says later
    whether all iterations of a loop that may raise errors have ended; if not, all is as it was before.
    """
    return _Blocks(types).of(ascending_loop(loop), found, filled, ended)


def work_of_sums(found: Concurrency, types: Mapping[str, Type], blocks: int) -> Expr:
    """The least work for which so many blocks may have arrays of sums."""
    total: Expr = Const(0)
    for array in found.arrays:
        total = plus(total, _size(array, types, blocks * CYCLES_OF_SUM))
    return total


class _Blocks:
    def __init__(self, types: dict[str, Type]) -> None:
        self.types = types

    def of(self, loop: For, found: Concurrency, filled: Mapping[str, str], ended: str) -> Block:
        count, block, added = (self._fresh(name, _INT) for name in ("blocks", "block", "block"))
        sums = (*found.scalars, *found.arrays)
        own = {name: self._fresh(f"{name}_here", self.types[name]) for name in sums}
        new = {name: self._fresh(name, self.types[name]) for name in (*found.own, *found.private, loop.index)}
        (renamed,) = rename((loop,), {**new, **own})
        assert isinstance(renamed, For)
        parts = {name: self._parts(name) for name in sums}
        trips = minus(loop.stop, loop.start)
        start, stop, step = _iterations_of(loop, trips, Var(block), Var(count))
        inside = (
            *(Assign(new[name], self._allocation(filled[name], name)) for name in found.private),
            *(stmt for name in sums for stmt in self._begun(name, own[name], parts[name], Var(block))),
            For(renamed.index, start, stop, step, renamed.body),
            *(Store(Var(parts[name]), (Var(block),), Var(own[name])) for name in found.scalars),
        )
        number = Op("min", (trips, Const(BLOCKS)))
        if found.arrays:
            number = Op(
                "min",
                (number, plus(Op("//", (work(loop, self.types), plus(work_of_sums(found, self.types, 1), 1))), 1)),
            )
        over_blocks = For(block, Const(0), Var(count), Const(1), inside, parallel=True)
        totals = tuple(self._added_up(found, parts, added, Var(count)))
        return (
            *_said(found),
            Assign(count, number),
            *(Assign(parts[name], self._allocation("np.empty", name, Var(count))) for name in sums),
            *(
                self._tried(over_blocks, totals, found.changed, added, ended)
                if ended
                else self._run(over_blocks, added)
            ),
            *(() if ended else totals),
        )

    def _run(self, loop: For, counter: str) -> Block:
        """The loop over blocks; where one allocates, and has no memory for that, Numba loses the error."""
        if not any(map(self._allocates, walk(loop.body))):
            return (loop,)
        done, noted = self._noted(loop)
        asked = check(element(done, (Var(counter),)), "MemoryError", ("a thread has no memory for its arrays",))
        return (*noted, For(counter, Const(0), loop.stop, Const(1), (asked,)))

    def _tried(self, loop: For, totals: Block, changed: tuple[str, ...], counter: str, ended: str) -> Block:
        """The loop over blocks, and the totals if all have ended; else the arrays that it has changed as they were."""
        before = {name: self._fresh(f"{name}_before", self.types[name]) for name in changed}
        done, noted = self._noted(loop)
        fails = If(negated(element(done, (Var(counter),))), (Assign(ended, Const(False)),), ())
        restored = tuple(Store(Var(name), (), Var(kept)) for name, kept in before.items())
        return (
            *(Assign(kept, Op("copy", (Var(name),))) for name, kept in before.items()),
            *noted,
            Assign(ended, Const(True)),
            For(counter, Const(0), loop.stop, Const(1), (fails,)),
            *((If(Var(ended), totals, restored),) if totals or restored else ()),
        )

    def _noted(self, loop: For) -> tuple[str, Block]:
        """The loop over blocks, and an array in which each notes that it has ended."""
        done = self._fresh("done", Array("bool", (dim(Symbol("done", 0)),)))
        ended = Store(Var(done), (Var(loop.index),), Const(True))
        return done, (
            Assign(done, Op("np.zeros", (loop.stop,), (("dtype", "bool"),))),
            For(loop.index, loop.start, loop.stop, loop.step, (*loop.body, ended), parallel=True),
        )

    def _allocates(self, stmt: Stmt) -> bool:
        made = (op for expr in own_exprs(stmt) for op in ops(expr) if root(op) is None)
        return any(isinstance(typeof(op, self.types), Array) for op in made)

    def _added_up(self, found: Concurrency, parts: Mapping[str, str], counter: str, count: Expr) -> Iterator[Stmt]:
        """The sums of all blocks are added in their order; of large arrays each thread has some rows."""

        def over_blocks(*stmts: Stmt) -> Stmt:
            return For(counter, Const(0), count, Const(1), stmts)

        block = Var(counter)
        if found.scalars:
            yield over_blocks(
                *(AugAssign(name, "+", element(parts[name], (block,)), free=True) for name in found.scalars)
            )
        if found.arrays:
            share = self._fresh("share", _INT)
            whole = [self._added(name, parts[name], block, lambda rows: (Const(0), rows)) for name in found.arrays]
            some = [
                self._added(name, parts[name], block, lambda rows: _range_of(rows, Var(share), count))
                for name in found.arrays
            ]
            elements: Expr = Const(0)
            for name in found.arrays:
                elements = plus(elements, _size(name, self.types))
            yield If(
                is_enough(product(count, elements)),
                (For(share, Const(0), count, Const(1), (over_blocks(*some),), parallel=True),),
                (over_blocks(*whole),),
            )

    def _parts(self, name: str) -> str:
        """An array with an axis more than the sum has: the sums of all blocks."""
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        dims = kind.dims if isinstance(kind, Array) else ()
        return self._fresh(f"{name}_of", Array(kind.dtype, (dim(Symbol(f"{name}_of", 0)), *dims)))

    def _begun(self, name: str, own: str, part: str, block: Expr) -> Block:
        """The sum of a block is zero; if it is an array, it is a part of that of all blocks."""
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        zero: Expr = Const(0.0 if kind.dtype.startswith("float") else 0)
        if isinstance(kind, Array):
            return Assign(own, Op("index", (Var(part), block))), Store(Var(own), (), zero)
        return (Assign(own, Op("astype", (zero,), (("dtype", "float32"),)) if kind == Scalar("float32") else zero),)

    def _allocation(self, prim: str, name: str, *first: Expr) -> Op:
        """A new array with the dtype of this value, and these axes before its own."""
        kind = self.types[name]
        assert isinstance(kind, Scalar | Array)
        static = () if kind.dtype == "float64" else (("dtype", kind.dtype),)
        return Op(prim, (*first, *_lengths(name, self.types)), static)

    def _added(self, name: str, part: str, block: Expr, rows: Callable[[Expr], tuple[Expr, Expr]]) -> Stmt:
        """Some rows of the sum of a block are added to the whole."""
        lengths = _lengths(name, self.types)
        counters = tuple(self._fresh("k", _INT) for _ in lengths)
        index = tuple(map(Var, counters))
        made: Stmt = Store(Var(name), index, element(part, (block, *index)), "+", free=True)
        for counter, length in reversed(list(zip(counters[1:], lengths[1:], strict=True))):
            made = For(counter, Const(0), length, Const(1), (made,))
        return For(counters[0], *rows(lengths[0]), Const(1), (made,))

    def _fresh(self, wanted: str, kind: Type) -> str:
        return fresh_name(wanted, kind, self.types)


def _said(found: Concurrency) -> Iterator[Comment]:
    """What the iterations do with memory that others use too."""
    if sums := (*found.scalars, *found.arrays):
        yield Comment(f"{', '.join(map(stem, sums))}: a sum for each block, added in their order")
    if found.private:
        yield Comment(f"{', '.join(map(stem, found.private))}: an array for each block")


def _size(name: str, types: Mapping[str, Type], times: int = 1) -> Expr:
    """How many elements the array has, so many times."""
    size: Expr = Const(times)
    for length in _lengths(name, types):
        size = product(size, length)
    return size


def _lengths(name: str, types: Mapping[str, Type]) -> tuple[Expr, ...]:
    kind = types[name]
    axes = kind.rank if isinstance(kind, Array) else 0
    return tuple(Op("shape", (Var(name),), (("axis", axis),)) for axis in range(axes))


def _iterations_of(loop: For, trips: Expr, block: Expr, count: Expr) -> tuple[Expr, Expr, Expr]:
    """The range of the iterations of a block."""
    if any(loop.index in names(e) for s in walk(loop.body) if isinstance(s, For) for e in (s.start, s.stop)):
        return plus(loop.start, block), loop.stop, count  # iterations of unequal length: each block has some of all
    first, last = _range_of(trips, block, count)
    return plus(loop.start, first), plus(loop.start, last), Const(1)


def _range_of(length: Expr, block: Expr, count: Expr) -> tuple[Expr, Expr]:
    """Where one of so many equal ranges begins, and where it ends."""
    first, last = (Op("//", (Op("*", (at, length)), count)) for at in (block, plus(block, 1)))
    return first, last

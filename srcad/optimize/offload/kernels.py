"""Kernels: a parallel nest whose iterations are divided among threads, and statements that one thread runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from srcad.analysis.loops.concurrent_iterations import Concurrency
from srcad.backend.cuda.device_program import (
    BLOCK_SUM,
    BLOCKS_OF,
    FEWER_BLOCKS_OF,
    SUMS_OF,
    THREADS_IN,
    TO_HOST,
    Kernel,
    launch,
)
from srcad.ir.length_exprs import minus, plus
from srcad.ir.loop_nest import element
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    Function,
    Op,
    Param,
    Stmt,
    Store,
    Var,
)
from srcad.ir.traversal import defined, names, own_exprs, rename, walk
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.loops.work_estimate import product
from srcad.optimize.offload.added_elements import atomic, to_parts
from srcad.optimize.offload.definite_assignment import exposed, surely_assigned
from srcad.optimize.offload.device_statements import for_device
from srcad.optimize.offload.stored_errors import with_stored_errors
from srcad.optimize.offload.thread_arrays import allocations_in, with_thread_arrays
from srcad.rules.kernels import GRID, GRID_SIZE

_INT = Scalar("int64")
_ALONG = (("axis", 0), ("ndim", 1))
_THREAD, _THREADS = Op(GRID, (), _ALONG), Op(GRID_SIZE, (), _ALONG)


@dataclass(frozen=True)
class Launched:
    """A kernel, and what the host does with it."""

    kernel: Kernel
    before: Block
    """It allocates, and launches."""
    sets: frozenset[str]
    """The names that `after` assigns."""
    after: Block
    """It waits, and reads what the kernel has computed of scalars, before it needs them."""


class Kernels:
    """Makes the kernels of a function. `types` are those of the function, which new names are added to."""

    def __init__(self, types: dict[str, Type], deterministic: bool) -> None:
        self._types = types
        self._deterministic = deterministic

    def of_nest(self, levels: Sequence[For], found: Concurrency, private: Mapping[str, Op]) -> tuple[Launched, ...]:
        """The kernels of a perfect nest of loops, outermost first; none where a thread cannot have arrays of its own.

        `private` are the arrays of before the nest of which each iteration has its own, with their allocations. Where
        the order of sums is to be the same in equal calls, each thread adds to arrays of its own, which a second kernel
        adds up.
        """
        inside = allocations_in(levels[-1].body, self._types)
        if inside is None:
            return ()
        thread = self._fresh("thread", _INT)
        own = with_thread_arrays(levels[-1].body, {**inside, **private}, thread, self._types)
        if own is None or any(names(arg) & defined((levels[0],)) for _, made in own.shared for arg in made.args):
            return ()
        trips, index, decoded = self._iterations(levels)
        blocks: Expr = Op(BLOCKS_OF, (trips,))
        parts: dict[str, str] = {}
        if self._deterministic and found.arrays:
            parts = {name: self._of_threads(name) for name in found.arrays}
            size: Expr = Const(0)
            for name in found.arrays:
                size = plus(size, Op("size", (Var(name),)))
            blocks = Op(FEWER_BLOCKS_OF, (trips, size))
        counted: Block = ()
        if own.shared or parts or found.scalars:
            count = self._fresh("blocks", _INT)
            counted, blocks = (Assign(count, blocks),), Var(count)
        here = {name: self._fresh(f"{stem(name)}_here", self._types[name]) for name in found.scalars}
        body = to_parts(own.body, parts, thread) if parts else atomic(own.body, frozenset(found.arrays))
        body, checks = with_stored_errors(rename(body, here), self._types)
        sums = self._sums(found.scalars, here, blocks)
        start: Expr = _THREAD
        setup: list[Stmt] = []
        if own.shared or parts:
            setup.append(Assign(thread, start))
            start = Var(thread)
        setup += [self._cleared(name, thread) for name in parts.values()]
        setup += [self._cleared(name, thread if name in dict(own.shared) else None) for name in own.zeros]
        first, stop = (plus(levels[0].start, start), levels[0].stop) if len(levels) == 1 else (start, trips)
        inner = (
            *own.local,
            *setup,
            *(Assign(here[name], self._zero(name)) for name in found.scalars),
            For(index, first, stop, _THREADS, (*decoded, *body)),
            *sums.kept,
        )
        name = self._name(body, (*found.arrays, *found.scalars), defined((levels[0],)) | {*parts.values()})
        kernel, args = self._kernel(name, inner, _notes(found, bool(parts)))
        of_all = (*own.shared, *((new, _like(name, self._types)) for name, new in parts.items()))
        arrays = tuple(
            Assign(new, Op("np.empty", (*map(_nonnegative, made.args), Op(THREADS_IN, (blocks,))), made.static))
            for new, made in of_all
        )
        launched: Block = (*counted, *arrays, *sums.made, launch(name, blocks, args))
        if checks is not None:
            launched = (checks.allocated, *launched, *checks.raised(self._types, launch(name, None, args)))
        done = Launched(kernel, launched, frozenset(found.scalars), sums.read)
        return (done, *(total for name, new in parts.items() for total in self._added_up(name, new)))

    def _of_threads(self, name: str) -> str:
        """An array with an axis more, the last: the sums of all threads."""
        kind = self._types[name]
        assert isinstance(kind, Array)
        return self._fresh(f"{stem(name)}_of", Array(kind.dtype, (*kind.dims, dim(Symbol("threads", None)))))

    def _cleared(self, name: str, thread: str | None) -> Stmt:
        """The part of a thread is set to zero; in local memory, the whole."""
        if thread is None:
            return self._nest(name, lambda at: Store(Var(name), at, self._zero(name)), 0)
        return self._nest(name, lambda at: Store(Var(name), (*at, Var(thread)), self._zero(name)))

    def _added_up(self, name: str, parts: str) -> tuple[Launched, ...]:
        """A kernel that adds the sums of all threads to the array, element by element."""
        kind = self._types[parts]
        assert isinstance(kind, Array)
        of = self._fresh("of", _INT)
        every = Op("shape", (Var(parts),), (("axis", kind.rank - 1),))

        def added(at: tuple[Expr, ...]) -> Stmt:
            add = Store(Var(name), at, element(parts, (*at, Var(of))), "+")
            return For(of, Const(0), every, Const(1), (add,))

        levels = [self._nest(parts, added)]
        while len(levels) < kind.rank - 1 and isinstance(inner := levels[-1].body[0], For):
            levels.append(inner)
        return self.of_nest(levels, Concurrency((), (), (), ()), {})

    def _nest(self, name: str, stmt: Callable[[tuple[Expr, ...]], Stmt], but: int = 1) -> For:
        """A statement for each element of an array but for so many axes at the end."""
        kind = self._types[name]
        assert isinstance(kind, Array)
        counters = [self._fresh("k", _INT) for _ in range(kind.rank - but)]
        made = stmt(tuple(map(Var, counters)))
        for axis, counter in reversed(list(enumerate(counters))):
            made = For(counter, Const(0), Op("shape", (Var(name),), (("axis", axis),)), Const(1), (made,))
        assert isinstance(made, For)
        return made

    def of_block(self, block: Block, live: frozenset[str]) -> Launched:
        """A kernel of one thread; `live` are the names that what follows may read."""
        out = sorted(defined(block) & live)
        given = ({*out} - surely_assigned(block)) | (exposed(block) & defined(block))
        body, checks = with_stored_errors(block, self._types)
        kept: list[Stmt] = []
        made: list[Stmt] = []
        read: list[Stmt] = []
        for dtype in sorted({self._dtype(name) for name in out}):
            of_dtype = [name for name in out if self._dtype(name) == dtype]
            kind = Array(dtype, (dim(len(of_dtype)),))
            values, found = self._fresh("values", kind), self._fresh("found", kind)
            made.append(Assign(values, _empty(dtype, (Const(len(of_dtype)),))))
            read.append(Assign(found, Op(TO_HOST, (Var(values),))))
            for row, one in enumerate(of_dtype):
                kept.append(Store(Var(values), (Const(row),), Var(one)))
                read.append(Assign(one, element(found, (Const(row),))))
        name = self._name(block, out, defined(block))
        kernel, args = self._kernel(name, (*body, *kept), ["one thread"], given)
        launched: Block = (*made, launch(name, None, args))
        if checks is not None:
            launched = (checks.allocated, *launched, *checks.raised(self._types))
        return Launched(kernel, launched, frozenset(out), tuple(read))

    # ---- parts of kernels ----------------------------------------------------------------------

    def _iterations(self, levels: Sequence[For]) -> tuple[Expr, str, Block]:
        """How many iterations there are, the index that counts them, and the indices of the loops, computed from it."""
        if len(levels) == 1:
            return minus(levels[0].stop, levels[0].start), levels[0].index, ()
        extents = [_nonnegative(minus(loop.stop, loop.start)) for loop in levels]
        at = self._fresh("at", _INT)
        decoded: list[Stmt] = []
        for level, loop in enumerate(levels):
            below: Expr = Const(1)
            for extent in extents[level + 1 :]:
                below = product(below, extent)
            index: Expr = Var(at) if below == Const(1) else Op("//", (Var(at), below))
            if level:
                index = Op("%", (index, extents[level]))
            decoded.append(Assign(loop.index, plus(loop.start, index) if loop.start != Const(0) else index))
        trips: Expr = Const(1)
        for extent in extents:
            trips = product(trips, extent)
        return trips, at, tuple(decoded)

    @dataclass(frozen=True)
    class _Sums:
        made: Block
        kept: Block
        read: Block

    def _sums(self, scalars: Sequence[str], here: dict[str, str], blocks: Expr) -> _Sums:
        made: list[Stmt] = []
        kept: list[Stmt] = []
        read: list[Stmt] = []
        for dtype in sorted({self._dtype(name) for name in scalars}):
            rows = [name for name in scalars if self._dtype(name) == dtype]
            parts = self._fresh("parts", Array(dtype, (dim(len(rows)), dim(Symbol("blocks", None)))))
            sums = self._fresh("sums", Array(dtype, (dim(len(rows)),)))
            made.append(Assign(parts, _empty(dtype, (Const(len(rows)), blocks))))
            read.append(Assign(sums, Op(SUMS_OF, (Var(parts),))))
            for row, name in enumerate(rows):
                kept.append(Effect(Op(f"{BLOCK_SUM}_{dtype}", (Var(here[name]), Var(parts), Const(row)))))
                read.append(AugAssign(name, "+", element(sums, (Const(row),))))
        return self._Sums(tuple(made), tuple(kept), tuple(read))

    def _kernel(
        self, name: str, body: Block, notes: Sequence[str], given: Iterable[str] = ()
    ) -> tuple[Kernel, list[str]]:
        """The kernel, and its parameters: what it reads and does not define."""
        own = defined(body) - {*given}
        order: dict[str, None] = dict.fromkeys(sorted(given))
        for stmt in walk(body):
            read = own_exprs(stmt)
            for one in (n for e in read for n in sorted(names(e))):
                if one not in own or one in given:
                    order.setdefault(one)
        function = Function(name, tuple(Param(n, n) for n in order), for_device(body), (), self._types)
        return Kernel(function, tuple(notes)), list(order)

    def _zero(self, name: str) -> Expr:
        kind = self._types[name]
        assert isinstance(kind, Scalar | Array)
        if kind.dtype in ("float64", "int64"):
            return Const(0.0 if kind.dtype == "float64" else 0)
        return Op("astype", (Const(0),), (("dtype", kind.dtype),))

    def _name(self, body: Block, sums: Sequence[str], own: frozenset[str]) -> str:
        stored = [s.base.name for s in walk(body) if isinstance(s, Store) and isinstance(s.base, Var)]
        of = next((n for n in stored if n not in own and not n.startswith("error")), None) or next(iter(sums), "checks")
        return self._fresh(f"{stem(of)}_kernel", Scalar("int64"))

    def _dtype(self, name: str) -> str:
        kind = self._types[name]
        assert isinstance(kind, Scalar)
        return kind.dtype

    def _fresh(self, wanted: str, kind: Type) -> str:
        return fresh_name(wanted, kind, self._types)


def _empty(dtype: str, lengths: tuple[Expr, ...]) -> Op:
    return Op("np.empty", lengths, () if dtype == "float64" else (("dtype", dtype),))


def _nonnegative(extent: Expr) -> Expr:
    match extent:
        case Const(int(value)) if value >= 0:
            return extent
        case Op("shape" | "len" | "size" | "max"):
            return extent
    return Op("max", (extent, Const(0)))


def _notes(found: Concurrency, parts: bool) -> list[str]:
    notes = [f"{', '.join(map(stem, found.scalars))}: a sum for each block"] if found.scalars else []
    if found.arrays:
        how = "a sum for each thread" if parts else "threads add to one element, in any order (atomic)"
        notes.append(f"{', '.join(map(stem, found.arrays))}: {how}")
    return notes


def lengths_of(name: str, types: Mapping[str, Type]) -> tuple[Expr, ...]:
    kind = types[name]
    assert isinstance(kind, Array)
    return tuple(Op("shape", (Var(name),), (("axis", axis),)) for axis in range(kind.rank))


def _like(name: str, types: Mapping[str, Type]) -> Op:
    kind = types[name]
    assert isinstance(kind, Array)
    return _empty(kind.dtype, lengths_of(name, types))

"""What adds to several neighbours of an element does so in one loop for each neighbour.

The adjoint of a stencil adds each value to shifted places: `d_u[i - 1] += v; d_u[i + 1] += v`. In one loop, each turn
reads what the turn before it has written, and no two turns can be done at once. With a loop for each shift, the turns
of every loop are independent, and the compiler does four or eight of them at a time.

A gather (`d_u[i] += v[i - 1] + v[i + 1]`) is faster still, but needs the borders written out, where some of the terms
are missing, and care with arrays shorter than the stencil. Here every statement keeps its index, and every loop its
turns; what is compiled becomes a gather (`optimize/stencils/scatter_to_gather`), which nobody has to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from srcad.analysis.loops.parallel_loops import (
    MayAlias,
    affine_indices,
    is_injective_index,
    is_parallel,
    is_reduction_array,
    memory_reads,
)
from srcad.analysis.memory.flow_sensitive_aliases import AliasPairs, aliases_at_loops
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.analysis.values.duplication_cost import is_cheap_to_duplicate, is_short_loop
from srcad.analysis.values.effects import is_pure
from srcad.ir.length_exprs import plus
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.traversal import defined, names, ops, own_writes, replace_names, with_blocks
from srcad.ir.types import FLOATS, Array, Scalar, Type


def split_stencil_loops(
    block: Block, types: Mapping[str, Type], live_out: Iterable[str] = (), params: Iterable[str] = (), start: int = 0
) -> Block:
    """Give each shift of an adjoint a loop of its own, from the statement at `start` on.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Dim
    >>> types = dict.fromkeys(("d_u", "d_v"), Array("float64", (Dim((), 99),)))
    >>> types |= {"d_t": Scalar("float64"), "n": Scalar("int64"), "i": Scalar("int64")}
    >>> print(show(split_stencil_loops(parse('''
    ... for i in range(n - 2, 0, -1):
    ...     d_t = 0.5 * d_v[i]
    ...     d_u[i - 1] += d_t
    ...     d_u[i + 1] -= d_t
    ...     d_u[i] += d_t
    ...     d_v[i] = 0.0
    ... '''), types)))
    for i in range(1, n - 1, 1):
        d_u[i - 1] += 0.5 * d_v[i]
    for i in range(1, n - 1, 1):
        d_u[i + 1] -= 0.5 * d_v[i]
    for i in range(1, n - 1, 1):
        d_t = 0.5 * d_v[i]
        d_u[i] += d_t
        d_v[i] = 0.0

    A value moves where it is the same before all turns as in its own, and where nothing else in the loop sees what it
    is added to. Changes the order of additions, so results may differ in the last bits.
    """
    found = _Shifts(block, types, frozenset(live_out), frozenset(params))
    return block[:start] + tuple(s for i in range(start, len(block)) for s in found.stmt(block[i], (i,)))


@dataclass(frozen=True)
class _Term:
    """An addition to an element, with the temporaries of the turn put back into its value."""

    at: int
    store: Store
    free: bool
    """Whether it may have a loop of its own."""


class _Shifts:
    def __init__(
        self, block: Block, types: Mapping[str, Type], live_out: frozenset[str], params: frozenset[str]
    ) -> None:
        self.whole = block
        self.types = types
        self.live_out = live_out
        self.params = params

    @cached_property
    def held(self) -> Mapping[Path, AliasPairs]:
        return aliases_at_loops(self.whole, self.types, self.params)

    @cached_property
    def live(self) -> Liveness:
        return liveness(self.whole, self.types, self.live_out, self.params, all_stays=True)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(s for i, stmt in enumerate(block) for s in self.stmt(stmt, (*path, i)))

    def stmt(self, stmt: Stmt, path: Path) -> Block:
        match stmt:
            case If(then=then, orelse=orelse):
                return (with_blocks(stmt, [self.block(then, (*path, "then")), self.block(orelse, (*path, "orelse"))]),)
            case For(body=body):
                body = self.block(body, (*path, "body"))
                if body != stmt.body:
                    return (self._up(replace(stmt, body=body), path),)
                return self._split(stmt, path)
            case _:
                return (stmt,)

    def _meet(self, path: Path) -> MayAlias:
        pairs = self.held[path]
        return lambda a, b: a == b or (a, b) in pairs or (b, a) in pairs

    def _split(self, loop: For, path: Path) -> Block:
        if sum(self._is_shifted(s, loop) for s in loop.body) < 2:
            return (loop,)
        meet = self._meet(path)
        terms = self._terms(loop, meet) if self._may_repeat(loop, meet) else []
        moved = _moved(loop, terms)
        gone = {term.at for group in moved for term in group}
        if not gone:
            return (loop,)
        own = tuple(replace(ascending_loop(loop), body=tuple(term.store for term in group)) for group in moved)
        rest = replace(loop, body=tuple(s for i, s in enumerate(loop.body) if i not in gone))
        return (*own, self._up(rest, path))

    def _up(self, loop: For, path: Path) -> For:
        """The loop from its least index up, where the order of its turns does not matter."""
        if loop.step != Const(-1) or defined((loop,)) & self.live.live_after((*path, "head")):
            return loop
        return ascending_loop(loop) if is_parallel(loop, self.types, self._meet(path)) else loop

    def _may_repeat(self, loop: For, meet: MayAlias) -> bool:
        """Whether all turns may be run through several times: there are many of them, and they stay the same."""
        if loop.exit is not None or loop.carried or loop.step not in (Const(1), Const(-1)) or is_short_loop(loop):
            return False
        for stmt in loop.body:
            match stmt:
                case Assign(target) | AugAssign(target) if isinstance(self.types.get(target), Scalar):
                    if target == loop.index:
                        return False
                case Store(Var()) | Comment():
                    pass
                case _:
                    return False
        stored = {s.base.name for s in loop.body if isinstance(s, Store) and isinstance(s.base, Var)}
        written = defined((loop,))
        for bound in (loop.start, loop.stop):
            read = memory_reads(bound, self.types)
            if not is_pure(bound) or names(bound) & written or any(meet(a, b) for a in read for b in stored):
                return False
        return True

    def _terms(self, loop: For, meet: MayAlias) -> list[_Term]:
        """The additions to elements whose last index runs along with the loop."""
        found = []
        for at, stmt in enumerate(loop.body):
            if isinstance(stmt, Store) and self._is_shifted(stmt, loop):
                assert isinstance(stmt.base, Var)
                if is_reduction_array(stmt.base.name, loop.body, self.types, meet):
                    found.append(self._term(at, stmt, loop, meet))
        return found

    def _is_shifted(self, stmt: Stmt, loop: For) -> bool:
        if not isinstance(stmt, Store) or stmt.op not in ("+", "-") or not stmt.index or not isinstance(stmt.base, Var):
            return False
        known = self.types.get(stmt.base.name)
        if not isinstance(known, Array) or known.dtype not in FLOATS or known.layout != "C":
            return False
        *outer, last = stmt.index
        fixed = not any(names(item) & defined((loop,)) for item in outer)
        numbers = all(isinstance(self.types.get(n), Scalar) for item in outer for n in names(item))
        return len(stmt.index) == known.rank and fixed and numbers and affine_indices(last, loop.index) is not None

    def _term(self, at: int, stmt: Store, loop: For, meet: MayAlias) -> _Term:
        writes = Counter(n for s in loop.body for n in own_writes(s))
        value, free = stmt.value, self._is_early(stmt.value, at, loop, meet)
        for i in range(at - 1, -1, -1):
            made = loop.body[i]
            if isinstance(made, Assign) and made.target in names(value) and writes[made.target] == 1:
                value = replace_names(value, {made.target: made.value})
                free = free and self._is_early(made.value, i, loop, meet)
        free = free and not names(value) & writes.keys() and is_cheap_to_duplicate(value)
        return _Term(at, replace(stmt, value=value), free)

    def _is_early(self, value: Expr, at: int, loop: For, meet: MayAlias) -> bool:
        """Whether the memory that is read at `at` is before all turns what it is in each: no turn before stores to it.

        A store to the very element is one: later in the same turn, and no other turn has to do with that element.
        """
        for element in ops(value):
            if element.prim != "index":
                continue
            array, *items = element.args
            if not isinstance(array, Var):
                return False
            for i, store in enumerate(loop.body):
                if isinstance(store, Store) and isinstance(store.base, Var) and meet(array.name, store.base.name):
                    same = store.base == array and store.index == tuple(items)
                    if not same or i <= at or not any(is_injective_index(item, loop) for item in items):
                        return False
        return True


def _moved(loop: For, terms: list[_Term]) -> list[list[_Term]]:
    """The terms that get loops of their own, one for each place that they add to."""
    arrays: dict[str, dict[tuple[Expr, ...], list[_Term]]] = {}
    for term in terms:
        assert isinstance(term.store.base, Var)
        arrays.setdefault(term.store.base.name, {}).setdefault(term.store.index, []).append(term)
    adds_up = any(isinstance(s, AugAssign) for s in loop.body)
    moved: list[list[_Term]] = []
    for array, groups in arrays.items():
        every = sum(isinstance(s, Store) and s.base == Var(array) for s in loop.body)
        fixed = [group for group in groups.values() if not all(term.free for term in group)]
        if len(groups) < 2 or len(fixed) > 1 or sum(map(len, groups.values())) < every:
            continue
        stays = fixed[0] if fixed else None
        if stays is None and not adds_up:
            # beside the rest of the loop, one of them is in nobody's way
            stays = min(groups.values(), key=lambda group: _distance(group[0], loop.index))
        moved += [group for group in groups.values() if group is not stays]
    return moved


def _distance(term: _Term, index: str) -> tuple[bool, int]:
    """Small for the place where the loop itself is."""
    *outer, last = term.store.index
    return last != Var(index), sum(isinstance(item, Op) for item in outer)


def ascending_loop(loop: For) -> For:
    """The same turns, from the least index to the greatest."""
    if loop.step == Const(1):
        return loop
    return replace(loop, start=plus(loop.stop, 1), stop=plus(loop.start, 1), step=Const(1))

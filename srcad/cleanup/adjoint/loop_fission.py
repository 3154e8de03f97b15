"""Loop fission for adjoints of stencils: one loop for each shifted element that is accumulated into.

The adjoint of a stencil scatters each value to shifted elements: `d_u[i - 1] += v; d_u[i + 1] += v`. In one loop, each
iteration reads what the iteration before it wrote (a loop-carried dependence). With a loop for each shift, the
iterations of every loop are independent, and LLVM vectorises it.

A gather (`d_u[i] += v[i - 1] + v[i + 1]`) is faster still, but needs code for the borders, where some of the terms
are missing, and for arrays shorter than the stencil. Here every statement keeps its index, and every loop its
iteration space; the compiled text becomes a gather (`optimize/stencils/scatter_to_gather`).
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
    """Distribute loops that accumulate into several shifts of an adjoint, from the statement at `start` on.

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

    A term moves out where its value is the same before the loop as in its own iteration, and where nothing else in the
    loop reads the target. Changes the order of additions, so results may differ in the last bits.
    """
    found = _StencilFission(block, types, frozenset(live_out), frozenset(params))
    return block[:start] + tuple(s for i in range(start, len(block)) for s in found.stmt(block[i], (i,)))


@dataclass(frozen=True)
class _Term:
    """An accumulation into an element, with the temporaries of the iteration substituted into its value."""

    at: int
    store: Store
    movable: bool
    """Whether it may be moved into a loop of its own."""


class _StencilFission:
    def __init__(
        self, block: Block, types: Mapping[str, Type], live_out: frozenset[str], params: frozenset[str]
    ) -> None:
        self.program = block
        self.types = types
        self.live_out = live_out
        self.params = params

    @cached_property
    def alias_pairs(self) -> Mapping[Path, AliasPairs]:
        return aliases_at_loops(self.program, self.types, self.params)

    @cached_property
    def live(self) -> Liveness:
        return liveness(self.program, self.types, self.live_out, self.params, all_stays=True)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(s for i, stmt in enumerate(block) for s in self.stmt(stmt, (*path, i)))

    def stmt(self, stmt: Stmt, path: Path) -> Block:
        match stmt:
            case If(then=then, orelse=orelse):
                return (with_blocks(stmt, [self.block(then, (*path, "then")), self.block(orelse, (*path, "orelse"))]),)
            case For(body=body):
                body = self.block(body, (*path, "body"))
                if body != stmt.body:
                    return (self._ascending(replace(stmt, body=body), path),)
                return self._split(stmt, path)
            case _:
                return (stmt,)

    def _may_alias(self, path: Path) -> MayAlias:
        pairs = self.alias_pairs[path]
        return lambda a, b: a == b or (a, b) in pairs or (b, a) in pairs

    def _split(self, loop: For, path: Path) -> Block:
        if sum(self._is_shifted(s, loop) for s in loop.body) < 2:
            return (loop,)
        may_alias = self._may_alias(path)
        terms = self._terms(loop, may_alias) if self._is_distributable(loop, may_alias) else []
        moved = _moved(loop, terms)
        removed = {term.at for group in moved for term in group}
        if not removed:
            return (loop,)
        split_off = tuple(replace(ascending_loop(loop), body=tuple(term.store for term in group)) for group in moved)
        remaining = replace(loop, body=tuple(s for i, s in enumerate(loop.body) if i not in removed))
        return (*split_off, self._ascending(remaining, path))

    def _ascending(self, loop: For, path: Path) -> For:
        """The loop in ascending order of its index, where its iterations are independent."""
        if loop.step != Const(-1) or defined((loop,)) & self.live.live_after((*path, "head")):
            return loop
        return ascending_loop(loop) if is_parallel(loop, self.types, self._may_alias(path)) else loop

    def _is_distributable(self, loop: For, may_alias: MayAlias) -> bool:
        """Whether the loop may be distributed: simple statements, invariant bounds, and not a short trip count."""
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
            if not is_pure(bound) or names(bound) & written or any(may_alias(a, b) for a in read for b in stored):
                return False
        return True

    def _terms(self, loop: For, may_alias: MayAlias) -> list[_Term]:
        """The accumulations into elements whose last index is affine in the index of the loop."""
        found = []
        for at, stmt in enumerate(loop.body):
            if isinstance(stmt, Store) and self._is_shifted(stmt, loop):
                assert isinstance(stmt.base, Var)
                if is_reduction_array(stmt.base.name, loop.body, self.types, may_alias):
                    found.append(self._term(at, stmt, loop, may_alias))
        return found

    def _is_shifted(self, stmt: Stmt, loop: For) -> bool:
        if not isinstance(stmt, Store) or stmt.op not in ("+", "-") or not stmt.index or not isinstance(stmt.base, Var):
            return False
        known = self.types.get(stmt.base.name)
        if not isinstance(known, Array) or known.dtype not in FLOATS or known.layout != "C":
            return False
        *outer, last = stmt.index
        fixed = not any(names(item) & defined((loop,)) for item in outer)
        scalars = all(isinstance(self.types.get(n), Scalar) for item in outer for n in names(item))
        return len(stmt.index) == known.rank and fixed and scalars and affine_indices(last, loop.index) is not None

    def _term(self, at: int, stmt: Store, loop: For, may_alias: MayAlias) -> _Term:
        writes = Counter(n for s in loop.body for n in own_writes(s))
        value, movable = stmt.value, self._is_loop_input(stmt.value, at, loop, may_alias)
        for i in range(at - 1, -1, -1):
            definition = loop.body[i]
            if isinstance(definition, Assign) and definition.target in names(value) and writes[definition.target] == 1:
                value = replace_names(value, {definition.target: definition.value})
                movable = movable and self._is_loop_input(definition.value, i, loop, may_alias)
        movable = movable and not names(value) & writes.keys() and is_cheap_to_duplicate(value)
        return _Term(at, replace(stmt, value=value), movable)

    def _is_loop_input(self, value: Expr, at: int, loop: For, may_alias: MayAlias) -> bool:
        """Whether the memory read at `at` has the same content before the loop: no earlier iteration stores to it.

        A store to the very element is allowed: later in the same iteration, if no other iteration accesses the element.
        """
        for element in ops(value):
            if element.prim != "index":
                continue
            array, *items = element.args
            if not isinstance(array, Var):
                return False
            for i, store in enumerate(loop.body):
                if isinstance(store, Store) and isinstance(store.base, Var) and may_alias(array.name, store.base.name):
                    same = store.base == array and store.index == tuple(items)
                    if not same or i <= at or not any(is_injective_index(item, loop) for item in items):
                        return False
        return True


def _moved(loop: For, terms: list[_Term]) -> list[list[_Term]]:
    """The groups of terms that get loops of their own, one for each element that they accumulate into."""
    arrays: dict[str, dict[tuple[Expr, ...], list[_Term]]] = {}
    for term in terms:
        assert isinstance(term.store.base, Var)
        arrays.setdefault(term.store.base.name, {}).setdefault(term.store.index, []).append(term)
    has_accumulator = any(isinstance(s, AugAssign) for s in loop.body)
    moved: list[list[_Term]] = []
    for array, groups in arrays.items():
        stores = sum(isinstance(s, Store) and s.base == Var(array) for s in loop.body)
        fixed = [group for group in groups.values() if not all(term.movable for term in group)]
        if len(groups) < 2 or len(fixed) > 1 or sum(map(len, groups.values())) < stores:
            continue
        staying = fixed[0] if fixed else None
        if staying is None and not has_accumulator:
            # one group may stay with the rest of the loop
            staying = min(groups.values(), key=lambda group: _distance(group[0], loop.index))
        moved += [group for group in groups.values() if group is not staying]
    return moved


def _distance(term: _Term, index: str) -> tuple[bool, int]:
    """A sort key: small for the element at the index of the loop itself."""
    *outer, last = term.store.index
    return last != Var(index), sum(isinstance(item, Op) for item in outer)


def ascending_loop(loop: For) -> For:
    """The same iterations in ascending order of the index."""
    if loop.step == Const(1):
        return loop
    return replace(loop, start=plus(loop.stop, 1), stop=plus(loop.start, 1), step=Const(1))

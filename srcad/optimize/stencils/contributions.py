"""Loop distribution of costly scatters: what each point computes, and then the additions to its neighbours.

`d_u[i - 1] += value` keeps a loop from running in vectors, as the next iteration adds to the same element. Where the
value is too costly to be computed once for each shift, or a branch chooses what is added where, an iteration stores
what it adds, for each shift, in a scratch array: its own elements. A second nest adds from there, and is gathered. What
is added to several neighbours, to some with the other sign, is stored once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from srcad.analysis.loops.parallel_loops import MayAlias, is_reduction_array
from srcad.analysis.values.duplication_cost import is_cheap_to_duplicate, operation_cost
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks as nested_blocks
from srcad.ir.traversal import (
    children,
    defined,
    names,
    ops,
    own_exprs,
    own_writes,
    replace_names,
    stmt_reads,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.stencils.gather_nest import ConstantFill, LoopLevel, loop_over
from srcad.optimize.stencils.iteration_boxes import IterationBox, is_short_stencil, shifts_of

_Place = tuple[str, tuple[Expr, ...]]
"""An array, and the index of an element."""
_COSTLY = 4
"""Cycles of an operation, from which on computing it again for a neighbour costs more than to store its result."""


@dataclass(frozen=True)
class SplitBox:
    """A nest in three: what each point computes, fills with constants, and the additions to neighbours."""

    points: Block
    fills: tuple[ConstantFill, ...]
    additions: IterationBox


def split_contributions(
    found: IterationBox, types: dict[str, Type], may_alias: MayAlias, live: frozenset[str]
) -> SplitBox | None:
    """The nest in two; None where its values are cheap, or an iteration may read what others add.

    `live` are the names that are read after the nest. New names are entered into `types`.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.optimize.stencils.iteration_boxes import iteration_box
    >>> types = dict.fromkeys(("d_u", "d_v", "c"), Array("float64", (dim(99),)))
    >>> types |= {"n": Scalar("int64"), "i": Scalar("int64"), "d_t": Scalar("float64")}
    >>> (loop,) = parse('''
    ... for i in range(1, n):
    ...     d_t = d_v[i] / c[i]
    ...     d_v[i] = 0.0
    ...     if c[i] > 0.0:
    ...         d_u[i - 1] += d_t
    ...     else:
    ...         d_u[i] -= d_t
    ... ''')
    >>> split = split_contributions(iteration_box(loop, types), types, str.__eq__, frozenset())
    >>> print(show(split.points))
    added_of = np.empty(select(n > 0, n, 0))
    added1_of = np.empty(select(n > 0, n, 0))
    for i in range(1, n, 1):
        added = 0.0
        added1 = 0.0
        d_t = d_v[i] / c[i]
        if c[i] > 0.0:
            added += d_t
        else:
            added1 -= d_t
        added_of[i] = added
        added1_of[i] = added1
    >>> print(show(split.fills[0].block()))
    for i in range(1, n, 1):
        d_v[i] = 0.0
    >>> print(show(split.additions.loops))
    for i in range(1, n, 1):
        d_u[i - 1] += added_of[i]
        d_u[i] += added1_of[i]
    """
    body = _one_body(found, types, may_alias)
    if body is None or defined(body) & live:
        return None
    arrays = scattered_arrays(found, types, may_alias)
    if not arrays:
        return None
    places = dict.fromkeys((array, store.index) for array in arrays for store in _additions(body, array))
    alike = _alike(body, frozenset(places), may_alias)
    sums = {place: fresh_name("added", Scalar("float64"), types) for place in places if place not in alike}
    fills, rest = _fills(_with_sums(body, sums, alike), found.levels, types, may_alias)
    here = tuple(Var(level.index) for level in found.levels)
    lengths = tuple(_nonnegative(level.stop) for level in found.levels)
    scratch = {name: _scratch(name, len(here), types) for name in sums.values()}
    begins = tuple(Assign(name, Const(0.0)) for name in scratch)
    ends = tuple(Store(Var(array), here, Var(name)) for name, array in scratch.items())
    adds = tuple(
        Store(Var(array), index, Op("index", (Var(scratch[sums[first]]), *here)), op)
        for (array, index), first, op in ((place, *alike.get(place, (place, "+"))) for place in places)
    )
    return SplitBox(
        (
            *(Assign(array, Op("np.empty", lengths)) for array in scratch.values()),
            *_nest(found.levels, (*begins, *rest, *ends)),
        ),
        fills,
        IterationBox(_nest(found.levels, adds), found.levels),
    )


def scattered_arrays(found: IterationBox, types: Mapping[str, Type], may_alias: MayAlias) -> list[str]:
    """The arrays to several shifts of which an iteration adds what is better computed once."""
    body = _one_body(found, types, may_alias)
    if body is None:
        return []
    arrays = list(dict.fromkeys(s.base.name for s in walk(body) if isinstance(s, Store) and isinstance(s.base, Var)))
    arrays = [array for array in arrays if _is_scattered(array, body, found.levels, types, may_alias)]
    return arrays if arrays and (_has_branches(body) or _is_costly(body, arrays)) else []


def _is_scattered(
    array: str, body: Block, levels: tuple[LoopLevel, ...], types: Mapping[str, Type], may_alias: MayAlias
) -> bool:
    kind = types.get(array)
    if not isinstance(kind, Array) or kind.dtype != "float64":
        return False
    if not is_reduction_array(array, body, types, may_alias):
        return False
    found = [shifts_of(store.index, levels, types) for store in _additions(body, array)]
    changed = defined(body)
    for store in _additions(body, array):
        # an element for each iteration: scratch arrays are as large as the array
        if len(store.index) != kind.rank or changed & _used(store.index) or not _indices(levels) <= _used(store.index):
            return False
    shifts = [one[0] for one in found if one is not None]
    return len(shifts) == len(found) and is_short_stencil(shifts, levels)


def _indices(levels: tuple[LoopLevel, ...]) -> frozenset[str]:
    return frozenset(level.index for level in levels)


def _used(index: tuple[Expr, ...]) -> frozenset[str]:
    return frozenset().union(*map(names, index))


def _additions(body: Block, array: str) -> Iterator[Store]:
    return (s for s in walk(body) if isinstance(s, Store) and s.base == Var(array))


def _has_branches(body: Block) -> bool:
    return any(isinstance(stmt, If) for stmt in body)


def _is_costly(body: Block, arrays: list[str]) -> bool:
    """Whether operations that are costly would be repeated for neighbours, or what several of them get is costly."""
    values = [(stmt, _in_full(stmt.value, body[:at])) for at, stmt in enumerate(body) if isinstance(stmt, Store)]
    terms = [(stmt, value) for stmt, value in values if isinstance(stmt.base, Var) and stmt.base.name in arrays]
    costly = [op for _, value in terms for op in ops(value) if (operation_cost(op.prim) or _COSTLY) >= _COSTLY]
    dear = {stmt.index for stmt, value in terms if not is_cheap_to_duplicate(value)}
    return len(costly) - len(set(costly)) >= 2 or len(dear) >= 2


def _in_full(value: Expr, before: Block) -> Expr:
    """The value with the scalars of the iteration substituted."""
    for stmt in reversed(before):
        if isinstance(stmt, Assign) and stmt.target in names(value):
            value = replace_names(value, {stmt.target: stmt.value})
    return value


def _one_body(found: IterationBox, types: Mapping[str, Type], may_alias: MayAlias) -> Block | None:
    """The statements of an iteration; None where those of one nest have to be done in all iterations before others."""
    bodies = found.bodies()
    body = tuple(stmt for one in bodies for stmt in one)
    if len(bodies) == 1:
        return body
    for at, one in enumerate(bodies):
        others = frozenset().union(*(defined(other) for k, other in enumerate(bodies) if k != at))
        if _exposed(one, frozenset()) & others:
            return None
    for store in (stmt for stmt in walk(body) if isinstance(stmt, Store)):
        if not isinstance(store.base, Var):
            return None
        array = store.base.name
        private = _indices(found.levels) <= _used(store.index) and not defined(body) & _used(store.index)
        own = private and not _accesses_elsewhere(body, array, store.index, may_alias)
        if not own and not is_reduction_array(array, body, types, may_alias):
            return None
    return body


def _accesses_elsewhere(body: Block, array: str, index: tuple[Expr, ...], may_alias: MayAlias) -> bool:
    """Whether statements may access other memory of the array than this element."""

    def elsewhere(expr: Expr) -> bool:
        match expr:
            case Op("index", (Var(name), *items)) if name == array and tuple(items) == index:
                return False
            case Var(name):
                return may_alias(array, name)
        return any(map(elsewhere, children(expr)))

    for stmt in walk(body):
        exprs = own_exprs(stmt)
        if isinstance(stmt, Store):
            exprs = (Op("index", (stmt.base, *stmt.index)), stmt.value)
        if any(map(elsewhere, exprs)):
            return True
    return False


def _exposed(body: Block, assigned: frozenset[str]) -> frozenset[str]:
    """The names that are read and may not be assigned before."""
    exposed: frozenset[str] = frozenset()
    for stmt in body:
        exposed |= frozenset().union(*map(names, own_exprs(stmt))) - assigned
        for block in nested_blocks(stmt):
            exposed |= _exposed(block, assigned)
        if isinstance(stmt, Assign):
            assigned |= {*own_writes(stmt)}
    return exposed


def _alike(body: Block, places: Set[_Place], may_alias: MayAlias) -> dict[_Place, tuple[_Place, str]]:
    """Places to which the iteration adds once, and what it has added to another: which one, and with which sign."""
    added = [(at, (s.base.name, s.index), s) for at, s in _all_stores(body) if isinstance(s.base, Var)]
    times = Counter(place for _, place, _ in added)
    once = [(at, place, s) for at, place, s in added if place in places and times[place] == 1 and at is not None]
    found: dict[_Place, tuple[_Place, str]] = {}
    for k, (at, place, store) in enumerate(once):
        for earlier, first, other in once[:k]:
            if first in found or other.value != store.value or not is_pure(store.value):
                continue
            between = body[earlier:at]
            changed = frozenset().union(*map(frozenset, map(own_writes, walk(between))))
            stored = {root(s.base) for s in walk(between) if isinstance(s, Store)}
            if changed & names(store.value) or any(
                base is None or may_alias(base, name) for base in stored for name in names(store.value)
            ):
                continue
            found[place] = first, "+" if store.op == other.op else "-"
            break
    return found


def _all_stores(body: Block) -> Iterator[tuple[int | None, Store]]:
    """The stores, each with its position in the iteration; None where it is in a branch."""
    for at, stmt in enumerate(body):
        if isinstance(stmt, Store):
            yield at, stmt
        else:
            yield from ((None, s) for s in walk((stmt,)) if isinstance(s, Store))


def _with_sums(body: Block, sums: Mapping[_Place, str], alike: Mapping[_Place, tuple[_Place, str]]) -> Block:
    """The statements, which add to scalars in the place of elements; what is added to another place, once."""
    done: list[Stmt] = []
    for stmt in body:
        match stmt:
            case Store(Var(array), index) if (array, index) in alike:
                pass
            case Store(Var(array), index, value, str(op)) if (array, index) in sums:
                done.append(AugAssign(sums[array, index], op, value))
            case _:
                done.append(with_blocks(stmt, [_with_sums(block, sums, alike) for block in nested_blocks(stmt)]))
    return tuple(done)


def _fills(
    body: Block, levels: tuple[LoopLevel, ...], types: Mapping[str, Type], may_alias: MayAlias
) -> tuple[tuple[ConstantFill, ...], Block]:
    """The fills that may as well be done after all iterations, and the other statements."""
    fills: list[ConstantFill] = []
    for stmt in body:
        match stmt:
            case Store(Var(array), index, Const(float()) as value, None):
                at = body.index(stmt)
                rest = body[:at] + body[at + 1 :]
                shifts = shifts_of(index, levels, types)
                own = shifts is not None and not any(shifts[0]) and _indices(levels) <= _used(index)
                last = not _touches(rest[at:], array, may_alias) and not any(_stores(rest, array, may_alias))
                if own and last and not _accesses_elsewhere(rest, array, index, may_alias):
                    fills.append(ConstantFill(levels, array, index, value))
                    body = rest
    return tuple(fills), body


def _touches(body: Block, array: str, may_alias: MayAlias) -> bool:
    return any(may_alias(array, name) for stmt in body for name in stmt_reads(stmt))


def _stores(body: Block, array: str, may_alias: MayAlias) -> Iterator[Store]:
    for stmt in walk(body):
        if isinstance(stmt, Store) and ((base := root(stmt.base)) is None or may_alias(array, base)):
            yield stmt


def _nonnegative(length: Expr) -> Expr:
    return Op("select", (Op(">", (length, Const(0))), length, Const(0)))


def _scratch(name: str, rank: int, types: dict[str, Type]) -> str:
    array = f"{name}_of"
    return fresh_name(array, Array("float64", tuple(dim(Symbol(array, axis)) for axis in range(rank))), types)


def _nest(levels: tuple[LoopLevel, ...], body: Block) -> tuple[For]:
    *outer, last = levels
    loop = loop_over(last, Const(last.start), last.stop, body)
    for level in reversed(outer):
        loop = loop_over(level, Const(level.start), level.stop, (loop,))
    return (loop,)

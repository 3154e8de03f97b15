"""Array contraction: an element that every iteration of a loop stores to before it reads it becomes a scalar.

Loop fusion leaves such arrays behind, and so does the reverse sweep, which restores what the forward sweep has
overwritten: `u[i] = u_saved[t, i]`. Where the array is dead after the loop, and read by no other iteration before it is
stored to, nothing has to be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from srcad.analysis.memory.full_overwrite import FullOverwrites
from srcad.analysis.memory.liveness import Path, liveness, memory
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.loop_nest import Element, LoopNest, body_of, indices_of
from srcad.ir.nodes import Block, Effect, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.traversal import blocks, names, own_exprs, reads, walk, with_blocks
from srcad.ir.types import Array, Type
from srcad.optimize.memory.element_promotion import Promotion, on_scalars, promotions
from srcad.optimize.memory.region_accesses import RegionAccesses


def contract_arrays(f: Function) -> Function:
    """Replace elements that are private to an iteration by scalars, and nests that copy an array by that copy.

    >>> from srcad.ir.loop_nest import loop_nest
    >>> from srcad.ir.nodes import Const
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar, dim
    >>> vector = Array("float64", (dim(9),))
    >>> nest = loop_nest(("i",), (Const(9),), vector.dims, parse("y[i] = np.tanh(x[i])\\nz[i] = y[i] * y[i]"))
    >>> body = (*parse("y = np.empty(9)\\nz = np.empty(9)"), nest)
    >>> f = Function("f", (), body, (Var("z"),), dict.fromkeys("xyz", vector) | {"i": Scalar("int64")})
    >>> print(show(contract_arrays(f).body))
    z = np.empty(9)
    for i in range(9):
        y_here = np.tanh(x[i])
        z[i] = y_here * y_here
    """
    new = promote_private_elements(f)
    params = frozenset(p.name for p in f.params)
    results = frozenset(n for e in f.results for n in names(e))
    body = remove_dead_code(_with_array_copies(new.body, new.types), results, new.types, params)
    return replace(new, body=body)


def promote_private_elements(f: Function) -> Function:
    """Replace elements that are private to an iteration by scalars; the arrays stay.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Dim, Scalar
    >>> types = dict.fromkeys(("u", "d_u"), Array("float64", (Dim((), 99),))) | {"i": Scalar("int64")}
    >>> types |= {"u_saved": Array("float64", (Dim((), 9), Dim((), 99))), "t": Scalar("int64")}
    >>> print(show(promote_private_elements(Function("f", (), parse('''
    ... u = np.zeros(99)
    ... for t in range(9):
    ...     for i in range(99):
    ...         u[i] = u_saved[t, i]
    ...         d_u[i] *= u[i] * u[i]
    ... '''), (Var("d_u"),), types)).body))
    u = np.zeros(99)
    for t in range(9):
        for i in range(99):
            u_here = u_saved[t, i]
            d_u[i] *= u_here * u_here
    """
    shared, overwrites = may_alias(f.body, f.types), FullOverwrites(f)
    params = frozenset(p.name for p in f.params)
    found = dict(_candidates(f.body, (), f.types, shared, overwrites, params))
    if not found:
        return f
    # on scalars, no loop reads its own elements: memory that is live after it then is read by something else
    results = frozenset(n for e in f.results for n in names(e))
    on_scalars_all, types = _promoted(f, found)
    live = liveness(_overwrites_as_stores(on_scalars_all, overwrites), types, results, params, all_stays=True)
    chosen = {
        path: [one for one in elements if memory(live.shared, one[0]) not in live.live_after(path)]
        for path, elements in found.items()
    }
    if not any(chosen.values()):
        return f
    body, types = _promoted(f, chosen)
    return replace(f, body=body, types=types)


def _promoted(f: Function, elements: Mapping[Path, Iterable[Element]]) -> tuple[Block, dict[str, Type]]:
    """The body with scalars for these elements of the loops at these paths, and its types."""
    types = dict(f.types)
    promoted = {path: promotions(dict.fromkeys(some, "private"), types) for path, some in elements.items()}
    return _on_scalars(f.body, (), promoted, types), types


def nests_as_steps(block: Block) -> Block:
    """The block with each nest as one statement, for liveness before and after it."""

    def step(stmt: Stmt) -> Stmt:
        if isinstance(stmt, LoopNest):
            read = sorted({n for s in walk((stmt,)) for e in own_exprs(s) for n in reads(e)})
            return Effect(Op("nest", tuple(map(Var, read))))
        return with_blocks(stmt, [nests_as_steps(b) for b in blocks(stmt)])

    return tuple(map(step, block))


def inner_blocks(stmt: Stmt) -> Iterator[tuple[str, Block]]:
    """The blocks of a statement, by their names in a path."""
    match stmt:
        case If(_, then, orelse):
            yield "then", then
            yield "orelse", orelse
        case For(body=body):
            yield "body", body
        case While(test, _, body):
            yield "test", test
            yield "body", body


def _candidates(
    block: Block,
    path: Path,
    types: Mapping[str, Type],
    shared: MayAlias,
    overwrites: FullOverwrites,
    taken: frozenset[str],
    nest: bool = False,
) -> Iterator[tuple[Path, list[Element]]]:
    """The loops, with the elements that every iteration stores to first; not of arrays that are `taken`."""
    for at, stmt in enumerate(block):
        here, below = (*path, at), taken
        if overwrites.store(stmt) is not None:
            continue
        in_nest = nest or isinstance(stmt, LoopNest)
        if isinstance(stmt, For):
            bounds = {n for e in own_exprs(stmt) for n in names(e)}
            elements = [
                (array, index)
                for array, index in RegionAccesses.of_iteration(stmt, types, shared).stored_before_read()
                if array not in taken | bounds and shared.aliases(array) <= {array}
                if in_nest or _is_double(types[array])
            ]
            if elements:
                yield here, elements
            below |= {array for array, _ in elements}
        for name, inner in inner_blocks(stmt):
            yield from _candidates(inner, (*here, name), types, shared, overwrites, below, in_nest)


def _is_double(kind: Type) -> bool:
    """What a scalar of Python is; array statements, which nests are of, are typed by their operands."""
    return isinstance(kind, Array) and kind.dtype == "float64"


def _on_scalars(
    block: Block, path: Path, promoted: Mapping[Path, tuple[Promotion, ...]], types: Mapping[str, Type]
) -> Block:
    new: list[Stmt] = []
    for at, stmt in enumerate(block):
        here = (*path, at)
        stmt = with_blocks(stmt, [_on_scalars(b, (*here, name), promoted, types) for name, b in inner_blocks(stmt)])
        if here in promoted:
            assert isinstance(stmt, For)
            stmt = replace(stmt, body=on_scalars(stmt.body, promoted[here], types))
        new.append(stmt)
    return tuple(new)


def _overwrites_as_stores(block: Block, overwrites: FullOverwrites) -> Block:
    """The block with each nest that overwrites an array as one statement."""

    def one(stmt: Stmt) -> Stmt:
        store = overwrites.store(stmt)
        return store or with_blocks(stmt, [_overwrites_as_stores(b, overwrites) for b in blocks(stmt)])

    return tuple(map(one, block))


def _with_array_copies(block: Block, types: Mapping[str, Type]) -> Block:
    def one(stmt: Stmt) -> Stmt:
        if isinstance(stmt, LoopNest):
            return _as_array_copy(stmt, types)
        return with_blocks(stmt, [_with_array_copies(b, types) for b in blocks(stmt)])

    return tuple(map(one, block))


def _as_array_copy(loops: LoopNest, types: Mapping[str, Type]) -> Stmt:
    """A nest that only copies one full array to another, as a copy of the array."""
    match body_of(loops):
        case (Store(Var(target), index, Op("index", (Var(source), *read)), None),) if index == tuple(read):
            is_full = all(
                isinstance(kind := types.get(name), Array)
                and tuple(loops.facts.representative(d) for d in kind.dims) == loops.lengths
                for name in (target, source)
            )
            if is_full and index == tuple(map(Var, indices_of(loops))):
                return Store(Var(target), (), Var(source))
    return loops

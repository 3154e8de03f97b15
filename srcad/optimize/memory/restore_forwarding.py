"""Store-to-load forwarding of restored elements, and elimination of the dead restores.

The reverse sweep restores what the forward sweep has overwritten: `u[i] = u_saved[t, i]`. Where only the same iteration
reads that element, and the array is dead until it is overwritten again, the value stays in a scalar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.analysis.integers.element_dependence import own_element
from srcad.analysis.memory.full_overwrite import FullOverwrites
from srcad.analysis.memory.liveness import Path, liveness, memory
from srcad.analysis.memory.may_alias import may_alias
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Effect, Expr, For, Function, If, Op, Stmt, Store, Var
from srcad.ir.traversal import map_expr, names, own_exprs, own_writes, reads, rewrite, walk, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.memory.array_contraction import inner_blocks


def forward_restored_elements(f: Function) -> Function:
    """Replace restored elements that are private to an iteration by scalars.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Dim
    >>> types = dict.fromkeys(("u", "d_u"), Array("float64", (Dim((), 99),))) | {"i": Scalar("int64")}
    >>> types |= {"u_saved": Array("float64", (Dim((), 9), Dim((), 99)))}
    >>> print(show(forward_restored_elements(Function("f", (), parse('''
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
    overwrites = FullOverwrites(f)
    found = dict(_candidates(f.body, (), f.types, overwrites))
    if not found:
        return f
    params = frozenset(p.name for p in f.params)
    results = frozenset(n for e in f.results for n in names(e))
    live = liveness(_as_steps(f.body, (), found, overwrites), f.types, results, params, all_stays=True)
    shared = may_alias(f.body, f.types)  # of the original body: the steps hide assignments of the loops
    types = dict(f.types)
    chosen: dict[Path, dict[str, str]] = {}
    for path, arrays in found.items():
        later = live.live_after(path)
        for array in arrays:
            unaliased = shared.aliases(array) <= {array} and array not in params
            if unaliased and memory(live.shared, array) not in later:
                chosen.setdefault(path, {})[array] = fresh_name(f"{array}_here", Scalar("float64"), types)
    return replace(f, body=_with_scalars(f.body, (), chosen), types=types) if chosen else f


def _candidates(
    block: Block, path: Path, types: Mapping[str, Type], overwrites: FullOverwrites
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The innermost loops, with the arrays of which every iteration accesses one element, after it has stored to it."""
    for at, stmt in enumerate(block):
        here = (*path, at)
        if overwrites.store(stmt) is not None:
            continue
        if isinstance(stmt, For) and all(isinstance(s, Assign | AugAssign | Store | If) for s in walk(stmt.body)):
            arrays = tuple(array for array in _stored_first(stmt) if _is_private(array, stmt, types))
            if arrays and not stmt.carried:
                yield here, arrays
        else:
            for name, inner in inner_blocks(stmt):
                yield from _candidates(inner, (*here, name), types, overwrites)


def _stored_first(loop: For) -> dict[str, None]:
    return {s.base.name: None for s in loop.body if isinstance(s, Store) and isinstance(s.base, Var) and s.op is None}


def _is_private(array: str, loop: For, types: Mapping[str, Type]) -> bool:
    kind = types.get(array)
    if not isinstance(kind, Array) or kind.dtype != "float64":
        return False
    index = own_element(array, loop.body)
    if index is None or len(index) != kind.rank:
        return False
    if not all(isinstance(types.get(n), Scalar) for e in index for n in names(e)):
        return False
    # the index is constant during the iteration
    changed = {n for s in walk(loop.body) for n in own_writes(s)}
    bounds = {n for e in own_exprs(loop) for n in names(e)}
    return not changed & {n for e in index for n in names(e)} and array not in bounds


def _as_steps(block: Block, path: Path, found: Mapping[Path, tuple[str, ...]], overwrites: FullOverwrites) -> Block:
    """The block with each candidate loop, and each nest that overwrites an array, as one statement, for liveness."""
    new: list[Stmt] = []
    for at, stmt in enumerate(block):
        here = (*path, at)
        if here in found:
            read = sorted({n for s in walk((stmt,)) for e in own_exprs(s) for n in reads(e)} - set(found[here]))
            new.append(Effect(Op("nest", tuple(map(Var, read)))))
        elif (overwrite := overwrites.store(stmt)) is not None:
            new.append(overwrite)
        else:
            new.append(
                with_blocks(stmt, [_as_steps(b, (*here, name), found, overwrites) for name, b in inner_blocks(stmt)])
            )
    return tuple(new)


def _with_scalars(block: Block, path: Path, chosen: Mapping[Path, Mapping[str, str]]) -> Block:
    new: list[Stmt] = []
    for at, stmt in enumerate(block):
        here = (*path, at)
        if here in chosen:
            assert isinstance(stmt, For)
            new.append(replace(stmt, body=_replaced(stmt.body, chosen[here])))
        else:
            new.append(with_blocks(stmt, [_with_scalars(b, (*here, name), chosen) for name, b in inner_blocks(stmt)]))
    return tuple(new)


def _replaced(block: Block, scalars: Mapping[str, str]) -> Block:
    def element(part: Expr) -> Expr:
        match part:
            case Op("index", (Var(name), *_)) if name in scalars:
                return Var(scalars[name])
        return part

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(name), _, value, op) if name in scalars:
                value = map_expr(value, element)
                return Assign(scalars[name], value) if op is None else AugAssign(scalars[name], op, value)
            case If(cond, then, orelse):
                now, then, orelse = map_expr(cond, element), _replaced(then, scalars), _replaced(orelse, scalars)
                return replace(stmt, cond=now, then=then, orelse=orelse)
        return rewrite(stmt, lambda e: map_expr(e, element))

    return tuple(map(one, block))

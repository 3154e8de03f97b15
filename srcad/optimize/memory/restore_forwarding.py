"""An element that every turn of a loop gets back for itself is a number.

The reverse sweep restores what the forward sweep has overwritten: `u[i] = u_saved[t, i]`. Where only the same turn
reads that element, and nobody reads the array before it is overwritten again, it need not go back to memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.analysis.integers.element_dependence import own_element
from srcad.analysis.memory.full_overwrite import FullOverwrites
from srcad.analysis.memory.liveness import Path, liveness, memory
from srcad.analysis.memory.may_alias import may_alias
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Effect, Expr, For, Function, If, Op, Stmt, Store, Var
from srcad.ir.traversal import map_expr, names, own_exprs, own_writes, reads, rewrite, walk, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.memory.array_contraction import inner_blocks

_Place = tuple[Expr, ...]


def forward_restored_elements(f: Function) -> Function:
    """The function with numbers for such elements.

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
    filled = FullOverwrites(f)
    found = dict(_candidates(f.body, (), f.types, filled))
    if not found:
        return f
    params = frozenset(p.name for p in f.params)
    kept = frozenset(n for e in f.results for n in names(e))
    live = liveness(_as_steps(f.body, (), found, filled), f.types, kept, params, all_stays=True)
    shared = may_alias(f.body, f.types)  # of the whole function: the steps hide what the loops assign
    types = dict(f.types)
    chosen: dict[Path, dict[str, str]] = {}
    for path, arrays in found.items():
        later = live.live_after(path)
        for array in arrays:
            alone = shared.aliases(array) <= {array} and array not in params
            if alone and memory(live.shared, array) not in later:
                chosen.setdefault(path, {})[array] = fresh_name(f"{array}_here", Scalar("float64"), types)
    return replace(f, body=_with_numbers(f.body, (), chosen), types=types) if chosen else f


def _candidates(
    block: Block, path: Path, types: Mapping[str, Type], filled: FullOverwrites
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The innermost loops, and the arrays of which every turn first stores the one element it has to do with."""
    for at, stmt in enumerate(block):
        here = (*path, at)
        if filled.store(stmt) is not None:
            continue
        if isinstance(stmt, For) and all(
            isinstance(s, Assign | AugAssign | Store | If | Comment) for s in walk(stmt.body)
        ):
            arrays = tuple(array for array in _started(stmt) if _is_own(array, stmt, types))
            if arrays and not stmt.carried:
                yield here, arrays
        else:
            for name, inner in inner_blocks(stmt):
                yield from _candidates(inner, (*here, name), types, filled)


def _started(loop: For) -> dict[str, None]:
    return {s.base.name: None for s in loop.body if isinstance(s, Store) and isinstance(s.base, Var) and s.op is None}


def _is_own(array: str, loop: For, types: Mapping[str, Type]) -> bool:
    known = types.get(array)
    if not isinstance(known, Array) or known.dtype != "float64":
        return False
    index = own_element(array, loop.body)
    if index is None or len(index) != known.rank:
        return False
    if not all(isinstance(types.get(n), Scalar) for e in index for n in names(e)):
        return False
    # the index is the same number all through the turn
    changed = {n for s in walk(loop.body) for n in own_writes(s)}
    bounds = {n for e in own_exprs(loop) for n in names(e)}
    return not changed & {n for e in index for n in names(e)} and array not in bounds


def _as_steps(block: Block, path: Path, found: Mapping[Path, tuple[str, ...]], filled: FullOverwrites) -> Block:
    """The block with each such loop, and each nest that fills an array, as one step that reads what was there."""
    new: list[Stmt] = []
    for at, stmt in enumerate(block):
        here = (*path, at)
        if here in found:
            read = sorted({n for s in walk((stmt,)) for e in own_exprs(s) for n in reads(e)} - set(found[here]))
            new.append(Effect(Op("nest", tuple(map(Var, read)))))
        elif (whole := filled.store(stmt)) is not None:
            new.append(whole)
        else:
            new.append(
                with_blocks(stmt, [_as_steps(b, (*here, name), found, filled) for name, b in inner_blocks(stmt)])
            )
    return tuple(new)


def _with_numbers(block: Block, path: Path, chosen: Mapping[Path, Mapping[str, str]]) -> Block:
    new: list[Stmt] = []
    for at, stmt in enumerate(block):
        here = (*path, at)
        if here in chosen:
            assert isinstance(stmt, For)
            new.append(replace(stmt, body=_numbered(stmt.body, chosen[here])))
        else:
            new.append(with_blocks(stmt, [_with_numbers(b, (*here, name), chosen) for name, b in inner_blocks(stmt)]))
    return tuple(new)


def _numbered(block: Block, numbers: Mapping[str, str]) -> Block:
    def element(part: Expr) -> Expr:
        match part:
            case Op("index", (Var(name), *_)) if name in numbers:
                return Var(numbers[name])
        return part

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(name), _, value, op) if name in numbers:
                value = map_expr(value, element)
                return Assign(numbers[name], value) if op is None else AugAssign(numbers[name], op, value)
            case If(cond, then, orelse):
                now, then, orelse = map_expr(cond, element), _numbered(then, numbers), _numbered(orelse, numbers)
                return replace(stmt, cond=now, then=then, orelse=orelse)
        return rewrite(stmt, lambda e: map_expr(e, element))

    return tuple(map(one, block))

"""An element that an innermost loop of the function adds to in every turn is kept in a number while the loop runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.analyses.sharing import Sharing
from srcad.ir.nodes import Assign, AugAssign, Comment, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.types import Array, Scalar, Type
from srcad.ir.walk import defined, map_expr, names, ops, own_exprs, own_writes, rewrite, walk

_SUMS = frozenset({"+", "-"})
_COUNTING = frozenset({"+", "-", "*"})
_Place = tuple[str, tuple[Expr, ...]]


def kept_sums(loop: For, types: dict[str, Type], shared: Sharing) -> Stmt:
    """The loop with such elements as numbers, or as it is; `types` gets the types of the numbers.

    >>> from srcad.analyses.sharing import sharing
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> (loop,) = parse('''
    ... for j in range(i, n):
    ...     d[i] += a[j] * a[j]
    ... ''')
    >>> types = {**dict.fromkeys("ad", Array("float64", (dim(4),))), **dict.fromkeys("ijn", Scalar("int64"))}
    >>> print(show((kept_sums(loop, types, sharing((loop,), types)),)))
    if i < n:
        d_total = d[i]
        for j in range(i, n, 1):
            d_total += a[j] * a[j]
        d[i] = d_total

    A loop without turns must not even read the element: there may be none.
    """
    runs = _runs(loop)
    if runs is None or not all(isinstance(s, Assign | AugAssign | Store | Comment | If) for s in walk(loop.body)):
        return loop
    before: list[Stmt] = []
    after: list[Stmt] = []
    for base, index in _sums(loop, types):
        total = _free(f"{base}_total", types)
        found = _with_number(loop, (base, index), total, types, shared)
        if found is not None:
            loop = found
            types[total] = Scalar("float64")
            before.append(Assign(total, Op("index", (Var(base), *index))))
            after.append(Store(Var(base), index, Var(total)))
    return If(runs, (*before, loop, *after), ()) if before else loop


def _runs(loop: For) -> Expr | None:
    """Whether the loop has a turn."""
    simple = all(op.prim in _COUNTING | {"shape", "len", "size"} for e in (loop.start, loop.stop) for op in ops(e))
    match loop.step:
        case Const(int(step)) if step and simple:
            return Op("<", (loop.start, loop.stop) if step > 0 else (loop.stop, loop.start))
    return None


def _sums(loop: For, types: Mapping[str, Type]) -> list[_Place]:
    """The elements that every turn adds to, and are the same in every turn."""
    changed = defined((loop,))
    found: dict[_Place, None] = {}
    for stmt in loop.body:  # what only some turns may do, no turn may be able to do
        match stmt:
            case Store(Var(base), index, _, str(op)) if op in _SUMS and base not in changed:
                known = types.get(base)
                fits = isinstance(known, Array) and known.dtype == "float64" and known.rank == len(index)
                if fits and all(_is_fixed(e, changed, types) for e in index):
                    found[base, index] = None
    return list(found)


def _is_fixed(item: Expr, changed: frozenset[str], types: Mapping[str, Type]) -> bool:
    match item:
        case Const(int()):
            return True
        case Var(name):
            known = types.get(name)
            return name not in changed and isinstance(known, Scalar) and known.dtype == "int64"
        case Op(prim, args) if prim in _COUNTING:
            return all(_is_fixed(arg, changed, types) for arg in args)
    return False


def _with_number(loop: For, place: _Place, total: str, types: Mapping[str, Type], shared: Sharing) -> For | None:
    """The loop with a number for the element; None where it meets the array, or its memory, in another way."""
    base, index = place
    element = Op("index", (Var(base), *index))

    def number(expr: Expr) -> Expr:
        return map_expr(expr, lambda part: Var(total) if part == element else part)

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(name), where, value, None) if (name, where) == place:
                return Assign(total, Op("float", (number(value),)))
            case Store(Var(name), where, value, str(op)) if (name, where) == place:
                return AugAssign(total, op, number(value))
            case If(cond, then, orelse):
                return replace(stmt, cond=number(cond), then=tuple(map(one, then)), orelse=tuple(map(one, orelse)))
        return rewrite(stmt, number)

    new = replace(loop, body=tuple(map(one, loop.body)), exit=None if loop.exit is None else number(loop.exit))
    mine = shared.names_with(base)
    met = {n for s in walk(new.body) for e in own_exprs(s) for n in names(e)}
    met |= {n for s in walk(new.body) for n in own_writes(s)} | (names(new.exit) if new.exit is not None else set())
    return None if met & mine else new


def _free(wanted: str, types: Mapping[str, Type]) -> str:
    while wanted in types:
        wanted += "_"
    return wanted

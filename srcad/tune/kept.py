"""An element that is the same one in every turn of an innermost loop is a number while the loop runs.

LLVM cannot tell that `d[j] += a[i] * x[j]` leaves `a[i]` as it is: to it, two arrays may be one. It would read `a[i]`
again in every turn, or compare addresses before the loop, and add to an element in memory one turn after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.analyses.sharing import Sharing
from srcad.ir.nodes import Assign, AugAssign, Comment, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.types import Array, Scalar, Type
from srcad.ir.walk import block_stores, children, defined, map_expr, names, ops, own_exprs, own_writes, rewrite, walk

_SUMS = frozenset({"+", "-"})
_NUMBERS = frozenset({"float64", "float32", "int64", "bool"})
_COUNTING = frozenset({"+", "-", "*"})
_Place = tuple[str, tuple[Expr, ...]]


def kept(loop: For, types: dict[str, Type], shared: Sharing) -> Stmt:
    """The loop with such elements as numbers, or as it is; `types` gets the types of the numbers.

    >>> from srcad.analyses.sharing import sharing
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> (loop,) = parse('''
    ... for j in range(i, n):
    ...     d[i] += a[j] * b[i]
    ... ''')
    >>> types = {**dict.fromkeys("abd", Array("float64", (dim(4),))), **dict.fromkeys("ijn", Scalar("int64"))}
    >>> print(show((kept(loop, types, sharing((loop,), types)),)))
    if i < n:
        d_total = d[i]
        b_item = b[i]
        for j in range(i, n, 1):
            d_total += a[j] * b_item
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
    for element in _read_again(loop, types, shared):
        item = _item(element, types)
        loop = replace(loop, body=tuple(_with_item(s, element, item) for s in loop.body))
        before.append(Assign(item, element))
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


def _read_again(loop: For, types: Mapping[str, Type], shared: Sharing) -> list[Op]:
    """The elements that every turn reads, are the same in every turn, and that no turn stores to."""
    changed = defined((loop,))
    stored = {shared.of(name) for name in block_stores(loop.body)}
    found: dict[Op, None] = {}
    for stmt in loop.body:  # what only some turns read, there may not be
        read = (*stmt.index, stmt.value) if isinstance(stmt, Store) else own_exprs(stmt)
        for element in (op for e in read for op in surely(e)):
            match element:
                case Op("index", (Var(base), *items)):
                    known = types.get(base)
                    whole = isinstance(known, Array) and known.rank == len(items) and known.dtype in _NUMBERS
                    kept = base not in changed and shared.of(base) not in stored
                    if whole and kept and all(_is_fixed(e, changed, types) for e in items):
                        found[element] = None
    return list(found)


def surely(expr: Expr) -> Iterator[Op]:
    """The operations that are done whenever the expression is evaluated."""
    match expr:
        case Op("select" | "and" | "or", (first, *_)):
            yield from surely(first)
        case Op():
            yield expr
            for part in children(expr):
                yield from surely(part)


def _with_item(stmt: Stmt, element: Op, item: str) -> Stmt:
    def number(expr: Expr) -> Expr:
        return map_expr(expr, lambda part: Var(item) if part == element else part)

    return rewrite(stmt, number)


def _item(element: Op, types: dict[str, Type]) -> str:
    """The name of a number for the element."""
    match element:
        case Op("index", (Var(base), *_)) if isinstance(known := types.get(base), Array):
            name = _free(f"{base}_item", types)
            types[name] = Scalar(known.dtype)
            return name
    raise AssertionError(element)


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
            case Store(Var(name), where, value, str(op), _, free) if (name, where) == place:
                return AugAssign(total, op, number(value), free=free)
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

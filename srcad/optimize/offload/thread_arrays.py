"""Arrays that each thread has of its own: short ones in local memory, others as slices of one array of all threads.

The axis of the threads is the last, so that neighbours access neighbours in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from srcad.backend.python.module_text import LOCAL_ARRAY
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import Assign, Block, Const, Expr, Op, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, names, own_exprs, rewrite, walk, with_blocks
from srcad.ir.types import Array, Symbol, Type, dim

_LONGEST = 64
"""Elements of an array in local memory."""


@dataclass(frozen=True)
class ThreadArrays:
    body: Block
    """The iteration, without what allocates the arrays."""
    local: Block
    """What makes those in local memory."""
    shared: tuple[tuple[str, Op], ...]
    """The arrays of all threads, with the allocation of the part of one."""
    zeros: tuple[str, ...] = ()
    """Those of both kinds that are zero in the beginning."""


def with_thread_arrays(
    body: Block, allocations: Mapping[str, Op], thread: str, types: dict[str, Type]
) -> ThreadArrays | None:
    """The iteration with these arrays in memory of a thread's own; None where they are used as wholes.

    >>> from srcad.ir.notation import parse, show
    >>> types = {name: Array("float64", (dim(Symbol("n", None)),)) for name in ("s", "d")}
    >>> body = parse("s = np.empty(n)\\ns[i] = 2.0 * x\\nd = np.empty(3)\\nd[0] = s[i - 1]")
    >>> made = with_thread_arrays(body, {"s": body[0].value, "d": body[2].value}, "thread", types)
    >>> print(show((*made.local, *made.body)))
    d = cuda.local.array(3, dtype='float64')
    s1[i, thread] = 2.0 * x
    d[0] = s1[i - 1, thread]
    >>> made.shared
    (('s1', Op(prim='np.empty', args=(Var(name='n'),), static=())),)
    """
    changed = _without_allocations(body, frozenset(allocations))
    local: list[Stmt] = []
    shared: list[tuple[str, Op]] = []
    renamed: dict[str, str] = {}
    for name, made in allocations.items():
        kind = types[name]
        assert isinstance(kind, Array)
        if not _by_elements(name, kind.rank, changed):
            return None
        lengths = [arg.value for arg in made.args if isinstance(arg, Const) and isinstance(arg.value, int)]
        if len(lengths) == len(made.args) and prod(lengths) <= _LONGEST:
            local.append(Assign(name, Op(LOCAL_ARRAY, made.args, (("dtype", kind.dtype),))))
        else:
            of_all = Array(kind.dtype, (*kind.dims, dim(Symbol("threads", None))))
            renamed[name] = fresh_name(stem(name), of_all, types)
            shared.append((renamed[name], replace(made, prim="np.empty")))

    def at_thread(expr: Expr) -> Expr:
        match expr:
            case Op("index", (Var(name), *items)) if name in renamed:
                return Op("index", (Var(renamed[name]), *items, Var(thread)))
            case Op(prim, (Var(name),), static) if name in renamed:
                return Op(prim, (Var(renamed[name]),), static)
        return expr

    def stored(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, [tuple(map(stored, b)) for b in blocks(stmt)])
        if isinstance(stmt, Store) and isinstance(stmt.base, Var) and stmt.base.name in renamed:
            base = Var(renamed[stmt.base.name])
            return Store(base, (*stmt.index, Var(thread)), stmt.value, stmt.op, stmt.span, stmt.free)
        return stmt

    read = tuple(rewrite(stmt, lambda e: map_expr(e, at_thread)) for stmt in changed)
    zeros = tuple(renamed.get(name, name) for name, made in allocations.items() if made.prim == "np.zeros")
    return ThreadArrays(tuple(map(stored, read)), tuple(local), tuple(shared), zeros)


def allocations_in(body: Block, types: Mapping[str, Type]) -> dict[str, Op] | None:
    """The arrays that an iteration makes; None where it makes one otherwise than by `np.empty`."""
    found: dict[str, Op] = {}
    for stmt in walk(body):
        if isinstance(stmt, Assign) and isinstance(types.get(stmt.target), Array):
            if not isinstance(stmt.value, Op) or stmt.value.prim != "np.empty" or stmt.target in found:
                return None
            found[stmt.target] = stmt.value
    return found


def _without_allocations(body: Block, arrays: frozenset[str]) -> Block:
    kept = [s for s in body if not (isinstance(s, Assign) and s.target in arrays)]
    return tuple(with_blocks(s, [_without_allocations(b, arrays) for b in blocks(s)]) for s in kept)


def _by_elements(name: str, rank: int, body: Block) -> bool:
    """Whether the array is read and written by elements alone, or asked for its lengths."""

    def visit(expr: Expr) -> bool:
        match expr:
            case Op("index", (Var(array), *items)) if array == name:
                return len(items) == rank and all(map(visit, items))
            case Op("shape" | "len", (Var(array),)) if array == name:
                return True
            case Var(other):
                return other != name
            case Op(_, args):
                return all(map(visit, args))
        return name not in names(expr)

    for stmt in walk(body):
        read = own_exprs(stmt)
        if isinstance(stmt, Store):
            if stmt.base == Var(name) and len(stmt.index) != rank:
                return False
            read = (*stmt.index, stmt.value, *(() if stmt.base == Var(name) else (stmt.base,)))
        if not all(map(visit, read)):
            return False
    return True

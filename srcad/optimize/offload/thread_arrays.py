"""Arrays that each thread has of its own: short ones in local memory, others as slices of one array of all threads.

The axis of the threads is the last, so that neighbours access neighbours in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcad.backend.cuda.thread_axis import is_small, is_used_by_elements, with_thread_axis
from srcad.backend.python.module_text import LOCAL_ARRAY
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import Assign, Block, Op, Stmt, Var
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Array, Symbol, Type, dim


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
        if not all(is_used_by_elements(name, kind.rank, stmt) for stmt in walk(changed)):
            return None
        if is_small(made):
            local.append(Assign(name, Op(LOCAL_ARRAY, made.args, (("dtype", kind.dtype),))))
        else:
            of_all = Array(kind.dtype, (*kind.dims, dim(Symbol("threads", None))))
            renamed[name] = fresh_name(stem(name), of_all, types)
            shared.append((renamed[name], replace(made, prim="np.empty")))

    changed = with_thread_axis(changed, renamed, Var(thread))
    zeros = tuple(renamed.get(name, name) for name, made in allocations.items() if made.prim == "np.zeros")
    return ThreadArrays(changed, tuple(local), tuple(shared), zeros)


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

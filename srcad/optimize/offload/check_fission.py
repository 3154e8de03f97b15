"""Loop fission of checks: a loop that asks what the iterations ask, before the loop that does what they do.

What may raise an error is then in a loop that changes no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import Assign, AugAssign, Block, For, If, Stmt, While
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import (
    block_stores,
    blocks,
    defined,
    names,
    own_exprs,
    own_writes,
    rename,
    walk,
    with_blocks,
)
from srcad.ir.types import Scalar, Type
from srcad.optimize.offload.definite_assignment import exposed

MayAlias = Callable[[str, str], bool]


def without_checks(block: Block) -> Block:
    """The block without its checks."""
    return tuple(with_blocks(s, [without_checks(b) for b in blocks(s)]) for s in block if not is_check(s))


def checks_of(loop: For, types: dict[str, Type], may_alias: MayAlias) -> For | None:
    """The loop that asks what the iterations ask, with names of its own; None where that depends on what they store.

    >>> from srcad.ir.nodes import Const, Op, Var
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.runtime_checks import check
    >>> (loop,) = parse('''
    ... for i in range(n):
    ...     k = index[i] + 1
    ...     y[k] += x[i]
    ... ''')
    >>> asks = check(Op("<", (Var("k"), Var("m"))), "IndexError", ("index ", Var("k")))
    >>> loop = replace(loop, body=(loop.body[0], asks, loop.body[1]))
    >>> types = dict.fromkeys("inkm", Scalar("int64"))
    >>> print(show((checks_of(loop, types, str.__eq__),)))
    for i1 in range(n):
        k1 = index[i1] + 1
        check(k1 < m, k1, derived=False, error='IndexError', texts=('index ', ''))
    """
    needed: set[str] = set()
    while True:
        body = _slice(loop.body, needed)
        read = {name for stmt in walk(body) for e in own_exprs(stmt) for name in names(e)}
        more = (read & defined(loop.body)) - needed
        if not more:
            break
        needed |= more
    if any(not isinstance(types.get(name), Scalar) for name in defined(body)):
        return None
    if exposed(body) & defined(body):  # what one iteration hands on to the next
        return None
    loaded = {name for stmt in walk(body) for e in own_exprs(stmt) for name in memory_reads(e, types)}
    if any(may_alias(one, other) for one in loaded for other in block_stores(loop.body) if _is_memory(other, types)):
        return None
    own = defined((replace(loop, body=body),))
    (made,) = rename(
        (replace(loop, body=body),), {name: fresh_name(stem(name), types[name], types) for name in sorted(own)}
    )
    assert isinstance(made, For)
    return made


def _is_memory(name: str, types: Mapping[str, Type]) -> bool:
    return not isinstance(types.get(name), Scalar)


def _slice(block: Block, needed: set[str]) -> Block:
    """The checks, and what assigns the names that are needed."""
    kept: list[Stmt] = []
    for stmt in block:
        if is_check(stmt):
            kept.append(stmt)
        elif isinstance(stmt, Assign | AugAssign):
            if set(own_writes(stmt)) & needed:
                kept.append(stmt)
        elif isinstance(stmt, If | For | While):
            inner = [_slice(b, needed) for b in blocks(stmt)]
            if any(inner):
                kept.append(with_blocks(stmt, inner))
    return tuple(kept)

"""Dead code elimination in sequential form, from the liveness of names and memory.

`canonicalize/prune` does it in normal form: there every name is assigned once, so that no liveness is needed, and joins
and carries are removed too. `canonicalize/unreachable_code` removes what never runs, whoever may read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Effect, For, If, Op, Stmt, Store, Var, While
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Scalar, Type


def remove_dead_code(
    block: Block, live_out: Iterable[str], types: Mapping[str, Type], params: Iterable[str] = ()
) -> Block:
    """Remove dead assignments and stores, then empty loops and branches, until nothing more is dead.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> print(show(remove_dead_code(parse('''
    ... k = 0.0
    ... for i in range(n):
    ...     k += x[i]
    ...     y = x[i] * x[i]
    ... '''), {"y"}, {"k": Scalar("float64")})))
    for i in range(n):
        y = x[i] * x[i]

    Memory of `params`, of names free in the block and of `live_out` is live at the end. An empty `while` is removed
    too: that it may not terminate does not make it live.
    """
    live_out, params = frozenset(live_out), frozenset(params)
    while True:
        live = liveness(block, types, live_out, params)
        reduced = _block(block, (), live)
        if reduced == block:
            return block
        before, block = block, reduced
        if _frees_nothing_more(before, block, types):
            return block


def _frees_nothing_more(before: Block, after: Block, types: Mapping[str, Type]) -> bool:
    """Whether no more can be dead: liveness is strong, it does not count what only dead assignments read.

    It does count conditions and bounds, and a dead name of an array may have been all that two others had in common.
    """
    remaining = {id(stmt) for stmt in walk(after)}
    removed = [stmt for stmt in walk(before) if id(stmt) not in remaining and not blocks(stmt)]
    compound = [sum(1 for stmt in walk(block) if blocks(stmt)) for block in (before, after)]
    return compound[0] == compound[1] and all(
        isinstance(stmt, Comment)
        or (isinstance(stmt, Assign | AugAssign) and isinstance(types.get(stmt.target), Scalar))
        for stmt in removed
    )


def remove_self_copies(block: Block) -> Block:
    """Remove the copies `x = x`, which are left where two names were coalesced; this needs no liveness.

    `remove_dead_code` keeps them where x is read later.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(remove_self_copies(parse('''
    ... y = x
    ... x = x
    ... '''))))
    y = x
    """
    remaining: list[Stmt] = []
    for stmt in block:
        if not isinstance(stmt, Assign) or stmt.value != Var(stmt.target):
            remaining.append(with_blocks(stmt, map(remove_self_copies, blocks(stmt))))
    return tuple(remaining)


def _block(block: Block, path: Path, live: Liveness) -> Block:
    remaining: list[Stmt] = []
    for i, stmt in enumerate(block):
        remaining += _stmt(stmt, (*path, i), live)
    # a comment belongs to the statement below it
    while remaining and path and isinstance(remaining[-1], Comment):
        remaining.pop()
    return tuple(remaining)


def _stmt(stmt: Stmt, path: Path, live: Liveness) -> list[Stmt]:
    match stmt:
        case Assign() | AugAssign() | Store():
            point = live.points[live.at[path]]
            read = live.any_after(path, (*point.writes, *point.changes))
            match stmt:
                case Assign(name, Op("call") as call, span) if point.essential and not live.any_after(path, (name,)):
                    return [Effect(call, span)]  # it may raise
            return [stmt] if point.essential or read else []
        case If(cond, then, orelse):
            then = _block(then, (*path, "then"), live)
            orelse = _block(orelse, (*path, "orelse"), live)
            if not then and not orelse and is_pure(cond):
                return []
            return [with_blocks(stmt, (then, orelse))]
        case For(index=index, body=body, start=start, stop=stop, step=step):
            body = _block(body, (*path, "body"), live)
            # the value of the index after the loop is the only effect of an empty loop
            read_after = live.any_after((*path, "head"), (index,))
            if not body and not read_after and stmt.exit is None and all(map(is_pure, (start, stop, step))):
                return []
            return [with_blocks(stmt, (body,))]
        case While(test=test, cond=cond, body=body):
            body = _block(body, (*path, "body"), live)
            test = _block(test, (*path, "test"), live)
            if not body and not test and is_pure(cond):
                return []
            return [with_blocks(stmt, (test, body))]
        case _:
            return [stmt]

"""Naming of reversed loop indices: `turn` counts down from the trip count `turns`."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.names import base
from srcad.ir.nodes import Assign, Block, For, Stmt, Var
from srcad.ir.traversal import block_reads, blocks, defined, own_exprs, own_writes, reads, rename, walk, with_blocks
from srcad.ir.types import Scalar, Type


def name_reversed_indices(block: Block, types: dict[str, Type]) -> Block:
    """Rename the index of each loop that reverses a loop with a counted number of iterations.

    >>> from srcad.ir.notation import parse, show
    >>> (loop,) = parse('''
    ... for turns.1 in range(turns.0 - 1, -1, -1):
    ...     y = x[turns.1]
    ... ''')
    >>> print(show(name_reversed_indices((replace(loop, counts=True),), {})))
    for turn.1 in range(turns.0 - 1, -1, -1):
        y = x[turn.1]

    An index that is read elsewhere in the block keeps its name. The new name is entered in `types`.
    """
    taken = block_reads(block) | {n for s in walk(block) for n in own_writes(s)}

    def renamed_loop(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, [tuple(map(renamed_loop, b)) for b in blocks(stmt)])
        if not isinstance(stmt, For) or not stmt.counts:
            return stmt
        index, new = stmt.index, "turn" + stmt.index.removeprefix(base(stmt.index))
        inside = _uses(stmt.body, index)
        if new in taken or _uses(block, index) != inside or any(index in reads(e) for e in own_exprs(stmt)):
            return stmt
        match stmt.body:
            case (Assign(own, Var(source)), *rest) if source == index and own not in defined(tuple(rest)):
                # the user's loop has a name for the index
                (renamed,) = rename((replace(stmt, body=tuple(rest), counts=False),), {index: own})
                return renamed
        types[new] = types.get(index, Scalar("int64"))
        (renamed,) = rename((stmt,), {index: new})
        return renamed

    return tuple(map(renamed_loop, block))


def _uses(block: Block, name: str) -> int:
    """How often a name is read, or assigned other than as the index of a loop."""
    read = sum(reads(e).count(name) for s in walk(block) for e in own_exprs(s))
    return read + sum(name in own_writes(s) for s in walk(block) if not isinstance(s, For))

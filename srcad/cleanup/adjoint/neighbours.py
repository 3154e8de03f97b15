"""All simplifications of adjoint statements, until none finds anything more to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from srcad.analysis.memory.may_alias import Sharing, sharing
from srcad.cleanup.adjoint.contribution_merging import merge
from srcad.cleanup.adjoint.statement_sinking import late
from srcad.cleanup.adjoint.zero_init_elimination import first
from srcad.cleanup.dead_code import dead
from srcad.cleanup.expressions.algebraic import fold
from srcad.cleanup.expressions.forward_substitution import untemp
from srcad.ir.nodes import AugAssign, Block, Stmt, Store, Var
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Array, Type

_ROUNDS = 20
"""More than ever needed; each pass only makes the text smaller, so it ends anyway."""


def simplify(block: Block, types: Mapping[str, Type], live_out: Iterable[str]) -> Block:
    """Fold, let first contributions assign, merge, drop what is unread, and put temporaries back.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> scalars = ("d_acc.0", "d_acc.1", "d_decay", "%d_t.0", "%p.0", "acc", "decay")
    >>> print(show(simplify(parse('''
    ... %d_t.0 = 0.0
    ... %d_t.0 += d_acc.1
    ... %p.0 = acc * %d_t.0
    ... d_decay += %p.0
    ... d_acc.0 = 0.0
    ... d_acc.0 += decay * %d_t.0
    ... '''), dict.fromkeys(scalars, Scalar("float64")), {"d_acc.0", "d_decay"})))
    d_decay += acc * d_acc.1
    d_acc.0 = decay * d_acc.1

    For a block in sequential form; what it reads of names that it does not assign stays as it is.
    """
    kept = frozenset(live_out)
    block = plain_arrays(block, types)
    for _ in range(_ROUNDS):
        new = once(block, types, sharing(block, types))
        new = untemp(dead(new, kept, types), types, kept)
        if new == block:
            break
        block = new
    return block


def once(block: Block, types: Mapping[str, Type], shared: Sharing) -> Block:
    """One round of what looks at neighbouring statements only."""
    return late(merge(first(fold(block, types), types, shared), types, shared), types, shared)


def plain_arrays(block: Block, types: Mapping[str, Type]) -> Block:
    """`d += e` on an array is a store to the whole of d: then it is no assignment of the name."""

    def one(stmt: Stmt) -> Stmt:
        if isinstance(stmt, AugAssign) and isinstance(types.get(stmt.target), Array):
            return Store(Var(stmt.target), (), stmt.value, stmt.op, stmt.span, stmt.free)
        return with_blocks(stmt, [tuple(map(one, b)) for b in blocks(stmt)])

    return tuple(map(one, block))

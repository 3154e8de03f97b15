"""The fixpoint of the peephole passes on adjoint statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.cleanup.adjoint.contribution_merging import merge_contributions
from srcad.cleanup.adjoint.statement_sinking import sink_definitions
from srcad.cleanup.adjoint.zero_init_elimination import assign_first_contribution
from srcad.cleanup.dead_code import remove_dead_code
from srcad.cleanup.expressions.algebraic import simplify_algebra
from srcad.cleanup.expressions.forward_substitution import substitute_temporaries
from srcad.ir.nodes import AugAssign, Block, Stmt, Store, Var
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Array, Type

_ROUNDS = 20
"""More than ever needed; each pass only makes the text smaller, so it terminates anyway."""


def simplify_adjoint(block: Block, types: Mapping[str, Type], live_out: Iterable[str]) -> Block:
    """Fold, assign first contributions, merge, remove dead code, and substitute temporaries, to a fixpoint.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> scalars = ("d_acc.0", "d_acc.1", "d_decay", "%d_t.0", "%p.0", "acc", "decay")
    >>> print(show(simplify_adjoint(parse('''
    ... %d_t.0 = 0.0
    ... %d_t.0 += d_acc.1
    ... %p.0 = acc * %d_t.0
    ... d_decay += %p.0
    ... d_acc.0 = 0.0
    ... d_acc.0 += decay * %d_t.0
    ... '''), dict.fromkeys(scalars, Scalar("float64")), {"d_acc.0", "d_decay"})))
    d_decay += acc * d_acc.1
    d_acc.0 = decay * d_acc.1

    For a block in sequential form; names that it reads and does not assign are left alone.
    """
    required = frozenset(live_out)
    block = array_updates_as_stores(block, types)
    for _ in range(_ROUNDS):
        new = neighbour_passes(block, types, may_alias(block, types))
        new = substitute_temporaries(remove_dead_code(new, required, types), types, required)
        if new == block:
            break
        block = new
    return block


def neighbour_passes(block: Block, types: Mapping[str, Type], shared: MayAlias) -> Block:
    """One round of the passes that look at neighbouring statements only.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> types = dict.fromkeys(("d", "a", "b"), Scalar("float64"))
    >>> body = parse('''
    ... d = 0.0
    ... d += a * 1.0
    ... d += b
    ... ''')
    >>> print(show(neighbour_passes(body, types, may_alias(body, types))))
    d = a + b
    """
    return sink_definitions(
        merge_contributions(assign_first_contribution(simplify_algebra(block, types), types, shared), types, shared),
        types,
        shared,
    )


def array_updates_as_stores(block: Block, types: Mapping[str, Type]) -> Block:
    """Rewrite `d += e` on an array as a store to all of d: the name is not redefined.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> print(show(array_updates_as_stores(parse("d += e"), {"d": Array("float64", (dim(4),))})))
    d[...] += e
    """

    def one(stmt: Stmt) -> Stmt:
        if isinstance(stmt, AugAssign) and isinstance(types.get(stmt.target), Array):
            return Store(Var(stmt.target), (), stmt.value, stmt.op, stmt.span, stmt.free)
        return with_blocks(stmt, [tuple(map(one, b)) for b in blocks(stmt)])

    return tuple(map(one, block))

"""Idle restores: the reverse sweep puts back what an array has held all along.

The last store of the forward sweep may be dead, as the `x *= 2.0` before `return np.sum(x)`: then the array still holds
what was saved before that store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from srcad.analysis.memory.may_alias import may_alias
from srcad.ir.nodes import Assign, Block, Expr, Function, Op, Slice, Store, Var
from srcad.ir.traversal import block_stores, defined, names, place, section_start


def remove_idle_restores(f: Function) -> Function:
    """Remove the restores of arrays that nothing has been written to since they were saved.

    >>> from srcad.ir.nodes import Comment
    >>> from srcad.ir.notation import parse, show
    >>> def swept(between):
    ...     body = (*parse("saved = copy(x)" + between), Comment("reverse sweep", "reverse"))
    ...     return remove_idle_restores(Function("f", (), (*body, *parse("x[:] = saved")), (), {}))
    >>> len(swept("\\ny = x * x").body), len(swept("\\nx[0] = 1.0").body)
    (3, 4)
    """
    idle = set(_idle(f))
    return replace(f, body=tuple(s for at, s in enumerate(f.body) if at not in idle)) if idle else f


def _idle(f: Function) -> Iterator[int]:
    """The positions of such restores, at the top level: those in loops come iterations after what they undo."""
    for at in range(section_start(f.body, "reverse"), len(f.body)):
        match f.body[at]:
            case Store(value=Var(saved), op=None) as restore:
                since = next((k for k in range(at - 1, -1, -1) if saved in defined(f.body[k : k + 1])), 0)
                match f.body[since]:
                    case Assign(_, Op("copy", (source,)) | source) if _whole(source) == _whole(place(restore)):
                        if _stay_as_they_are({saved, *names(source)}, f.body[since + 1 : at], f):
                            yield at


def _whole(expr: Expr) -> Expr:
    """`x` for `x[:]`."""
    match expr:
        case Op("index", (array, *items)) if all(item == Slice() for item in items):
            return array
    return expr


def _stay_as_they_are(operands: set[str], block: Block, f: Function) -> bool:
    shared = may_alias(f.body, f.types)
    written = {shared.class_of(name) for name in block_stores(block)}
    return operands.isdisjoint(defined(block)) and written.isdisjoint(map(shared.class_of, operands))

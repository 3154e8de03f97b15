"""Definite assignment: the names that a block may read, or leave, as they were before it."""

from __future__ import annotations

from srcad.ir.nodes import Block, For, If, While
from srcad.ir.traversal import names, own_exprs, own_writes


def exposed(block: Block) -> frozenset[str]:
    """The names that the block may read before it assigns them.

    >>> from srcad.ir.notation import parse
    >>> body = '''
    ... t = x
    ... for i in range(n):
    ...     s += t * i
    ...     u = s
    ... y = u
    ... '''
    >>> sorted(exposed(parse(body)))
    ['n', 's', 'u', 'x']
    """
    return _exposed(block, frozenset())[0]


def surely_assigned(block: Block) -> frozenset[str]:
    """The names that the block assigns on each path.

    >>> from srcad.ir.notation import parse
    >>> body = '''
    ... if c:
    ...     t = x
    ...     u = x
    ... else:
    ...     t = y
    ... '''
    >>> sorted(surely_assigned(parse(body)))
    ['t']
    """
    return _exposed(block, frozenset())[1]


def _exposed(block: Block, before: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    read: set[str] = set()
    for stmt in block:
        if not isinstance(stmt, While):
            read |= frozenset().union(*map(names, own_exprs(stmt))) - before
        match stmt:
            case If(_, then, orelse):
                one, other = _exposed(then, before), _exposed(orelse, before)
                read |= one[0] | other[0]
                before = one[1] & other[1]
            case For(index=index, body=body):
                read |= _exposed(body, before | {index})[0]
            case While(test, cond, body):
                tested, known = _exposed(test, before)
                read |= tested | (names(cond) - known) | _exposed(body, known)[0]
            case _:
                before = before | frozenset(own_writes(stmt))
    return frozenset(read), before

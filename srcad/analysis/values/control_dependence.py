"""Control dependence: the names that decide whether, and how often, a statement is executed."""

from __future__ import annotations

from collections.abc import Iterator

from srcad.ir.nodes import Block, For, If, Stmt, While
from srcad.ir.traversal import blocks, names


def controlling_names(stmt: Stmt) -> frozenset[str]:
    """The names that the blocks nested in a statement are control dependent on."""
    match stmt:
        case If(cond):
            return names(cond)
        case For(_, start, stop, step, exit=exit):
            return frozenset(n for e in (start, stop, step, exit) if e is not None for n in names(e))
        case While(_, cond):
            return names(cond)
        case _:
            return frozenset()


def with_control_dependence(
    block: Block, around: frozenset[str] = frozenset()
) -> Iterator[tuple[Stmt, frozenset[str]]]:
    """All statements of a block, each with the names it is control dependent on; `around` holds for the whole block.

    >>> from srcad.ir.notation import parse
    >>> block = parse('''
    ... for i in range(n):
    ...     if positive:
    ...         y = 2.0 * x
    ... ''')
    >>> for stmt, controlling in with_control_dependence(block):
    ...     print(type(stmt).__name__, sorted(controlling))
    For []
    If ['n']
    Assign ['n', 'positive']
    """
    for stmt in block:
        yield stmt, around
        inside = around | controlling_names(stmt)
        for b in blocks(stmt):
            yield from with_control_dependence(b, inside)

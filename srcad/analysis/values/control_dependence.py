"""What decides whether a statement is reached, and how often."""

from __future__ import annotations

from collections.abc import Iterator

from srcad.ir.nodes import Block, For, If, Stmt, While
from srcad.ir.traversal import blocks, names


def controlling_names(stmt: Stmt) -> frozenset[str]:
    """The names that decide whether, and how often, what is inside a statement is executed."""
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
    """All statements of a block, each with the names that decide whether it is reached."""
    for stmt in block:
        yield stmt, around
        inside = around | controlling_names(stmt)
        for b in blocks(stmt):
            yield from with_control_dependence(b, inside)

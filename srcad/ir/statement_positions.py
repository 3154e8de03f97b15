"""The order of statements: what comes after what, and what is repeated together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srcad.ir.nodes import Block, For, Stmt, While
from srcad.ir.traversal import blocks


@dataclass(frozen=True)
class Position:
    """A statement, its number in the order of the text, and the numbers of the loops around it."""

    stmt: Stmt
    at: int
    loops: frozenset[int]

    @property
    def is_loop(self) -> bool:
        return isinstance(self.stmt, For | While)


def positions(body: Block) -> Iterator[Position]:
    """All statements of a block and of the blocks inside it.

    >>> from srcad.ir.notation import parse
    >>> block = parse('''
    ... y = x * 2.0
    ... for i in range(3):
    ...     z = y + i
    ... ''')
    >>> [(position.at, sorted(position.loops), position.is_loop) for position in positions(block)]
    [(1, [], False), (2, [], True), (3, [2], False)]
    """
    count = 0

    def inside(block: Block, loops: frozenset[int]) -> Iterator[Position]:
        nonlocal count
        for stmt in block:
            count += 1
            position = Position(stmt, count, loops)
            yield position
            around = loops | {count} if position.is_loop else loops
            for inner in blocks(stmt):
                yield from inside(inner, around)

    return inside(body, frozenset())

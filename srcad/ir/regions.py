"""Region tree of a function in normal form, and the definition of each name (def-use).

A `Region` is a block with its position in the enclosing block. The test of a `while` belongs to the same region as its
body: one iteration evaluates both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srcad.ir.nodes import Assign, Block, Carry, For, Function, If, Join, Stmt, While


@dataclass(frozen=True, eq=False)
class Region:
    """`kind` is "function", "then", "else" or "loop" (a loop body); `position` is that of `owner` in `parent`."""

    kind: str
    stmts: Block
    parent: Region | None
    owner: Stmt | None
    position: int
    number: int
    """Textual order: a region nested in or following another has the greater number."""

    @property
    def enclosing(self) -> Iterator[Region]:
        """This region, the one that contains it, and so on to the function."""
        region: Region | None = self
        while region is not None:
            yield region
            region = region.parent

    def place_of(self, inner: Region) -> int | None:
        """The position, among this region's statements, of the one that contains the region `inner`; None if none."""
        for region in inner.enclosing:
            if region.parent is self:
                return region.position
        return None


@dataclass(frozen=True, eq=False)
class Definition:
    """The definition of a name. `position` is -1 for what is defined at the start of a region: parameters, carries."""

    region: Region
    position: int
    node: Assign | Join | Carry | For | None
    """None for a parameter; a `For` for its index; a `Carry` for its arg (position -1) and for its result."""


@dataclass(frozen=True, eq=False)
class Regions:
    top: Region
    of_block: dict[tuple[int, str], Region]
    """Keyed by the identity of the owner statement, and the kind."""
    definitions: dict[str, Definition]
    interleaved: frozenset[Region] = frozenset()
    """Bodies of loops whose iterations are reversed at once, each before the next runs: no tape spans two of them."""

    def enclosing_loops(self, region: Region) -> tuple[Region, ...]:
        """The loop bodies that contain the region, outermost first, from inside the innermost interleaved one."""
        loops: list[Region] = []
        for one in region.enclosing:
            if one in self.interleaved:
                break
            if one.kind == "loop":
                loops.append(one)
        return tuple(loops[::-1])

    def body_of(self, owner: Stmt, kind: str) -> Region:
        return self.of_block[(id(owner), kind)]

    def __iter__(self) -> Iterator[Region]:
        yield self.top
        yield from self.of_block.values()


def regions(f: Function) -> Regions:
    """Build the tree, and find the definition of every name.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def positive_sum(x):
    ...     total = 0.0
    ...     for i in range(len(x)):
    ...         if x[i] > 0.0:
    ...             total += x[i]
    ...     return total
    >>> tree = regions(normal_form(positive_sum, np.ones(3)))
    >>> for region in tree:
    ...     print(region.number, [outer.kind for outer in region.enclosing])
    0 ['function']
    1 ['loop', 'function']
    2 ['then', 'loop', 'function']
    3 ['else', 'loop', 'function']
    >>> total = tree.definitions["%total.0"]  # at the start of an iteration
    >>> type(total.node).__name__, total.region.kind, total.position
    ('Carry', 'loop', -1)
    """
    of_block: dict[tuple[int, str], Region] = {}
    definitions: dict[str, Definition] = {}

    def enter(kind: str, stmts: Block, parent: Region | None, owner: Stmt | None, position: int) -> Region:
        region = Region(kind, stmts, parent, owner, position, len(of_block) + 1 if parent else 0)
        if owner is not None:
            of_block[(id(owner), kind)] = region
        if isinstance(owner, For):
            definitions[owner.index] = Definition(region, -1, owner)
        if isinstance(owner, For | While):
            for carry in owner.carried:
                definitions[carry.arg] = Definition(region, -1, carry)
        for at, stmt in enumerate(stmts):
            match stmt:
                case Assign(target):
                    definitions[target] = Definition(region, at, stmt)
                case If(_, then, orelse, joins):
                    enter("then", then, region, stmt, at)
                    enter("else", orelse, region, stmt, at)
                    for join in joins:
                        definitions[join.target] = Definition(region, at, join)
                case For(body=body, carried=carried):
                    enter("loop", body, region, stmt, at)
                    for carry in carried:
                        definitions[carry.result] = Definition(region, at, carry)
                case While(test=test, body=body, carried=carried):
                    enter("loop", test + body, region, stmt, at)
                    for carry in carried:
                        definitions[carry.result] = Definition(region, at, carry)
                case _:
                    pass
        return region

    top = enter("function", f.body, None, None, -1)
    for param in f.params:
        definitions[param.name] = Definition(top, -1, None)
    return Regions(top, of_block, definitions)

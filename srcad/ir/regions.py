"""Where everything is: the tree of blocks of a function in normal form, and the place each name is defined at.

A `Region` is a block with its place in the block around it. The test of a `while` belongs to the same region as
its body: one turn evaluates both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srcad.ir.nodes import Assign, Block, Carry, For, Function, If, Join, Stmt, While


@dataclass(frozen=True, eq=False)
class Region:
    """`kind` is "function", "then", "else" or "turn" (of a loop); `position` is that of `owner` in `parent`."""

    kind: str
    stmts: Block
    parent: Region | None
    owner: Stmt | None
    position: int
    number: int
    """Textual order: a region nested in or following another has the greater number."""

    @property
    def enclosing(self) -> Iterator[Region]:
        """This region, the one around it, and so on to the function."""
        region: Region | None = self
        while region is not None:
            yield region
            region = region.parent

    def place_of(self, inner: Region) -> int | None:
        """The position, among this region's statements, of the one that holds the region `inner`."""
        for region in inner.enclosing:
            if region.parent is self:
                return region.position
        return None


@dataclass(frozen=True, eq=False)
class Definition:
    """The one place where a name gets its value. `position` is -1 for what is there when a region starts."""

    region: Region
    position: int
    node: Assign | Join | Carry | For | None
    """None for a parameter; a `For` for its index; a `Carry` for its arg (position -1) and for its result."""


@dataclass(frozen=True, eq=False)
class Regions:
    top: Region
    of_block: dict[tuple[int, str], Region]
    """By identity of the owner statement and kind."""
    definitions: dict[str, Definition]
    interleaved: frozenset[Region] = frozenset()
    """Turns that are taken back at once, each before the next runs: nothing is kept from one to another."""

    def enclosing_loops(self, region: Region) -> tuple[Region, ...]:
        """The turns the region is part of, outermost first; those around a fused turn do not count, nor it itself."""
        found: list[Region] = []
        for one in region.enclosing:
            if one in self.interleaved:
                break
            if one.kind == "turn":
                found.append(one)
        return tuple(found[::-1])

    def body_of(self, owner: Stmt, kind: str) -> Region:
        return self.of_block[(id(owner), kind)]

    def __iter__(self) -> Iterator[Region]:
        yield self.top
        yield from self.of_block.values()


def regions(f: Function) -> Regions:
    """Number the blocks and find the definition of every name."""
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
                    enter("turn", body, region, stmt, at)
                    for carry in carried:
                        definitions[carry.result] = Definition(region, at, carry)
                case While(test=test, body=body, carried=carried):
                    enter("turn", test + body, region, stmt, at)
                    for carry in carried:
                        definitions[carry.result] = Definition(region, at, carry)
                case _:
                    pass
        return region

    top = enter("function", f.body, None, None, -1)
    for param in f.params:
        definitions[param.name] = Definition(top, -1, None)
    return Regions(top, of_block, definitions)

"""The reverse sweep as data: for each region of the primal, the groups of statements that reverse it.

Storage is decided after the adjoint statements are written, from what they read. So the sweep records, for each
group of statements, the position in the primal that it reverses: there, memory is as it was before that statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from srcad.canonicalize.trip_counts import trip_count_of
from srcad.ir.nodes import Expr, For, If, Span, Stmt, Store, Var, While
from srcad.ir.regions import Region
from srcad.ir.traversal import block_reads


@dataclass(eq=False)
class ReverseGroup:
    """Adjoint statements that reverse the primal statement at `position` (past the last: the end of the region)."""

    position: int
    stmts: list[Stmt]
    span: Span | None = None
    restores: Store | None = None
    """The primal store whose overwritten memory is restored before the statements."""
    nested: ReverseBranches | ReverseLoop | None = None


@dataclass(eq=False)
class ReverseBranches:
    """The reversal of an `if`: those of its two branches, under the same condition."""

    owner: If
    then: ReverseSweep
    orelse: ReverseSweep


@dataclass(eq=False)
class ReverseLoop:
    """The reversal of a loop: that of its body, in reverse order of the iterations."""

    owner: For | While
    body: ReverseSweep


class ExtraGroups(Protocol):
    """Statements of the reversal of a region besides those that reverse its statements."""

    def groups(self, region: Region) -> list[ReverseGroup]: ...


@dataclass(eq=False)
class ReverseSweep:
    """The reversal of one region; those of nested regions are in its groups."""

    region: Region
    groups: list[ReverseGroup] = field(default_factory=list)
    """In the order of the reverse sweep: by falling position."""

    def with_others(self, counted: Iterable[ExtraGroups], restored: Iterable[ReverseGroup]) -> list[ReverseGroup]:
        """The groups with others: at one position, those of reversed induction variables first, restores last."""
        first = [group for one in counted for group in one.groups(self.region)]
        # stable: of one position, in the order given
        return sorted([*first, *self.groups, *restored], key=lambda group: -group.position)

    def inner(self) -> Iterator[ReverseSweep]:
        """The sweeps nested directly in this one."""
        for group in self.groups:
            match group.nested:
                case ReverseBranches(_, then, orelse):
                    yield then
                    yield orelse
                case ReverseLoop(_, body):
                    yield body
                case None:
                    pass

    def walk(self) -> Iterator[tuple[ReverseSweep, ReverseGroup]]:
        """All groups, with the sweep that each is in."""
        for group in self.groups:
            yield self, group
        for sweep in self.inner():
            yield from sweep.walk()

    def reads(self) -> frozenset[str]:
        """The names that the adjoint statements read."""
        return frozenset().union(*(block_reads(tuple(group.stmts)) for _, group in self.walk()))


def bounds(owner: For | While) -> tuple[Expr, ...]:
    """What the reversed loop reads of the primal for its range.

    >>> from srcad.ir.nodes import Const
    >>> bounds(For("i", Const(0), Var("n"), Const(1), ()))
    (Const(value=0), Var(name='n'), Const(value=1))
    """
    count = trip_count_of(owner)
    if count is not None:
        extra = (owner.start, owner.step) if isinstance(owner, For) else ()
        return (Var(count.result), *extra)
    assert isinstance(owner, For)
    return (owner.start, owner.stop, owner.step)

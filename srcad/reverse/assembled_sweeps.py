"""What assembly works with and what it gives: statements to insert into the forward sweep; both sweeps as blocks.

>>> from srcad.ir.notation import parse, show
>>> added = Insertions()
>>> added.after.setdefault(-1, []).extend(parse("x_saved[i] = x"))
>>> print(show(tuple(added.after[-1])))
x_saved[i] = x
"""

from __future__ import annotations

from dataclasses import dataclass, field

from srcad.ir.nodes import Block, Stmt


@dataclass
class Insertions:
    """Statements to add to a region of the forward sweep, by position."""

    before: dict[int, list[Stmt]] = field(default_factory=dict)
    after: dict[int, list[Stmt]] = field(default_factory=dict)
    """After position -1: at the start of the region."""


@dataclass(frozen=True)
class AssembledSweeps:
    """Both sweeps as blocks."""

    forward: Block
    reverse: Block
    deferred: Block
    """What the primal computes from the results of interleaved loops, after both sweeps."""
    restores: bool
    """Whether the reverse sweep writes into arrays of the primal."""
    restored: tuple[str, ...] | None
    """Those arrays; None where some have no name at the end of the forward sweep: they were allocated in a loop."""

"""The storage plan: what was decided for a sweep (`decide`), as assembly reads it.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def every_other(x, s, n):
...     k = 0
...     for i in range(n):
...         k += 2
...         s = s * x[k] * x[k]
...     return s
>>> source = srcad.grad(every_other, argnums="s", target="python").source_for(np.ones(9), 1.0, 4)
>>> print(source[source.index("    for i in range(n - 1") : source.index("    return")].rstrip())
    for i in range(n - 1, -1, -1):
        # L5: s = s * x[k] * x[k]
        d_s = x[k] * x[k] * d_s
        k -= 2

`k` is an induction variable, a `Counted` of the plan: it is decremented, not saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from srcad.analysis.integers.induction_variables import InductionVariable
from srcad.analysis.memory.to_be_recorded import MemoryAccess
from srcad.ir.nodes import Assign, AugAssign, Expr, Var
from srcad.ir.regions import Region
from srcad.ir.traversal import names
from srcad.reverse.adjoint.reverse_sweep import ReverseGroup
from srcad.reverse.storage.loop_carried import LoopCarried
from srcad.reverse.storage.overwritten_memory import RestorePlanner, SavePoints
from srcad.reverse.storage.recomputation import SavedElement


@dataclass(frozen=True)
class Counted:
    """An induction variable, and the variable that takes on its values one after another in the reverse sweep."""

    counter: InductionVariable
    variable: Var

    def groups(self, region: Region) -> list[ReverseGroup]:
        """Its statements in the reversal of a region."""
        steps = [s for s in self.counter.increments if s.region is region]
        found = [
            ReverseGroup(s.position, [AugAssign(self.variable.name, "-" if s.op == "+" else "+", s.by)]) for s in steps
        ]
        if region is self.counter.turn.parent:
            start = Assign(self.variable.name, Var(self.counter.carry.result))
            found.append(ReverseGroup(self.counter.turn.position, [start]))
        return found


@dataclass(frozen=True)
class Plan:
    """`recomputed`: values to recompute; `reloaded`: values to read from where they were stored;
    `read_from_saved_overwrite`: from what a store of the plan saves anyway; `saved`: values to save.

    Each maps a name to the position, in the region that defines it, before whose reversal it is recovered.
    `save_points` are the stores (by identity) that save what they overwrite, and where.
    """

    recomputed: dict[str, int]
    reloaded: dict[str, tuple[int, Expr]]
    read_from_saved_overwrite: dict[str, tuple[int, SavedElement]]
    saved: dict[str, int]
    save_points: SavePoints
    restore_planner: RestorePlanner
    reads: frozenset[str] = frozenset()
    """All names whose value the sweep reads, directly or to recover others."""
    accesses: tuple[MemoryAccess, ...] = ()
    """Its reads of elements of arrays that are written into."""
    counted: tuple[Counted, ...] = ()
    """Induction variables that it reverses."""
    value_numbers: Mapping[str, str] = field(default_factory=dict)
    """For names that are not recovered, one with the same value that is read instead."""
    loop_carried: Mapping[str, LoopCarried] = field(default_factory=dict)
    """Names whose value the reversal of the following iteration has recovered."""
    restored_after_segments: Mapping[Region, frozenset[str]] = field(default_factory=dict)
    """By the body of a checkpointed loop: the alias classes that are restored once the loop is reversed."""

    @property
    def recovered(self) -> list[str]:
        """All names that the reverse sweep defines again."""
        return [*self.recomputed, *self.reloaded, *self.read_from_saved_overwrite, *self.saved]

    def names(self, e: Expr) -> frozenset[str]:
        """The names whose values an expression needs."""
        return frozenset(self.value_numbers.get(n, n) for n in names(e))

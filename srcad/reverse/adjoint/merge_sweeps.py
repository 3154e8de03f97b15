"""Merging of the reverse sweeps of several results into one, for the Jacobian of several scalars.

Each sweep reverses the statements of the same primal, with adjoints of its own. Merged statement by statement, they
share saved values, restored memory, and the reversed loops and branches.

>>> import srcad
>>> __name__ = "user_module"
>>> def pair(y, z):
...     for i in range(3):
...         y = y * z
...     return y, y / z
>>> source = srcad.jacobian(pair, mode="reverse", target="python").source_for(2.0, 3.0)
>>> print(source[source.index("    for i in range(2,") : source.index("    return")].rstrip())
    for i in range(2, -1, -1):
        # L3: y = y * z
        d0_y = z * d0_y
        d1_y = z * d1_y
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcad.reverse.adjoint.reverse_sweep import ReverseBranches, ReverseGroup, ReverseLoop, ReverseSweep


def merge_sweeps(sweeps: Sequence[ReverseSweep]) -> ReverseSweep:
    """One sweep that does for each statement what all of them do, in the order given."""
    first, *others = sweeps
    if not others:
        return first
    merged = ReverseSweep(first.region)
    for position in sorted({group.position for sweep in sweeps for group in sweep.groups}, reverse=True):
        merged.groups += _merge_groups([[g for g in sweep.groups if g.position == position] for sweep in sweeps])
    return merged


def _merge_groups(per_sweep: list[list[ReverseGroup]]) -> list[ReverseGroup]:
    """The groups of one position: those before a loop or branch, the loop or branch of all, those after it."""
    before: list[ReverseGroup] = []
    nested: list[ReverseGroup] = []
    after: list[ReverseGroup] = []
    for groups in per_sweep:
        at = next((i for i, group in enumerate(groups) if group.nested is not None), len(groups))
        before += groups[:at]
        nested += groups[at : at + 1]
        after += groups[at + 1 :]
    # overwritten memory is restored once, before the first
    before[1:] = [replace(group, restores=None) for group in before[1:]]
    inner = _merge_nested([group.nested for group in nested if group.nested is not None])
    return [*before, *(replace(group, nested=inner) for group in nested[:1]), *after]


def _merge_nested(per_sweep: Sequence[ReverseBranches | ReverseLoop]) -> ReverseBranches | ReverseLoop | None:
    """The loop or branch of all sweeps, with their bodies merged."""
    branches = [one for one in per_sweep if isinstance(one, ReverseBranches)]
    loops = [one for one in per_sweep if isinstance(one, ReverseLoop)]
    if branches:
        then, orelse = merge_sweeps([one.then for one in branches]), merge_sweeps([one.orelse for one in branches])
        return ReverseBranches(branches[0].owner, then, orelse)
    return ReverseLoop(loops[0].owner, merge_sweeps([one.body for one in loops])) if loops else None

"""Allocations: whether the memory that a name refers to was allocated before that which a store writes into.

Alias classes join the names that ever share memory: in `w = np.zeros(n); ...; u = w`, a loop's `u` and `w` are one
class. But what an iteration stores into its own `w` is not what it reads from `u`, which was there before.
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.nodes import Assign, Carry, Join, Op
from srcad.ir.regions import Region, Regions
from srcad.ir.result_memory import roots, sources
from srcad.ir.types import Array, Type


class Allocations:
    """Where the arrays of a function in normal form are allocated.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def steps(u, n):
    ...     for t in range(n):
    ...         w = np.zeros(len(u))
    ...         w[0] = np.sin(u[1])
    ...         u = w
    ...     return u[0]
    >>> f = normal_form(steps, np.ones(3), 2)
    >>> places = regions(f)
    >>> allocations = Allocations(places, f.types)
    >>> body = places.definitions["%w.0"].region
    >>> allocations.is_made_after("%u.0", body, "%w.0"), allocations.is_made_after("%w.0", body, "%w.0")
    (True, False)
    """

    def __init__(self, regions: Regions, types: Mapping[str, Type]) -> None:
        self.regions = regions
        self.types = types
        self._known: dict[tuple[str, Region, str], bool] = {}

    def is_made_after(self, name: str, region: Region, stored: str) -> bool:
        """Whether all that is read by this name, in this region, was allocated before what a later store to `stored`
        writes into.

        Each execution of an allocation gives new memory. So a read outside of the block of the allocation is done
        before the store's memory is there; within it, what came before in the same execution of the block is older.
        """
        key = (name, region, stored)
        if key not in self._known:
            made = self._allocation(stored)
            block = None if made is None else self.regions.definitions[made].region
            self._known[key] = made is not None and (
                block not in set(region.enclosing) or not self._may_refer_to(name, made, set())
            )
        return self._known[key]

    def _allocation(self, name: str) -> str | None:
        """The name that the memory had first; None where it is not allocated in one place of the function."""
        while isinstance(self.types.get(name), Array):
            match self.regions.definitions[name].node:
                case Assign(_, Op() as op) if not sources(op):
                    return name
                case Assign(_, value) if len(roots(value)) == 1:
                    (name,) = roots(value)
                case _:
                    return None
        return None

    def _may_refer_to(self, name: str, made: str, seen: set[str]) -> bool:
        """Whether a name may refer to the memory that `made` got in this execution of its block."""
        if name == made:
            return True
        if name in seen or self._is_older(name, made):
            return False
        seen.add(name)
        match self.regions.definitions[name].node:
            case Assign(_, value):
                origins = roots(value)
            case Carry(_, init, after) | Join(_, init, after):
                origins = roots(init) | roots(after)
            case _:
                return False
        return any(self._may_refer_to(one, made, seen) for one in origins)

    def _is_older(self, name: str, made: str) -> bool:
        """Whether a name was defined before, in the same execution of the block, or outside of it."""
        definition, allocation = self.regions.definitions[name], self.regions.definitions[made]
        if definition.region is allocation.region:
            return definition.position < allocation.position
        at = allocation.region.place_of(definition.region)
        return at is None or at < allocation.position

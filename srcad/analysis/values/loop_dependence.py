"""Loop dependence: in which loops around its definition a value may differ from one iteration to the next.

A value that is saved needs an axis for these loops only: what depends on `i` alone is the same in every `t`.
"""

from __future__ import annotations

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, For
from srcad.ir.regions import Definition, Region, Regions
from srcad.ir.traversal import names


class LoopDependence:
    """Queries about the values of a function in normal form.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> __name__ = "user_module"
    >>> def chain(x, table, n):
    ...     for t in range(n):
    ...         for i in range(len(table)):
    ...             weight = np.exp(table[i])
    ...             x = x * weight
    ...     return x
    >>> f = normal_form(chain, 1.0, np.ones(2), 3)
    >>> dependence = LoopDependence(regions(f), alias_classes(f))
    >>> for name in ("weight.0", "x.2"):
    ...     print(name, sorted(loop.owner.index for loop in dependence.of(name)))
    weight.0 ['i.0']
    x.2 ['i.0', 't.0']

    What is said of an index holds for one value of it: in another iteration around, it may be reached in another turn
    of its loop. Of what is carried, of what a branch decides, and of memory that is stored into, all loops are said.
    """

    def __init__(self, regions: Regions, aliases: AliasClasses) -> None:
        self.regions = regions
        self.aliases = aliases
        self._known: dict[str, frozenset[Region]] = {}

    def of(self, name: str) -> frozenset[Region]:
        """The loops, by their bodies."""
        if name not in self._known:
            definition = self.regions.definitions[name]
            self._known[name] = self._of_definition(name, definition)
        return self._known[name]

    def _of_definition(self, name: str, definition: Definition) -> frozenset[Region]:
        around = frozenset(region for region in definition.region.enclosing if region.kind == "loop")
        match definition.node:
            case Assign(_, value) if is_pure(value) and self.aliases.written.isdisjoint((name, *names(value))):
                return around & frozenset().union(*map(self.of, names(value)))
            case For():
                return frozenset((definition.region,))
        return around

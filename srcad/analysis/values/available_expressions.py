"""Available expressions: values that the primal, or the same reversal, has computed already (CSE for derivative rules).

The rule of the sine needs a cosine; where the primal has computed it, it is reused.
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.values.effects import is_pure
from srcad.analysis.values.value_numbering import value_numbers
from srcad.ir.nodes import Assign, Op, Stmt, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import reads, replace_names
from srcad.ir.types import Type
from srcad.rules.primitives import PRIMITIVES


class AvailableExpressions:
    """The elementwise operations of the primal, by value number, and those written for the reversal of a statement.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def wave(x):
    ...     c = np.cos(x)
    ...     return np.sin(x) + c
    >>> f = normal_form(wave, 1.0)
    >>> tree = regions(f)
    >>> available = AvailableExpressions(tree, f.types, alias_classes(f))
    >>> available.in_primal(Assign("%cos.9", Op("np.cos", (Var("x"),))), tree.top)  # the rule of the sine needs it
    Var(name='%c.0')

    Operations on arrays that are stored into, and those whose result is, are left out: their value may be out of date,
    or is no longer there. Cheap operations are left
    out, too: computing them once more costs less than keeping them alive.
    """

    def __init__(self, regions: Regions, types: Mapping[str, Type], aliases: AliasClasses) -> None:
        self._regions = regions
        self._value_numbers = value_numbers(regions.top.stmts, types, aliases)
        self._names: dict[object, list[str]] = {}
        for name, definition in regions.definitions.items():
            if isinstance(definition.node, Assign) and isinstance(definition.node.value, Op):
                key = self._key(definition.node.value)
                if key is not None and not any(n in aliases.written for n in (name, *reads(definition.node.value))):
                    self._names.setdefault(key, []).append(name)
        self._first_in_reversal: dict[object, str] = {}
        self._replacements: dict[str, Var] = {}
        self._expensive: dict[str, bool] = {}
        """The temporaries of reversals that are computed from primal values alone; true where that is expensive."""

    def in_primal(self, stmt: Stmt, region: Region) -> Var | None:
        """The primal name that already has the value of the statement, in the reversal of the region or one inside."""
        key = self._key(stmt.value) if isinstance(stmt, Assign) and isinstance(stmt.value, Op) else None
        enclosing = set(region.enclosing)
        found = (n for n in self._names.get(key, ()) if self._regions.definitions[n].region in enclosing)
        name = next(found, None) if key is not None else None
        return None if name is None else Var(name)

    def in_reversal(self, reversed_name: str, stmt: Stmt) -> Var | None:
        """The name under which the reversal of `reversed_name` already computed the value, for another operand."""
        if not isinstance(stmt, Assign) or not isinstance(stmt.value, Op):
            return None
        value = replace_names(stmt.value, self._replacements)
        read = reads(value)
        if not is_pure(value) or not all(n in self._regions.definitions or n in self._expensive for n in read):
            return None
        first = self._first_in_reversal.setdefault((reversed_name, value), stmt.target)
        if first == stmt.target:
            expensive = not PRIMITIVES[stmt.value.prim].cheap
            self._expensive[first] = expensive or any(self._expensive.get(n, False) for n in read)
            return None
        self._replacements[stmt.target] = Var(first)
        return Var(first) if self._expensive[first] else None

    def _key(self, op: Op) -> object:
        """Equal for operations that have equal values; None for those that are cheap or not elementwise."""
        primitive = PRIMITIVES.get(op.prim)
        if primitive is None or primitive.kind != "elementwise" or primitive.cheap:
            return None
        args = [Var(self._value_numbers.get(a.name, a.name)) if isinstance(a, Var) else a for a in op.args]
        return op.prim.rpartition(".")[2], tuple(args), op.static

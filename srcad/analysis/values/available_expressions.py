"""What a function has computed at some cost already: the cosine, say, that the rule of the sine asks for."""

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
    """What was computed of the elements of arrays that are written to may be out of date.

    It also remembers what was computed for the reversal of a statement, for others that reverse the same statement.
    """

    def __init__(self, regions: Regions, types: Mapping[str, Type], aliases: AliasClasses) -> None:
        self._regions = regions
        self._equal = value_numbers(regions.top.stmts, types, aliases)
        self._names: dict[object, list[str]] = {}
        for name, definition in regions.definitions.items():
            if isinstance(definition.node, Assign) and isinstance(definition.node.value, Op):
                key = self._key(definition.node.value)
                if key is not None and not any(n in aliases.written for n in reads(definition.node.value)):
                    self._names.setdefault(key, []).append(name)
        self._beside: dict[object, str] = {}
        self._same: dict[str, Var] = {}
        self._of_primal: dict[str, bool] = {}
        """Temporaries that are made of values of the primal alone; whether at some cost."""

    def in_primal(self, stmt: Stmt, region: Region) -> Var | None:
        """The name of what the statement would compute again, for the reversal of the region or of one inside it."""
        key = self._key(stmt.value) if isinstance(stmt, Assign) and isinstance(stmt.value, Op) else None
        around = set(region.enclosing)
        found = (n for n in self._names.get(key, ()) if self._regions.definitions[n].region in around)
        name = next(found, None) if key is not None else None
        return None if name is None else Var(name)

    def in_reversal(self, reversed_name: str, stmt: Stmt) -> Var | None:
        """The name of what the same reversal has computed already, for another adjoint of the same result."""
        if not isinstance(stmt, Assign) or not isinstance(stmt.value, Op):
            return None
        value = replace_names(stmt.value, self._same)
        read = reads(value)
        if not is_pure(value) or not all(n in self._regions.definitions or n in self._of_primal for n in read):
            return None
        first = self._beside.setdefault((reversed_name, value), stmt.target)
        if first == stmt.target:
            dear = not PRIMITIVES[stmt.value.prim].cheap
            self._of_primal[first] = dear or any(self._of_primal.get(n, False) for n in read)
            return None
        self._same[stmt.target] = Var(first)
        return Var(first) if self._of_primal[first] else None

    def _key(self, op: Op) -> object:
        """Equal for operations that give equal numbers; None for those that cost next to nothing."""
        primitive = PRIMITIVES.get(op.prim)
        if primitive is None or primitive.kind != "elementwise" or primitive.cheap:
            return None
        args = [Var(self._equal.get(a.name, a.name)) if isinstance(a, Var) else a for a in op.args]
        return op.prim.rpartition(".")[2], tuple(args), op.static

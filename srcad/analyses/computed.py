"""What a function has computed at some cost already: the cosine, say, that the rule of the sine asks for."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analyses.aliases import Aliases
from srcad.analyses.equal import equal
from srcad.analyses.regions import Region, Regions
from srcad.ir.nodes import Assign, Op, Stmt, Var
from srcad.ir.types import Type
from srcad.ir.walk import reads
from srcad.rules.primitives import PRIMITIVES


class Computed:
    """What was computed of the elements of arrays that are written to may be out of date."""

    def __init__(self, regions: Regions, types: Mapping[str, Type], aliases: Aliases) -> None:
        self._regions = regions
        self._equal = equal(regions.top.stmts, types, aliases)
        self._names: dict[object, list[str]] = {}
        for name, definition in regions.definitions.items():
            if isinstance(definition.node, Assign) and isinstance(definition.node.value, Op):
                key = self._key(definition.node.value)
                if key is not None and not any(n in aliases.stored for n in reads(definition.node.value)):
                    self._names.setdefault(key, []).append(name)

    def same(self, stmt: Stmt, region: Region) -> Var | None:
        """The name of what the statement would compute again, for the reversal of the region or of one inside it."""
        key = self._key(stmt.value) if isinstance(stmt, Assign) and isinstance(stmt.value, Op) else None
        around = set(region.enclosing)
        found = (n for n in self._names.get(key, ()) if self._regions.definitions[n].region in around)
        name = next(found, None) if key is not None else None
        return None if name is None else Var(name)

    def _key(self, op: Op) -> object:
        """Equal for operations that give equal numbers; None for those that cost next to nothing."""
        primitive = PRIMITIVES.get(op.prim)
        if primitive is None or primitive.kind != "elementwise" or primitive.cheap:
            return None
        args = [Var(self._equal.get(a.name, a.name)) if isinstance(a, Var) else a for a in op.args]
        return op.prim.rpartition(".")[2], tuple(args), op.static

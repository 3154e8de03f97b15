"""Loops whose turns can be taken back in any order: each at once, when it has run.

The turns of `for i in range(n): total += f(x[i])` know nothing of each other but for the sum, and the adjoint of a
sum is the same for all terms. What flows from turn to turn must be such sums, scratch that every turn writes
afresh, and arrays of which every turn has its own part.
"""

from __future__ import annotations

from srcad.analysis.memory.privatization import Privatization
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.analysis.values.effects import has_effect
from srcad.ir.nodes import Assign, Carry, Expr, For, If, Join, Op, Stmt, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import block_stores, own_exprs, reads, walk


class ReversibleLoops:
    def __init__(
        self, regions: Regions, overwrites: ToBeRecorded, scratch: Privatization, active: frozenset[str]
    ) -> None:
        self.regions = regions
        self.overwrites = overwrites
        self.scratch = scratch
        self.active = active

    def is_reversible(self, turn: Region) -> bool:
        """Whether the turns of a loop may be taken back in any order."""
        owner = turn.owner
        if not isinstance(owner, For) or owner.exit is not None:
            return False
        if any(has_effect(s) for s in walk(owner.body)):
            return False
        if not all(self._passes_by(c, owner) for c in owner.carried if self._is_active(c)):
            return False
        stored = {self.overwrites.group[n] for n in block_stores(owner.body) if n in self.overwrites.group}
        return all(self._parts(group, turn) for group in sorted(stored) if self._matters(group, turn))

    # ---- sums --------------------------------------------------------------------------------

    def _is_active(self, carry: Carry) -> bool:
        return carry.arg in self.active or carry.result in self.active

    def _passes_by(self, carry: Carry, owner: For) -> bool:
        """Whether the carried value is a sum: its adjoint is the same in every turn."""
        links: set[str] = {carry.arg}
        if not self._leads(carry.next, links):
            return False
        return not any(self._other_use(stmt, links) for stmt in walk(owner.body))

    def _leads(self, e: Expr, links: set[str]) -> bool:
        """Whether `e` is one of the names of the chain plus something; the names on the way join the chain."""
        if not isinstance(e, Var):
            return False
        if e.name in links:
            return True
        node = self.regions.definitions[e.name].node
        before = frozenset(links)
        found = False
        match node:
            case Assign(_, Var() as inner):
                found = self._leads(inner, links)
            case Assign(_, Op("+", (a, b))):
                found = self._leads(a, links) or self._leads(b, links)
            case Assign(_, Op("-", (a, _))):
                found = self._leads(a, links)
            case Join(_, then, orelse):
                found = self._leads(then, links) and self._leads(orelse, links)
            case Carry(arg, init, next, result) if result == e.name:
                found = self._leads(init, links)
                if found:
                    links.add(arg)
                    found = self._leads(next, links)
            case _:
                pass
        if found:
            links.add(e.name)
        else:
            links.intersection_update(before)
        return found

    def _other_use(self, stmt: Stmt, links: set[str]) -> bool:
        """Whether a derivative takes another way out of the chain than along it."""
        match stmt:
            case Assign(target, value):
                used = [n for n in reads(value) if n in links]
                if not used or target not in self.active:
                    return False
                return target not in links or len(used) > 1 or _subtracted(value, links)
            case If(joins=joins):
                return any(
                    n in links and j.target in self.active and j.target not in links
                    for j in joins
                    for e in (j.then, j.orelse)
                    for n in reads(e)
                )
            case For(carried=carried) | While(carried=carried):
                return any(
                    n in links and c.result in self.active and c.result not in links
                    for c in carried
                    for e in (c.init, c.next)
                    for n in reads(e)
                )
            case _:
                return any(n in links and n in self.active for e in own_exprs(stmt) for n in reads(e))

    # ---- arrays ------------------------------------------------------------------------------

    def _matters(self, group: str, turn: Region) -> bool:
        """Whether the group outlives a turn and carries derivatives."""
        if turn in set(self.overwrites.lifetime(group).enclosing):
            return False
        return any(g == group and n in self.active for n, g in self.overwrites.group.items())

    def _parts(self, group: str, turn: Region) -> bool:
        return self.scratch.is_private(group, turn) or self._own_part(group, turn) or self._only_added(group, turn)

    def _own_part(self, group: str, turn: Region) -> bool:
        """Whether each turn reads and writes places of its own only: the loop's index is among theirs."""
        inside = [a for a in self._accesses(group) if turn in set(a.region.enclosing)]
        for axis in range(max((len(a.items or ()) for a in inside), default=0)):
            offsets = {
                self.overwrites.affine(a.items[axis], turn) if axis < len(a.items or ()) and a.items else None
                for a in inside
            }
            if len(offsets) == 1 and None not in offsets:
                return True
        return False

    def _only_added(self, group: str, turn: Region) -> bool:
        """Whether the loop only adds to the array."""
        inside = [(s, a) for s, a in self.overwrites.stores if a.group == group and turn in set(a.region.enclosing)]
        if any(store.op not in ("+", "-") for store, _ in inside):
            return False
        adding = {(a.region, a.position) for _, a in inside}
        return all(
            (a.region, a.position) in adding
            for a in self.overwrites.reads
            if a.group == group and turn in set(a.region.enclosing)
        )

    def _accesses(self, group: str) -> list[MemoryAccess]:
        return [a for a in (*self.overwrites.reads, *(a for _, a in self.overwrites.stores)) if a.group == group]


def _subtracted(value: Expr, links: set[str]) -> bool:
    return isinstance(value, Op) and value.prim == "-" and any(n in links for n in reads(value.args[1]))

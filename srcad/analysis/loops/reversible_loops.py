"""Reversible loops: loops whose iterations may be reversed in any order, hence each as soon as it has run.

They are the iteration-independent (II) loops of reverse mode: each iteration can be reversed at once, and its tape is
one iteration long. The iterations of `for i in range(n): total += f(x[i])` depend on each other by the sum only, and
the adjoint of a sum is the same for all its terms. So the dependences that the loop carries must be such sums; arrays
that are stored into must be privatisable, partitioned among the iterations, or reductions.
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.loops.parallel_loops import are_partitioned
from srcad.analysis.memory.privatization import Privatization
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.analysis.values.effects import has_effect
from srcad.ir.nodes import Assign, Block, Carry, Expr, For, If, Join, Op, Stmt, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import CHANGES_ARRAY, block_stores, own_exprs, reads, walk
from srcad.rules.kernels import ADD, ATOMIC_ADD, LOAD


class ReversibleLoops:
    """The test, with the analyses it needs.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.analysis.values.activity import active_names
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def sum_and_product(x):
    ...     total = 0.0
    ...     for i in range(len(x)):
    ...         total += np.sin(x[i])
    ...     product = 1.0
    ...     for i in range(len(x)):
    ...         product = product * x[i]
    ...     return total + product
    >>> f = normal_form(sum_and_product, np.ones(3))
    >>> tree, active = regions(f), active_names(f, {"x"}, f.results)
    >>> overwrites = ToBeRecorded(tree, alias_classes(f), f.types)
    >>> loops = ReversibleLoops(tree, overwrites, Privatization(f.types, tree, overwrites), active)
    >>> [loops.is_reversible(region) for region in tree if isinstance(region.owner, For)]
    [True, False]
    """

    def __init__(
        self, regions: Regions, overwrites: ToBeRecorded, scratch: Privatization, active: frozenset[str]
    ) -> None:
        self.regions = regions
        self.overwrites = overwrites
        self.scratch = scratch
        self.active = active

    def is_reversible(self, loop: Region) -> bool:
        """Whether the iterations of the loop with this body may be reversed in any order."""
        owner = loop.owner
        if not isinstance(owner, For) or owner.exit is not None:
            return False
        exchanged = exchanges(owner.body)
        if any(has_effect(s) and not is_exchange(s) for s in walk(owner.body)):
            return False
        if not self._are_apart(exchanged, loop):
            return False
        if not all(self._is_sum(c, owner) for c in owner.carried if self._is_active(c)):
            return False
        stored = {self.overwrites.group[n] for n in block_stores(owner.body) if n in self.overwrites.group}
        stored -= exchanged.keys()
        return all(self._is_independent(group, loop) for group in sorted(stored) if self._is_live_active(group, loop))

    def _are_apart(self, exchanged: Mapping[str, list[tuple[bool, tuple[Expr, ...]]]], loop: Region) -> bool:
        """Whether, of each array that threads share, the iterations access disjoint slices, or only add to it."""
        return all(
            all(adds for adds, _ in accesses)
            or are_partitioned([items for _, items in accesses], lambda item: self.overwrites.affine(item, loop))
            for accesses in exchanged.values()
        )

    # ---- sums --------------------------------------------------------------------------------

    def _is_active(self, carry: Carry) -> bool:
        return carry.arg in self.active or carry.result in self.active

    def _is_sum(self, carry: Carry, owner: For) -> bool:
        """Whether the carried value is a sum, so that its adjoint is the same in every iteration."""
        chain: set[str] = {carry.arg}
        if not self._extends_chain(carry.next, chain):
            return False
        return not any(self._leaves_chain(stmt, chain) for stmt in walk(owner.body))

    def _extends_chain(self, e: Expr, chain: set[str]) -> bool:
        """Whether `e` is a name of the chain plus terms; the names of the partial sums are added to the chain."""
        if not isinstance(e, Var):
            return False
        if e.name in chain:
            return True
        node = self.regions.definitions[e.name].node
        before = frozenset(chain)
        extends = False
        match node:
            case Assign(_, Var() as inner):
                extends = self._extends_chain(inner, chain)
            case Assign(_, Op("+", (a, b))):
                extends = self._extends_chain(a, chain) or self._extends_chain(b, chain)
            case Assign(_, Op("-", (a, _))):
                extends = self._extends_chain(a, chain)
            case Join(_, then, orelse):
                extends = self._extends_chain(then, chain) and self._extends_chain(orelse, chain)
            case Carry(arg, init, next, result) if result == e.name:
                extends = self._extends_chain(init, chain)
                if extends:
                    chain.add(arg)
                    extends = self._extends_chain(next, chain)
            case _:
                pass
        if extends:
            chain.add(e.name)
        else:
            chain.intersection_update(before)
        return extends

    def _leaves_chain(self, stmt: Stmt, chain: set[str]) -> bool:
        """Whether the statement lets a derivative flow out of the chain other than along it."""
        match stmt:
            case Assign(target, value):
                used = [n for n in reads(value) if n in chain]
                if not used or target not in self.active:
                    return False
                return target not in chain or len(used) > 1 or _subtracted(value, chain)
            case If(joins=joins):
                return any(
                    n in chain and j.target in self.active and j.target not in chain
                    for j in joins
                    for e in (j.then, j.orelse)
                    for n in reads(e)
                )
            case For(carried=carried) | While(carried=carried):
                return any(
                    n in chain and c.result in self.active and c.result not in chain
                    for c in carried
                    for e in (c.init, c.next)
                    for n in reads(e)
                )
            case _:
                return any(n in chain and n in self.active for e in own_exprs(stmt) for n in reads(e))

    # ---- arrays ------------------------------------------------------------------------------

    def _is_live_active(self, group: str, loop: Region) -> bool:
        """Whether the alias class outlives an iteration and is active."""
        if loop in set(self.overwrites.lifetime(group).enclosing):
            return False
        return any(g == group and n in self.active for n, g in self.overwrites.group.items())

    def _is_independent(self, group: str, loop: Region) -> bool:
        return (
            self.scratch.is_private(group, loop) or self._is_partitioned(group, loop) or self._is_reduction(group, loop)
        )

    def _is_partitioned(self, group: str, loop: Region) -> bool:
        """Whether the iterations access disjoint slices of the arrays of this class."""
        inside = [a.items or () for a in self._accesses(group) if loop in set(a.region.enclosing)]
        return are_partitioned(inside, lambda item: self.overwrites.affine(item, loop))

    def _is_reduction(self, group: str, loop: Region) -> bool:
        """Whether the loop only accumulates into the array."""
        inside = [(s, a) for s, a in self.overwrites.stores if a.group == group and loop in set(a.region.enclosing)]
        if any(store.op not in ("+", "-") for store, _ in inside):
            return False
        adding = {(a.region, a.position) for _, a in inside}
        return all(
            (a.region, a.position) in adding
            for a in self.overwrites.reads
            if a.group == group and loop in set(a.region.enclosing)
        )

    def _accesses(self, group: str) -> list[MemoryAccess]:
        return [a for a in (*self.overwrites.reads, *(a for _, a in self.overwrites.stores)) if a.group == group]


def exchanges(block: Block) -> dict[str, list[tuple[bool, tuple[Expr, ...]]]]:
    """Of each array that the threads of a kernel share, the accesses in a block: whether they add, and the items."""
    found: dict[str, list[tuple[bool, tuple[Expr, ...]]]] = {}
    for op in (e for s in walk(block) for e in own_exprs(s) if isinstance(e, Op)):
        if op.prim == LOAD or op.prim in CHANGES_ARRAY:
            (array, *items) = op.args
            assert isinstance(array, Var)
            adds = op.prim in (ADD, ATOMIC_ADD)
            found.setdefault(array.name, []).append((adds, tuple(items if op.prim == LOAD else items[1:])))
    return found


def is_exchange(stmt: Stmt) -> bool:
    """Whether the statement accesses an element of an array that the threads of a kernel share."""
    return bool(exchanges((stmt,)))


def _subtracted(value: Expr, chain: set[str]) -> bool:
    return isinstance(value, Op) and value.prim == "-" and any(n in chain for n in reads(value.args[1]))

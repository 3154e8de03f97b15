"""To-be-recorded (TBR) analysis: which stores overwrite memory that the reverse sweep still reads.

The reverse sweep restores overwritten memory: at the reversal of a statement, each array it reads has the value it had
when the statement ran. A store has to save what it overwrites only where the reversal of an earlier statement may read
the same element. The dependence test shows where none can: `hs[t + 1] = f(hs[t])` stores to each row once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from srcad.analysis.integers.dependence import DependenceTest
from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.allocations import Allocations
from srcad.ir.nodes import Assign, Const, Expr, For, Op, Slice, Store, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.result_memory import is_operand, root, sources
from srcad.ir.traversal import own_exprs
from srcad.ir.types import Type
from srcad.rules.kernels import SIZES, axes_of
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import having

Items = tuple[Expr, ...] | None

_BLANK = having(lambda p: p.is_blank)
"""Primitives whose result does not depend on the value of an argument."""


@dataclass(frozen=True, eq=False)
class MemoryAccess:
    """A read by the reversal of the statement at `position` of `region`, or a store there.

    `group` is the alias class; `name` the array that is read or stored into, as the program calls it; `items` are the
    index items of the leading axes of the class's array, None where not known.
    """

    group: str
    name: str
    region: Region
    position: int
    items: Items


class ToBeRecorded:
    """The memory accesses of a function in normal form, and which store may clobber which read.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def states(x):
    ...     hs = np.ones(len(x) + 1)
    ...     h = np.ones(1)
    ...     for t in range(len(x)):
    ...         hs[t + 1] = hs[t] * x[t]
    ...         h[0] = h[0] * x[t]
    ...     return hs[-1] + h[0]
    >>> f = normal_form(states, np.ones(3))
    >>> overwrites = ToBeRecorded(regions(f), alias_classes(f), f.types)
    >>> for store, access in overwrites.stores:
    ...     print(store.base.name, any(overwrites.may_overwrite_later(read, access) for read in overwrites.reads))
    %hs.0 False
    %h.0 True
    """

    def __init__(self, regions: Regions, aliases: AliasClasses, types: Mapping[str, Type]) -> None:
        self.regions = regions
        self.dependence = DependenceTest(regions, types)
        self.allocations = Allocations(regions, types)
        self.group = aliases.class_of
        self.stored = aliases.written
        self._scopes: dict[str, Region] = {}

    def lifetime(self, group: str) -> Region:
        """The innermost region with the definitions of all names of the class: its memory does not outlive it."""
        if group not in self._scopes:
            homes = [
                self.regions.definitions[n].region
                for n, g in self.group.items()
                if g == group and n in self.regions.definitions
            ]
            common = list(homes[0].enclosing)
            for home in homes[1:]:
                around = set(home.enclosing)
                common = [r for r in common if r in around]
            self._scopes[group] = common[0]
        return self._scopes[group]

    def access(self, group: str, region: Region, position: int, place: Expr) -> MemoryAccess:
        name = root(place)
        assert name is not None
        return MemoryAccess(group, name, region, position, self.items(place))

    def items(self, place: Expr) -> Items:
        """The index items on the leading axes of the root of a chain of views."""
        match place:
            case Var(name):
                definition = self.regions.definitions.get(name)
                if definition is not None and isinstance(definition.node, Assign):
                    value = definition.node.value
                    if isinstance(value, Op) and value.prim == "index":
                        return self.items(value)
                    if isinstance(value, Op) and sources(value) and not is_operand(value.prim):
                        return None
                return ()
            case Op("index", (base, *items)):
                outer = self.items(base)
                if outer is None or any(isinstance(i, Slice) for i in outer):
                    return outer
                plain = items[: items.index(Const(None))] if Const(None) in items else items
                return (*outer, *plain)
            case _:
                return None

    def allocation(self, group: str) -> str | None:
        """The one name of the class that allocates its memory, if all others are views of it."""
        owners = []
        for name, g in self.group.items():
            definition = self.regions.definitions.get(name)
            if g != group or definition is None:
                continue
            node = definition.node
            if isinstance(node, Assign) and (root(node.value) or name) != name:
                continue  # a view of another
            owners.append(name)
        return owners[0] if len(owners) == 1 else None

    def sources(self, group: str) -> list[str]:
        """The names whose elements an array of the class is initialised with: parameters, and operands of copies."""
        found = []
        for name, g in self.group.items():
            definition = self.regions.definitions.get(name)
            if g != group or definition is None:
                continue
            if definition.node is None:
                found.append(name)
            elif isinstance(definition.node, Assign) and isinstance(definition.node.value, Op):
                op = definition.node.value
                if op.prim not in _BLANK and not sources(op):
                    found += [a.name for a in op.args if isinstance(a, Var)]
        return found

    @cached_property
    def reads(self) -> list[MemoryAccess]:
        """Every read by the primal of elements of an array that is stored into."""
        found = []
        for region in self.regions:
            for position, stmt in enumerate(region.stmts):
                exprs = own_exprs(stmt)
                if isinstance(stmt, Store):
                    # the target is not read, but `x[i] += v` reads the element, and leaves its adjoint as it is
                    exprs = (*stmt.index, stmt.value)
                for e in exprs:
                    for place in elements_read(e):
                        name = root(place)
                        if name in self.stored:
                            found.append(self.access(self.group[name], region, position, place))
                if isinstance(stmt, Store) and stmt.op is not None:
                    name = root(stmt.base)
                    assert name is not None
                    found.append(self.access(self.group[name], region, position, Op("index", (stmt.base, *stmt.index))))
        return found

    @cached_property
    def stores(self) -> list[tuple[Store, MemoryAccess]]:
        found = []
        for region in self.regions:
            for position, stmt in enumerate(region.stmts):
                if isinstance(stmt, Store):
                    name = root(stmt.base)
                    assert name is not None
                    place = Op("index", (stmt.base, *stmt.index))
                    found.append((stmt, self.access(self.group[name], region, position, place)))
        return found

    def may_overwrite_later(self, read: MemoryAccess, store: MemoryAccess, within: Region | None = None) -> bool:
        """Whether the store may run after the primal statement of the read, and overwrite what it reads.

        The read may be an earlier store; a store given twice is tested against its own earlier iterations. `within`
        restricts the question to one execution of a region that contains both.
        """
        if read.group != store.group or self.allocations.is_made_after(read.name, read.region, store.name):
            return False
        scope = self.lifetime(read.group)
        around = set(self.regions.enclosing_loops(store.region))
        shared = [
            r for r in self.regions.enclosing_loops(read.region) if r in around and scope in set(r.enclosing) - {r}
        ]
        if within is not None:
            shared = [r for r in shared if within in set(r.enclosing) - {r}]
        same_turn = read is not store and _order(read, store)
        return self.dependence.can_meet(read.region, read.items, store.region, store.items, shared, same_turn)

    def affine(self, item: Expr, loop: Region) -> int | None:
        """The constant c, where the item is the loop's index plus c, and never negative; else None."""
        owner = loop.owner
        if not isinstance(owner, For):
            return None
        offset = 0
        while isinstance(item, Var) and item.name != owner.index:
            definition = self.regions.definitions.get(item.name)
            node = definition.node if definition is not None else None
            match node:
                case Assign(_, Op("+", (Var() as inner, Const(int() as by)))):
                    item, offset = inner, offset + by
                case Assign(_, Op("+", (Const(int() as by), Var() as inner))):
                    item, offset = inner, offset + by
                case Assign(_, Op("-", (Var() as inner, Const(int() as by)))):
                    item, offset = inner, offset - by
                case Assign(_, Var() as inner):
                    item = inner
                case _:
                    return None
        if not isinstance(item, Var):
            return None
        lowest = self._lowest(loop)
        if lowest is None or lowest + offset < 0:
            return None
        return offset

    def _lowest(self, loop: Region) -> int | None:
        """A lower bound of the loop's index, where it is a constant; None too where the index may stay what it is."""
        owner = loop.owner
        if not isinstance(owner, For):
            return None
        if not isinstance(owner.step, Const):
            return self._least(owner.start) if self._is_size(owner.step) else None
        if not isinstance(owner.step.value, int):
            return None
        if owner.step.value > 0:
            return self._least(owner.start)
        stop = self.integer(owner.stop)
        return None if stop is None else stop + 1

    def _least(self, e: Expr) -> int | None:
        """A lower bound of an integer: that of the index of a thread is 0."""
        value = self._defined(e)
        if isinstance(value, Op) and axes_of(value.prim, value.static):
            return 0
        if isinstance(value, Op) and value.prim in ("+", "*"):
            least = [self._least(arg) for arg in value.args]
            return 0 if all(one is not None and one >= 0 for one in least) else None
        return self.integer(e)

    def _is_size(self, e: Expr) -> bool:
        """Whether it counts threads or blocks: that is positive."""
        value = self._defined(e)
        if isinstance(value, Op) and value.prim == "*":
            return all(map(self._is_size, value.args))
        return (isinstance(value, Op) and value.prim.rpartition(".")[0] in SIZES) or getattr(value, "prim", "") in SIZES

    def _defined(self, e: Expr) -> Expr:
        """The operation that a name stands for."""
        while isinstance(e, Var) and (definition := self.regions.definitions.get(e.name)) is not None:
            if not isinstance(definition.node, Assign):
                break
            e = definition.node.value
        return e

    def integer(self, e: Expr) -> int | None:
        match e:
            case Const(int() as value):
                return value
            case Op("neg", (Const(int() as value),)):
                return -value
            case Var(name):
                definition = self.regions.definitions.get(name)
                if definition is not None and isinstance(definition.node, Assign):
                    return self.integer(definition.node.value)
        return None


def elements_read(e: Expr) -> Iterator[Expr]:
    """The names, and the elements of names, whose content an expression reads.

    To form a view reads nothing: its elements are read where the view is used.
    """
    match e:
        case Var():
            yield e
        case Op("index", (base, *items)):
            yield e if isinstance(base, Var) else base
            for item in items:
                yield from elements_read(item)
        case Op(prim, args):
            of_shape = PRIMITIVES[prim].shape_operands if prim in PRIMITIVES else ()
            skipped = [args[at] for at in of_shape if at < len(args)]
            for arg in args:
                if not any(arg is s for s in skipped):
                    yield from elements_read(arg)
        case Slice(lower, upper, step):
            for part in (lower, upper, step):
                if part is not None:
                    yield from elements_read(part)
        case _:
            return


def _order(read: MemoryAccess, store: MemoryAccess) -> bool:
    """Whether, within one iteration of every common loop, the store can follow the statement of the read."""
    common = next(r for r in read.region.enclosing if r in set(store.region.enclosing))
    a = read.position if read.region is common else common.place_of(read.region)
    b = store.position if store.region is common else common.place_of(store.region)
    assert a is not None and b is not None
    # at one position, both nested: in the two branches of one `if`, of which only one runs
    return a < b or (a == b and (read.region is common or store.region is common))

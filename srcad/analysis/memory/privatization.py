"""Privatisation: arrays of which an iteration of a loop only reads elements that it has stored to before.

No loop-carried flow dependence goes through such an array, so each iteration could have its own copy, as in compilers
that run loops in parallel.
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.ir.nodes import Const, Expr, For, Slice, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Array, Dim, Scalar, Type, dim
from srcad.typing.typeof import linear_value


class Privatization:
    """The test, for the alias classes ("groups") and loop bodies of a function in normal form.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def use(x):
    ...     pair = np.zeros(2)
    ...     last = np.zeros(2)
    ...     for i in range(len(x)):
    ...         pair[0] = np.sin(x[i])
    ...         last[0] = last[1] + pair[0]
    ...         last[1] = pair[0]
    ...     return last[0]
    >>> f = normal_form(use, np.ones(3))
    >>> tree = regions(f)
    >>> private = Privatization(f.types, tree, ToBeRecorded(tree, alias_classes(f), f.types))
    >>> (body,) = (region for region in tree if isinstance(region.owner, For))
    >>> private.is_private("%pair.0", body), private.is_private("%last.0", body)
    (True, False)
    """

    def __init__(self, types: Mapping[str, Type], regions: Regions, overwrites: ToBeRecorded) -> None:
        self.types = types
        self.regions = regions
        self.overwrites = overwrites

    def is_private(self, group: str, turn: Region) -> bool:
        """Whether every read of the class is in the loop, after a store of the same iteration to the same element."""
        owner = self.overwrites.allocation(group)
        if owner is None or self.regions.definitions[owner].node is None:
            return False  # the caller may read a parameter after the return
        t = self.types[owner]
        if not isinstance(t, Array):
            return False
        reads = [access for access in self.overwrites.reads if access.group == group]
        stores = [(store, at) for store, at in self.overwrites.stores if at.group == group]
        if not all(turn in set(at.region.enclosing) for at in (*reads, *(at for _, at in stores))):
            return False
        # after a slice of a view it is not known which axes the remaining index items are for
        plain = [
            (store, at)
            for store, at in stores
            if store.op is None
            and at.items is not None
            and Const(None) not in store.index
            and (store.base == Var(owner) or not any(isinstance(i, Slice) for i in at.items))
        ]
        return all(any(self._covers(at, read, turn, t.dims) for _, at in plain) for read in reads)

    def is_forwarded_once(self, group: str) -> bool:
        """Whether each element is stored once in an iteration of some loop, and read once, in that iteration.

        Then the reversal of the read may assign its adjoint instead of accumulating into it, and after the reversal of
        the store the adjoint is dead.
        """
        reads = [access for access in self.overwrites.reads if access.group == group]
        stores = [(store, at) for store, at in self.overwrites.stores if at.group == group]
        if len(reads) != 1 or len(stores) != 1 or stores[0][0].op is not None:
            return False
        read, at = reads[0], stores[0][1]
        around = set(at.region.enclosing)
        shared = [r for r in read.region.enclosing if r.kind == "loop" and r in around]
        turn = next((r for r in shared if self.is_private(group, r)), None)
        if turn is None:
            return False
        one, other = self._each_once(read, turn), self._each_once(at, turn)
        return one is not None and one == other

    def _each_once(self, access: MemoryAccess, turn: Region) -> tuple[tuple[Dim, Dim], ...] | None:
        """The ranges of the axes, where the access visits each of their elements exactly once in an iteration."""
        inner = _between(access.region, turn)
        if not all(r.kind == "loop" and isinstance(r.owner, For) and r.owner.exit is None for r in inner):
            return None
        counters = {r.owner.index for r in inner if isinstance(r.owner, For)}
        fixed = {r.owner.index for r in turn.enclosing if isinstance(r.owner, For)}
        ranges = []
        for item in access.items or ():
            place = self._value(item)
            if isinstance(item, Var) and item.name in fixed and place is not None:
                ranges.append((place, place + 1))
                continue
            if not isinstance(item, Var) or item.name not in counters:
                return None
            counters.remove(item.name)
            t = self.types[item.name]
            symbol = t.dim.terms[0][0] if isinstance(t, Scalar) and t.dim is not None else None
            if symbol is None or symbol.low is None or symbol.high is None or not self._steps_by_one(item.name):
                return None
            ranges.append((symbol.low, symbol.high))
        owner = self.types[self.overwrites.allocation(access.group) or ""]
        whole = isinstance(owner, Array) and owner.rank == len(ranges)
        return tuple(ranges) if whole and not counters else None

    def _covers(self, at: MemoryAccess, read: MemoryAccess, turn: Region, shape: tuple[Dim, ...]) -> bool:
        """Whether the store at `at` certainly ran in this iteration before the read, and stored all that is read."""
        assert at.items is not None
        around = set(read.region.enclosing)
        common = next(r for r in at.region.enclosing if r in around)
        if turn not in set(common.enclosing):
            return False
        first = at.position if at.region is common else common.place_of(at.region)
        then = read.position if read.region is common else common.place_of(read.region)
        assert first is not None and then is not None
        if first >= then:
            return False
        inner = _between(at.region, common)
        if not all(r.kind == "loop" and isinstance(r.owner, For) and r.owner.exit is None for r in inner):
            return False
        counters = {r.owner.index for r in inner if isinstance(r.owner, For)}
        fixed = {r.owner.index for r in common.enclosing if isinstance(r.owner, For)}
        for axis, length in enumerate(shape):
            written = self._range(at.items[axis] if axis < len(at.items) else Slice(), length, counters)
            if written is None:
                return False
            low, high, counter = written
            if counter is not None:
                counters = counters - {counter}
            if low == dim(0) and high == length:
                continue
            if read.items is None:
                return False
            item = read.items[axis] if axis < len(read.items) else Slice()
            wanted = self._extent(item, length, fixed)
            if wanted is None or not (_at_most(low, wanted[0]) and _at_most(wanted[1], high)):
                return False
        # a loop whose counter is in no index item may have no iteration at all
        return all(self._turns(counter) for counter in counters)

    def _turns(self, counter: str) -> bool:
        """Whether the loop certainly has an iteration."""
        t = self.types[counter]
        symbol = t.dim.terms[0][0] if isinstance(t, Scalar) and t.dim is not None else None
        if symbol is None or symbol.low is None or symbol.high is None or not self._steps_by_one(counter):
            return False
        return _at_most(symbol.low + 1, symbol.high)

    def _range(self, item: Expr, length: Dim, counters: set[str]) -> tuple[Dim, Dim, str | None] | None:
        """(from, to, the counter that runs over it): the contiguous range of an axis that a store writes."""
        match item:
            case Slice(None, None, None):
                return dim(0), length, None
            case Slice():
                return None
        value = self._value(item)
        if value is None:
            return None
        moving = [(symbol, c) for symbol, c in value.terms if symbol.name in counters]
        if not moving:
            return value, value + 1, None
        if len(moving) > 1 or moving[0][1] != 1:
            return None
        symbol = moving[0][0]
        if symbol.low is None or symbol.high is None or not self._steps_by_one(symbol.name):
            return None
        if any(s.name in counters for d in (symbol.low, symbol.high) for s, _ in d.terms):
            return None
        rest = value - dim(symbol)
        return symbol.low + rest, symbol.high + rest, symbol.name

    def _extent(self, item: Expr, length: Dim, fixed: set[str]) -> tuple[Dim, Dim] | None:
        """(from, to): a range of an axis that contains all that a read accesses."""
        match item:
            case Slice(None, None, None):
                return dim(0), length
            case Slice():
                return None
        value = self._value(item)
        if value is None:
            return None
        low, high = value.bound(False, fixed), value.bound(True, fixed)
        return None if low is None or high is None else (low, high + 1)

    def _value(self, item: Expr) -> Dim | None:
        value = linear_value(item, self.types)
        # which element a negative index is depends on the length
        return None if value is None or (not value.terms and value.const < 0) else value

    def _steps_by_one(self, index: str) -> bool:
        owner = self.regions.definitions[index].node
        return isinstance(owner, For) and owner.step in (Const(1), Const(-1))


def _between(inner: Region, outer: Region) -> list[Region]:
    found = []
    for region in inner.enclosing:
        if region is outer:
            break
        found.append(region)
    return found


def _at_most(a: Dim, b: Dim) -> bool:
    difference = b - a
    return difference.is_nonnegative

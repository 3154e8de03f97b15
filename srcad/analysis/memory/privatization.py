"""Arrays that a turn of a loop uses as scratch: all it reads of them it has written before, in the same turn.

Nothing flows through such an array from one turn to the next, so each turn might as well have its own
(privatisation, as in compilers that run loops in parallel).
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.ir.nodes import Const, Expr, For, Slice, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Array, Dim, Scalar, Type, dim
from srcad.typing.typeof import linear_value


class Privatization:
    def __init__(self, types: Mapping[str, Type], regions: Regions, overwrites: ToBeRecorded) -> None:
        self.types = types
        self.regions = regions
        self.overwrites = overwrites

    def is_private(self, group: str, turn: Region) -> bool:
        """Whether every read of the group's memory is in the turn, after a store of that turn to the same place."""
        owner = self.overwrites.allocation(group)
        if owner is None or self.regions.definitions[owner].node is None:
            return False  # what a parameter holds in the end, its owner may read
        t = self.types[owner]
        if not isinstance(t, Array):
            return False
        reads = [access for access in self.overwrites.reads if access.group == group]
        stores = [(store, at) for store, at in self.overwrites.stores if at.group == group]
        if not all(turn in set(at.region.enclosing) for at in (*reads, *(at for _, at in stores))):
            return False
        # behind a slice of a view it is not known which places the rest of an index names
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
        """Whether each element is written once in a turn of some loop, and read once, in that turn.

        Then its adjoint is what the reversal of the read gives it, whatever it held before, and after the reversal
        of the store nobody asks for it.
        """
        reads = [access for access in self.overwrites.reads if access.group == group]
        stores = [(store, at) for store, at in self.overwrites.stores if at.group == group]
        if len(reads) != 1 or len(stores) != 1 or stores[0][0].op is not None:
            return False
        read, at = reads[0], stores[0][1]
        around = set(at.region.enclosing)
        shared = [r for r in read.region.enclosing if r.kind == "turn" and r in around]
        turn = next((r for r in shared if self.is_private(group, r)), None)
        if turn is None:
            return False
        one, other = self._each_once(read, turn), self._each_once(at, turn)
        return one is not None and one == other

    def _each_once(self, access: MemoryAccess, turn: Region) -> tuple[tuple[Dim, Dim], ...] | None:
        """The ranges of the axes, where the access comes to each of their places just once in a turn."""
        inner = _between(access.region, turn)
        if not all(r.kind == "turn" and isinstance(r.owner, For) and r.owner.exit is None for r in inner):
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
        """Whether the store at `at` surely ran in this turn before the read, and wrote all that is read."""
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
        if not all(r.kind == "turn" and isinstance(r.owner, For) and r.owner.exit is None for r in inner):
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
        # a loop whose counter names no place may make no turn at all
        return all(self._turns(counter) for counter in counters)

    def _turns(self, counter: str) -> bool:
        """Whether the loop surely makes a turn."""
        t = self.types[counter]
        symbol = t.dim.terms[0][0] if isinstance(t, Scalar) and t.dim is not None else None
        if symbol is None or symbol.low is None or symbol.high is None or not self._steps_by_one(counter):
            return False
        return _at_most(symbol.low + 1, symbol.high)

    def _range(self, item: Expr, length: Dim, counters: set[str]) -> tuple[Dim, Dim, str | None] | None:
        """(from, to, the counter that runs over it): the places of an axis that a store writes, without gaps."""
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
        """(from, to) around the places of an axis that a read looks at."""
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
        # an index that counts from the end is of a place not known here
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

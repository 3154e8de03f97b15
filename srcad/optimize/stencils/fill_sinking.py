"""Zeros that wait: elements are set to a number by the gather that then adds to them, further on or a turn later.

Between the two nobody may look at the array, which may get other names on the way: `d_v = d_u`, where two buffers
change places in every turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, Const, For, If, Op, Stmt, Var
from srcad.ir.traversal import defined, names, stmt_reads, stmt_stores
from srcad.ir.types import Scalar, Type
from srcad.optimize.stencils.gather_nest import ConstantFill, Gather

Item = Stmt | Gather | ConstantFill
"""A statement, or one that is not yet one."""


@dataclass(frozen=True)
class _Holders:
    """The names of the memory that is filled: those that surely are, and all that may be.

    `analysis.memory` does not say what surely is the same array. And the items are not all statements yet: what the
    gathers and fills between them will be is decided by this very question.
    """

    surely: frozenset[str]
    perhaps: frozenset[str]

    def after(self, item: Item, types: Mapping[str, Type]) -> _Holders | None:
        """The names after an item; None where it may have to do with what is in the memory."""
        match item:
            case Gather() | ConstantFill():
                return None if item.names() & self.perhaps else self
            case Assign(target, Var(source)) if not isinstance(types.get(target), Scalar):
                gained = frozenset({target})
                surely = self.surely | gained if source in self.surely else self.surely - gained
                return _Holders(surely, self.perhaps | gained if source in self.perhaps else self.perhaps - gained)
            case Assign(target, value):
                lost = frozenset({target})
                return (
                    None
                    if memory_reads(value, types) & self.perhaps
                    else _Holders(self.surely - lost, self.perhaps - lost)
                )
        touched = stmt_reads(item) | stmt_stores(item) | defined((item,))
        return None if touched & self.perhaps else self

    def after_all(self, items: Iterable[Item], types: Mapping[str, Type]) -> _Holders | None:
        held: _Holders | None = self
        for item in items:
            held = held.after(item, types) if held is not None else None
        return held

    def take(self, gather: Gather, fill: ConstantFill) -> bool:
        """Whether the gather adds to what is filled; it reads nothing that it adds to."""
        return gather.array in self.surely and gather.fill is None and fill.fits(gather)


def _holders(fill: ConstantFill) -> _Holders:
    return _Holders(frozenset({fill.array}), fill.also | {fill.array})


def absorb_fill(gather: Gather, found: list[Item], types: Mapping[str, Type]) -> Gather:
    """The gather with what is filled in before it, which is taken out of `found`."""
    for k in range(len(found) - 1, -1, -1):
        fill = found[k]
        if isinstance(fill, ConstantFill):
            held = _holders(fill).after_all(found[k + 1 :], types)
            if held is not None and held.take(gather, fill):
                del found[k]
                return replace(gather, fill=fill)
        if not isinstance(fill, Gather | ConstantFill) and defined((fill,)) & gather.fixed():
            break
    return gather


def sink_fills_across_iterations(loop: For, items: list[Item], types: Mapping[str, Type]) -> list[Item]:
    """Let the fills of a turn wait for gathers of the next, in `items`; what is done after the last turn."""
    after: list[Item] = []
    if not _is_counted(loop, types):
        return after
    assert isinstance(loop.step, Const) and isinstance(loop.step.value, int)
    first = Op("==", (Var(loop.index), loop.start))
    ran = Op("<", (loop.start, loop.stop) if loop.step.value > 0 else (loop.stop, loop.start))
    for k in range(len(items) - 1, -1, -1):
        fill = items[k]
        end = _holders(fill).after_all(items[k + 1 :], types) if isinstance(fill, ConstantFill) else None
        if not isinstance(fill, ConstantFill) or end is None or not end.surely:
            continue
        at = _taker(fill, end, items[:k], types)
        gather = items[at] if at is not None else None
        if at is None or not isinstance(gather, Gather) or defined((loop,)) & gather.fixed():
            continue
        items[at] = replace(gather, fill=replace(fill, unless=first))
        del items[k]
        name = fill.array if fill.array in end.surely else min(end.surely)
        after.append(If(ran, replace(fill, array=name).block(), ()))
    return after


def _taker(fill: ConstantFill, held: _Holders | None, items: Sequence[Item], types: Mapping[str, Type]) -> int | None:
    """Which of the items is the first that has to do with what is filled, if that is a gather that may fill it."""
    for at, item in enumerate(items):
        assert held is not None
        if isinstance(item, Gather) and held.take(item, fill):
            return at
        held = held.after(item, types)
        if held is None:
            break
    return None


def _is_counted(loop: For, types: Mapping[str, Type]) -> bool:
    """Whether the first turn of a loop can be told from the others."""
    bounds = (loop.start, loop.stop)
    fixed = all(is_pure(e) and not memory_reads(e, types) for e in bounds)
    plain = loop.exit is None and not loop.carried and isinstance(loop.step, Const) and bool(loop.step.value)
    return plain and fixed and not defined(loop.body) & {loop.index, *names(loop.start), *names(loop.stop)}

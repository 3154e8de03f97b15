"""Decomposition of abstract values into a structure and its leaves: a loop carries leaves, its structure is invariant.

>>> from srcad.frontend.values.abstract_values import Seq
>>> from srcad.ir.nodes import Var
>>> from srcad.ir.types import Scalar
>>> x, y = (Leaf(Var(name), Scalar("float64")) for name in ("x.0", "y.0"))
>>> structure, found, bases = decompose(Seq((x, Seq((y,)))), {}, (), "pair")
>>> len(found), bases
(2, ['x', 'y'])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from srcad.frontend.values.abstract_values import (
    Abstract,
    Closure,
    CopiedContainer,
    GeneratorValue,
    HeapObject,
    HeapRef,
    Leaf,
    LeafSlot,
    map_structure,
)
from srcad.frontend.values.context import Context, Frame, State
from srcad.frontend.values.control_joins import base_of
from srcad.ir.types import Type


@dataclass(frozen=True)
class Template:
    """A structure with a `LeafSlot` for each leaf; the types of the leaves, and the bases of their names."""

    structure: Abstract
    kinds: tuple[Type, ...]
    bases: tuple[str, ...]


def decompose(
    value: Abstract, heap: Mapping[int, HeapObject], by_identity: Collection[int], base: str
) -> tuple[Abstract, list[Leaf], list[str]]:
    """The structure with slots, the leaves, and a base for each. Lists and dicts not in `by_identity` are copied."""
    leaves: list[Leaf] = []
    bases: list[str] = []

    def walk(part: Abstract, base: str) -> Abstract:
        if isinstance(part, Leaf):
            leaves.append(part)
            bases.append(base)
            return LeafSlot(len(leaves) - 1)
        if isinstance(part, HeapRef) and part.id not in by_identity:
            cells = heap[part.id]
            items = tuple(walk(item, base_of(item, base)) for item in cells.items)
            return CopiedContainer(items, cells.keys, cells.grown, cells.full, cells.cls, cells.buffered)
        return map_structure(part, lambda inner: walk(inner, base_of(inner, base)))

    return walk(value, base), leaves, bases


def compose(ctx: Context, structure: Abstract, leaves: Sequence[Leaf], of: frozenset[int] | None) -> Abstract:
    """The value with these leaves; a list or dict that was copied becomes a new one.

    It may be one `of` these, or of others that are not to be modified either; None: nothing else refers to it.
    """

    def walk(part: Abstract) -> Abstract:
        if isinstance(part, LeafSlot):
            return leaves[part.index]
        if isinstance(part, CopiedContainer):
            items = tuple(walk(item) for item in part.items)
            return ctx.new_ref(
                HeapObject(
                    items, part.keys, of is not None, part.grown, part.full, of or frozenset(), part.cls, part.buffered
                )
            )
        return map_structure(part, walk)

    return walk(structure)


class Endless(Exception):
    """A list, dict or object is in itself."""


def copied_containers(value: Abstract, heap: Mapping[int, HeapObject], by_identity: Collection[int]) -> list[int]:
    """The lists and dicts that `decompose` copies, each as often as it is in the value. Raises `Endless`."""
    found: list[int] = []
    around: list[int] = []

    def visit(part: Abstract) -> Abstract:
        if isinstance(part, HeapRef):
            if part.id in around:
                raise Endless
            if part.id not in by_identity:
                found.append(part.id)
                around.append(part.id)
                for item in heap[part.id].items:
                    visit(item)
                around.pop()
            return part
        return map_structure(part, visit)

    visit(value)
    return found


def references(ctx: Context, state: State) -> Counter[int]:
    """How many variables and items refer to each list and dict, in this state of the current frame and of the heap."""
    found: Counter[int] = Counter()
    frames, seen = [ctx.frame], {id(ctx.frame)}

    def visit(part: Abstract) -> Abstract:
        match part:
            case HeapRef(id=ref):
                found[ref] += 1
                return part
            case Closure(frame=frame) | GeneratorValue(frame=frame):
                follow(frame)
        return map_structure(part, visit)

    def follow(frame: Frame | None) -> None:
        if frame is not None and id(frame) not in seen:
            seen.add(id(frame))
            frames.append(frame)

    while frames:
        frame = frames.pop()
        follow(frame.parent)
        follow(frame.caller)
        for value in (state.names if frame is ctx.frame else frame.names).values():
            visit(value)
    for cells in state.heap.values():
        for item in cells.items:
            visit(item)
    return found


def visit_parts(value: Abstract, found: Callable[[Abstract], None]) -> None:
    """Call `found` with the value and every part of it."""

    def each(part: Abstract) -> Abstract:
        visit_parts(part, found)
        return part

    found(value)
    map_structure(value, each)

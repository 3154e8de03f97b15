"""A list that became an array holds copies: the program must not write to an item after it was appended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from srcad.analysis.memory.may_alias import may_alias
from srcad.errors import fail
from srcad.frontend.values.abstract_values import Leaf
from srcad.ir.nodes import Block, For, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks
from srcad.ir.types import Type


@dataclass(frozen=True)
class _Placed:
    stmt: Stmt
    at: int
    loops: frozenset[int]


def check_list_aliasing(body: Block, types: Mapping[str, Type], appended: Sequence[tuple[Store, Leaf]]) -> None:
    """Raise S125 where an array is written to that a list, now an array of copies, holds."""
    if not appended:
        return
    placed = list(_placed(body))
    same = may_alias(body, types)
    own = {id(store): item for store, item in appended}
    # the same statement may have been written in several attempts: only those in the body count
    stores = [place for place in placed if isinstance(place.stmt, Store)]
    kept = [place for place in stores if id(place.stmt) in own]
    buffers = {same.class_of(_root(place)) for place in kept}
    for place in stores:
        if id(place.stmt) in own:
            continue
        target = same.class_of(_root(place))
        if target in buffers:
            _refuse(place.stmt, "an item of a list that has grown in a run-time loop is written to")
        for other in kept:
            item = own[id(other.stmt)].atom
            later = place.at > other.at or bool(place.loops & other.loops)
            held = isinstance(item, Var) and same.has_memory(item.name) and same.class_of(item.name) == target
            if held and later:
                _refuse(place.stmt, "an array is written to after it was appended to a list in a run-time loop")


def _refuse(stmt: Stmt, message: str) -> None:
    fail(
        "S125",
        message,
        getattr(stmt, "span", None),
        "The list holds the array itself.",
        "append a copy: hs.append(h.copy()).",
    )


def _root(place: _Placed) -> str:
    assert isinstance(place.stmt, Store)
    return root(place.stmt.base) or ""


def _placed(body: Block) -> Iterator[_Placed]:
    counter = 0

    def walk(block: Block, loops: frozenset[int]) -> Iterator[_Placed]:
        nonlocal counter
        for stmt in block:
            counter += 1
            yield _Placed(stmt, counter, loops)
            inside = loops | {counter} if isinstance(stmt, For | While) else loops
            for inner in blocks(stmt):
                yield from walk(inner, inside)

    return walk(body, frozenset())

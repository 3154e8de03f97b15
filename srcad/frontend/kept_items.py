"""A list that became an array holds copies: the program must not write to an item after it was appended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from srcad.errors import fail
from srcad.frontend.values import Leaf
from srcad.ir.nodes import Assign, Block, For, If, Op, Stmt, Store, Var, While
from srcad.ir.walk import VIEWS, blocks, root


@dataclass(frozen=True)
class _Placed:
    stmt: Stmt
    at: int
    loops: frozenset[int]


def check_kept_items(body: Block, appended: Sequence[tuple[Store, Leaf]]) -> None:
    """Raise S125 where an array is written to that a list, now an array of copies, holds."""
    if not appended:
        return
    placed = list(_placed(body))
    same = _Aliases()
    for place in placed:
        _note(same, place.stmt)
    own = {id(store): item for store, item in appended}
    # the same statement may have been written in several attempts: only those in the body count
    stores = [place for place in placed if isinstance(place.stmt, Store)]
    kept = [place for place in stores if id(place.stmt) in own]
    buffers = {same.find(_root(place)) for place in kept}
    for place in stores:
        if id(place.stmt) in own:
            continue
        target = same.find(_root(place))
        if target in buffers:
            _refuse(place.stmt, "an item of a list that has grown in a run-time loop is written to")
        for other in kept:
            item = own[id(other.stmt)].atom
            later = place.at > other.at or bool(place.loops & other.loops)
            if isinstance(item, Var) and later and same.find(item.name) == target:
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


class _Aliases:
    """Names that may share memory, as classes."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        while (above := self.parent.get(name, name)) != name:
            name = above
        return name

    def join(self, a: object, b: object) -> None:
        if isinstance(a, Var) and isinstance(b, Var):
            self.parent[self.find(a.name)] = self.find(b.name)


def _note(same: _Aliases, stmt: Stmt) -> None:
    match stmt:
        case Assign(target, Var() as value):
            same.join(Var(target), value)
        case Assign(target, Op(prim, args)) if prim in VIEWS and args:
            same.join(Var(target), args[0])
        case If(joins=joins):
            for join in joins:
                same.join(Var(join.target), join.then)
                same.join(Var(join.target), join.orelse)
        case For(carried=carried) | While(carried=carried):
            for carry in carried:
                for other in (carry.init, carry.next, Var(carry.result)):
                    same.join(Var(carry.arg), other)
        case _:
            return

"""Iterables whose items are read at another time than Python reads them, and the check that this makes no difference.

`itertools.pairwise` keeps an item that is read again here; `zip` of two generators, `accumulate` and `chain` read their
items one by one in Python, and all at once here. Between the two nothing may change what is read: no array (that is
known once the function is lowered, `check_iteration_order`), and no variable, list or dict.

>>> import itertools
>>> import numpy as np
>>> from srcad.compiler.stages import normal_form
>>> from srcad.errors import SrcadError
>>> def f(x):
...     total = 0.0
...     for a, b in itertools.pairwise(x):
...         x[-1] = a
...         total += a * b
...     return total
>>> try:
...     normal_form(f, np.ones(3))
... except SrcadError as error:
...     print(error.problems[0].code)
S129
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import gast

from srcad.analysis.memory.may_alias import may_alias
from srcad.errors import fail
from srcad.frontend.values.abstract_values import (
    Abstract,
    Closure,
    GeneratorValue,
    HeapRef,
    Leaf,
    WatchedItems,
)
from srcad.frontend.values.context import Context, Frame
from srcad.frontend.values.structures import visit_parts
from srcad.ir.nodes import Assign, Block, Effect, For, If, Stmt, Var, While
from srcad.ir.statement_positions import positions
from srcad.ir.traversal import CHANGES_FIRST_ARGUMENT, own_exprs, own_stores, walk
from srcad.ir.types import Type

_UNSEEN = CHANGES_FIRST_ARGUMENT | {"check", "within"}
_WHY = "Python takes one item after the other; srcad reads them at another time."
_ADVICE = "loop over indices, and read the items there; or loop over a copy, if the values of before are meant."


@dataclass
class Watch:
    """What is read at another time than in Python."""

    name: str
    span: Any
    since: int
    """As many names had been made when the iterable was."""
    source: Abstract
    seen: object
    """What the iterable depended on then: see `_state`."""
    rereads: bool
    """An item is read again; otherwise all have been read when the iterable was made."""
    statements: list[Stmt] = field(default_factory=list)
    """Those that read."""
    indices: set[str] = field(default_factory=set)
    """The indices of the items that have been asked for."""
    until: int = 0
    """As many names had been made when an item was asked for."""


def reread(ctx: Context, value: Abstract, name: str) -> Abstract:
    """The iterable, of which an item may be read more than once, where Python keeps it."""
    return _watched(ctx, value, Watch(name, ctx.place(), len(ctx.builder.created), value, _state(ctx, value), True))


def read_early(ctx: Context, value: Abstract, name: str, take: Callable[[], Abstract]) -> Abstract:
    """What `take` makes of the items of the value, all at once."""
    before, written = _state(ctx, value), len(ctx.builder.statements)
    watch = Watch(name, ctx.place(), len(ctx.builder.created), value, before, False)
    made = take()
    watch.statements += ctx.builder.statements[written:]
    if _state(ctx, value) != before or any(map(_is_seen, walk(tuple(watch.statements)))):
        _refuse(watch, f"what {name} takes its items from has effects of its own")
    return _watched(ctx, made, watch)


def _watched(ctx: Context, inner: Abstract, watch: Watch) -> WatchedItems:
    ctx.watches.append(watch)
    return WatchedItems(inner, len(ctx.watches) - 1)


def noted(ctx: Context, watch: Watch, item: Callable[[Leaf], Abstract]) -> Callable[[Leaf], Abstract]:
    """The access to an item, which is noted."""

    def read(index: Leaf) -> Abstract:
        if _state(ctx, watch.source) != watch.seen:
            _refuse(watch, f"what {watch.name} goes over changes meanwhile")
        written = len(ctx.builder.statements)
        found = item(index)
        if watch.rereads:
            watch.statements += ctx.builder.statements[written:]
        if isinstance(index.atom, Var):
            watch.indices.add(index.atom.name)
        watch.until = len(ctx.builder.created)
        return found

    return read


def _is_seen(stmt: Stmt) -> bool:
    """Whether somebody sees when the statement runs."""
    return isinstance(stmt, Effect) and stmt.call.prim not in _UNSEEN


# ---- what an iterable depends on, but for the elements of arrays -----------------------------------------------------


def _state(ctx: Context, value: Abstract) -> object:
    """The variables, lists and dicts that the iterable reads, with their contents of now."""
    found: list[object] = []
    known: set[int] = set()

    def visit(part: Abstract) -> None:
        match part:
            case HeapRef(id=ref):
                if ref not in known:
                    known.add(ref)
                    cells = ctx.heap.get(ref)
                    found.append((ref, cells))
                    for item in cells.items if cells is not None else ():
                        visit_parts(item, visit)
            case GeneratorValue(frame):
                visit_frame(frame, frame.origin)
                for inner in frame.names.values():
                    visit_parts(inner, visit)
            case Closure(tree, frame):
                visit_frame(frame, tree)

    def visit_frame(frame: Frame, tree: Any) -> None:
        if id(tree) in known or tree is None:
            return
        known.add(id(tree))
        for name in sorted({node.id for node in gast.walk(tree) if isinstance(node, gast.Name)}):
            owner: Frame | None = frame
            while owner is not None and name not in owner.names:
                owner = owner.parent
            if owner is not None:
                found.append((name, owner.names[name]))
                visit_parts(owner.names[name], visit)

    visit_parts(value, visit)
    return found


# ---- the elements of arrays ------------------------------------------------------------------------------------------


def check_iteration_order(
    body: Block, types: Mapping[str, Type], names: Sequence[str], watches: Sequence[Watch]
) -> None:
    """Raise S129 where an array is written to between the time that Python reads an item of it and that of the text.

    `names` are those of the function in the order in which they were made.
    """
    if not any(watch.until for watch in watches):
        return
    created = {name: at for at, name in enumerate(names)}
    places = [(place, _defines(place.stmt)) for place in positions(body)]
    aliases = may_alias(body, types)
    for watch in watches:
        read = [expr for stmt in walk(tuple(watch.statements)) for expr in own_exprs(stmt)]
        found = {one for expr in read for one in aliases.reads(expr)}
        # not the arrays that the reading itself has made
        reads = {one for one in found if any(created.get(n, -1) < watch.since for n in aliases.aliases(one))}
        if not reads or not watch.until:
            continue
        new = [(place, defined) for place, defined in places if all(watch.since <= created.get(n, -1) for n in defined)]
        named = [(place.at, min(map(created.__getitem__, defined))) for place, defined in new if defined]
        asked = [place for place, defined in places if not watch.indices.isdisjoint(defined)]
        first = min((at for at, _ in named), default=0)
        last = max((*(at for at, made in named if made < watch.until), *(place.at for place in asked)), default=0)
        around = {at for place in asked for at in (place.at, *place.loops)}
        repeated = around & {place.at for place, _ in new if place.is_loop}
        for place, _ in places:
            between = first <= place.at <= last or not repeated.isdisjoint(place.loops)
            if between and any(aliases.class_of(name) in reads for name in own_stores(place.stmt)):
                _refuse(watch, f"an array that {watch.name} goes over is written to meanwhile")


def _defines(stmt: Stmt) -> tuple[str, ...]:
    """The names that a statement defines: of a loop, those that each iteration has anew."""
    match stmt:
        case Assign(target):
            return (target,)
        case For(index, carried=carried):
            return (index, *(carry.arg for carry in carried))
        case While(carried=carried):
            return tuple(carry.arg for carry in carried)
        case If(joins=joins):
            return tuple(join.target for join in joins)
        case _:
            return ()


def _refuse(watch: Watch, message: str) -> NoReturn:
    fail("S129", message, watch.span, _WHY, _ADVICE)

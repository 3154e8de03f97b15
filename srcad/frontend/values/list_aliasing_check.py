"""Alias check for lists replaced by arrays: the items are copies, so no item may be written to after its append.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.errors import SrcadError
>>> def f(x, n):
...     hs = []
...     for i in range(n):
...         hs.append(x)
...         x[0] = 1.0
...     return hs[0][0]
>>> import numpy as np
>>> try:
...     normal_form(f, np.ones(2), 3)
... except SrcadError as error:
...     print(error.problems[0].code)
S125
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srcad.analysis.memory.may_alias import may_alias
from srcad.errors import fail
from srcad.frontend.values.abstract_values import Leaf
from srcad.ir.nodes import Block, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.statement_positions import Position, positions
from srcad.ir.traversal import own_stores
from srcad.ir.types import Array, Type


def check_list_aliasing(body: Block, types: Mapping[str, Type], appended: Sequence[tuple[Store, Leaf]]) -> None:
    """Raise S125 where an array that a list refers to is written to, if the list was replaced by an array."""
    if not appended:
        return
    places = list(positions(body))
    aliases = may_alias(body, types)
    item_of_append = {id(store): item for store, item in appended}
    for position in places:
        # a function that writes to an array that it is given
        if not isinstance(position.stmt, Store) and any(
            isinstance(types.get(name), Array) for name in own_stores(position.stmt)
        ):
            _refuse(position.stmt, "an array is written to by a function that is called")
    # an append may have been lowered in several attempts: only the stores in the final body count
    stores = [position for position in places if isinstance(position.stmt, Store)]
    appends = [position for position in stores if id(position.stmt) in item_of_append]
    buffers = {aliases.class_of(_root(position)) for position in appends}
    for position in stores:
        if id(position.stmt) in item_of_append:
            continue
        target = aliases.class_of(_root(position))
        if target in buffers:
            _refuse(position.stmt, "an item of a list that has grown in a run-time loop is written to")
        for other in appends:
            item = item_of_append[id(other.stmt)].atom
            later = position.at > other.at or bool(position.loops & other.loops)
            is_alias = isinstance(item, Var) and aliases.has_memory(item.name) and aliases.class_of(item.name) == target
            if is_alias and later:
                _refuse(position.stmt, "an array is written to after it was appended to a list in a run-time loop")


def _refuse(stmt: Stmt, message: str) -> None:
    fail(
        "S125",
        message,
        getattr(stmt, "span", None),
        "The list holds the array itself.",
        "append a copy: hs.append(h.copy()).",
    )


def _root(position: Position) -> str:
    assert isinstance(position.stmt, Store)
    return root(position.stmt.base) or ""

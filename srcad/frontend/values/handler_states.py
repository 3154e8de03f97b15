"""The state that a handler finds: the join of the states in which the errors that it catches are raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    HeapObject,
    Leaf,
    Unbound,
    map_structure,
)
from srcad.frontend.values.context import Context, State
from srcad.frontend.values.control_joins import (
    base_of,
    disagreement,
    fresh_of,
    join_cells,
    join_values,
    joined_kind,
)
from srcad.frontend.values.definedness import with_bound_flags
from srcad.ir.nodes import Expr, Var
from srcad.ir.types import Type
from srcad.typing.join import forget_iteration_facts


@dataclass(frozen=True)
class Column:
    """A value that differs between the states, or is defined where they are: one for each state."""

    base: str
    kind: Type
    values: tuple[Leaf | None, ...]


@dataclass(frozen=True)
class HandlerState:
    """A state with placeholders for the `columns`."""

    state: State
    columns: dict[str, Column]

    def filled(self, ctx: Context, values: Sequence[Expr]) -> State:
        """The state with these values for the columns."""
        return renamed(ctx, self.state, dict(zip(self.columns, values, strict=True)))


def renamed(ctx: Context, state: State, values: dict[str, Expr]) -> State:
    """The state with other values for some names."""

    def new(value: Abstract) -> Abstract:
        if not isinstance(value, Leaf):
            return map_structure(value, new)
        if isinstance(value.atom, Var) and value.atom.name in values:
            return ctx.leaf(values[value.atom.name], value.static)  # type: ignore[arg-type]
        return value

    names = {name: new(value) for name, value in state.names.items()}
    heap = {ref: replace(cells, items=tuple(map(new, cells.items))) for ref, cells in state.heap.items()}
    return State(names, heap)


def handler_state(ctx: Context, states: Sequence[State], inside: frozenset[str]) -> HandlerState:
    """The join of the states; `inside` are the names defined in the body of the `try`."""
    joiner = _Joiner(ctx, inside)
    first, *others = with_bound_flags(ctx, states)
    joined = joiner.first(first)
    for state in others:
        joined = joiner.joined(joined, state)
    used: set[str] = set()

    def note(value: Abstract) -> Abstract:
        if isinstance(value, Leaf) and isinstance(value.atom, Var):
            used.add(value.atom.name)
        return map_structure(value, note)

    for value in (*joined.names.values(), *(item for cells in joined.heap.values() for item in cells.items)):
        note(value)
    return HandlerState(joined, {name: column for name, column in joiner.columns.items() if name in used})


class _Joiner:
    def __init__(self, ctx: Context, inside: frozenset[str]) -> None:
        self._ctx, self._inside = ctx, inside
        self._count = 1
        self.columns: dict[str, Column] = {}

    def first(self, state: State) -> State:
        """A state of its own, with columns for what is defined inside."""

        def placed(value: Abstract) -> Abstract:
            if not isinstance(value, Leaf):
                return map_structure(value, placed)
            if not isinstance(value.atom, Var) or value.atom.name not in self._inside:
                return value
            return self._column(base_of(value), self._ctx.builder.typeof(value.atom), (value,))

        names = {name: placed(value) for name, value in state.names.items()}
        heap = {ref: self._with_items(cells, tuple(map(placed, cells.items))) for ref, cells in state.heap.items()}
        return State(names, heap)

    @staticmethod
    def _with_items(cells: HeapObject, items: tuple[Abstract, ...]) -> HeapObject:
        same = all(a is b for a, b in zip(items, cells.items, strict=True))
        return cells if same else replace(cells, items=items)

    def joined(self, a: State, b: State) -> State:
        heap = {}
        for ref in a.heap.keys() & b.heap.keys():
            x, y = a.heap[ref], b.heap[ref]
            heap[ref] = x if x is y else join_cells(x, y, "%item", self._values, self._ctx.sites_of(ref))
        names = {}
        for name in {**a.names, **b.names}:
            v, w = a.names.get(name, UNBOUND), b.names.get(name, UNBOUND)
            names[name] = v if v is w and v is UNBOUND else self._values(v, w, self._ctx.base(name))
        self._count += 1
        return State(names, heap)

    def _values(self, a: Abstract, b: Abstract, base: str) -> Abstract:
        return join_values(a, b, base, self._values, self._leaves)

    def _leaves(self, a: Leaf | Unbound, b: Leaf | Unbound, base: str) -> Abstract:
        ctx = self._ctx
        if isinstance(a, Leaf) and isinstance(b, Leaf) and self._is_same(a, b):
            return a
        kind = joined_kind(ctx.builder, a, b)
        if isinstance(kind, str):
            return disagreement(base, kind)
        before: tuple[Leaf | None, ...] = (a if isinstance(a, Leaf) else None,) * self._count
        if isinstance(a, Leaf) and isinstance(a.atom, Var) and a.atom.name in self.columns:
            before = self.columns[a.atom.name].values
        return self._column(base, kind, (*before, b if isinstance(b, Leaf) else None))

    def _is_same(self, a: Leaf, b: Leaf) -> bool:
        """Whether it is one value, from before the `try`."""
        is_inside = isinstance(b.atom, Var) and b.atom.name in self._inside
        return a.atom == b.atom and type(a.static) is type(b.static) and not is_inside

    def _column(self, base: str, kind: Type, values: tuple[Leaf | None, ...]) -> Leaf:
        kind = forget_iteration_facts(kind, self._inside)
        placeholder = fresh_of(self._ctx.builder, base, kind)
        self.columns[placeholder.name] = Column(base, self._ctx.builder.types[placeholder.name], values)
        return self._ctx.leaf(placeholder)

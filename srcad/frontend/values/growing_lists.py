"""Lists that grow in a run-time loop: `hs.append(h)` in each iteration fills an array allocated before the loop.

Compiled code has no Python lists. The trip count of the loop is known on entry, and the items have one type: the list
becomes the rows of an array.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n):
...     hs = []
...     for i in range(n):
...         hs.append(x * i)
...     return hs[0]
>>> print(text(normal_form(f, 1.0, 3)))
f(x: float64, n: int64):
    %test.1 = n > 0
    %choice.0 = select(%test.1, n, 0)
    hs.0 = np.empty(%choice.0, dtype='float64')
    for i.0 in range(0, n, 1):
        %product.0 = x * i.0
        hs.0[i.0] = %product.0
    %n.1 = shape(hs.0, axis=0)
    within(0, %n.1, where='L5: hs[0]: ')
    %item.0 = hs.0[0]
    return %item.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from srcad.errors import SrcadError
from srcad.frontend.values import zero_dim_arrays
from srcad.frontend.values.abstract_values import Abstract, HeapObject, HeapRef, Leaf
from srcad.frontend.values.context import Context, RetryWithLists
from srcad.frontend.values.iterables import Iterable, arithmetic, count_of
from srcad.frontend.values.variable_naming import adopt
from srcad.ir.nodes import Atom, Const, Store, Var
from srcad.ir.types import Array, Dim, Scalar, Type
from srcad.typing.join import join_types
from srcad.typing.length_demands import Axis, Demand, Fit


@dataclass(frozen=True)
class _Plan:
    cells: HeapObject
    """The contents of the list before the loop."""
    per_iteration: int
    dtype: str
    dims: tuple[Dim, ...] | None
    """Of one item; None for a scalar."""


@dataclass(frozen=True)
class _Allocated:
    buffer: Leaf
    before: int
    per_iteration: int


class GrowingLists:
    """The lists that grow in one `for` loop."""

    def __init__(self, ctx: Context, iterable: Iterable) -> None:
        self.ctx, self.iterable = ctx, iterable
        self.planned: dict[int, _Plan] = {}
        self.allocated: dict[int, _Allocated] = {}
        self.count: Leaf | None = None

    def plan(self, ref: int, before: HeapObject, after: HeapObject, inner: frozenset[str]) -> bool:
        """Plan to replace the list, with these contents before and after an iteration, by an array, if it can be."""
        size = len(before.items)
        if before.keys is not None or before.shared or before.grown or after.grown or len(after.items) <= size:
            return False
        if ref in self.planned or before.items != after.items[:size]:
            return False
        leaves = [item for item in after.items if isinstance(item, Leaf)]
        if len(leaves) < len(after.items):
            return False
        kind = self.ctx.builder.typeof(leaves[0].atom)
        for leaf in leaves[1:]:
            common = _common_item_type(kind, self.ctx.builder.typeof(leaf.atom))
            if common is None:
                return False
            kind = common
        dims = kind.dims if isinstance(kind, Array) else None
        if size == 0 and dims is not None and any(symbol.name in inner for d in dims for symbol, _ in d.terms):
            return False
        assert isinstance(kind, Array | Scalar)
        self.planned[ref] = _Plan(before, len(after.items) - size, kind.dtype, dims)
        return True

    def allocate(self) -> None:
        """Allocate the planned arrays before the loop, and store the items that the lists already have."""
        ctx, builder = self.ctx, self.ctx.builder
        if self.count is None:
            self.count = count_of(ctx, self.iterable)
        for ref, plan in self.planned.items():
            if ref in self.allocated:
                continue
            items = [item for item in plan.cells.items if isinstance(item, Leaf)]
            added = (
                arithmetic(ctx, "*", self.count, ctx.constant(plan.per_iteration))
                if plan.per_iteration > 1
                else self.count
            )
            total = arithmetic(ctx, "+", added, ctx.constant(len(items)))
            shape = _shape(ctx, items, plan.dims)
            allocated = ctx.leaf(builder.op("np.empty", total.atom, *shape, hint="items", dtype=plan.dtype))
            buffer = adopt(ctx, allocated, _name_of(ctx, ref))
            assert isinstance(buffer, Leaf) and isinstance(buffer.atom, Var)
            ctx.just_named.discard(buffer.atom.name)
            for position, item in enumerate(items):
                store_in_list(ctx, buffer, Const(position), item)
            self.allocated[ref] = _Allocated(buffer, len(items), plan.per_iteration)
            ctx.heap[ref] = HeapObject((buffer, ctx.constant(len(items))), grown=True)

    def begin(self, index: Leaf) -> None:
        """At the start of an iteration: the length of each list from the number of earlier iterations."""
        ctx = self.ctx
        iteration: Leaf | None = None
        for ref, allocated in self.allocated.items():
            iteration = iteration or self._iteration_number(index)
            added = (
                arithmetic(ctx, "*", iteration, ctx.constant(allocated.per_iteration))
                if allocated.per_iteration > 1
                else iteration
            )
            length = arithmetic(ctx, "+", added, ctx.constant(allocated.before))
            ctx.heap[ref] = HeapObject((allocated.buffer, length), grown=True)
            ctx.growing_lists.add(ref)

    def _iteration_number(self, index: Leaf) -> Leaf:
        ctx, start, step = self.ctx, self.iterable.start, self.iterable.step
        offset = index if start.static == 0 else arithmetic(ctx, "-", index, start)
        if step.static == 1:
            return offset
        return ctx.leaf(ctx.builder.op("//", offset.atom, step.atom))

    def end(self) -> None:
        """After the loop: the lists fill their arrays."""
        ctx = self.ctx
        for ref, allocated in self.allocated.items():
            ctx.growing_lists.discard(ref)
            ctx.heap[ref] = HeapObject(
                (allocated.buffer, length_of_buffer(ctx, allocated.buffer)), grown=True, full=True
            )


def _name_of(ctx: Context, ref: int) -> str:
    """The user's name for a list."""
    for name, value in ctx.frame.names.items():
        if isinstance(value, HeapRef) and value.id == ref:
            return name
    return "%items"


def length_of_buffer(ctx: Context, buffer: Leaf) -> Leaf:
    assert isinstance(buffer.type, Array)
    first = buffer.type.dims[0]
    return ctx.constant(first.const) if not first.terms else ctx.leaf(ctx.builder.op("len", buffer.atom))


def append(ctx: Context, ref: int, item: Abstract) -> None:
    """`hs.append(item)` inside the loop in which the list grows."""
    cells = ctx.heap[ref]
    buffer, length = cells.items
    assert isinstance(buffer, Leaf) and isinstance(length, Leaf)
    if ref not in ctx.growing_lists:
        refuse_change(ctx, ref)
    if not isinstance(item, Leaf):
        ctx.fail("S125", "something other than a number or an array appended in a run-time loop")
    store_in_list(ctx, buffer, length.atom, item)
    ctx.heap[ref] = HeapObject((buffer, arithmetic(ctx, "+", length, ctx.constant(1))), grown=True)


def refuse_change(ctx: Context, ref: int) -> NoReturn:
    """Refuse to change a list that an array has replaced; it may be a list of the IR instead (`run_time_lists`)."""
    try:
        ctx.fail(
            "S125",
            "a list that has grown in a run-time loop is changed elsewhere",
            None,
            "make an array of it first: np.stack(hs); or write into an array from the start.",
        )
    except SrcadError as error:
        sites = ctx.sites_of(ref)
        if not sites or ctx.heap[ref].at_run_time or ctx.heap[ref].buffered:
            raise
        raise RetryWithLists(error, dict.fromkeys(sites)) from None


def store_in_list(ctx: Context, buffer: Leaf, position: Atom, item: Leaf) -> None:
    """Store an item in the array that stands for a list."""
    assert isinstance(buffer.atom, Var)
    if isinstance(item.type, Array) and isinstance(buffer.type, Array):
        first = [Axis(0, axis + 1, d) for axis, d in enumerate(buffer.type.dims[1:])]
        own = [Axis(1, axis, d) for axis, d in enumerate(item.type.dims)]
        fits = tuple(Fit(a, b) for a, b in zip(first, own, strict=True) if a.length != b.length)
        if fits:
            text = ("items of shapes ", " and ", " in one list")
            ctx.builder.demand([Demand(fits, (first, own), text)], (buffer.atom, item.atom))
    store = Store(buffer.atom, (position,), item.atom, None, ctx.builder.span)
    ctx.builder.emit(store)
    # the list refers to the array itself, the buffer has a copy: list_aliasing_check refuses later writes to either
    ctx.appended.append((store, item))
    zero_dim_arrays.mark_stored(ctx, item)


def _common_item_type(a: Type, b: Type) -> Type | None:
    """The type of the items of one list: lengths are equal, or both are not 1 (then they are checked at run time)."""
    both = join_types(a, b)
    if isinstance(a, Array) and isinstance(both, Array):
        return a if all(x == y or y.is_not_one for x, y in zip(a.dims, both.dims, strict=True)) else None
    return both if isinstance(both, Scalar) else None


def _shape(ctx: Context, items: Sequence[Leaf], dims: tuple[Dim, ...] | None) -> list[Atom]:
    """The lengths of one item: of an existing item, or computed from its dims."""
    if dims is None:
        return []
    builder = ctx.builder
    if items:
        return [
            Const(d.const) if not d.terms else builder.op("shape", items[0].atom, axis=axis)
            for axis, d in enumerate(dims)
        ]
    return [length_atom(ctx, d) for d in dims]


def length_atom(ctx: Context, d: Dim) -> Atom:
    """A length as an expression in the symbols of its linear form."""
    builder = ctx.builder
    total: Atom | None = None
    for symbol, coefficient in d.terms:
        name = Var(symbol.name)
        term: Atom = name if symbol.axis is None else builder.op("shape", name, axis=symbol.axis)
        if coefficient != 1:
            term = builder.op("*", term, Const(coefficient))
        total = term if total is None else builder.op("+", total, term)
    if total is None:
        return Const(d.const)
    if d.const > 0:
        return builder.op("+", total, Const(d.const))
    return builder.op("-", total, Const(-d.const)) if d.const else total

"""Lists that grow and shrink at run time: what no array can be planned for is a list of the IR (`ListOf`).

Where a list has a length that only a run knows, and `growing_lists` cannot plan an array for it (items are popped, it
grows in a `while` loop, lengths of its items differ), the function is lowered again. The list is then a reference to a
list at run time from where it is made: no loop carries it, and no branch joins it. Only a primal has such lists.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n):
...     hs = []
...     for i in range(n):
...         hs.append(x * i)
...     while len(hs) > 1:
...         x -= hs.pop()
...     return x
>>> print(text(normal_form(f, 1.0, 3)))
f(x: float64, n: int64):
    hs.0 = list.new()
    for i.0 in range(0, n, 1):
        %product.0 = x * i.0
        list.append(hs.0, %product.0)
    x.2 = while carrying x.0 = x:
        %count.1 = list.length(hs.0)
        %test.4 = %count.1 > 1
        if not %test.4: leave
        %item.0 = list.pop(hs.0)
        x.1 = x.0 - %item.0
        yield x.1
    return x.2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import gast

from srcad.errors import SrcadError
from srcad.frontend.source.read import is_derivative
from srcad.frontend.syntax import iteration_bodies
from srcad.frontend.values import buffered_lists, zero_dim_arrays
from srcad.frontend.values.abstract_values import Abstract, HeapObject, HeapRef, Leaf, Site
from srcad.frontend.values.context import Context, RetryWithLists
from srcad.frontend.values.control_joins import converted, fresh_of
from srcad.frontend.values.raise_points import may_catch, python_check
from srcad.ir.nodes import Assign, Atom, Const, Effect, Op, Store, Var
from srcad.ir.types import Array, ListOf, Scalar, Symbol, Type, dim
from srcad.typing.join import UNNAMED, join_types

_UNKNOWN_ITEM = Scalar("float64")
"""Stands for the type of the items until one is appended, which lowers the function again."""


def made(ctx: Context, ref: HeapRef, node: Any) -> HeapRef:
    """The list that a display makes, as a list of the IR where it has to be one."""
    module = ctx.frame.source.function.__module__
    if ctx.frame.library and not is_derivative(ctx.frame.source) and module != iteration_bodies.__name__:
        return ref
    site = (ctx.frame.source.name, node.lineno, node.col_offset)
    ctx.sites[ref.id] = site
    if site not in ctx.list_items:
        return ref
    if not ctx.makes_lists:
        known = ctx.list_items[site]
        for item in ctx.heap[ref.id].items:
            _common_kind(ctx, site, known, item)
        return buffered_lists.make(ctx, ref, known, _name_of(ctx, node))
    items = ctx.heap[ref.id].items
    kind = ListOf(ctx.list_items[site] or _UNKNOWN_ITEM)
    target = ctx.builder.fresh(_name_of(ctx, node), kind)
    ctx.builder.emit(Assign(target.name, Op("list.new"), ctx.builder.span))
    ctx.heap[ref.id] = HeapObject((ctx.leaf(target),), grown=True)
    for item in items:
        append(ctx, ref.id, item)
    return ref


def made_of_vector(ctx: Context, ref: HeapRef, vector: Leaf, node: Any) -> HeapRef | None:
    """The list of a run-time number of numbers, where its length changes; None where it does not."""
    if not hasattr(node, "lineno") or ctx.frame.library:
        return None
    site = (ctx.frame.source.name, node.lineno, node.col_offset)
    ctx.sites[ref.id] = site
    if site not in ctx.list_items:
        return None
    if ctx.makes_lists:
        ctx.fail("S125", "a list of the elements of an array that changes its length at run time", None, _IN_ARRAY)
    return buffered_lists.of_vector(ctx, ref, vector, _name_of(ctx, node))


def _name_of(ctx: Context, node: Any) -> str:
    """The user's name for the list that a display makes."""
    for statement in gast.walk(ctx.frame.tree):
        match statement:
            case gast.Assign(
                targets=[gast.Name(id=name)],
                value=gast.List(lineno=line, col_offset=column) | gast.Call(lineno=line, col_offset=column),
            ):
                if (line, column) == (node.lineno, node.col_offset):
                    return str(name)
    return "%items"


def append(ctx: Context, ref: int, item: Abstract) -> None:
    """`hs.append(item)`."""
    item = ctx.check(item)
    common = _common_kind(ctx, ctx.sites.get(ref), _kind_of(ctx, ref), item)
    assert isinstance(item, Leaf)
    if ctx.heap[ref].buffered:
        buffered_lists.append(ctx, ref, item)
        return
    items = _list_of(ctx, ref)
    ctx.builder.emit(Effect(Op("list.append", (items, converted(ctx.builder, item, common))), ctx.builder.span))
    zero_dim_arrays.mark_stored(ctx, item)


def insert(ctx: Context, ref: int, at: Leaf, item: Abstract) -> None:
    """`hs.insert(at, item)`."""
    _refuse_of_ir(ctx, ref, "an item inserted into")
    item = ctx.check(item)
    _common_kind(ctx, ctx.sites.get(ref), _kind_of(ctx, ref), item)
    assert isinstance(item, Leaf)
    buffered_lists.insert(ctx, ref, at, item)
    zero_dim_arrays.mark_stored(ctx, item)


def pop_at(ctx: Context, ref: int, at: Leaf) -> Leaf:
    """`hs.pop(at)`."""
    _refuse_of_ir(ctx, ref, "an item taken out of")
    return buffered_lists.pop_at(ctx, ref, at)


def clear(ctx: Context, ref: int) -> None:
    """`hs.clear()`."""
    _refuse_of_ir(ctx, ref, "no item left in")
    buffered_lists.clear(ctx, ref)


def _refuse_of_ir(ctx: Context, ref: int, what: str) -> None:
    """S125 of a list of the IR; the function is lowered again, with arrays."""
    if not ctx.heap[ref].buffered:
        ctx.fail("S125", f"{what} a list that changes its length at run time", None, _IN_ARRAY)


def repeated(ctx: Context, item: Leaf, count: Leaf, node: Any) -> HeapRef | None:
    """`[item] * count` with a run-time number of numbers; None of what is no number."""
    if not isinstance(item.type, Scalar):
        return None
    site = (ctx.frame.source.name, node.right.lineno, node.right.col_offset)  # where [item] begins is that list's site
    known = ctx.list_items.get(site)
    kind = item.type if known is None else known
    if not isinstance(kind, Scalar):
        return None
    made_list = ctx.new_ref(HeapObject(()))
    ctx.sites[made_list.id] = site
    return buffered_lists.filled(ctx, made_list, item, count, kind.dtype)


def _kind_of(ctx: Context, ref: int) -> Scalar | Array | None:
    """The type of the items as far as it is known."""
    site, buffer = ctx.sites.get(ref), ctx.heap[ref].items[0]
    known = None if site is None else ctx.list_items.get(site)
    if known is None and ctx.heap[ref].buffered and site not in ctx.list_items:
        assert isinstance(buffer, Leaf) and isinstance(buffer.type, Array)
        known = buffered_lists.kind_of_items(buffer.type)
    return known


def store_item(ctx: Context, ref: int, place: Atom, item: Abstract) -> None:
    """`hs[place] = item` of a list that is an array: the place is not negative, and within bounds."""
    buffer = ctx.heap[ref].items[0]
    assert isinstance(buffer, Leaf) and isinstance(buffer.type, Array) and isinstance(buffer.atom, Var)
    common = _common_kind(ctx, ctx.sites.get(ref), _kind_of(ctx, ref), item)
    if not isinstance(common, Scalar) or not isinstance(item, Leaf):
        ctx.fail("S125", "an array assigned to an item of a list that changes its length at run time", None, _IN_ARRAY)
    ctx.builder.emit(Store(buffer.atom, (place,), item.atom, None, ctx.builder.span))
    zero_dim_arrays.mark_stored(ctx, item)


def _common_kind(ctx: Context, site: Site | None, known: Scalar | Array | None, item: Abstract) -> Scalar | Array:
    """The type of the items with this one among them; lower again where it was not known."""
    item = ctx.check(item)
    if not isinstance(item, Leaf) or not isinstance(item.type, Scalar | Array):
        ctx.fail("S125", "something other than a number or an array in a list that changes its length at run time")
    as_item = _any_item if ctx.makes_lists else lambda kind: _of_known_lengths(ctx, kind)
    kind = as_item(ctx.builder.typeof(item.atom))
    common = kind if known is None else join_types(known, kind)
    if isinstance(common, str):
        reason = common.replace("on one path", "at first").replace("on the other", "here")
        ctx.fail("S125", "the items of this list do not have one type", f"{reason[0].upper()}{reason[1:]}.")
    common = as_item(common)
    if common != known:
        _retry(ctx, "S125", "the items of this list do not have one type", {} if site is None else {site: common})
    return common


def _of_known_lengths(ctx: Context, kind: Type) -> Scalar | Array:
    """The type of an item of a list that is an array: the lengths of rows are those of arguments."""
    if not isinstance(kind, Array):
        return _any_item(kind)
    if any(symbol.name not in ctx.taken for d in kind.dims for symbol, _ in d.terms):
        ctx.fail("S125", "arrays in a list that changes its length at run time", _LENGTHS, _IN_ARRAY)
    return replace(kind, layout="C")


_LENGTHS = "Their lengths are not those of arguments, and might differ."
_IN_ARRAY = "write into an array made before the loop: hs = np.empty((n, ...)), then hs[i] = h."


def pop(ctx: Context, ref: int) -> Leaf:
    """`hs.pop()`; of an empty list, the list itself raises IndexError, unless there is a handler here."""
    if ctx.heap[ref].buffered:
        return buffered_lists.pop(ctx, ref)
    if may_catch(ctx, IndexError):
        has_items = ctx.builder.op(">", length(ctx, ref).atom, Const(0))
        python_check(ctx, has_items, IndexError, "pop from empty list")
    return _item(ctx, ref, "list.pop")


def retry_empty(ctx: Context, ref: int) -> None:
    """`hs.pop()` of a list that is empty here in this attempt to lower a loop, but perhaps not in every iteration."""
    for site in ctx.sites_of(ref) - ctx.list_items.keys():
        _retry(ctx, "S126", "pop from a list of 0", {site: None})


def length(ctx: Context, ref: int) -> Leaf:
    """`len(hs)` at this point: another `append` changes it."""
    target = fresh_of(ctx.builder, "%count", Scalar("int64", dim(Symbol(UNNAMED, None)), True))
    ctx.builder.emit(Assign(target.name, Op("list.length", (_list_of(ctx, ref),)), ctx.builder.span))
    return ctx.leaf(target)


def item(ctx: Context, ref: int, position: Leaf) -> Leaf:
    """`hs[position]`, which is within bounds."""
    return _item(ctx, ref, "list.item", position.atom)


def _item(ctx: Context, ref: int, prim: str, *position: Any) -> Leaf:
    items = _list_of(ctx, ref)
    site = ctx.sites.get(ref)
    kind = ctx.list_items[site] if site is not None else None
    if kind is None:
        ctx.fail("S125", "an item is taken from this list before one is appended", None, "append an item to it first.")
    target = fresh_of(ctx.builder, "%item", kind)
    ctx.builder.emit(Assign(target.name, Op(prim, (items, *position)), ctx.builder.span))
    return ctx.leaf(target)


def _list_of(ctx: Context, ref: int) -> Var:
    (items,) = ctx.heap[ref].items
    assert isinstance(items, Leaf) and isinstance(items.atom, Var)
    return items.atom


def _retry(ctx: Context, code: str, message: str, items: Mapping[Site, Scalar | Array | None]) -> NoReturn:
    try:
        ctx.fail(code, message)
    except SrcadError as error:
        raise RetryWithLists(error, items) from None


def _any_item(kind: Type) -> Scalar | Array:
    """The type of an item of which no more is known than of all the others: lengths that differ are not named."""
    if isinstance(kind, Array):
        lengths = (d if not d.terms else dim(Symbol(UNNAMED, axis, d.is_not_one)) for axis, d in enumerate(kind.dims))
        return replace(kind, dims=tuple(lengths))
    assert isinstance(kind, Scalar)
    return Scalar(kind.dtype, dim(Symbol(UNNAMED, None)) if kind.dtype == "int64" else None, kind.weak)

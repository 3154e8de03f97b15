"""Lowering of the patterns of `match`: what the structure decides is decided while compiling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gast

from srcad.frontend.calls.type_queries import class_of
from srcad.frontend.lowering.operators import both_evaluated, compare
from srcad.frontend.values.abstract_values import Abstract, Constant, HeapObject, HeapRef, Leaf, Record, Seq
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context
from srcad.frontend.values.iterables import items_of
from srcad.ir.types import Array

_SELF = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)
"""Classes whose one positional pattern is for the value itself."""


def pattern_test(ctx: Context, node: Any) -> Abstract:
    return _matches(ctx, ctx.optional(ctx.expression(node.subject)), node.pattern)


def pattern_binding(ctx: Context, node: Any) -> Abstract:
    _bind(ctx, ctx.optional(ctx.expression(node.subject)), node.pattern)
    return ctx.constant(True)


def _matches(ctx: Context, value: Abstract, pattern: Any) -> Leaf:
    """Whether the value is as the pattern says."""
    value = ctx.optional(value)
    match pattern:
        case gast.MatchValue(value=wanted):
            return compare(ctx, gast.Eq(), value, ctx.expression(wanted))
        case gast.MatchSingleton(value=wanted):
            return compare(ctx, gast.Is(), value, Constant(None) if wanted is None else ctx.constant(wanted))
        case gast.MatchAs(pattern=None):
            return ctx.constant(True)
        case gast.MatchAs(pattern=inner):
            return _matches(ctx, value, inner)
        case gast.MatchOr(patterns=patterns):
            found = ctx.constant(False)
            for one in patterns:
                found = both_evaluated(ctx, "or", found, _matches(ctx, value, one))
            return found
    parts = _parts(ctx, ctx.check(value), pattern)
    if parts is None:
        return ctx.constant(False)
    found = ctx.constant(True)
    for part, inner in parts:
        found = both_evaluated(ctx, "and", found, _matches(ctx, part, inner))
        if found.static is False:
            break
    return found


def _bind(ctx: Context, value: Abstract, pattern: Any) -> None:
    """Bind the names in the pattern, which the value fits."""
    match pattern:
        case gast.MatchValue() | gast.MatchSingleton():
            return
        case gast.MatchAs(pattern=inner, name=name):
            if inner is not None:
                _bind(ctx, value, inner)
            if name is not None:
                ctx.bind(gast.copy_location(gast.Name(name, gast.Store(), None, None), pattern), value)
            return
        case gast.MatchOr(patterns=patterns):
            _bind_alternative(ctx, value, patterns)
            return
    for part, inner in _parts(ctx, value, pattern) or ():
        _bind(ctx, part, inner)
    match pattern:
        case gast.MatchSequence(patterns=patterns):
            for at, inner in enumerate(patterns):
                if isinstance(inner, gast.MatchStar) and inner.name is not None:
                    items = items_of(ctx, value) or ()
                    rest = items[at : len(items) - (len(patterns) - at - 1)]
                    target = gast.copy_location(gast.Name(inner.name, gast.Store(), None, None), inner)
                    ctx.bind(target, ctx.new_ref(HeapObject(tuple(rest))))
        case gast.MatchMapping(keys=keys, rest=str() as name):
            assert isinstance(value, HeapRef)
            taken = [key_of(ctx, ctx.expression(key)) for key in keys]
            left = {key: item for key, item in ctx.heap[value.id].entries.items() if key not in taken}
            target = gast.copy_location(gast.Name(name, gast.Store(), None, None), pattern)
            ctx.bind(target, ctx.new_ref(HeapObject(tuple(left.values()), tuple(left))))


def _bind_alternative(ctx: Context, value: Abstract, patterns: Sequence[Any]) -> None:
    """Bind the names of the first pattern that fits."""
    for one in patterns:
        fits = _matches(ctx, value, one)
        if not fits.known:
            if any(isinstance(node, gast.MatchAs | gast.MatchStar) and node.name for node in gast.walk(one)):
                ctx.fail("S111", "a pattern with names in one of several alternatives", "Which fits, only a run knows.")
            continue
        if fits.static:
            _bind(ctx, value, one)
            return


def _parts(ctx: Context, value: Abstract, pattern: Any) -> list[tuple[Abstract, Any]] | None:
    """The parts of a value with the patterns for them; None where the structures differ."""
    match pattern:
        case gast.MatchSequence(patterns=patterns):
            return _sequence(ctx, value, patterns)
        case gast.MatchMapping(keys=keys, patterns=patterns):
            if not isinstance(value, HeapRef) or value.kind != "dict":
                return None
            entries = ctx.heap[value.id].entries
            wanted = [key_of(ctx, ctx.expression(key)) for key in keys]
            if not all(key in entries for key in wanted):
                return None
            return [(entries[key], inner) for key, inner in zip(wanted, patterns, strict=True)]
        case gast.MatchClass():
            found = _of_class(ctx, value, pattern)
            return None if found is None else list(found)
    ctx.fail("S111", f"{type(pattern).__name__} is not in the language")


def _sequence(ctx: Context, value: Abstract, patterns: Sequence[Any]) -> list[tuple[Abstract, Any]] | None:
    is_list = isinstance(value, HeapRef) and value.kind == "list"
    is_tuple = isinstance(value, Seq) or (isinstance(value, Record) and issubclass(value.cls, tuple))
    if not is_list and not is_tuple:
        return None
    items = items_of(ctx, value)
    if items is None:
        ctx.retry("S111", "a list whose length only a run knows, matched with a pattern of its items")
    stars = [at for at, one in enumerate(patterns) if isinstance(one, gast.MatchStar)]
    if not stars:
        return list(zip(items, patterns, strict=True)) if len(items) == len(patterns) else None
    after = len(patterns) - stars[0] - 1
    if len(items) < len(patterns) - 1:
        return None
    last = items[len(items) - after :]
    return [*zip(items, patterns[: stars[0]], strict=False), *zip(last, patterns[stars[0] + 1 :], strict=True)]


def _of_class(ctx: Context, value: Abstract, pattern: Any) -> Iterator[tuple[Abstract, Any]] | None:
    cls = ctx.check(ctx.expression(pattern.cls))
    if not isinstance(cls, Constant) or not isinstance(cls.value, type):
        ctx.fail("S111", f"{gast.unparse(pattern.cls).strip()} is not a class")
    own = class_of(value, ctx)
    if not issubclass(own, cls.value) or (isinstance(value, Leaf) and isinstance(value.type, Array)):
        return None
    names = getattr(cls.value, "__match_args__", ())
    if pattern.patterns and cls.value in _SELF:
        return iter([(value, pattern.patterns[0])])
    if len(pattern.patterns) > len(names):
        ctx.fail("S127", f"TypeError: {cls.value.__name__} accepts {len(names)} positional sub-patterns")
    wanted = [*zip(names, pattern.patterns, strict=False), *zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)]
    for name, _ in wanted:
        found = ctx.call(Constant(hasattr), value, Constant(name))
        if isinstance(found, Leaf) and found.static is False:
            return None
    return iter([(ctx.attribute(value, name), inner) for name, inner in wanted])

"""Binding of the arguments of an inlined call to parameters, by Python's rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from srcad.frontend.source.read import Source
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, HeapObject, Seq
from srcad.frontend.values.constants import to_abstract
from srcad.frontend.values.context import Context
from srcad.frontend.values.describe import is_namedtuple
from srcad.frontend.values.name_resolution import has_leaves, outside_value
from srcad.frontend.values.user_classes import class_attribute, is_written


def bound_arguments(
    ctx: Context,
    tree: Any,
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
    defaults: Mapping[str, Abstract],
    stands_for: str | None = None,
) -> dict[str, Abstract]:
    """Parameter name -> value; S124 where the call does not match the parameters.

    `stands_for` is the library function that this one implements: it may have options that are not supported here.
    """
    spec = tree.args
    positional = [arg.id for arg in [*spec.posonlyargs, *spec.args]]
    positional_only = {arg.id for arg in spec.posonlyargs}
    keyword_only = [arg.id for arg in spec.kwonlyargs]
    bound: dict[str, Abstract] = dict(zip(positional, args, strict=False))
    rest = args[len(positional) :]
    if spec.vararg is not None:
        bound[spec.vararg.id] = Seq(tuple(rest))
    elif rest and stands_for is not None:
        read = ", ".join(positional)
        ctx.fail("S128", f"{len(args)} arguments of {stands_for}", f"srcad reads {len(positional)} of them: {read}.")
    elif rest:
        ctx.fail("S124", f"{tree.name} takes {len(positional)} positional arguments, and {len(args)} are given")
    others: dict[str, Abstract] = {}
    for name, value in keywords.items():
        if name in bound and name in positional and name not in positional_only:
            ctx.fail("S124", f"{tree.name} gets two values for {name}")
        if name in keyword_only or (name in positional and name not in positional_only):
            bound[name] = value
        elif spec.kwarg is not None:
            others[name] = value
        elif stands_for is not None:
            read = ", ".join(known for known in [*positional, *keyword_only] if known in defaults)
            ctx.fail("S128", f"the option {name} of {stands_for}", f"srcad reads {read}." if read else None)
        else:
            ctx.fail("S124", f"{tree.name} has no parameter {name}")
    if spec.kwarg is not None:
        bound[spec.kwarg.id] = ctx.new_ref(HeapObject(tuple(others.values()), tuple(others)))
    for name in [*positional, *keyword_only]:
        if name not in bound:
            if name not in defaults:
                ctx.fail("S124", f"{stands_for or tree.name} needs a value for {name}")
            bound[name] = defaults[name]
    return bound


def default_value(ctx: Context, source: Source, name: str, value: object, library: bool) -> Abstract:
    """The default of a parameter: a scalar is a constant, an array is captured (read at each call)."""
    if library or not (has_leaves(value) or isinstance(value, list | dict)) or isinstance(value, bool | int | float):
        return to_abstract(ctx, value)
    defaults = source.defaults
    return outside_value(ctx, ctx.frame, f"{source.name}.{name}", lambda: defaults[name], id(defaults[name]))


def class_fields(cls: Any) -> dict[str, object] | None:
    """The fields of a namedtuple or dataclass with their defaults (`UNKNOWN`: none); None for other classes.

    >>> from collections import namedtuple
    >>> class_fields(namedtuple("Point", "x y", defaults=(0.0,)))
    {'x': UNKNOWN, 'y': 0.0}
    """
    if is_written(class_attribute(cls, "__new__")):
        return None
    if is_namedtuple(cls):
        return {name: cls._field_defaults.get(name, UNKNOWN) for name in cls._fields}
    if not dataclasses.is_dataclass(cls) or hasattr(cls, "__post_init__"):
        return None
    out: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        if not field.init:
            return None
        if field.default is not dataclasses.MISSING:
            out[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            out[field.name] = field.default_factory()
        else:
            out[field.name] = UNKNOWN
    return out

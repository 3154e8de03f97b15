"""Unflattening of results: the flat tuple of the generated function into the structure of the user's function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srcad.dispatch.leaf_conversion import result_conversion
from srcad.dispatch.pytree import flatten, unflatten
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq
from srcad.frontend.values.user_classes import instance_of
from srcad.ir.types import Type

Rebuild = Callable[[Sequence[Any]], Any]
LeafConversion = Callable[[Type], Callable[[Any], Any] | None]


def result_builder(result: Abstract, back: LeafConversion = result_conversion) -> Rebuild:
    """A function from the flat values of the leaves of `result` to the nested value.

    `back` maps the type of a leaf to its conversion.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.types import Scalar
    >>> x, n = Leaf(Var("x"), Scalar("float64")), Leaf(Var("n"), Scalar("int64"))
    >>> result_builder(Mapping((("loss", x), ("counts", Seq((n, Constant(None)))))))([1.5, 3])
    {'loss': 1.5, 'counts': (3, None)}
    """
    if isinstance(result, Leaf):
        convert = back(result.type)
        return (lambda flat: convert(flat[0])) if convert else (lambda flat: flat[0])
    parts, spec = flatten(skeleton(result))
    converts = [back(part.type) if isinstance(part, LeafPlaceholder) else None for part in parts]

    def rebuild(flat: Sequence[Any]) -> Any:
        values = iter(flat)
        rebuilt = []
        for part, convert in zip(parts, converts, strict=True):
            if isinstance(part, LeafPlaceholder):
                value = next(values)
                rebuilt.append(convert(value) if convert else value)
            else:
                rebuilt.append(part)
        return unflatten(spec, rebuilt)

    return rebuild


class LeafPlaceholder:
    """The placeholder of a leaf in the structure."""

    def __init__(self, leaf: Leaf) -> None:
        self.type = leaf.type


def skeleton(value: Abstract) -> Any:
    """The nested value, with a placeholder for each leaf that the function computes."""
    match value:
        case Leaf():
            return LeafPlaceholder(value)
        case Seq(items, kind):
            rebuilt = [skeleton(item) for item in items]
            return rebuilt if kind == "list" else tuple(rebuilt)
        case Mapping(pairs):
            return {key: skeleton(item) for key, item in pairs}
        case Record(cls, fields):
            skeleton_fields = {name: skeleton(item) for name, item in fields}
            if issubclass(cls, tuple):
                return cls(**skeleton_fields)
            return instance_of(cls, skeleton_fields)
        case Constant(inner):
            return inner
        case _:
            return value

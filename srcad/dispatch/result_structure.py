"""What the generated function returns, flat, put back into the structure that the user's function returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srcad.dispatch.leaf_conversion import result_conversion
from srcad.dispatch.pytree import flatten, unflatten
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq
from srcad.ir.types import Type

Rebuild = Callable[[Sequence[Any]], Any]
Back = Callable[[Type], Callable[[Any], Any] | None]


def result_builder(result: Abstract, back: Back = result_conversion) -> Rebuild:
    """A function from the flat values of the leaves of `result` to the nested value.

    `back` says how a leaf of a type is converted.
    """
    if isinstance(result, Leaf):
        convert = back(result.type)
        return (lambda flat: convert(flat[0])) if convert else (lambda flat: flat[0])
    parts, spec = flatten(_skeleton(result))
    converts = [back(part.type) if isinstance(part, _Hole) else None for part in parts]

    def rebuild(flat: Sequence[Any]) -> Any:
        values = iter(flat)
        made = []
        for part, convert in zip(parts, converts, strict=True):
            if isinstance(part, _Hole):
                value = next(values)
                made.append(convert(value) if convert else value)
            else:
                made.append(part)
        return unflatten(spec, made)

    return rebuild


class _Hole:
    """Where a leaf goes."""

    def __init__(self, leaf: Leaf) -> None:
        self.type = leaf.type


def _skeleton(value: Abstract) -> Any:
    match value:
        case Leaf():
            return _Hole(value)
        case Seq(items, kind):
            made = [_skeleton(item) for item in items]
            return made if kind == "list" else tuple(made)
        case Mapping(pairs):
            return {key: _skeleton(item) for key, item in pairs}
        case Record(cls, fields):
            made_fields = {name: _skeleton(item) for name, item in fields}
            if issubclass(cls, tuple):
                return cls(**made_fields)
            record = object.__new__(cls)
            for name, item in made_fields.items():
                object.__setattr__(record, name, item)
            return record
        case Constant(inner):
            return inner
        case _:
            return value

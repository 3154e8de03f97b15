"""The arguments of a call of a derivative: a variable for each number and array that is differentiated.

>>> from srcad.compiler.stages import recorded
>>> import srcad
>>> __name__ = "user_module"
>>> def energy(at):
...     return at["x"] * at["y"]
>>> with recorded() as stages:
...     found = srcad.jit(lambda x: srcad.grad(energy)({"x": x, "y": 2}), target="python")(3.0)
>>> found, [parameter.name for parameter in stages[0].unit.function.params]
({'x': 2.0, 'y': 3.0}, ['at_x.0', 'at_y.0'])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.frontend.calls.generated_calls import name_of
from srcad.frontend.calls.signatures import argument_places, signature_of
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    LeafSlot,
    Record,
    Seq,
    Table,
    map_structure,
)
from srcad.frontend.values.abstract_values import Mapping as Dict
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.describe import name_part
from srcad.frontend.values.zero_dim_arrays import mark_created
from srcad.ir.nodes import Var
from srcad.ir.types import INEXACT, Array, Scalar
from srcad.request import Argnums


@dataclass(frozen=True)
class Variable:
    """A number or array to differentiate with respect to."""

    given: Leaf
    inside: Leaf
    """The parameter of the function that is lowered separately."""
    like: Scalar | Array
    """Its gradient has this dtype, and promotes like this."""


class Arguments:
    """The arguments of one call of a derivative, taken apart; its gradients are put together like them."""

    def __init__(self, ctx: Context, argnums: Argnums) -> None:
        self.ctx, self.argnums = ctx, argnums
        self.variables: list[Variable] = []
        self.structures: list[Abstract] = []
        """Of each argument among `argnums`, with a slot for each of its variables, and None for what is none."""

    def with_variables(
        self, g: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
    ) -> tuple[list[Abstract], dict[str, Abstract]]:
        """The arguments of `g`, with new variables in those that are differentiated."""
        ctx = self.ctx
        given, named = list(args), dict(keywords)
        for place, name in argument_places(ctx, signature_of(ctx, g), self.argnums, args, keywords):
            holder: Any = given if isinstance(place, int) else named
            holder[place] = self._taken_apart(holder[place], name, name)
            self.structures.append(self._slots(holder[place]))
        if not self.variables:
            ctx.fail("S207", "there is nothing to differentiate with respect to", f"{name_of(g)} is given no number.")
        return given, named

    def _taken_apart(self, value: Abstract, name: str, where: str) -> Abstract:
        """The argument with a variable for each float in it; lists and dicts are copies, as those of a call are."""
        ctx = self.ctx

        def each(keys: Iterable[object], items: Sequence[Abstract]) -> tuple[Abstract, ...]:
            pairs = zip(keys, items, strict=True)
            return tuple(self._taken_apart(v, f"{name}_{name_part(k)}", f"{where}[{k!r}]") for k, v in pairs)

        value = ctx.check(value)
        match value:
            case Leaf():
                return self._variable(value, name, where)
            case Table():
                return self._taken_apart(Seq(spread(ctx, value)), name, where)
            case Seq(items, kind):
                return Seq(each(range(len(items)), items), kind)
            case Record(cls, fields):
                pairs = ((k, self._taken_apart(v, f"{name}_{k}", f"{where}.{k}")) for k, v in fields)
                return Record(cls, tuple(pairs))
            case HeapRef(id=ref) if not ctx.heap[ref].grown:
                cells = ctx.heap[ref]
                keys = range(len(cells.items)) if cells.keys is None else cells.keys
                return ctx.new_ref(HeapObject(each(keys, cells.items), cells.keys, cls=cells.cls))
            case Constant(None) | Constant(str()):
                return value
        ctx.fail("S302", f"{where} is {describe_value(value)}, and you differentiate with respect to it")

    def _variable(self, value: Leaf, name: str, where: str) -> Leaf:
        ctx, known = self.ctx, value.type
        match known:
            case Scalar(dtype) if dtype in INEXACT:
                kind: Scalar | Array = Scalar(dtype, weak=known.weak)
            case Array(dtype) if dtype in INEXACT:
                kind = known
            case Scalar(dtype) if dtype != "bool":
                value = as_type(ctx, value, Scalar("float64", weak=known.weak))
                kind = Scalar("float64", weak=known.weak)
            case Array(dtype):
                what = f"{where} is an array of {dtype}, and you differentiate with respect to it"
                ctx.fail("S301", what, None, f"pass {where}.astype(float), or name other arguments in argnums.")
            case _:
                ctx.fail("S302", f"{where} is a bool, and you differentiate with respect to it")
        inside = new_variable(ctx, name, value, kind)
        self.variables.append(Variable(value, inside, kind))
        return inside

    def _slots(self, value: Abstract) -> Abstract:
        match value:
            case Leaf():
                return LeafSlot(next(at for at, one in enumerate(self.variables) if one.inside is value))
            case HeapRef(id=ref):
                cells = self.ctx.heap[ref]
                items = tuple(map(self._slots, cells.items))
                if cells.cls is not None:
                    return Record(cells.cls, tuple((str(k), v) for k, v in zip(cells.keys or (), items, strict=True)))
                return Seq(items, "list") if cells.keys is None else Dict(tuple(zip(cells.keys, items, strict=True)))
            case Constant():
                return Constant(None)
        return map_structure(value, self._slots)

    def gradient(self, found: Sequence[Leaf]) -> Abstract:
        """The structure of the arguments, with what was found for each variable."""

        def filled(value: Abstract) -> Abstract:
            if isinstance(value, LeafSlot):
                return as_type(self.ctx, found[value.index], self.variables[value.index].like)
            return map_structure(value, filled)

        rebuilt = tuple(map(filled, self.structures))
        return Seq(rebuilt) if isinstance(self.argnums, tuple) else rebuilt[0]


def new_variable(ctx: Context, name: str, given: Leaf, kind: Scalar | Array) -> Leaf:
    """A parameter of a function that is lowered separately."""
    variable = ctx.builder.fresh(ctx.base(name), kind)
    if isinstance(given.atom, Var):
        ctx.given[variable.name] = given.atom.name
    return ctx.leaf(variable)


def filled(structure: Abstract, parts: Iterator[Abstract]) -> Abstract:
    """The structure with the next of these parts in place of each leaf."""
    if isinstance(structure, Leaf):
        return next(parts)
    return map_structure(structure, lambda inner: filled(inner, parts))


def value_of_pair(ctx: Context, result: Abstract) -> Abstract:
    """What is differentiated of what a function returns with `has_aux`; S201 where that is no pair."""
    if not isinstance(result, Seq) or len(result.items) != 2:
        ctx.fail("S201", "with has_aux, the function returns a pair: the value and the rest")
    return result.items[0]


def as_type(ctx: Context, value: Leaf, like: Scalar | Array) -> Leaf:
    """The number or array in the dtype of another; a number promotes as that does, too."""
    known = value.type
    assert isinstance(known, Scalar | Array)
    same = known.dtype == like.dtype
    if isinstance(known, Array):
        cast = value if same else ctx.call(ctx.attribute(value, "astype"), Constant(np.dtype(like.dtype)))
    else:
        weak = isinstance(like, Scalar) and like.weak is not False
        same = same and (known.weak is not False) == weak
        plain = complex if like.dtype == "complex128" else float
        cast = value if same else ctx.call(Constant(plain if weak else np.dtype(like.dtype).type), value)
        if ctx.zero_d:
            cast = mark_created(ctx, cast)  # that of a 0-d array is one
    assert isinstance(cast, Leaf)
    return cast

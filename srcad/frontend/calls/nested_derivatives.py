"""Calls of derivatives: `srcad.grad(g)(x)` inside a function, where `g` may read what stands around it.

The function is lowered separately, for these arguments, to a function in normal form. What it reads from around it
becomes parameters of that (closure conversion), through which outer derivatives pass. The passes make its derivative,
a Python function with a source, and a call of that is inlined. So a derivative of a derivative is one of a program.

>>> import srcad
>>> __name__ = "user_module"
>>> def slope_of_tilted_cube(x, tilt):
...     return srcad.grad(lambda y: y**3 + tilt * y**2)(x)
>>> srcad.jit(slope_of_tilted_cube, target="python")(2.0, 1.0)
16.0
>>> srcad.grad(slope_of_tilted_cube, (0, 1), target="python")(2.0, 1.0)
(14.0, 4.0)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.errors import SrcadError
from srcad.frontend.calls.closure_conversion import lowered_alone, refuse_shared_memory
from srcad.frontend.calls.inlined_frames import inline
from srcad.frontend.calls.signatures import argument_places, signature_of
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    LeafSlot,
    Partial,
    Record,
    Seq,
    Table,
    map_structure,
)
from srcad.frontend.values.abstract_values import Mapping as Dict
from srcad.frontend.values.constants import to_callee, to_python
from srcad.frontend.values.context import Context, NotYetBound, RetryUnrolled, RetryWithLists
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.describe import name_part
from srcad.frontend.values.zero_dim_arrays import mark_created
from srcad.ir.types import FLOATS, Array, Scalar
from srcad.options import Options
from srcad.request import Differentiation, Request


def make_derivative(
    ctx: Context, maker: Any, mode: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """The value of `srcad.grad(g, argnums)`: a function, whose derivative is made where it is called."""
    try:
        given = inspect.signature(maker).bind(*args, **keywords).arguments
    except TypeError as error:
        ctx.fail("S124", f"srcad.{maker.__name__}: {error}")
    function = ctx.check(given.pop("f"))
    if mode == "primal":
        return function
    known = {name: to_python(ctx, ctx.check(value)) for name, value in given.items()}
    for name, value in known.items():
        if value is UNKNOWN:
            ctx.retry("S123", f"{name} of srcad.{maker.__name__} must be known when compiling", None, _LITERALLY)
    argnums, has_aux = known.pop("argnums", 0), bool(known.pop("has_aux", False))
    return Partial(Constant(Differentiation(mode, argnums, has_aux, Options.of(known))), (function,))


_LITERALLY = "write it as a literal, or as a value that follows from shapes and types."


def call_derivative(
    ctx: Context, asked: Differentiation, g: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """The derivative of `g` at these arguments."""
    if asked.mode == "adjoint":
        ctx.fail("S121", "srcad.adjoint inside a function", "It has buffers that it writes to.", "use srcad.grad.")
    call = _Call(ctx, asked)
    given, named = call.with_variables(g, args, keywords)
    inner = lowered_alone(ctx, name_of(g), lambda: ctx.call(g, *given, **named), [one.inside for one in call.variables])
    refuse_shared_memory(ctx, inner, [one.given for one in call.variables])
    request = Request(asked.mode, inner.chosen, not isinstance(asked.argnums, tuple), asked.has_aux, asked.options)
    function = ctx.differentiate(inner.function, inner.result, request)
    values = [*inner.outside, *(one.given for one in call.variables)]
    found = _called(ctx, function, values, name_of(g))
    return call.rebuilt(found, inner.result)


@dataclass(frozen=True)
class _Variable:
    """A number or array to differentiate with respect to."""

    given: Leaf
    inside: Leaf
    """The parameter of the function that is lowered separately."""
    like: Scalar | Array
    """Its gradient has this dtype, and promotes like this."""


class _Call:
    """One call of a derivative: its arguments taken apart, its results put together."""

    def __init__(self, ctx: Context, asked: Differentiation) -> None:
        self.ctx, self.asked = ctx, asked
        self.variables: list[_Variable] = []
        self.structures: list[Abstract] = []
        """Of each argument among `argnums`, with a slot for each of its variables, and None for what is none."""

    def with_variables(
        self, g: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
    ) -> tuple[list[Abstract], dict[str, Abstract]]:
        """The arguments of `g`, with new variables in those that are differentiated."""
        ctx, asked = self.ctx, self.asked
        given, named = list(args), dict(keywords)
        for place, name in argument_places(ctx, signature_of(ctx, g), asked.argnums, args, keywords):
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
                return ctx.new_ref(HeapObject(each(keys, cells.items), cells.keys))
            case Constant(None) | Constant(str()):
                return value
        ctx.fail("S302", f"{where} is {describe_value(value)}, and you differentiate with respect to it")

    def _variable(self, value: Leaf, name: str, where: str) -> Leaf:
        ctx, known = self.ctx, value.type
        match known:
            case Scalar(dtype) if dtype in FLOATS:
                kind: Scalar | Array = Scalar(dtype, weak=known.weak)
            case Array(dtype) if dtype in FLOATS:
                kind = known
            case Scalar(dtype) if dtype != "bool":
                value = _as(ctx, value, Scalar("float64", weak=known.weak))
                kind = Scalar("float64", weak=known.weak)
            case Array(dtype):
                what = f"{where} is an array of {dtype}, and you differentiate with respect to it"
                ctx.fail("S301", what, None, f"pass {where}.astype(float), or name other arguments in argnums.")
            case _:
                ctx.fail("S302", f"{where} is a bool, and you differentiate with respect to it")
        inside = ctx.leaf(ctx.builder.fresh(ctx.base(name), kind))
        self.variables.append(_Variable(value, inside, kind))
        return inside

    def _slots(self, value: Abstract) -> Abstract:
        match value:
            case Leaf():
                return LeafSlot(next(at for at, one in enumerate(self.variables) if one.inside is value))
            case HeapRef(id=ref):
                cells = self.ctx.heap[ref]
                items = tuple(map(self._slots, cells.items))
                return Seq(items, "list") if cells.keys is None else Dict(tuple(zip(cells.keys, items, strict=True)))
            case Constant():
                return Constant(None)
        return map_structure(value, self._slots)

    # ---- the results -------------------------------------------------------------------------------------------

    def rebuilt(self, found: Sequence[Leaf], result: Abstract) -> Abstract:
        """What the derivative returns, from the flat results of the generated function."""
        asked, count = self.asked, len(self.variables)
        if asked.mode == "jacobian":
            rows = [self._gradient(found[at : at + count]) for at in range(0, len(found), count)]
            return to_callee(self.ctx, _filled(result, iter(rows)))
        gradient = to_callee(self.ctx, self._gradient(found[len(found) - count :]))
        kept = len(found) - count
        if not kept:
            return gradient
        value = to_callee(self.ctx, _filled(result, iter(found[:kept])))
        if asked.mode == "value_and_grad":
            return Seq((value, gradient))
        assert isinstance(value, Seq)
        return Seq((gradient, value.items[1]))

    def _gradient(self, found: Sequence[Leaf]) -> Abstract:
        def filled(value: Abstract) -> Abstract:
            if isinstance(value, LeafSlot):
                return _as(self.ctx, found[value.index], self.variables[value.index].like)
            return map_structure(value, filled)

        rebuilt = tuple(map(filled, self.structures))
        return Seq(rebuilt) if isinstance(self.asked.argnums, tuple) else rebuilt[0]


def _filled(structure: Abstract, parts: Iterator[Abstract]) -> Abstract:
    """The structure with the next of these parts in place of each leaf."""
    if isinstance(structure, Leaf):
        return next(parts)
    return map_structure(structure, lambda inner: _filled(inner, parts))


def _as(ctx: Context, value: Leaf, like: Scalar | Array) -> Leaf:
    """The number or array in the dtype of another; a number promotes as that does, too."""
    known = value.type
    assert isinstance(known, Scalar | Array)
    same = known.dtype == like.dtype
    if isinstance(known, Array):
        cast = value if same else ctx.call(ctx.attribute(value, "astype"), Constant(np.dtype(like.dtype)))
    else:
        weak = isinstance(like, Scalar) and like.weak is not False
        same = same and (known.weak is not False) == weak
        cast = value if same else ctx.call(Constant(float if weak else np.dtype(like.dtype).type), value)
        if ctx.zero_d:
            cast = mark_created(ctx, cast)  # that of a 0-d array is one
    assert isinstance(cast, Leaf)
    return cast


def name_of(function: Abstract) -> str:
    """The name of a function, for its derivative and for errors."""
    match function:
        case Partial(Constant(Differentiation(mode=mode)), (inner, *_)):
            return f"{name_of(inner)}_{'jacobian' if mode == 'jacobian' else 'grad'}"
        case Partial(inner):
            return name_of(inner)
        case Constant(value):
            name = str(getattr(value, "__name__", type(value).__name__))
            return name if name.isidentifier() else "lambda_"
    return str(getattr(getattr(function, "tree", None), "name", "lambda_"))


def _called(ctx: Context, function: Callable[..., Any], values: Sequence[Leaf], name: str) -> list[Leaf]:
    """Inline a call of the generated function. What cannot be read of it is an error at the call."""
    before, ctx.checks_indices = ctx.checks_indices, False  # they are those of the function, which have been checked
    try:
        found = inline(ctx, function, values, {})
    except (RetryUnrolled, RetryWithLists, NotYetBound) as retry:
        retry.error = _about_lists(ctx, name, retry.error)
        raise
    except SrcadError as error:
        raise _about_lists(ctx, name, error) from None
    finally:
        ctx.checks_indices = before
    parts = found.items if isinstance(found, Seq) else (found,)
    leaves = [ctx.check(part) for part in parts]
    return [leaf for leaf in leaves if isinstance(leaf, Leaf)]


def _about_lists(ctx: Context, name: str, error: SrcadError) -> SrcadError:
    """What is said of lists that the user did not write: those in which a while loop saves what is reversed."""
    if error.problems[0].code != "S125":
        return error
    try:
        ctx.fail(
            "S125",
            f"the derivative of {name} saves as much as only a run knows",
            "Its reverse sweep takes that from a list, item by item, and reverse mode has no derivative of such lists.",
            "use forward mode for the outer derivative (srcad.hvp, srcad.jvp); or loop over a range in place of while.",
        )
    except SrcadError as found:
        return found

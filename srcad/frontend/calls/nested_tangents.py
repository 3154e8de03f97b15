"""Derivatives in forward mode inside a function: `srcad.jvp`, and Jacobians column by column.

>>> import numpy as np
>>> import srcad
>>> __name__ = "user_module"
>>> def along(x, direction):
...     return srcad.jvp(lambda y: np.sum(y**3), (x,), (direction,))[1]
>>> srcad.grad(along, target="python")(np.array([1.0, 2.0]), np.array([1.0, 0.5]))
array([6., 6.])
>>> def volume(r):
...     return srcad.jacobian(lambda r: np.array([r, r**2, r**3]), mode="forward")(r)
>>> srcad.jit(volume, target="python")(2.0)
array([ 1.,  4., 12.])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from srcad.analysis.memory.modified_parameters import written_parameters
from srcad.frontend.calls.closure_conversion import lowered_alone, refuse_shared_memory
from srcad.frontend.calls.differentiated_arguments import Arguments, as_type, filled, new_variable, value_of_pair
from srcad.frontend.calls.generated_calls import called, name_of, unchecked
from srcad.frontend.calls.inlined_frames import inline
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    HeapRef,
    Leaf,
    Partial,
    Record,
    Seq,
    leaves,
    map_structure,
)
from srcad.frontend.values.abstract_values import Mapping as Dict
from srcad.frontend.values.constants import to_callee
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.ir.types import INEXACT, Array, Scalar, is_complex, is_float
from srcad.request import Differentiation, Request
from srcad.rules.expansions.jacobians import columns
from srcad.typing.infer import Operand
from srcad.typing.length_demands import Demand, Fit, axes_of

# ---- one direction ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moving:
    """A number or array that has a tangent."""

    given: Leaf
    inside: Leaf
    """The parameter of the function that is lowered separately."""
    tangent: Leaf


def call_tangent(
    ctx: Context, asked: Differentiation, g: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """`srcad.jvp(g)(primals, tangents)`; the tangent alone for the mode "tangent"."""
    given = dict(zip(("primals", "tangents"), args, strict=False)) | dict(keywords)
    if len(args) + len(keywords) != 2 or given.keys() != {"primals", "tangents"}:
        ctx.fail("S124", "the derivative in a direction takes primals and tangents")
    primals, tangents = (_items(ctx, name, given[name]) for name in ("primals", "tangents"))
    if len(primals) != len(tangents):
        _misfit(ctx, f"{len(primals)} primals and {len(tangents)} tangents", "give None for a tangent of zero.")
    moving: list[_Moving] = []
    pairs = zip(primals, tangents, strict=True)
    inputs = [_with_variables(ctx, f"primals[{at}]", x, t, moving) for at, (x, t) in enumerate(pairs)]
    inner = lowered_alone(ctx, name_of(g), lambda: ctx.call(g, *inputs), [one.inside for one in moving], lists=True)
    if not inner.function.results:
        ctx.fail("S201", f"{name_of(g)} returns nothing", None, "return what it computes.")
    refuse_shared_memory(ctx, inner, [one.given for one in moving])
    request = Request(asked.mode, inner.chosen, False, asked.has_aux, asked.options)
    function = ctx.differentiate(inner.function, inner.result, request, inner.functions)
    values = [*inner.outside, *(one.given for one in moving), *(one.tangent for one in moving)]
    return _rebuilt(ctx, asked, called(ctx, function, values, name_of(g)), inner.result)


def _items(ctx: Context, name: str, value: Abstract) -> Sequence[Abstract]:
    value = ctx.check(value)
    if isinstance(value, HeapRef) and value.kind == "list" and not ctx.heap[value.id].grown:
        return ctx.heap[value.id].items
    if isinstance(value, Seq):
        return value.items
    advice = f"write {name}=(x,) where the function takes one argument."
    _misfit(ctx, f"{name} is {describe_value(value)}, not a tuple with one entry for each argument", advice)


def _misfit(ctx: Context, what: str, advice: str | None = None) -> NoReturn:
    ctx.fail("S325", what, None, advice)


def _with_variables(ctx: Context, where: str, value: Abstract, tangent: Abstract, moving: list[_Moving]) -> Abstract:
    """The argument with a variable for each leaf that has a tangent; lists and dicts are copies."""
    value, tangent = ctx.check(value), ctx.check(tangent)
    if tangent == Constant(None):
        return value
    if isinstance(value, Leaf) and isinstance(tangent, Leaf):
        return _variable(ctx, where, value, tangent, moving)
    own, directions = _fields(ctx, value), _fields(ctx, tangent)
    if own is None or directions is None or own.keys() != directions.keys():
        _misfit(ctx, f"the tangent of {where} has another structure than {where}: {describe_value(tangent)}")
    parts = [_with_variables(ctx, f"{where}[{key!r}]", one, directions[key], moving) for key, one in own.items()]
    return _like(ctx, value, parts)


def _fields(ctx: Context, value: Abstract) -> dict[object, Abstract] | None:
    """The parts of a structure by index, key or field; None where it has none."""
    match value:
        case Seq(items):
            return dict(enumerate(items))
        case Record(_, fields):
            return dict(fields)
        case HeapRef(id=ref) if not ctx.heap[ref].grown:
            cells = ctx.heap[ref]
            keys = range(len(cells.items)) if cells.keys is None else cells.keys
            return dict(zip(keys, cells.items, strict=True))
    return None


def _like(ctx: Context, value: Abstract, parts: Sequence[Abstract]) -> Abstract:
    """A structure of the kind of `value` with these parts."""
    if isinstance(value, HeapRef):
        return ctx.new_ref(replace(ctx.heap[value.id], items=tuple(parts)))
    rest = iter(parts)
    return map_structure(value, lambda _: next(rest))


def _variable(ctx: Context, where: str, value: Leaf, tangent: Leaf, moving: list[_Moving]) -> Leaf:
    match value.type:
        case Scalar(dtype) if dtype in INEXACT:
            kind: Scalar | Array = value.type
        case Scalar(dtype) if dtype != "bool":  # an integer counts as a float
            kind = Scalar("float64", weak=value.type.weak)
            value = as_type(ctx, value, kind)
        case Array(dtype) if dtype in INEXACT:
            kind = value.type
        case _:
            _misfit(ctx, f"{where} is {describe_value(value)}, and has a tangent", "give None for its tangent.")
    if not isinstance(tangent.type, Scalar | Array) or tangent.type.dtype == "bool" or _rank(tangent) != _rank(value):
        _misfit(ctx, f"the tangent of {where} is {describe_value(tangent)}, and {where} is {describe_value(value)}")
    if isinstance(kind, Array):
        first, own = (axes_of(at, Operand(one.atom, one.type)) for at, one in enumerate((value, tangent)))
        fits = tuple(Fit(a, b) for a, b in zip(first, own, strict=True) if a.length != b.length)
        if fits:
            text = ("an argument of shape ", " and its tangent of shape ", "")
            ctx.builder.demand([Demand(fits, (first, own), text)], (value.atom, tangent.atom))
    inside = new_variable(ctx, "x", value, kind)
    moving.append(_Moving(value, inside, as_type(ctx, tangent, kind)))
    return inside


def _rank(value: Leaf) -> int:
    return len(value.type.dims) if isinstance(value.type, Array) else 0


def _rebuilt(ctx: Context, asked: Differentiation, found: Sequence[Leaf], result: Abstract) -> Abstract:
    """The value and the tangent, and what comes beside the value, from the flat results of the generated function."""
    count = len(list(leaves(result))) if asked.mode == "jvp" else 0
    moving = value_of_pair(ctx, result) if asked.has_aux else result
    tangent = to_callee(ctx, _of_floats(ctx, moving, iter(found[count:])))
    if asked.mode == "tangent":
        return tangent
    value = to_callee(ctx, filled(result, iter(found[:count])))
    if asked.has_aux:
        assert isinstance(value, Seq)
        return Seq((value.items[0], tangent, value.items[1]))
    return Seq((value, tangent))


def _of_floats(ctx: Context, structure: Abstract, found: Iterator[Leaf]) -> Abstract:
    """The structure with a tangent for each float, and None in the place of anything else."""
    if isinstance(structure, Leaf):
        if not is_float(structure.type):
            return Constant(None)
        assert isinstance(structure.type, Scalar | Array)
        return as_type(ctx, next(found), structure.type)
    if isinstance(structure, Constant):
        return Constant(None)
    return map_structure(structure, lambda inner: _of_floats(ctx, inner, found))


# ---- all directions --------------------------------------------------------------------------------------------


def call_columns(
    ctx: Context, asked: Differentiation, g: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """The Jacobian of `g` at these arguments: for each entry of each argument, a tangent of all outputs."""
    arguments = Arguments(ctx, asked.argnums)
    given, named = arguments.with_variables(g, args, keywords)
    variables = arguments.variables
    if any(is_complex(one.like) for one in variables):
        why = "Each tangent is that of one real number, and a complex one is two."
        advice = "differentiate a function of the real and the imaginary part, two arrays of floats."
        ctx.fail("S304", f"{name_of(g)} is differentiated by complex numbers in forward mode", why, advice)
    own = [one.inside for one in variables]
    inner = lowered_alone(ctx, name_of(g), lambda: ctx.call(g, *given, **named), own, lists=True)
    refuse_shared_memory(ctx, inner, [one.given for one in variables])
    result = inner.result
    moving = value_of_pair(ctx, result) if asked.has_aux else result
    outputs = list(leaves(moving))
    if not outputs or _holds_text(moving):
        ctx.fail("S209", f"what {name_of(g)} returns is not made of numbers", None, "return numbers and arrays.")
    for at, output in enumerate(outputs):
        if is_complex(output.type):
            what = f"output {at} of {name_of(g)} is {describe_value(output)}, not real"
            ctx.fail("S202", what, "A Jacobian is of real numbers.", "return the real and the imaginary part.")
        if not is_float(output.type):
            what = f"output {at} of {name_of(g)} is {describe_value(output)}, not a float"
            ctx.fail("S202", what, "A derivative of whole numbers is zero or undefined.")
    values = [*inner.outside, *(one.given for one in variables)]
    given_like = [one.given for one in variables]
    value: Sequence[Leaf] = given_like
    if asked.has_aux or asked.mode != "hessian" or list(map(_kind, outputs)) != list(map(_kind, given_like)):
        as_it_is = Request("primal", (), False, False, asked.options)
        primal = ctx.differentiate(inner.function, result, as_it_is, inner.functions)
        # what it writes into its arguments is not seen by the tangents, which work on copies too
        written = written_parameters(inner.function)
        pairs = zip((p.name for p in inner.function.params), values, strict=True)
        own = [_copied(ctx, one) if name in written else one for name, one in pairs]
        value = called(ctx, primal, own, name_of(g))
    # else the shapes of a gradient are those of the arguments: it is not computed for them
    found: list[list[Leaf]] = []
    for name, variable in zip(inner.chosen, variables, strict=True):
        request = Request("tangent", (name,), False, asked.has_aux, asked.options)
        tangent = Partial(Constant(ctx.differentiate(inner.function, result, request, inner.functions)), tuple(values))
        with unchecked(ctx):
            columned = inline(ctx, columns, [tangent, variable.given, Seq(tuple(value[: len(outputs)]))], {})
        assert isinstance(columned, Seq)
        found.append([one for one in map(ctx.check, columned.items) if isinstance(one, Leaf)])
    rows = [arguments.gradient([column[at] for column in found]) for at in range(len(outputs))]
    jacobian = to_callee(ctx, filled(moving, iter(rows)))
    if not asked.has_aux:
        return jacobian
    rebuilt = to_callee(ctx, filled(result, iter(value)))
    assert isinstance(rebuilt, Seq)
    return Seq((jacobian, rebuilt.items[1]))


def _copied(ctx: Context, leaf: Leaf) -> Leaf:
    return ctx.leaf(ctx.builder.op("copy", leaf.atom))


def _kind(leaf: Leaf) -> tuple[str, int]:
    """The dtype and the number of axes."""
    return (leaf.type.dtype if isinstance(leaf.type, Scalar | Array) else "", _rank(leaf))


def _holds_text(value: Abstract) -> bool:
    """Whether there is anything but numbers, arrays and None in it."""
    match value:
        case Leaf() | Constant(None):
            return False
        case Seq(items):
            return any(map(_holds_text, items))
        case Dict(pairs) | Record(_, pairs):
            return any(_holds_text(item) for _, item in pairs)
        case _:
            return True

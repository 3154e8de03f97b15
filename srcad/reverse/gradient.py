"""The gradient of a function in normal form: every step of reverse mode, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from srcad.analyses.activity import active
from srcad.analyses.aliases import aliases
from srcad.analyses.regions import regions
from srcad.frontend.builder import Builder
from srcad.ir.nodes import Comment, Function, Param, Return
from srcad.ir.types import Scalar
from srcad.normalize.count_turns import count_turns
from srcad.normalize.own_arguments import own_arguments
from srcad.normalize.plain_stores import plain_stores
from srcad.reverse.annotate import FORWARD, REVERSE, annotate, kept
from srcad.reverse.assemble import Assembly
from srcad.reverse.storage import Storage
from srcad.reverse.transform import reverse_sweep
from srcad.simplify.finish import finish


@dataclass(frozen=True)
class Gradient:
    """The gradient in sequential form, and what its docstring says."""

    function: Function
    notes: tuple[str, ...]


def gradient(f: Function, wrt: Sequence[str], *, keep_value: bool = False, options: object = None) -> Gradient:
    """Differentiate the first result of f with respect to the parameters `wrt`.

    The new function takes f's parameters and `d_result`, the cotangent of that result. It returns f's results
    if `keep_value`, then a gradient for each of `wrt`.
    """
    builder = Builder.resume(f)
    f = _ready(f, builder)
    found = aliases(f)
    places = regions(f)
    output = f.results[0]
    carrying = active(f, wrt, [output])
    result_type = builder.typeof(output)
    seed = builder.fresh("d_result", Scalar(result_type.dtype if isinstance(result_type, Scalar) else "float64"))
    sweep, adjoints = reverse_sweep(builder, places, carrying, found.stored, [(output, seed)], wrt)
    plan = Storage(builder, places, found, sweep).plan()
    sweeps = Assembly(builder, places, found, plan).sweeps(sweep)
    results = (*(f.results if keep_value else ()), *(adjoints[name] for name in wrt))
    body = (Comment(FORWARD), *sweeps.forward, Comment(REVERSE), *sweeps.reverse, Return(results))
    params = (*f.params, Param(seed.name, "d_result"))
    made = finish(Function(f"{f.name}_grad", params, body, results, builder.types, f.span))
    return Gradient(annotate(made), kept(made))


def _ready(f: Function, builder: Builder) -> Function:
    """Normal form as reverse mode wants it: plain stores, arrays of its own, loops that count their turns."""
    f = plain_stores(f, builder, aliases(f))
    f = own_arguments(f, builder, aliases(f))
    return count_turns(replace(f, types=builder.types), builder)

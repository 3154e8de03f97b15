"""Calls of NumPy's elementwise functions with options: `out=`, `where=` and `dtype=`.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     np.exp(x, out=y)
...     return y
>>> print(text(normal_form(f, np.ones(2), np.ones(2))))  # doctest: +ELLIPSIS
f(x: float64[x.0], y: float64[y.0]):
    %exp.0 = np.exp(x)
    %n.0 = shape(y, axis=0)
    %n.1 = shape(%exp.0, axis=0)
    %test.0 = %n.0 == %n.1
    %n.2 = shape(%exp.0, axis=0)
    %n.3 = shape(y, axis=0)
    check(%test.0, %n.2, %n.3, derived=True, error='ValueError', ...)
    y[...] = %exp.0
    return y
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from srcad.frontend.calls.unknown_functions import dotted_name
from srcad.frontend.lowering.item_assignment import store_basic
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, Constant, Leaf, Seq
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.ir.types import FLOATS, Array
from srcad.rules.registry import METHODS

Options = Mapping[str, Abstract]


def ufunc_options(
    ctx: Context, ufunc: np.ufunc, args: Sequence[Abstract], keywords: Options
) -> tuple[Sequence[Abstract], dict[str, Abstract]]:
    """The operands of a call, and its options that are not None; further positional arguments are `out`."""
    options = {k: v for k, v in keywords.items() if v != Constant(None)}
    if len(args) > ufunc.nin and "out" not in options:
        rest = tuple(args[ufunc.nin :])
        args = args[: ufunc.nin]
        if any(one != Constant(None) for one in rest):
            options["out"] = rest[0] if len(rest) == 1 else Seq(rest)
    if len(args) != ufunc.nin:
        ctx.fail("S124", f"{dotted_name(ufunc)} takes {ufunc.nin} arguments, and {len(args)} are given")
    for name in options:
        if name not in ("out", "where", "dtype"):
            ctx.fail("S128", f"the option {name} of {dotted_name(ufunc)}")
    return args, options


def call_with_options(ctx: Context, ufunc: np.ufunc, args: Sequence[Abstract], options: Options) -> Abstract:
    """The call without its options, of converted operands; then it is stored, where it is asked for."""
    if "dtype" in options:
        args = _converted(ctx, ufunc, args, options["dtype"])
    result = ctx.call(Constant(ufunc), *args)
    out = options.get("out")
    if out is None:
        if "where" in options:
            ctx.fail(
                "S128",
                f"where= of {dotted_name(ufunc)} without out=",
                "What it leaves out would be memory that nobody has set.",
                "give it an array: out=np.zeros_like(x); or use np.where.",
            )
        return result
    if isinstance(out, Seq) and len(out.items) == 1:
        out = out.items[0]
    target = ctx.check(out)
    if not isinstance(target, Leaf) or not isinstance(target.type, Array) or not isinstance(result, Leaf):
        ctx.fail("S128", f"out={describe_value(target)} of {dotted_name(ufunc)}")
    if result.type.dtype in FLOATS and target.type.dtype not in FLOATS:  # type: ignore[union-attr]
        ctx.fail("S128", f"out= of {target.type.dtype} for the floats of {dotted_name(ufunc)}")
    if "where" in options:
        chosen = ctx.call(Constant(np.where), options["where"], result, target)
        assert isinstance(chosen, Leaf)
        result = chosen
    store_basic(ctx, target, (), result, None)
    return target


def _converted(ctx: Context, ufunc: np.ufunc, args: Sequence[Abstract], dtype: Abstract) -> Sequence[Abstract]:
    """The operands in the dtype that is computed in, which the result must have, too."""
    given = to_python(ctx, ctx.check(dtype))
    if given is UNKNOWN:
        ctx.retry("S123", f"dtype of {dotted_name(ufunc)} must be known when compiling")
    wanted = np.dtype(given)
    if wanted.name not in FLOATS:
        ctx.fail("S128", f"dtype={wanted.name} of {dotted_name(ufunc)}", None, "convert the result: .astype(...).")
    with np.errstate(all="ignore"):
        result = ufunc(*[np.ones(1, wanted)] * ufunc.nin)
    if not isinstance(result, np.ndarray) or result.dtype != wanted:
        ctx.fail("S128", f"the option dtype of {dotted_name(ufunc)}", None, "convert the result: .astype(...).")
    return [ctx.call(Constant(METHODS["astype"]), arg, Constant(wanted.name)) for arg in args]

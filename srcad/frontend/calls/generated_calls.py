"""Calls of the functions that srcad makes of a function of the user, inlined where that is called.

>>> import numpy as np
>>> name_of(Constant(np.sin)), name_of(Constant(lambda x: x))
('sin', 'lambda_')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from srcad.errors import SrcadError
from srcad.frontend.calls.inlined_frames import inline
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Partial, Seq
from srcad.frontend.values.context import Context, NotYetBound, RetryUnrolled, RetryWithLists
from srcad.request import Differentiation

_SUFFIXES = {"jvp": "jvp", "tangent": "tangent", "jacobian": "jacobian", "columns": "jacobian", "hessian": "hessian"}


def name_of(function: Abstract) -> str:
    """The name of a function, for its derivative and for errors."""
    match function:
        case Partial(Constant(Differentiation(mode=mode)), (inner, *_)):
            return f"{name_of(inner)}_{_SUFFIXES.get(mode, 'grad')}"
        case Partial(inner):
            return name_of(inner)
        case Constant(value):
            name = str(getattr(value, "__name__", type(value).__name__))
            return name if name.isidentifier() else "lambda_"
    return str(getattr(getattr(function, "tree", None), "name", "lambda_"))


@contextmanager
def unchecked(ctx: Context) -> Iterator[None]:
    """What is lowered is a text of srcad: it checks what may fail, and all else was proved when it was made."""
    builder = ctx.builder
    before = ctx.checks_indices, builder.checks
    ctx.checks_indices = builder.checks = False
    try:
        yield
    finally:
        ctx.checks_indices, builder.checks = before


def called(ctx: Context, function: Callable[..., Any], values: Sequence[Leaf], name: str) -> list[Leaf]:
    """Inline a call of the generated function. What cannot be read of it is an error at the call."""
    try:
        with unchecked(ctx):
            found = inline(ctx, function, values, {})
    except (RetryUnrolled, RetryWithLists, NotYetBound) as retry:
        retry.error = _about_lists(ctx, name, retry.error)
        raise
    except SrcadError as error:
        raise _about_lists(ctx, name, error) from None
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

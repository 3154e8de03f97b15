"""Errors for calls of functions that have neither readable source nor a rule."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import numpy as np

from srcad.frontend.values.context import Context


def dotted_name(value: Any) -> str:
    """The name of a function in messages.

    >>> dotted_name(np.exp), dotted_name(abs), dotted_name(np.linalg.norm), dotted_name(np.add.reduce)
    ('numpy.exp', 'abs', 'numpy.linalg.norm', 'numpy.add.reduce')
    """
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__name__
    module = str(getattr(value, "__module__", None) or "")
    if isinstance(owner := getattr(value, "__self__", None), np.ufunc):
        return f"{dotted_name(owner)}.{value.__name__}"
    if isinstance(value, np.ufunc):
        module = "numpy" if getattr(np, name, None) is value else "scipy.special"
    while "._" in module:  # a private module, whose functions a public one has
        outer, _, _ = module.rpartition(".")
        if getattr(sys.modules.get(outer), name, None) is not value:
            break
        module = outer
    return str(name) if module in ("builtins", "__main__", "") else f"{module}.{name}"


def unknown_function(ctx: Context, value: Any, why: str | None = None) -> NoReturn:
    """Raise S203 or S121 at the call."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__name__
    module = str(getattr(value, "__module__", None) or "")
    shown = dotted_name(value)
    advice = "write it with functions srcad knows; or write a rule (help(srcad.rules) says how)."
    if module.startswith(("random", "numpy.random")) or name.startswith(("Random.", "RandomState.", "Generator.")):
        advice = "draw the numbers outside, and pass them in."
    elif shown in ("eval", "exec", "locals", "globals", "vars", "iter", "next", "input", "io.open", "setattr"):
        ctx.fail("S121", f"{shown} is not in the language", why or "What it does is known only at run time.")
    elif isinstance(value, np.vectorize):
        shown, why = "a function made by np.vectorize", "It hides a loop in Python."
        advice = "write the loop; or call the function on the whole array, if it is made of array operations."
    ctx.fail(
        "S203",
        f"no derivative rule for {shown}",
        why or "It is compiled code, or a function srcad does not know.",
        advice,
    )

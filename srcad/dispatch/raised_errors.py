"""Errors that a generated function raises in place of those that the function itself raises.

Compiled code has no classes of users, and formats no floats. So where it has raised one of these errors, the function
is called as it is, and raises the real one.

>>> class Negative(ValueError):
...     pass
>>> def root(x):
...     if x < 0.0:
...         raise Negative(f"{x:.1f}")
>>> raised_in_python(Parameters.of(root), (-2.0,))
Negative('-2.0')
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from copy import deepcopy
from inspect import BoundArguments
from typing import Any

from srcad.dispatch.signature import Parameters
from srcad.frontend.source.read import DERIVATIVE_OF


def raised_in_python(parameters: Parameters, values: Sequence[Any]) -> Exception | None:
    """What the function raises for copies of these arguments; None where it raises nothing.

    What it prints has been printed before.
    """
    named = dict(zip(parameters.names, deepcopy(tuple(values)), strict=True))
    bound = BoundArguments(parameters.signature, named)
    function = parameters.function
    while (of := getattr(function, "__globals__", {}).get(DERIVATIVE_OF)) is not None:
        function = of  # what it calls is a derivative, of this function and for the same arguments
    try:
        with redirect_stdout(io.StringIO()):
            function(*bound.args, **bound.kwargs)
    except Exception as real:
        return real
    return None

"""What a function is at each stage of its compilation, for people, docs and tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from srcad.canonicalize.prune import prune
from srcad.frontend.lowering.lower import lower
from srcad.frontend.source.read import read
from srcad.frontend.values.describe import describe
from srcad.ir.nodes import Function


def normal_form(function: Callable[..., Any], *args: Any) -> Function:
    """The pruned normal form of a function for the types of these arguments: what analyses and passes are given.

    >>> from srcad.ir.printer import text
    >>> def double(x):
    ...     return 2.0 * x
    >>> print(text(normal_form(double, 1.0)))
    double(x: float64):
        %product.0 = 2.0 * x
        return %product.0
    """
    source = read(function)
    bound = inspect.signature(source.function).bind(*args).arguments
    taken: set[str] = set()
    return prune(lower(source, {name: describe(name, value, taken) for name, value in bound.items()}).function)

"""The methods of an array that a tensor has."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from srcad.tape.calls import run
from srcad.tape.operations import unary
from srcad.tape.values import Value


def _method(name: str) -> Callable[..., Any]:
    def called(value: Any, *args: Any, **options: Any) -> Any:
        return getattr(value, name)(*args, **options)

    without_arguments = unary(operator.methodcaller(name), f"{{}}.{name}()", 2)

    def method(self: Value, *args: Any, **options: Any) -> Any:
        if not args and not options:
            return without_arguments(self)
        return run(called, name, (self, *args), options, is_method=True)

    method.__name__, method.__doc__ = name, f"As `numpy.ndarray.{name}`."
    return method


class Methods(Value):
    """Those that change nothing in place; they are called by NumPy, and recorded."""

    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argsort = _method("argsort")
    astype = _method("astype")
    clip = _method("clip")
    copy = _method("copy")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    flatten = _method("flatten")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    prod = _method("prod")
    ravel = _method("ravel")
    repeat = _method("repeat")
    reshape = _method("reshape")
    round = _method("round")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    take = _method("take")
    trace = _method("trace")
    transpose = _method("transpose")
    var = _method("var")

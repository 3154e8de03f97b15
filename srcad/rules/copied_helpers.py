"""Copies of the helpers of `srcad.runtime`, which shipped modules contain: they are the primitives that they copy."""

from __future__ import annotations

from functools import cache
from types import CodeType, FunctionType
from typing import Any

from srcad import runtime


def helper_like(function: Any) -> Any:
    """The helper whose name and code the function has, as have the helpers that it calls; None where there is none.

    >>> text = "def unit_of(x, n):\\n    return x\\n"
    >>> made = {}
    >>> exec(text, made)
    >>> helper_like(made["unit_of"]) is None, helper_like(runtime.max_first) is runtime.max_first
    (True, True)
    """
    inner = getattr(function, "py_func", function)
    if not isinstance(inner, FunctionType):
        return None
    helper = vars(runtime).get(inner.__name__)
    if not isinstance(helper, FunctionType) or _code(inner.__code__) != _code(helper.__code__):
        return None
    called = [name for name in helper.__code__.co_names if name in _names() and name != inner.__name__]
    return helper if all(helper_like(inner.__globals__.get(name)) is not None for name in called) else None


@cache
def _names() -> frozenset[str]:
    return frozenset(name for name, value in vars(runtime).items() if isinstance(value, FunctionType))


def _code(code: CodeType) -> tuple[object, ...]:
    return code.co_code, code.co_names, code.co_varnames, code.co_consts, code.co_argcount

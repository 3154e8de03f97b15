"""The direction of a derivative that a user has given no rule for, from the one that is given.

A rule of reverse mode is linear in the cotangent, one of forward mode in the tangents; each is the transpose of the
other. The transpose of a linear function A is the gradient of `t -> <w, A(t)>`, at any t, so a rule is derived by
differentiating the one that is given.

>>> def product(d_y, y, x):
...     return 3.0 * d_y
>>> import numpy as np
>>> derived = tangent_by_vjp(product, 0)
>>> derived.__code__.co_varnames[:2]
('y', 't')
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from srcad.options import Options
from srcad.request import Differentiation
from srcad.rules.registry import dtype_of
from srcad.runtime import constant

_gradient: Any = Differentiation("grad", 0, False, Options())
"""Read by the front end: `_gradient(g, x)` is the gradient of g at x."""


def tangent_by_vjp(rule: Callable[..., Any], at: int) -> FunctionType:
    """The tangent `tangent(y, t, *args)` of an operation with a `vjp`, where argument `at` has the tangent t."""

    def tangent(y: Any, t: Any, *args: Any) -> Any:
        def along(w: Any) -> Any:
            parts = rule(w, y, *args)
            part = parts[at] if isinstance(parts, tuple) else parts
            return np.sum(part * t) if part is not None else 0.0 * np.sum(w)

        # not at zero, where a rule may be guarded
        return _gradient(along, np.ones_like(y) if np.ndim(y) > 0 else 1.0)

    return tangent  # type: ignore[return-value]


def contribution_by_jvp(rule: Callable[..., Any], at: int, count: int) -> FunctionType:
    """The contribution `contribution(d_y, y, *args)` to argument `at` of an operation with a `jvp`, of `count`."""
    before, after = (None,) * at, (None,) * (count - at - 1)

    def contribution(d_y: Any, y: Any, *args: Any) -> Any:
        def along(t: Any) -> Any:
            return np.sum(d_y * rule(y, *args, *before, t, *after))

        return _gradient(along, np.ones_like(args[at]) if np.ndim(args[at]) > 0 else 1.0)

    return contribution  # type: ignore[return-value]


def contribution_by_linearity(function: Any, at: int, linear: tuple[int, ...]) -> FunctionType:
    """The contribution to argument `at` of a function that is linear in the arguments `linear`: of its source."""
    source: Any = getattr(function, "py_func", function)
    copy = FunctionType(source.__code__, source.__globals__, source.__name__, source.__defaults__, source.__closure__)
    others = tuple(k for k in linear if k != at)

    def contribution(d_y: Any, y: Any, *args: Any) -> Any:
        def along(t: Any) -> Any:
            given = [t if k == at else 0.0 * args[k] if k in others else args[k] for k in range(len(args))]
            return np.sum(d_y * copy(*given))

        return _gradient(along, np.ones_like(args[at]) if np.ndim(args[at]) > 0 else 1.0)

    return contribution  # type: ignore[return-value]


def tangent_by_differences(function: Any, at: int) -> FunctionType:
    """The tangent `tangent(y, t, *args)` by a central difference along t."""

    def tangent(y: Any, t: Any, *args: Any) -> Any:
        size = np.max(np.abs(t))
        step = constant(_step(args[at]) / size if size > 0.0 else 0.0)
        up = [args[k] + step * t if k == at else args[k] for k in range(len(args))]
        down = [args[k] - step * t if k == at else args[k] for k in range(len(args))]
        change = function(*up) - function(*down)
        return change / (2.0 * step) if step > 0.0 else 0.0 * change

    return tangent  # type: ignore[return-value]


def contribution_by_differences(function: Any, at: int) -> FunctionType:
    """The contribution `contribution(d_y, y, *args)` to argument `at`: a central difference for each number."""

    def changed(d_y: Any, up: Any, down: Any, args: Any) -> Any:
        above = [up if k == at else args[k] for k in range(len(args))]
        below = [down if k == at else args[k] for k in range(len(args))]
        return np.sum(d_y * (function(*above) - function(*below)))

    def contribution(d_y: Any, y: Any, *args: Any) -> Any:
        x = args[at]
        if np.ndim(x) == 0:
            step = constant(_step(x))
            return changed(d_y, x + step, x - step, args) / (2.0 * step)
        d_x = np.zeros(x.size)
        for i in range(x.size):
            up, down = x.copy(), x.copy()
            numbers, others = up.reshape(-1), down.reshape(-1)
            step = constant(_step(numbers[i]))
            numbers[i] += step
            others[i] -= step
            d_x[i] = changed(d_y, up, down, args) / (2.0 * step)
        return d_x.reshape(x.shape)

    return contribution  # type: ignore[return-value]


def _step(x: Any) -> Any:
    """The cube root of the rounding, of the size of x: there rounding and curvature do about the same harm."""
    return (5e-3 if dtype_of(x) == "float32" else 6e-6) * max(np.max(np.abs(x)), 1e-3)

"""Gradients of functions of complex numbers against differences in the real and the imaginary part, and both modes.

The convention is that of docs/conventions.md: dL = Re(d_z dz).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

import srcad

RNG = np.random.default_rng(0)


def complex_normal(*shape: int) -> Any:
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def by_differences(f: Callable[..., Any], args: tuple[Any, ...], at: int, step: float = 1e-6) -> Any:
    """The gradient by the argument at a position, of central differences in each real number."""
    a = np.asarray(args[at])
    found = np.zeros(a.shape, complex if a.dtype.kind == "c" else float)
    for index in np.ndindex(a.shape):
        for unit in (1.0, 1j) if a.dtype.kind == "c" else (1.0,):
            ends = []
            for signed in (step, -step):
                moved = a.astype(found.dtype)
                moved[index] += signed * unit
                given = [copy.deepcopy(one) for one in args]
                given[at] = moved if a.shape else moved[()]
                ends.append(f(*given))
            slope = (ends[0] - ends[1]) / (2.0 * step)
            found[index] += slope if unit == 1.0 else -1j * slope
    return found


def direction(a: Any) -> Any:
    t = RNG.normal(size=np.shape(a))
    t = t + 1j * RNG.normal(size=np.shape(a)) if np.iscomplexobj(a) else t
    return t if np.shape(a) else t.item() if isinstance(t, np.generic) else t


def check(f: Callable[..., Any], *args: Any, target: str = "python", second: bool = True) -> None:
    """Value, gradient, tangent and second derivative of `f`, by all arguments of floats."""
    wrt = tuple(k for k, a in enumerate(args) if np.asarray(a).dtype.kind in "fc")
    before = copy.deepcopy(args)
    value, gradients = srcad.value_and_grad(f, argnums=wrt, target=target)(*args)
    for one, other in zip(args, before, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(value, f(*copy.deepcopy(args)), rtol=1e-10)
    for at, found in zip(wrt, gradients, strict=True):
        assert np.asarray(found).dtype == np.asarray(args[at]).dtype
        np.testing.assert_allclose(found, by_differences(f, args, at), rtol=1e-6, atol=1e-6)
    directions = {at: direction(args[at]) for at in wrt}
    tangents = tuple(directions.get(at) for at in range(len(args)))
    _, tangent = srcad.jvp(f, args, tangents, target=target)
    product = sum(np.sum(np.real(d * directions[at])) for at, d in zip(wrt, gradients, strict=True))
    np.testing.assert_allclose(tangent, product, rtol=1e-8, atol=1e-9)
    if not second:
        return
    change = srcad.hvp(f, argnums=wrt, target=target)(args, tangents)
    gradient = srcad.grad(f, argnums=wrt, target=target)
    ends = []
    for step in (1e-6, -1e-6):
        ends.append(gradient(*(a + step * directions[at] if at in wrt else a for at, a in enumerate(args))))
    for found, up, down in zip(change, *ends, strict=True):
        np.testing.assert_allclose(found, (np.asarray(up) - np.asarray(down)) / 2e-6, rtol=1e-4, atol=1e-5)

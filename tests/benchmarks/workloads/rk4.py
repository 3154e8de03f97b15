"""The Runge-Kutta method of fourth order over many steps: on scalars, and on arrays of three."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType, SimpleNamespace
from typing import Any

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Thunk, Workload


@numba.njit
def predation(prey, predators, birth, capture, growth, death):
    return birth * prey - capture * prey * predators, growth * prey * predators - death * predators


def lotka_volterra(prey, predators, birth, capture, growth, death, h, steps):
    x, y = prey, predators
    for _ in range(steps):
        k1x, k1y = predation(x, y, birth, capture, growth, death)
        k2x, k2y = predation(x + 0.5 * h * k1x, y + 0.5 * h * k1y, birth, capture, growth, death)
        k3x, k3y = predation(x + 0.5 * h * k2x, y + 0.5 * h * k2y, birth, capture, growth, death)
        k4x, k4y = predation(x + h * k3x, y + h * k3y, birth, capture, growth, death)
        x = x + h / 6.0 * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
        y = y + h / 6.0 * (k1y + 2.0 * k2y + 2.0 * k3y + k4y)
    return (x - 10.0) ** 2 + (y - 5.0) ** 2


@numba.njit
def convection(y, p):
    return np.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])


def lorenz(y0, p, h, steps):
    y = y0
    for _ in range(steps):
        k1 = convection(y, p)
        k2 = convection(y + 0.5 * h * k1, p)
        k3 = convection(y + 0.5 * h * k2, p)
        k4 = convection(y + h * k3, p)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return np.sum(y**2)


# ---- by hand -----------------------------------------------------------------------------------


@numba.njit(error_model="numpy")
def _lotka_volterra_hand(prey, predators, birth, capture, growth, death, h, steps):
    """Keeps the state before each step; the way back computes the stages again."""
    kept = np.empty((steps, 2))
    x, y = prey, predators
    half, sixth = 0.5 * h, h / 6.0
    for step in range(steps):
        kept[step, 0] = x
        kept[step, 1] = y
        k1x, k1y = x * (birth - capture * y), y * (growth * x - death)
        x2, y2 = x + half * k1x, y + half * k1y
        k2x, k2y = x2 * (birth - capture * y2), y2 * (growth * x2 - death)
        x3, y3 = x + half * k2x, y + half * k2y
        k3x, k3y = x3 * (birth - capture * y3), y3 * (growth * x3 - death)
        x4, y4 = x + h * k3x, y + h * k3y
        k4x, k4y = x4 * (birth - capture * y4), y4 * (growth * x4 - death)
        x += sixth * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
        y += sixth * (k1y + 2.0 * k2y + 2.0 * k3y + k4y)
    d_x, d_y = 2.0 * (x - 10.0), 2.0 * (y - 5.0)
    d_birth = d_capture = d_growth = d_death = 0.0
    for step in range(steps - 1, -1, -1):
        x, y = kept[step, 0], kept[step, 1]
        by1, gx1 = birth - capture * y, growth * x - death
        x2, y2 = x + half * x * by1, y + half * y * gx1
        by2, gx2 = birth - capture * y2, growth * x2 - death
        x3, y3 = x + half * x2 * by2, y + half * y2 * gx2
        by3, gx3 = birth - capture * y3, growth * x3 - death
        x4, y4 = x + h * x3 * by3, y + h * y3 * gx3
        by4, gx4 = birth - capture * y4, growth * x4 - death

        d_kx, d_ky = sixth * d_x, sixth * d_y  # of the fourth stage
        u, v = d_kx * x4, d_ky * y4
        d_x4, d_y4 = d_kx * by4 + growth * v, d_ky * gx4 - capture * u
        d_birth += u
        d_death -= v
        d_capture -= u * y4
        d_growth += v * x4

        d_kx, d_ky = 2.0 * sixth * d_x + h * d_x4, 2.0 * sixth * d_y + h * d_y4
        u, v = d_kx * x3, d_ky * y3
        d_x3, d_y3 = d_kx * by3 + growth * v, d_ky * gx3 - capture * u
        d_birth += u
        d_death -= v
        d_capture -= u * y3
        d_growth += v * x3

        d_kx, d_ky = 2.0 * sixth * d_x + half * d_x3, 2.0 * sixth * d_y + half * d_y3
        u, v = d_kx * x2, d_ky * y2
        d_x2, d_y2 = d_kx * by2 + growth * v, d_ky * gx2 - capture * u
        d_birth += u
        d_death -= v
        d_capture -= u * y2
        d_growth += v * x2

        d_kx, d_ky = sixth * d_x + half * d_x2, sixth * d_y + half * d_y2
        u, v = d_kx * x, d_ky * y
        d_x += d_x2 + d_x3 + d_x4 + d_kx * by1 + growth * v
        d_y += d_y2 + d_y3 + d_y4 + d_ky * gx1 - capture * u
        d_birth += u
        d_death -= v
        d_capture -= u * y
        d_growth += v * x
    return d_x, d_y, d_birth, d_capture, d_growth, d_death


@numba.njit(error_model="numpy", inline="always")
def _pull(d_k0, d_k1, d_k2, y0, y1, y2, p0, p1, p2):
    """The adjoint of `convection`: of y (three), then what each parameter gains."""
    return (
        d_k1 * (p1 - y2) - d_k0 * p0 + d_k2 * y1,
        d_k0 * p0 - d_k1 + d_k2 * y0,
        -d_k1 * y0 - d_k2 * p2,
        d_k0 * (y1 - y0),
        d_k1 * y0,
        -d_k2 * y2,
    )


@numba.njit(error_model="numpy", inline="always")
def _push(y0, y1, y2, p0, p1, p2):
    return p0 * (y1 - y0), y0 * (p1 - y2) - y1, y0 * y1 - p2 * y2


@numba.njit(error_model="numpy")
def _lorenz_hand(start, p, h, steps):
    """As above, in scalars: no array is made inside a loop."""
    kept = np.empty((steps, 3))
    p0, p1, p2 = p[0], p[1], p[2]
    y0, y1, y2 = start[0], start[1], start[2]
    half, sixth = 0.5 * h, h / 6.0
    for step in range(steps):
        kept[step, 0] = y0
        kept[step, 1] = y1
        kept[step, 2] = y2
        a0, a1, a2 = _push(y0, y1, y2, p0, p1, p2)
        b0, b1, b2 = _push(y0 + half * a0, y1 + half * a1, y2 + half * a2, p0, p1, p2)
        c0, c1, c2 = _push(y0 + half * b0, y1 + half * b1, y2 + half * b2, p0, p1, p2)
        e0, e1, e2 = _push(y0 + h * c0, y1 + h * c1, y2 + h * c2, p0, p1, p2)
        y0 += sixth * (a0 + 2.0 * b0 + 2.0 * c0 + e0)
        y1 += sixth * (a1 + 2.0 * b1 + 2.0 * c1 + e1)
        y2 += sixth * (a2 + 2.0 * b2 + 2.0 * c2 + e2)
    d0, d1, d2 = 2.0 * y0, 2.0 * y1, 2.0 * y2
    d_p0 = d_p1 = d_p2 = 0.0
    for step in range(steps - 1, -1, -1):
        y0, y1, y2 = kept[step, 0], kept[step, 1], kept[step, 2]
        a0, a1, a2 = _push(y0, y1, y2, p0, p1, p2)
        u0, u1, u2 = y0 + half * a0, y1 + half * a1, y2 + half * a2
        b0, b1, b2 = _push(u0, u1, u2, p0, p1, p2)
        v0, v1, v2 = y0 + half * b0, y1 + half * b1, y2 + half * b2
        c0, c1, c2 = _push(v0, v1, v2, p0, p1, p2)
        w0, w1, w2 = y0 + h * c0, y1 + h * c1, y2 + h * c2

        s0, s1, s2 = sixth * d0, sixth * d1, sixth * d2
        w0, w1, w2, g0, g1, g2 = _pull(s0, s1, s2, w0, w1, w2, p0, p1, p2)
        d_p0 += g0
        d_p1 += g1
        d_p2 += g2
        v0, v1, v2, g0, g1, g2 = _pull(2.0 * s0 + h * w0, 2.0 * s1 + h * w1, 2.0 * s2 + h * w2, v0, v1, v2, p0, p1, p2)
        d_p0 += g0
        d_p1 += g1
        d_p2 += g2
        u0, u1, u2, g0, g1, g2 = _pull(
            2.0 * s0 + half * v0, 2.0 * s1 + half * v1, 2.0 * s2 + half * v2, u0, u1, u2, p0, p1, p2
        )
        d_p0 += g0
        d_p1 += g1
        d_p2 += g2
        y0, y1, y2, g0, g1, g2 = _pull(s0 + half * u0, s1 + half * u1, s2 + half * u2, y0, y1, y2, p0, p1, p2)
        d_p0 += g0
        d_p1 += g1
        d_p2 += g2
        d0 += u0 + v0 + w0 + y0
        d1 += u1 + v1 + w1 + y1
        d2 += u2 + v2 + w2 + y2
    return np.array([d0, d1, d2]), np.array([d_p0, d_p1, d_p2])


# ---- peers: JAX as its users write it; the others run the very functions above, one operation after the other ----


def _bare(function: Callable[..., Any], **replaced: Any) -> Any:
    """The function with its helper as plain Python instead of Numba's, and with other globals: another `np`."""
    space = {**function.__globals__, **replaced}
    for name in ("predation", "convection"):
        space[name] = FunctionType(space[name].py_func.__code__, space, name)
    return FunctionType(function.__code__, space, function.__name__)


def _jax_gradient(last: Callable[..., Any], numbers: Sequence[Any]) -> Thunk:
    import jax
    import jax.numpy as jnp

    gradient = jax.jit(jax.grad(last, tuple(range(len(numbers)))))
    values = [jnp.asarray(x) for x in numbers]
    return lambda: jax.block_until_ready(gradient(*values))


def _lotka_volterra_jax(arguments: Arguments) -> Thunk:
    """A scan over the scalars; recomputing the steps (`checkpoint`) is 70 times faster than saving them."""
    import jax

    *numbers, h, steps = arguments
    rates = predation.py_func

    def last(prey: Any, predators: Any, *p: Any) -> Any:
        def step(state: Any, _: None) -> Any:
            x, y = state
            k1x, k1y = rates(x, y, *p)
            k2x, k2y = rates(x + 0.5 * h * k1x, y + 0.5 * h * k1y, *p)
            k3x, k3y = rates(x + 0.5 * h * k2x, y + 0.5 * h * k2y, *p)
            k4x, k4y = rates(x + h * k3x, y + h * k3y, *p)
            x += h / 6.0 * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
            y += h / 6.0 * (k1y + 2.0 * k2y + 2.0 * k3y + k4y)
            return (x, y), None

        (x, y), _ = jax.lax.scan(jax.checkpoint(step, prevent_cse=False), (prey, predators), None, length=steps)
        return (x - 10.0) ** 2 + (y - 5.0) ** 2

    return _jax_gradient(last, numbers)


def _lorenz_jax(arguments: Arguments) -> Thunk:
    import jax
    import jax.numpy as jnp

    *numbers, h, steps = arguments

    def last(y0: Any, p: Any) -> Any:
        def rates(y: Any) -> Any:
            return jnp.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])

        def step(y: Any, _: None) -> Any:
            k1 = rates(y)
            k2 = rates(y + 0.5 * h * k1)
            k3 = rates(y + 0.5 * h * k2)
            k4 = rates(y + h * k3)
            return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

        y, _ = jax.lax.scan(jax.checkpoint(step, prevent_cse=False), y0, None, length=steps)
        return jnp.sum(y**2)

    return _jax_gradient(last, numbers)


def _torch(function: Callable[..., Any]) -> Callable[[Arguments], Thunk]:
    def prepare(arguments: Arguments) -> Thunk:
        import torch

        *numbers, h, steps = arguments
        plain = _bare(function, np=SimpleNamespace(array=torch.stack, sum=torch.sum))

        def gradient() -> Any:
            values = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
            return torch.autograd.grad(plain(*values, h, steps), values)

        return gradient

    return prepare


def _autograd(function: Callable[..., Any]) -> Callable[[Arguments], Thunk]:
    def prepare(arguments: Arguments) -> Thunk:
        import autograd
        import autograd.numpy as anp

        gradient = autograd.grad(_bare(function, np=anp), tuple(range(len(arguments) - 2)))
        return lambda: gradient(*arguments)

    return prepare


def _tangent(function: Callable[..., Any]) -> Callable[[Arguments], Thunk]:
    def prepare(arguments: Arguments) -> Thunk:
        import tangent

        gradient = tangent.grad(_bare(function), wrt=tuple(range(len(arguments) - 2)))
        return lambda: gradient(*arguments)

    return prepare


def _eager(function: Callable[..., Any]) -> dict[str, Callable[[Arguments], Thunk]]:
    return {"torch": _torch(function), "autograd": _autograd(function), "tangent": _tangent(function)}


def _lotka_volterra_arguments(quick: bool) -> Arguments:
    return 10.0, 5.0, 1.1, 0.4, 0.1, 0.4, 1e-3, 1_000 if quick else 1_000_000


def _lorenz_arguments(quick: bool) -> Arguments:
    """Ten time units at most: beyond, chaos makes gradients of rounding errors."""
    return np.array([1.0, 1.0, 20.0]), np.array([10.0, 28.0, 8.0 / 3.0]), 1e-5, 1_000 if quick else 1_000_000


WORKLOADS = (
    Workload(
        name="rk4_lotka_volterra",
        kind="loop",
        function=lotka_volterra,
        wrt=(0, 1, 2, 3, 4, 5),
        arguments=_lotka_volterra_arguments,
        hand=lambda arguments: lambda: _lotka_volterra_hand(*arguments),
        hand_saved=lambda arguments: 8 * 2 * arguments[-1],
        peers={"jax": _lotka_volterra_jax, **_eager(lotka_volterra)},
        tolerance=1e-8,
    ),
    Workload(
        name="rk4_lorenz",
        kind="loop",
        function=lorenz,
        wrt=(0, 1),
        arguments=_lorenz_arguments,
        hand=lambda arguments: lambda: _lorenz_hand(*arguments),
        hand_saved=lambda arguments: 8 * 3 * arguments[-1],
        peers={"jax": _lorenz_jax, **_eager(lorenz)},
        tolerance=1e-8,
    ),
)

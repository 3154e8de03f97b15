"""Reaction and diffusion, stepped in place: Gray and Scott's two species on a plane, Fisher's population on a line.

The first is plain loops, the second assignments to slices. Both end in a number, the misfit to a target.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Thunk, Workload

compiled = numba.njit(error_model="numpy")


# ---- Gray and Scott ----------------------------------------------------------------------------


def gray_scott(u0, v0, target, feed, kill, dt, steps):
    """Half the squared distance of v to `target` after `steps` time steps; the border stays as it is."""
    rows, cols = u0.shape
    u = u0.copy()
    v = v0.copy()
    lap_u = np.zeros_like(u)
    lap_v = np.zeros_like(v)
    for step in range(steps):
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                lap_u[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                lap_v[i, j] = v[i - 1, j] + v[i + 1, j] + v[i, j - 1] + v[i, j + 1] - 4.0 * v[i, j]
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                reaction = u[i, j] * v[i, j] * v[i, j]
                u[i, j] += dt * (0.16 * lap_u[i, j] - reaction + feed * (1.0 - u[i, j]))
                v[i, j] += dt * (0.08 * lap_v[i, j] + reaction - (feed + kill) * v[i, j])
    loss = 0.0
    for i in range(rows):
        for j in range(cols):
            loss += (v[i, j] - target[i, j]) ** 2
    return 0.5 * loss


@compiled
def gray_scott_gradient(u0, v0, target, feed, kill, dt, steps):
    """Keeps the state at the start of each of about √steps stretches, and the steps of one, which it runs again.

    All the steps would be 26 MB, whose page faults cost three times what the second run does. A step is one sweep
    from one place of the tape to the next, without Laplacians. The reverse sweep gathers from cotangents whose border
    is zero; what goes to the border is added up apart, and stays there, as the border does.
    """
    rows, cols = u0.shape
    length = int(np.ceil(np.sqrt(steps)))
    stretches = -(-steps // max(length, 1))
    starts = np.empty((2, stretches, rows, cols))
    us = np.empty((length + 1, rows, cols))
    vs = np.empty((length + 1, rows, cols))
    copy(u0, us[0])
    copy(v0, vs[0])
    count = 0
    for stretch in range(stretches):
        copy(us[0], starts[0, stretch])
        copy(vs[0], starts[1, stretch])
        count = min(length, steps - stretch * length)
        gray_scott_steps(us, vs, feed, kill, dt, count)
        if stretch < stretches - 1:
            copy(us[count], us[0])
            copy(vs[count], vs[0])

    d_u = np.zeros((rows, cols))
    d_v = np.zeros((rows, cols))
    d_u0 = np.zeros((rows, cols))
    d_v0 = np.empty((rows, cols))
    for i in range(rows):
        for j in range(cols):
            d_v0[i, j] = vs[count, i, j] - target[i, j]
    copy(d_v0, d_v)
    copy_border(d_u, d_v)
    before_u = np.zeros((rows, cols))
    before_v = np.zeros((rows, cols))
    for stretch in range(stretches - 1, -1, -1):
        if stretch < stretches - 1:
            count = length
            copy(starts[0, stretch], us[0])
            copy(starts[1, stretch], vs[0])
            gray_scott_steps(us, vs, feed, kill, dt, count)
        for step in range(count - 1, -1, -1):
            border_gather(d_u, d_u0, 0.16 * dt)
            border_gather(d_v, d_v0, 0.08 * dt)
            gray_scott_back(us[step], vs[step], d_u, d_v, before_u, before_v, feed, kill, dt)
            d_u, before_u = before_u, d_u
            d_v, before_v = before_v, d_v
    copy_border(d_u0, d_u)
    copy_border(d_v0, d_v)
    return d_u, d_v


@compiled
def gray_scott_steps(us, vs, feed, kill, dt, count):
    """Indices are counter + constant, so that the sweep vectorises."""
    rows, cols = us.shape[1:]
    for step in range(count):
        u, v, after_u, after_v = us[step], vs[step], us[step + 1], vs[step + 1]
        copy_border(u, after_u)
        copy_border(v, after_v)
        for i in range(rows - 2):
            for j in range(cols - 2):
                a, b = u[i + 1, j + 1], v[i + 1, j + 1]
                lap_u = u[i, j + 1] + u[i + 2, j + 1] + u[i + 1, j] + u[i + 1, j + 2] - 4.0 * a
                lap_v = v[i, j + 1] + v[i + 2, j + 1] + v[i + 1, j] + v[i + 1, j + 2] - 4.0 * b
                reaction = a * b * b
                after_u[i + 1, j + 1] = a + dt * (0.16 * lap_u - reaction + feed * (1.0 - a))
                after_v[i + 1, j + 1] = b + dt * (0.08 * lap_v + reaction - (feed + kill) * b)


@compiled
def gray_scott_back(u, v, d_u, d_v, before_u, before_v, feed, kill, dt):
    rows, cols = u.shape
    for i in range(rows - 2):
        for j in range(cols - 2):
            p, q = d_u[i + 1, j + 1], d_v[i + 1, j + 1]
            a, b = u[i + 1, j + 1], v[i + 1, j + 1]
            lap_p = d_u[i, j + 1] + d_u[i + 2, j + 1] + d_u[i + 1, j] + d_u[i + 1, j + 2] - 4.0 * p
            lap_q = d_v[i, j + 1] + d_v[i + 2, j + 1] + d_v[i + 1, j] + d_v[i + 1, j + 2] - 4.0 * q
            d_reaction = (q - p) * b
            before_u[i + 1, j + 1] = p + dt * (0.16 * lap_p + d_reaction * b - feed * p)
            before_v[i + 1, j + 1] = q + dt * (0.08 * lap_q + 2.0 * d_reaction * a - (feed + kill) * q)


@compiled
def copy(source, target):
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@compiled
def copy_border(source, target):
    rows, cols = source.shape
    for j in range(cols):
        target[0, j] = source[0, j]
        target[rows - 1, j] = source[rows - 1, j]
    for i in range(rows):
        target[i, 0] = source[i, 0]
        target[i, cols - 1] = source[i, cols - 1]


@compiled
def border_gather(d_after, d_border, weight):
    """A border entry is read by the one neighbour inside."""
    rows, cols = d_after.shape
    for j in range(1, cols - 1):
        d_border[0, j] += weight * d_after[1, j]
        d_border[rows - 1, j] += weight * d_after[rows - 2, j]
    for i in range(1, rows - 1):
        d_border[i, 0] += weight * d_after[i, 1]
        d_border[i, cols - 1] += weight * d_after[i, cols - 2]


def gray_scott_saved(arguments: Arguments) -> int:
    length = math.ceil(math.sqrt(arguments[-1]))
    return 2 * (length + 1 + math.ceil(arguments[-1] / length)) * arguments[0].nbytes


def gray_scott_arguments(quick: bool) -> Arguments:
    n, steps = (40, 20) if quick else (128, 100)
    rng = np.random.default_rng(0)
    u0, v0 = np.ones((n, n)), np.zeros((n, n))
    middle = slice(n // 3, 2 * n // 3)
    u0[middle, middle], v0[middle, middle] = 0.5, 0.25
    noise = rng.uniform(0.0, 0.05, (3, n, n))
    return u0 - noise[0], v0 + noise[1], v0 + noise[2], 0.04, 0.06, 1.0, steps


def gray_scott_loss(pad: Callable[..., Any], loop: Callable[..., Any], xp: Any) -> Callable[..., Any]:
    """The same in slices, each step making new arrays; `pad(inside)` puts zeros around, `loop` runs the steps."""

    def laplacian(x):
        return x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] - 4.0 * x[1:-1, 1:-1]

    def loss(u0, v0, target, feed, kill, dt, steps):
        def step(state):
            u, v = state
            a, b = u[1:-1, 1:-1], v[1:-1, 1:-1]
            reaction = a * b * b
            change_u = dt * (0.16 * laplacian(u) - reaction + feed * (1.0 - a))
            change_v = dt * (0.08 * laplacian(v) + reaction - (feed + kill) * b)
            return u + pad(change_u), v + pad(change_v)

        _, v = loop(steps, step, (u0, v0))
        return 0.5 * xp.sum((v - target) ** 2)

    return loss


# ---- Fisher, in slices -------------------------------------------------------------------------


def reaction_diffusion_sliced(u0, kappa, rate, dt, steps, target):
    u = u0.copy()
    for step in range(steps):
        u[1:-1] += dt * (kappa * (u[:-2] - 2.0 * u[1:-1] + u[2:]) + rate * u[1:-1] * (1.0 - u[1:-1]))
    return 0.5 * np.sum((u - target) ** 2)


@compiled
def reaction_diffusion_sliced_gradient(u0, kappa, rate, dt, steps, target):
    """Keeps the state of every step, written straight into its place; the border apart, as above."""
    n = len(u0)
    us = np.empty((steps + 1, n))
    us[0] = u0
    for step in range(steps):
        u, after = us[step], us[step + 1]
        after[0] = u[0]
        after[n - 1] = u[n - 1]
        for i in range(n - 2):
            a = u[i + 1]
            after[i + 1] = a + dt * (kappa * (u[i] - 2.0 * a + u[i + 2]) + rate * a * (1.0 - a))
    d_u = us[steps] - target
    left, right = d_u[0], d_u[n - 1]
    d_u[0] = 0.0
    d_u[n - 1] = 0.0
    before = np.zeros(n)
    for step in range(steps - 1, -1, -1):
        u = us[step]
        left += dt * kappa * d_u[1]
        right += dt * kappa * d_u[n - 2]
        for i in range(n - 2):
            g = d_u[i + 1]
            lap = d_u[i] - 2.0 * g + d_u[i + 2]
            before[i + 1] = g + dt * (kappa * lap + rate * (1.0 - 2.0 * u[i + 1]) * g)
        d_u, before = before, d_u
    d_u[0] = left
    d_u[n - 1] = right
    return d_u


def sliced_arguments(quick: bool) -> Arguments:
    n, steps = (300, 100) if quick else (2000, 500)
    rng = np.random.default_rng(0)
    return rng.uniform(0.0, 1.0, n), 0.8, 0.6, 0.1, steps, rng.uniform(0.0, 1.0, n)


def sliced_loss(pad: Callable[..., Any], loop: Callable[..., Any], xp: Any) -> Callable[..., Any]:
    def loss(u0, kappa, rate, dt, steps, target):
        def step(state):
            (u,) = state
            a = u[1:-1]
            return (u + pad(dt * (kappa * (u[:-2] - 2.0 * a + u[2:]) + rate * a * (1.0 - a))),)

        (u,) = loop(steps, step, (u0,))
        return 0.5 * xp.sum((u - target) ** 2)

    return loss


# ---- the contestants ---------------------------------------------------------------------------

Loss = Callable[[Callable[..., Any], Callable[..., Any], Any], Callable[..., Any]]


def turns(steps: int, step: Callable[..., Any], state: Any) -> Any:
    for _ in range(steps):
        state = step(state)
    return state


def first(gradient: tuple[Any, ...]) -> Any:
    """A gradient by one argument stands alone."""
    return gradient if len(gradient) > 1 else gradient[0]


def jax_gradient(loss: Loss, count: int, arguments: Arguments) -> Thunk:
    import jax

    jax.config.update("jax_enable_x64", True)

    def loop(steps, step, state):
        return jax.lax.fori_loop(0, steps, lambda _, s: step(s), state)

    made = loss(lambda inside: jax.numpy.pad(inside, 1), loop, jax.numpy)
    given = [jax.numpy.asarray(a) for a in arguments[:count]]
    gradient = jax.jit(jax.grad(lambda *wrt: made(*wrt, *arguments[count:]), tuple(range(count))))
    return lambda: first(tuple(np.asarray(g) for g in gradient(*given)))


def torch_gradient(loss: Loss, count: int, arguments: Arguments) -> Thunk:
    import torch

    def pad(inside):
        return torch.nn.functional.pad(inside, (1, 1) * inside.ndim)

    made = loss(pad, turns, torch)
    leaves = tuple(torch.tensor(a, requires_grad=True) for a in arguments[:count])
    others = tuple(torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments[count:])
    return lambda: first(tuple(g.numpy() for g in torch.autograd.grad(made(*leaves, *others), leaves)))


def autograd_gradient(loss: Loss, count: int, arguments: Arguments) -> Thunk:
    import autograd
    import autograd.numpy as anp

    def pad(inside):
        return anp.pad(inside, [(1, 1)] * inside.ndim, mode="constant")

    gradient = autograd.grad(loss(pad, turns, anp), tuple(range(count)))
    return lambda: first(tuple(gradient(*arguments)))


def peers(loss: Loss, count: int) -> dict[str, Callable[[Arguments], Thunk]]:
    """tangent is left out: it refuses the shape that is read in the one, the assignment to a slice in the other."""
    gradients = {"jax": jax_gradient, "torch": torch_gradient, "autograd": autograd_gradient}
    return {name: lambda args, of=of: of(loss, count, args) for name, of in gradients.items()}


WORKLOADS = (
    Workload(
        name="gray_scott",
        kind="loop",
        function=gray_scott,
        wrt=(0, 1),
        options={"checkpoint": "step"},
        arguments=gray_scott_arguments,
        hand=lambda args: lambda: gray_scott_gradient(*args),
        hand_saved=gray_scott_saved,
        peers=peers(gray_scott_loss, 2),
    ),
    Workload(
        name="reaction_diffusion_sliced",
        kind="array",
        function=reaction_diffusion_sliced,
        wrt=0,
        arguments=sliced_arguments,
        hand=lambda args: lambda: reaction_diffusion_sliced_gradient(*args),
        hand_saved=lambda args: (args[4] + 1) * args[0].nbytes,
        peers=peers(sliced_loss, 1),
    ),
)

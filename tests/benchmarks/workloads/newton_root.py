"""Newton's iteration in a `while` loop for each element: the roots of x**3 + a x = b, and the sum of their squares."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Thunk, Workload

TURNS = 16
"""More than any of the inputs takes: what a peer without `while` runs for every element."""


def newton_root(a, b, tol):
    total = 0.0
    for i in range(len(a)):
        x = 1.0
        step = 1.0
        while abs(step) > tol:
            step = (x**3 + a[i] * x - b[i]) / (3.0 * x**2 + a[i])
            x -= step
        total += x**2
    return total


@numba.njit(error_model="numpy")
def _hand(a, b, tol):
    """One element forward and back at once (they meet in the sum alone), so the stack holds the turns of one.

    The stack grows outside the innermost loop: an array rebound inside it costs 1.4 times. With s = f(x) / f'(x) and
    y = x - s the next x: dy/da = -y / f', dy/db = 1 / f', dy/dx = f'' s / f'.
    """
    d_a = np.empty_like(a)
    d_b = np.empty_like(b)
    stack = np.empty(TURNS)
    for i in range(len(a)):
        a_i, b_i = a[i], b[i]
        x = 1.0
        step = 1.0
        top = 0
        while abs(step) > tol:
            if top == stack.size:
                stack = np.concatenate((stack, np.empty_like(stack)))
            while top < stack.size and abs(step) > tol:
                stack[top] = x
                top += 1
                square = x * x
                step = (x * square + a_i * x - b_i) / (3.0 * square + a_i)
                x -= step
        d_x = 2.0 * x
        d_a_i = d_b_i = 0.0
        for turn in range(top - 1, -1, -1):
            following = x
            x = stack[turn]
            inverse = 1.0 / (3.0 * x * x + a_i)
            part = d_x * inverse
            d_a_i -= part * following
            d_b_i += part
            d_x *= 6.0 * x * (x - following) * inverse
        d_a[i] = d_a_i
        d_b[i] = d_b_i
    return d_a, d_b


def _jax(arguments: Arguments) -> Thunk:
    """All elements at once; `lax.while_loop` has no reverse mode, so a fixed number of turns, masked."""
    import jax
    import jax.numpy as jnp

    def total(a: Any, b: Any, tol: float) -> Any:
        def turn(_: int, state: Any) -> Any:
            x, step = state
            active = jnp.abs(step) > tol
            step = jnp.where(active, (x**3 + a * x - b) / (3.0 * x**2 + a), step)
            return jnp.where(active, x - step, x), step

        return jnp.sum(jax.lax.fori_loop(0, TURNS, turn, (jnp.ones_like(a), jnp.ones_like(a)))[0] ** 2)

    gradient = jax.jit(jax.grad(total, (0, 1)))
    a, b, tol = arguments
    a, b = jnp.asarray(a), jnp.asarray(b)
    return lambda: jax.block_until_ready(gradient(a, b, tol))


def _torch(arguments: Arguments) -> Thunk:
    """All elements at once, masked, until the last has converged."""
    import torch

    a0, b0, tol = arguments

    def gradient() -> Any:
        a, b = (torch.tensor(x, requires_grad=True) for x in (a0, b0))
        x, step = torch.ones_like(a), torch.ones_like(a)
        while bool((active := step.abs() > tol).any()):
            step = torch.where(active, (x**3 + a * x - b) / (3.0 * x**2 + a), step)
            x = torch.where(active, x - step, x)
        return torch.autograd.grad((x**2).sum(), (a, b))

    return gradient


def _autograd(arguments: Arguments) -> Thunk:
    """As for PyTorch."""
    import autograd
    import autograd.numpy as anp

    _, _, tol = arguments

    def total(a: Any, b: Any) -> Any:
        x, step = anp.ones_like(a), anp.ones_like(a)
        while anp.any(active := anp.abs(step) > tol):
            step = anp.where(active, (x**3 + a * x - b) / (3.0 * x**2 + a), step)
            x = anp.where(active, x - step, x)
        return anp.sum(x**2)

    gradient = autograd.grad(total, (0, 1))
    return lambda: gradient(*arguments[:2])


def _tangent(arguments: Arguments) -> Thunk:
    """The function as it is: Tangent writes plain Python too, but does not compile it."""
    import tangent

    gradient = tangent.grad(newton_root, wrt=(0, 1))
    return lambda: gradient(*arguments)


def _arguments(quick: bool) -> Arguments:
    n = 4_000 if quick else 100_000
    rng = np.random.default_rng(11)
    return rng.uniform(0.5, 2.0, n), rng.uniform(-3.0, 3.0, n), 1e-12


WORKLOADS = (
    Workload(
        name="newton_root",
        kind="loop",
        function=newton_root,
        wrt=(0, 1),
        arguments=_arguments,
        hand=lambda arguments: lambda: _hand(*arguments),
        hand_saved=lambda arguments: 8 * TURNS,
        peers={"jax": _jax, "torch": _torch, "autograd": _autograd, "tangent": _tangent},
    ),
)

"""Stencils of PolyBench, in place: jacobi_2d, heat_3d, fdtd_2d.

They are linear, so the adjoints by hand keep nothing: they run the transposed stencil backwards, as a gather, which
vectorises. Every contestant also runs the kernel itself, whose result a user wants too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import srcad
from tests.benchmarks.workload import Arguments, Thunk, Workload

compiled = numba.njit(error_model="numpy")


# ---- jacobi_2d ---------------------------------------------------------------------------------


def jacobi_2d(steps, A, B):
    n, m = A.shape
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                B[i, j] = 0.2 * (A[i, j] + A[i, j - 1] + A[i, j + 1] + A[i + 1, j] + A[i - 1, j])
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                A[i, j] = 0.2 * (B[i, j] + B[i, j - 1] + B[i, j + 1] + B[i + 1, j] + B[i - 1, j])


jacobi_2d_forward = compiled(jacobi_2d)


@compiled
def jacobi_2d_gather(d_after, d_inner, d_source):
    """`d_inner` becomes the transposed sweep of `d_after`, whose border is zero; the border's share goes to `d_source`.

    Indices are counter + constant, so that the sweep vectorises.
    """
    n, m = d_after.shape
    for i in range(n - 2):
        for j in range(m - 2):
            d_inner[i + 1, j + 1] = 0.2 * (
                d_after[i + 1, j + 1]
                + d_after[i + 1, j]
                + d_after[i + 1, j + 2]
                + d_after[i + 2, j + 1]
                + d_after[i, j + 1]
            )
    for i in range(1, n - 1):
        d_source[i, 0] += 0.2 * d_after[i, 1]
        d_source[i, m - 1] += 0.2 * d_after[i, m - 2]
    for j in range(1, m - 1):
        d_source[0, j] += 0.2 * d_after[1, j]
        d_source[n - 1, j] += 0.2 * d_after[n - 2, j]


@compiled
def jacobi_2d_adjoint(steps, A, B, d_A, d_B):
    """Each sweep overwrites all of the inside, so its adjoint is set, not added to, but for the first of B's."""
    jacobi_2d_forward(steps, A, B)
    if steps == 0:
        return
    a, b = np.zeros_like(d_A), np.zeros_like(d_B)
    a[1:-1, 1:-1] = d_A[1:-1, 1:-1]
    for t in range(steps):
        jacobi_2d_gather(a, b, d_B)
        if t == 0:
            b[1:-1, 1:-1] += d_B[1:-1, 1:-1]
        jacobi_2d_gather(b, a, d_A)
    d_A[1:-1, 1:-1] = a[1:-1, 1:-1]
    d_B[1:-1, 1:-1] = 0.0


def jacobi_2d_arguments(quick: bool) -> Arguments:
    n, steps = (100, 10) if quick else (350, 50)
    return steps, *random_arrays((n, n), (n, n))


def jacobi_2d_turn(t: Any, state: tuple[Any, ...], put: Put) -> tuple[Any, ...]:
    A, B = state

    def sweep(x, y):
        inner = x[1:-1, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] + x[2:, 1:-1] + x[:-2, 1:-1]
        return put(y, (slice(1, -1), slice(1, -1)), 0.2 * inner)

    B = sweep(A, B)
    return sweep(B, A), B


# ---- heat_3d -----------------------------------------------------------------------------------


def heat_3d(steps, A, B):
    n = A.shape[0]
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    B[i, j, k] = (
                        0.125 * (A[i + 1, j, k] - 2.0 * A[i, j, k] + A[i - 1, j, k])
                        + 0.125 * (A[i, j + 1, k] - 2.0 * A[i, j, k] + A[i, j - 1, k])
                        + 0.125 * (A[i, j, k + 1] - 2.0 * A[i, j, k] + A[i, j, k - 1])
                        + A[i, j, k]
                    )
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    A[i, j, k] = (
                        0.125 * (B[i + 1, j, k] - 2.0 * B[i, j, k] + B[i - 1, j, k])
                        + 0.125 * (B[i, j + 1, k] - 2.0 * B[i, j, k] + B[i, j - 1, k])
                        + 0.125 * (B[i, j, k + 1] - 2.0 * B[i, j, k] + B[i, j, k - 1])
                        + B[i, j, k]
                    )


heat_3d_forward = compiled(heat_3d)


@compiled
def heat_3d_gather(d_after, d_inner, d_source):
    """As `jacobi_2d_gather`: seven points, six faces."""
    n = d_after.shape[0]
    for i in range(n - 2):
        for j in range(n - 2):
            for k in range(n - 2):
                d_inner[i + 1, j + 1, k + 1] = 0.25 * d_after[i + 1, j + 1, k + 1] + 0.125 * (
                    d_after[i, j + 1, k + 1]
                    + d_after[i + 2, j + 1, k + 1]
                    + d_after[i + 1, j, k + 1]
                    + d_after[i + 1, j + 2, k + 1]
                    + d_after[i + 1, j + 1, k]
                    + d_after[i + 1, j + 1, k + 2]
                )
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            d_source[0, i, j] += 0.125 * d_after[1, i, j]
            d_source[n - 1, i, j] += 0.125 * d_after[n - 2, i, j]
            d_source[i, 0, j] += 0.125 * d_after[i, 1, j]
            d_source[i, n - 1, j] += 0.125 * d_after[i, n - 2, j]
            d_source[i, j, 0] += 0.125 * d_after[i, j, 1]
            d_source[i, j, n - 1] += 0.125 * d_after[i, j, n - 2]


@compiled
def heat_3d_adjoint(steps, A, B, d_A, d_B):
    heat_3d_forward(steps, A, B)
    if steps == 0:
        return
    a, b = np.zeros_like(d_A), np.zeros_like(d_B)
    a[1:-1, 1:-1, 1:-1] = d_A[1:-1, 1:-1, 1:-1]
    for t in range(steps):
        heat_3d_gather(a, b, d_B)
        if t == 0:
            b[1:-1, 1:-1, 1:-1] += d_B[1:-1, 1:-1, 1:-1]
        heat_3d_gather(b, a, d_A)
    d_A[1:-1, 1:-1, 1:-1] = a[1:-1, 1:-1, 1:-1]
    d_B[1:-1, 1:-1, 1:-1] = 0.0


def heat_3d_arguments(quick: bool) -> Arguments:
    n, steps = (24, 10) if quick else (60, 20)
    return steps, *random_arrays((n, n, n), (n, n, n))


def heat_3d_turn(t: Any, state: tuple[Any, ...], put: Put) -> tuple[Any, ...]:
    A, B = state
    inside, before, behind = slice(1, -1), slice(None, -2), slice(2, None)

    def sweep(x, y):
        here = x[inside, inside, inside]
        new = (
            0.125 * (x[behind, inside, inside] - 2.0 * here + x[before, inside, inside])
            + 0.125 * (x[inside, behind, inside] - 2.0 * here + x[inside, before, inside])
            + 0.125 * (x[inside, inside, behind] - 2.0 * here + x[inside, inside, before])
            + here
        )
        return put(y, (inside, inside, inside), new)

    B = sweep(A, B)
    return sweep(B, A), B


# ---- fdtd_2d -----------------------------------------------------------------------------------


def fdtd_2d(steps, ex, ey, hz, fict):
    nx, ny = hz.shape
    for t in range(steps):
        for j in range(ny):
            ey[0, j] = fict[t]
        for i in range(1, nx):
            for j in range(ny):
                ey[i, j] = ey[i, j] - 0.5 * (hz[i, j] - hz[i - 1, j])
        for i in range(nx):
            for j in range(1, ny):
                ex[i, j] = ex[i, j] - 0.5 * (hz[i, j] - hz[i, j - 1])
        for i in range(nx - 1):
            for j in range(ny - 1):
                hz[i, j] = hz[i, j] - 0.7 * (ex[i, j + 1] - ex[i, j] + ey[i + 1, j] - ey[i, j])


fdtd_2d_forward = compiled(fdtd_2d)


@compiled
def fdtd_2d_adjoint(steps, ex, ey, hz, fict, d_ex, d_ey, d_hz, d_fict):
    """Each loop nest adds to arrays that it does not read, so it is gathered per entry; the edges stand apart."""
    fdtd_2d_forward(steps, ex, ey, hz, fict)
    nx, ny = hz.shape
    for t in range(steps - 1, -1, -1):
        # the update of hz: its cotangent goes to ex and ey
        for j in range(ny - 1):
            d_ey[0, j] += 0.7 * d_hz[0, j]
            d_ey[nx - 1, j] -= 0.7 * d_hz[nx - 2, j]
        for i in range(nx - 2):
            for j in range(ny - 1):
                d_ey[i + 1, j] += 0.7 * (d_hz[i + 1, j] - d_hz[i, j])
        for i in range(nx - 1):
            d_ex[i, 0] += 0.7 * d_hz[i, 0]
            for j in range(ny - 2):
                d_ex[i, j + 1] += 0.7 * (d_hz[i, j + 1] - d_hz[i, j])
            d_ex[i, ny - 1] -= 0.7 * d_hz[i, ny - 2]
        # the updates of ex and ey: theirs go to hz
        for i in range(nx):
            d_hz[i, 0] += 0.5 * d_ex[i, 1]
            for j in range(ny - 2):
                d_hz[i, j + 1] += 0.5 * (d_ex[i, j + 2] - d_ex[i, j + 1])
            d_hz[i, ny - 1] -= 0.5 * d_ex[i, ny - 1]
        for j in range(ny):
            d_hz[0, j] += 0.5 * d_ey[1, j]
            d_hz[nx - 1, j] -= 0.5 * d_ey[nx - 1, j]
        for i in range(nx - 2):
            for j in range(ny):
                d_hz[i + 1, j] += 0.5 * (d_ey[i + 2, j] - d_ey[i + 1, j])
        for j in range(ny):
            d_fict[t] += d_ey[0, j]
            d_ey[0, j] = 0.0


def fdtd_2d_arguments(quick: bool) -> Arguments:
    n, steps = (80, 10) if quick else (300, 50)
    return steps, *random_arrays((n, n), (n, n), (n, n), (steps,))


def fdtd_2d_turn(t: Any, state: tuple[Any, ...], put: Put) -> tuple[Any, ...]:
    ex, ey, hz, fict = state
    ey = put(ey, (slice(0, 1), slice(None)), fict[t] + 0.0 * ey[:1])
    ey = put(ey, (slice(1, None), slice(None)), ey[1:] - 0.5 * (hz[1:] - hz[:-1]))
    ex = put(ex, (slice(None), slice(1, None)), ex[:, 1:] - 0.5 * (hz[:, 1:] - hz[:, :-1]))
    curl = ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1]
    hz = put(hz, (slice(None, -1), slice(None, -1)), hz[:-1, :-1] - 0.7 * curl)
    return ex, ey, hz, fict


# ---- the contestants ---------------------------------------------------------------------------

Put = Callable[[Any, tuple[slice, ...], Any], Any]
"""`put(array, index, value)`: the array with value at index, in the way of a library."""
Turn = Callable[[Any, tuple[Any, ...], Put], tuple[Any, ...]]


def random_arrays(*shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape) for shape in shapes)


def cotangents(arguments: Arguments) -> tuple[np.ndarray, ...]:
    """Of what the arrays hold in the end."""
    rng = np.random.default_rng(1)
    return tuple(rng.normal(size=a.shape) for a in arguments[1:])


def copies(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(v.copy() if isinstance(v, np.ndarray) else v for v in values)


def in_buffers(adjoint: Callable[..., Any], arguments: Arguments) -> Thunk:
    """The call of an adjoint in procedure style; it gives the buffers."""
    seeds = cotangents(arguments)

    def run():
        buffers = copies(seeds)
        adjoint(*copies(arguments), *buffers)
        return buffers

    return run


def jax_vjp(turn: Turn, arguments: Arguments) -> Thunk:
    import jax

    jax.config.update("jax_enable_x64", True)
    steps, *arrays = arguments
    state, seeds = [tuple(jax.numpy.asarray(a) for a in group) for group in (arrays, cotangents(arguments))]

    def put(array, index, value):
        return array.at[index].set(value)

    @jax.jit
    def both(state, seeds):
        out, pull = jax.vjp(lambda *s: jax.lax.fori_loop(0, steps, lambda t, s: turn(t, s, put), s), *state)
        return out, pull(seeds)

    return lambda: tuple(np.asarray(g) for g in both(state, seeds)[1])


def torch_vjp(turn: Turn, arguments: Arguments) -> Thunk:
    import torch

    steps, *arrays = arguments
    leaves = tuple(torch.tensor(a, requires_grad=True) for a in arrays)
    seeds = tuple(torch.tensor(s) for s in cotangents(arguments))

    def put(array, index, value):
        array[index] = value
        return array

    def run():
        state = tuple(leaf.clone() for leaf in leaves)
        for t in range(steps):
            state = turn(t, state, put)
        return tuple(g.numpy() for g in torch.autograd.grad(state, leaves, seeds))

    return run


def autograd_vjp(turn: Turn, arguments: Arguments) -> Thunk:
    import autograd
    import autograd.numpy as anp

    steps, *arrays = arguments
    seeds = cotangents(arguments)
    elsewhere: dict[str, np.ndarray] = {}

    def put(array, index, value):
        """autograd has no assignment to entries: padded with zeros, and added to the rest."""
        key = f"{index} {array.shape}"
        if key not in elsewhere:
            elsewhere[key] = np.ones(array.shape)
            elsewhere[key][index] = 0.0
        bounds = [(part.indices(size), size) for part, size in zip(index, array.shape, strict=True)]
        widths = [(start, size - stop) for (start, stop, _), size in bounds]
        return array * elsewhere[key] + anp.pad(value, widths, mode="constant")

    def kernel(state):
        for t in range(steps):
            state = turn(t, state, put)
        return autograd.builtins.tuple(state)

    def run():
        pull, _ = autograd.make_vjp(kernel)(tuple(arrays))
        return tuple(pull(seeds))

    return run


def workload(function: Callable[..., Any], hand: Any, arguments: Callable[[bool], Arguments], turn: Turn) -> Workload:
    """tangent is left out: it refuses the shape that is read, and every kernel here returns nothing."""
    parameters = function.__code__.co_varnames[1 : function.__code__.co_argcount]
    vjps = {"jax": jax_vjp, "torch": torch_vjp, "autograd": autograd_vjp}
    forward = compiled(function)
    return Workload(
        name=function.__name__,
        kind="loop",
        function=function,
        wrt=tuple(range(1, 1 + len(parameters))),
        arguments=arguments,
        hand=lambda args: in_buffers(hand, args),
        hand_saved=lambda args: 0,
        peers={name: lambda args, vjp=vjp: vjp(turn, args) for name, vjp in vjps.items()},
        ours=lambda args: in_buffers(srcad.adjoint(function, parameters), args),
        plan=lambda args: srcad.adjoint(function, parameters).plan(*args),
        primal=lambda args: lambda: forward(*copies(args)),
    )


WORKLOADS = (
    workload(jacobi_2d, jacobi_2d_adjoint, jacobi_2d_arguments, jacobi_2d_turn),
    workload(heat_3d, heat_3d_adjoint, heat_3d_arguments, heat_3d_turn),
    workload(fdtd_2d, fdtd_2d_adjoint, fdtd_2d_arguments, fdtd_2d_turn),
)

"""Bundle adjustment, as Microsoft's ADBench defines it: the sparse Jacobian of all reprojection errors.

A camera is eleven numbers: rotation (an axis times an angle), centre, focal length, principal point, two of radial
distortion. Observation i sees one point by one camera and gives two weighted errors, and 1 - w² that keeps the weight
near 1. A row has 15 entries besides those known to be zero (of the camera, the point and the weight), so the Jacobian
is an array of blocks (observation, error, entry), and one number more a weight; where they stand is constant.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from tests.benchmarks.workload import Arguments, Thunk, Workload

fast = njit(error_model="numpy")


@fast
def project(r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2, X0, X1, X2, w, u, v):
    """The two weighted errors of one observation. Scalars, since Numba is slow at handing on rows of arrays."""
    x0, x1, x2 = X0 - c0, X1 - c1, X2 - c2
    square = r0 * r0 + r1 * r1 + r2 * r2
    if square != 0.0:
        angle = math.sqrt(square)
        cosine, sine = math.cos(angle), math.sin(angle)
        a0, a1, a2 = r0 / angle, r1 / angle, r2 / angle
        along = (a0 * x0 + a1 * x1 + a2 * x2) * (1.0 - cosine)
        y0 = x0 * cosine + (a1 * x2 - a2 * x1) * sine + a0 * along
        y1 = x1 * cosine + (a2 * x0 - a0 * x2) * sine + a1 * along
        y2 = x2 * cosine + (a0 * x1 - a1 * x0) * sine + a2 * along
    else:
        y0 = x0 + r1 * x2 - r2 * x1
        y1 = x1 + r2 * x0 - r0 * x2
        y2 = x2 + r0 * x1 - r1 * x0
    p0, p1 = y0 / y2, y1 / y2
    radius = p0 * p0 + p1 * p1
    scale = focal * (1.0 + k1 * radius + k2 * radius * radius)
    return w * (p0 * scale + u0 - u), w * (p1 * scale + v0 - v)


def residuals(cameras, points, weights, observations, features):
    errors = np.empty((len(weights), 2))
    for i in range(len(weights)):
        c, X = observations[i, 0], observations[i, 1]
        errors[i] = project(
            cameras[c, 0], cameras[c, 1], cameras[c, 2], cameras[c, 3], cameras[c, 4], cameras[c, 5],
            cameras[c, 6], cameras[c, 7], cameras[c, 8], cameras[c, 9], cameras[c, 10],
            points[X, 0], points[X, 1], points[X, 2], weights[i], features[i, 0], features[i, 1],
        )  # fmt: skip
    return errors, 1.0 - weights * weights


def arguments(quick: bool) -> Arguments:
    n, m, p = (5, 300, 900) if quick else (21, 11_315, 36_455)
    rng = np.random.default_rng(22)
    cameras = np.hstack((
        0.3 * rng.standard_normal((n, 3)),
        0.5 * rng.standard_normal((n, 3)),
        500.0 + 50.0 * rng.standard_normal((n, 1)),
        10.0 * rng.standard_normal((n, 2)),
        0.01 * rng.standard_normal((n, 2)),
    ))  # fmt: skip
    points = rng.standard_normal((m, 3)) + (0.0, 0.0, 8.0)
    weights = 0.5 + rng.random(p)
    observations = np.column_stack((np.arange(p) % n, np.arange(p) % m))
    return cameras, points, weights, observations, 20.0 * rng.standard_normal((p, 2))


def errors(r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2, X0, X1, X2, w, u, v):
    return project(r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2, X0, X1, X2, w, u, v)


@cache
def block_by_srcad() -> Any:
    """The Jacobian of both errors of an observation. Compiled, it gives the two rows of its block after one another."""
    import srcad

    jacobian = srcad.jacobian(errors, tuple(range(15)))
    jacobian(*[1.0] * 17)  # compiles for numbers
    return jacobian


@cache
def jacobian_by_blocks() -> Any:
    """The Jacobian of one observation, called for each from a compiled loop."""
    block = block_by_srcad().compiled

    @fast
    def jacobian(cameras, points, weights, observations, features):
        blocks = np.empty((len(weights), 2, 15))
        for i in range(len(weights)):
            c, X = observations[i, 0], observations[i, 1]
            b = blocks[i]  # filled number by number: Numba is slow at copying a part of a tuple into an array
            (
                b[0, 0], b[0, 1], b[0, 2], b[0, 3], b[0, 4], b[0, 5], b[0, 6], b[0, 7],
                b[0, 8], b[0, 9], b[0, 10], b[0, 11], b[0, 12], b[0, 13], b[0, 14],
                b[1, 0], b[1, 1], b[1, 2], b[1, 3], b[1, 4], b[1, 5], b[1, 6], b[1, 7],
                b[1, 8], b[1, 9], b[1, 10], b[1, 11], b[1, 12], b[1, 13], b[1, 14],
            ) = block(
                cameras[c, 0], cameras[c, 1], cameras[c, 2], cameras[c, 3], cameras[c, 4], cameras[c, 5],
                cameras[c, 6], cameras[c, 7], cameras[c, 8], cameras[c, 9], cameras[c, 10],
                points[X, 0], points[X, 1], points[X, 2], weights[i], features[i, 0], features[i, 1],
            )  # fmt: skip
        return blocks, -2.0 * weights

    return jacobian


def ours(args: Arguments) -> Thunk:
    return lambda: jacobian_by_blocks()(*args)


def plan(args: Arguments) -> Any:
    """Of one observation: they come one after another."""
    return block_by_srcad().plan(*[1.0] * 17)


@fast
def jacobian_by_hand(cameras, points, weights, observations, features):
    """The forward part of an observation serves both of its rows."""
    blocks = np.empty((len(weights), 2, 15))
    for i in range(len(weights)):
        c, X, w = observations[i, 0], observations[i, 1], weights[i]
        r0, r1, r2 = cameras[c, 0], cameras[c, 1], cameras[c, 2]
        focal, k1, k2 = cameras[c, 6], cameras[c, 9], cameras[c, 10]
        x0, x1, x2 = points[X, 0] - cameras[c, 3], points[X, 1] - cameras[c, 4], points[X, 2] - cameras[c, 5]
        square = r0 * r0 + r1 * r1 + r2 * r2
        turned = square != 0.0
        inverse, cosine, sine = 0.0, 1.0, 1.0
        a0, a1, a2 = r0, r1, r2  # untwisted: y = x + r × x
        if turned:
            angle = math.sqrt(square)
            inverse, cosine, sine = 1.0 / angle, math.cos(angle), math.sin(angle)
            a0, a1, a2 = r0 * inverse, r1 * inverse, r2 * inverse
        k_0, k_1, k_2 = a1 * x2 - a2 * x1, a2 * x0 - a0 * x2, a0 * x1 - a1 * x0
        dot = a0 * x0 + a1 * x1 + a2 * x2
        rest = 1.0 - cosine
        along = dot * rest
        y0 = x0 * cosine + k_0 * sine + a0 * along
        y1 = x1 * cosine + k_1 * sine + a1 * along
        depth = 1.0 / (x2 * cosine + k_2 * sine + a2 * along)
        p0, p1 = y0 * depth, y1 * depth
        radius = p0 * p0 + p1 * p1
        lens = 1.0 + k1 * radius + k2 * radius * radius
        d0, d1 = p0 * lens, p1 * lens
        bend = 2.0 * (k1 + 2.0 * k2 * radius)
        for row in range(2):
            block = blocks[i, row]
            p, d = (p0, d0) if row == 0 else (p1, d1)
            centre = cameras[c, 7 + row] - features[i, row]
            by_d = w * focal  # of the distorted coordinate of this row; the other has none
            by_lens = by_d * p
            by_radius = by_lens * bend
            by_p0, by_p1 = p0 * by_radius, p1 * by_radius
            if row == 0:
                by_p0 += by_d * lens
            else:
                by_p1 += by_d * lens
            by_y0, by_y1 = by_p0 * depth, by_p1 * depth
            by_y2 = -(by_p0 * p0 + by_p1 * p1) * depth
            by_along = by_y0 * a0 + by_y1 * a1 + by_y2 * a2
            by_dot = by_along * rest
            by_k0, by_k1, by_k2 = by_y0 * sine, by_y1 * sine, by_y2 * sine
            by_a0 = by_y0 * along + by_dot * x0 + x1 * by_k2 - x2 * by_k1
            by_a1 = by_y1 * along + by_dot * x1 + x2 * by_k0 - x0 * by_k2
            by_a2 = by_y2 * along + by_dot * x2 + x0 * by_k1 - x1 * by_k0
            by_x0 = by_y0 * cosine + by_dot * a0 + by_k1 * a2 - by_k2 * a1
            by_x1 = by_y1 * cosine + by_dot * a1 + by_k2 * a0 - by_k0 * a2
            by_x2 = by_y2 * cosine + by_dot * a2 + by_k0 * a1 - by_k1 * a0
            if turned:
                by_cosine = by_y0 * x0 + by_y1 * x1 + by_y2 * x2 - by_along * dot
                by_sine = by_y0 * k_0 + by_y1 * k_1 + by_y2 * k_2
                by_angle = by_sine * cosine - by_cosine * sine
                by_angle -= (by_a0 * a0 + by_a1 * a1 + by_a2 * a2) * inverse
                block[0] = by_a0 * inverse + a0 * by_angle
                block[1] = by_a1 * inverse + a1 * by_angle
                block[2] = by_a2 * inverse + a2 * by_angle
            else:
                block[0], block[1], block[2] = by_a0, by_a1, by_a2
            block[3], block[4], block[5] = -by_x0, -by_x1, -by_x2
            block[6] = w * d
            block[7] = w if row == 0 else 0.0
            block[8] = 0.0 if row == 0 else w
            block[9], block[10] = by_lens * radius, by_lens * radius * radius
            block[11], block[12], block[13] = by_x0, by_x1, by_x2
            block[14] = d * focal + centre
    return blocks, -2.0 * weights


def hand(args: Arguments) -> Thunk:
    return lambda: jacobian_by_hand(*args)


def hand_saved(args: Arguments) -> int:
    return 0  # nothing but scalars


# ---- peers -------------------------------------------------------------------------------------------------------


def project_rows(np: Any, cross: Any, cameras: Any, points: Any, weights: Any, features: Any):
    """All the errors, or those of one observation, in any library with NumPy's names.

    Without the case of no rotation, that no camera of ours meets: where both cases are computed it would cost more.
    """
    rotation, centre, focal = cameras[..., 0:3], cameras[..., 3:6], cameras[..., 6:7]
    x = points - centre
    angle = np.sqrt(np.sum(rotation * rotation, -1))[..., None]
    axis = rotation / angle
    along = np.sum(axis * x, -1)[..., None] * (1.0 - np.cos(angle))
    y = x * np.cos(angle) + cross(axis, x) * np.sin(angle) + axis * along
    p = y[..., :2] / y[..., 2:]
    radius = np.sum(p * p, -1)[..., None]
    scale = focal * (1.0 + cameras[..., 9:10] * radius + cameras[..., 10:11] * radius * radius)
    return weights[..., None] * (p * scale + cameras[..., 7:9] - features)


def by_jax(args: Arguments) -> Thunk:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def errors(parameters, feature):
        return project_rows(jnp, jnp.cross, parameters[:11], parameters[11:14], parameters[14], feature)

    @jax.jit
    def jacobian(cameras, points, weights, observations, features):
        parameters = jnp.hstack((cameras[observations[:, 0]], points[observations[:, 1]], weights[:, None]))
        return jax.vmap(jax.jacrev(errors))(parameters, features), -2.0 * weights

    given = tuple(map(jnp.asarray, args))
    return lambda: jax.block_until_ready(jacobian(*given))


def by_seeds(np: Any, cross: Any, gradient_of: Any, args: Any) -> tuple[Any, Any]:
    """Once an observation has its own copy of what it reads, a sum over all gives one row of every block at once."""
    cameras, points, weights, observations, features = args
    parameters = np.hstack((cameras[observations[:, 0]], points[observations[:, 1]], weights[:, None]))

    def of_all(parameters, row):
        seen = project_rows(np, cross, parameters[:, :11], parameters[:, 11:14], parameters[:, 14], features)
        return np.sum(seen[:, row])

    return np.stack([gradient_of(of_all, parameters, row) for row in range(2)], 1), -2.0 * weights


def by_torch(args: Arguments) -> Thunk:
    import torch

    given = tuple(map(torch.from_numpy, args))

    def gradient_of(of_all, parameters, row):
        parameters = parameters.detach().requires_grad_()
        return torch.autograd.grad(of_all(parameters, row), parameters)[0]

    return lambda: by_seeds(torch, torch.linalg.cross, gradient_of, given)


def by_autograd(args: Arguments) -> Thunk:
    import autograd.numpy as anp
    from autograd import grad

    def cross(a, b):  # its own has no gradient for stacks of vectors
        a0, a1, a2, b0, b1, b2 = *(a[..., i] for i in range(3)), *(b[..., i] for i in range(3))
        return anp.stack((a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0), -1)

    return lambda: by_seeds(anp, cross, lambda of_all, parameters, row: grad(of_all)(parameters, row), args)


def sum_of_errors(P, features, row):
    """Column by column, in what Tangent reads: no functions handed on."""
    x0 = P[:, 11] - P[:, 3]
    x1 = P[:, 12] - P[:, 4]
    x2 = P[:, 13] - P[:, 5]
    angle = np.sqrt(np.sum(P[:, 0:3] * P[:, 0:3], axis=1))
    cosine = np.cos(angle)
    sine = np.sin(angle)
    a0 = P[:, 0] / angle
    a1 = P[:, 1] / angle
    a2 = P[:, 2] / angle
    along = (a0 * x0 + a1 * x1 + a2 * x2) * (1.0 - cosine)
    y2 = x2 * cosine + (a0 * x1 - a1 * x0) * sine + a2 * along
    p0 = (x0 * cosine + (a1 * x2 - a2 * x1) * sine + a0 * along) / y2
    p1 = (x1 * cosine + (a2 * x0 - a0 * x2) * sine + a1 * along) / y2
    radius = p0 * p0 + p1 * p1
    scale = P[:, 6] * (1.0 + P[:, 9] * radius + P[:, 10] * radius * radius)
    if row == 0:
        errors = P[:, 14] * (p0 * scale + P[:, 7] - features[:, 0])
    else:
        errors = P[:, 14] * (p1 * scale + P[:, 8] - features[:, 1])
    return np.sum(errors)


def by_tangent(args: Arguments) -> Thunk:
    import tangent

    cameras, points, weights, observations, features = args
    gradient = tangent.grad(sum_of_errors)

    def jacobian():
        parameters = np.hstack((cameras[observations[:, 0]], points[observations[:, 1]], weights[:, None]))
        return np.stack([gradient(parameters, features, row) for row in range(2)], 1), -2.0 * weights

    return jacobian


WORKLOADS = (
    Workload(
        name="bundle_adjustment",
        kind="loop",
        function=residuals,
        wrt=(0, 1, 2),
        arguments=arguments,
        hand=hand,
        hand_saved=hand_saved,
        peers={"jax": by_jax, "torch": by_torch, "autograd": by_autograd, "tangent": by_tangent},
        ours=ours,
        plan=plan,
    ),
)

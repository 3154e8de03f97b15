"""Fitting a hand model to points, as the simple hand tracking of Microsoft's ADBench defines it.

26 parameters pose a skeleton of 22 bones: rotation (an axis times an angle) and translation of all, and for each of
five fingers flexion and abduction of its first joint and flexion of the next two. Each vertex follows the bones by
weights (linear blend skinning); each measured point belongs to one vertex. ADBench asks for the Jacobian of the
differences, 26 wide; as a benchmark of gradients we take half the sum of their squares, by the parameters. Of the
Euler angles of a bone the third is always zero and left out, and so are scale and mirroring, which change nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tests.benchmarks.workload import Arguments, Thunk, Workload

FINGERS, JOINTS, BONES = 5, 3, 22
fast = njit(error_model="numpy")


@fast
def joint_rotation(flexion, abduction):
    """Around x, then around z."""
    cx, sx, cz, sz = math.cos(flexion), math.sin(flexion), math.cos(abduction), math.sin(abduction)
    return np.array([
        [cz, -sz * cx, sz * sx, 0.0],
        [sz, cz * cx, -cz * sx, 0.0],
        [0.0, sx, cx, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ])  # fmt: skip


@fast
def rotation_of(axis_angle):
    angle = np.sqrt(np.sum(axis_angle**2))
    if angle < 1e-4:
        return np.eye(3)
    x, y, z = axis_angle / angle
    s, c = math.sin(angle), math.cos(angle)
    return np.array([
        [x * x + (1.0 - x * x) * c, x * y * (1.0 - c) - z * s, x * z * (1.0 - c) + y * s],
        [x * y * (1.0 - c) + z * s, y * y + (1.0 - y * y) * c, y * z * (1.0 - c) - x * s],
        [x * z * (1.0 - c) - y * s, z * y * (1.0 - c) + x * s, z * z + (1.0 - z * z) * c],
    ])  # fmt: skip


def hand_tracking(theta, parents, relatives, inverse_absolutes, vertices, weights, points, vertex_of):
    bones = len(parents)
    angles = np.zeros((bones, 2))
    at = 6
    for finger in range(5):
        for joint in range(3):
            bone = 2 + 4 * finger + joint
            angles[bone, 0] = theta[at]
            at += 1
            if joint == 0:
                angles[bone, 1] = theta[at]
                at += 1
    absolutes = np.empty((bones, 4, 4))
    transforms = np.empty((bones, 4, 4))
    for b in range(bones):
        posed = relatives[b] @ joint_rotation(angles[b, 0], angles[b, 1])
        if parents[b] >= 0:
            absolutes[b] = absolutes[parents[b]] @ posed
        else:
            absolutes[b] = posed
        transforms[b] = absolutes[b] @ inverse_absolutes[b]
    skinned = np.zeros((len(vertices), 3))
    for v in range(len(vertices)):
        for b in range(bones):
            for i in range(3):
                moved = transforms[b, i, 3]
                for j in range(3):
                    moved += transforms[b, i, j] * vertices[v, j]
                skinned[v, i] += weights[v, b] * moved
    R = rotation_of(theta[:3])
    misfit = 0.0
    for p in range(len(points)):
        v = vertex_of[p]
        for i in range(3):
            placed = theta[3 + i]
            for j in range(3):
                placed += R[i, j] * skinned[v, j]
            misfit += (points[p, i] - placed) ** 2
    return 0.5 * misfit


def arguments(quick: bool) -> Arguments:
    """Random bones; of a vertex's weights four are not zero. Every point has its vertex, so some share one."""
    count, measured = (50, 60) if quick else (544, 1000)
    rng = np.random.default_rng(23)
    parents = np.array([-1, 0, *(1 if joint == 0 else 1 + 4 * f + joint for f in range(FINGERS) for joint in range(4))])
    relatives, absolutes = np.empty((BONES, 4, 4)), np.empty((BONES, 4, 4))
    for b in range(BONES):
        relatives[b] = joint_rotation(*rng.normal(0.0, 0.5, 2))
        relatives[b, :3, 3] = rng.normal(0.0, 0.5, 3)
        absolutes[b] = relatives[b] if parents[b] < 0 else absolutes[parents[b]] @ relatives[b]
    weights = np.zeros((count, BONES))
    for v in range(count):
        weights[v, rng.choice(BONES, 4, replace=False)] = rng.dirichlet(np.ones(4))
    theta = np.concatenate((rng.normal(0.0, 0.5, 6), rng.normal(0.0, 0.3, 4 * FINGERS)))
    vertices, points = rng.standard_normal((count, 3)), rng.standard_normal((measured, 3))
    vertex_of = rng.integers(0, count, measured)
    return theta, parents, relatives, np.linalg.inv(absolutes), vertices, weights, points, vertex_of


# ---- by hand: a transform is the upper three rows of its matrix ---------------------------------------------------


@fast
def product(a, i, b, j, out, k):
    """`out[k] = a[i] @ b[j]` of transforms."""
    for r in range(3):
        for c in range(4):
            out[k, r, c] = a[i, r, 0] * b[j, 0, c] + a[i, r, 1] * b[j, 1, c] + a[i, r, 2] * b[j, 2, c]
        out[k, r, 3] += a[i, r, 3]


@fast
def product_left(d_out, k, b, j, d_a, i):
    """What `product` does to the derivative of its left factor, added up."""
    for r in range(3):
        for c in range(3):
            for t in range(4):
                d_a[i, r, c] += d_out[k, r, t] * b[j, c, t]
        d_a[i, r, 3] += d_out[k, r, 3]


@fast
def gradient_by_hand(theta, parents, relatives, inverse_absolutes, vertices, weights, points, vertex_of):
    bones, count = len(parents), len(vertices)
    joints = np.zeros((bones, 3, 4))
    posed, absolutes = np.empty((bones, 3, 4)), np.empty((bones, 3, 4))
    transforms = np.empty((bones, 3, 4))
    cx, sx, cz, sz = np.ones(bones), np.zeros(bones), np.ones(bones), np.zeros(bones)
    for finger in range(FINGERS):
        for joint in range(JOINTS):
            b = 2 + 4 * finger + joint
            at = 6 + 4 * finger + joint + (joint > 0)
            cx[b], sx[b] = math.cos(theta[at]), math.sin(theta[at])
            if joint == 0:
                cz[b], sz[b] = math.cos(theta[at + 1]), math.sin(theta[at + 1])
    for b in range(bones):
        joints[b, 0, 0], joints[b, 0, 1], joints[b, 0, 2] = cz[b], -sz[b] * cx[b], sz[b] * sx[b]
        joints[b, 1, 0], joints[b, 1, 1], joints[b, 1, 2] = sz[b], cz[b] * cx[b], -cz[b] * sx[b]
        joints[b, 2, 1], joints[b, 2, 2] = sx[b], cx[b]
        product(relatives, b, joints, b, posed, b)
        if parents[b] >= 0:
            product(absolutes, parents[b], posed, b, absolutes, b)
        else:
            absolutes[b] = posed[b]
        product(absolutes, b, inverse_absolutes, b, transforms, b)
    R = rotation_of(theta[:3])

    # points go forward and back at once, vertices too: only vertices that a point belongs to matter
    skinned, d_placed, used = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros(count)
    for p in range(len(points)):
        used[vertex_of[p]] += 1.0
        for i in range(3):
            d_placed[vertex_of[p], i] += theta[3 + i] - points[p, i]
    d_theta, d_R, d_transforms = np.zeros_like(theta), np.zeros((3, 3)), np.zeros((bones, 3, 4))
    for v in range(count):
        if used[v] == 0.0:
            continue
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        s0, s1, s2 = 0.0, 0.0, 0.0
        for b in range(bones):
            T, w = transforms[b], weights[v, b]
            s0 += w * (T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3])
            s1 += w * (T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3])
            s2 += w * (T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3])
        d0, d1, d2 = 0.0, 0.0, 0.0
        for i in range(3):
            by_placed = d_placed[v, i] + used[v] * (R[i, 0] * s0 + R[i, 1] * s1 + R[i, 2] * s2)
            d_theta[3 + i] += by_placed
            d_R[i, 0] += by_placed * s0
            d_R[i, 1] += by_placed * s1
            d_R[i, 2] += by_placed * s2
            d0 += by_placed * R[i, 0]
            d1 += by_placed * R[i, 1]
            d2 += by_placed * R[i, 2]
        for b in range(bones):
            D, w = d_transforms[b], weights[v, b]
            for i, by_skinned in enumerate((w * d0, w * d1, w * d2)):
                D[i, 0] += by_skinned * x
                D[i, 1] += by_skinned * y
                D[i, 2] += by_skinned * z
                D[i, 3] += by_skinned

    d_absolutes = np.zeros((bones, 3, 4))
    d_posed, d_joint = np.empty((bones, 3, 4)), np.empty((3, 3))
    for b in range(bones - 1, -1, -1):
        product_left(d_transforms, b, inverse_absolutes, b, d_absolutes, b)
        if parents[b] >= 0:
            product_left(d_absolutes, b, posed, b, d_absolutes, parents[b])
            A = absolutes[parents[b]]
            for r in range(3):
                for c in range(3):
                    d_posed[b, r, c] = 0.0
                    for t in range(3):
                        d_posed[b, r, c] += A[t, r] * d_absolutes[b, t, c]
        else:
            d_posed[b] = d_absolutes[b]
        for r in range(3):
            for c in range(3):
                d_joint[r, c] = 0.0
                for t in range(3):
                    d_joint[r, c] += relatives[b, t, r] * d_posed[b, t, c]
        finger, joint = (b - 2) // 4, (b - 2) % 4
        if b < 2 or joint == JOINTS:
            continue
        at = 6 + 4 * finger + joint + (joint > 0)
        d_theta[at] = (
            sz[b] * (d_joint[0, 1] * sx[b] + d_joint[0, 2] * cx[b])
            - cz[b] * (d_joint[1, 1] * sx[b] + d_joint[1, 2] * cx[b])
            + d_joint[2, 1] * cx[b] - d_joint[2, 2] * sx[b]
        )  # fmt: skip
        if joint == 0:
            d_theta[at + 1] = (
                cz[b] * (d_joint[1, 0] - d_joint[0, 1] * cx[b] + d_joint[0, 2] * sx[b])
                - sz[b] * (d_joint[0, 0] + d_joint[1, 1] * cx[b] - d_joint[1, 2] * sx[b])
            )  # fmt: skip
    rotation_back(theta, R, d_R, d_theta)
    return d_theta


@fast
def rotation_back(theta, R, d_R, d_theta):
    """From the rotation to its axis times angle: R = c I + (1 - c) n nᵀ + s [n]."""
    angle = math.sqrt(theta[0] ** 2 + theta[1] ** 2 + theta[2] ** 2)
    if angle < 1e-4:
        return
    n = theta[:3] / angle
    s, c = math.sin(angle), math.cos(angle)
    turn = np.array([d_R[2, 1] - d_R[1, 2], d_R[0, 2] - d_R[2, 0], d_R[1, 0] - d_R[0, 1]])
    d_n = s * turn
    square = 0.0
    for i in range(3):
        for j in range(3):
            d_n[i] += (1.0 - c) * (d_R[i, j] + d_R[j, i]) * n[j]
            square += d_R[i, j] * n[i] * n[j]
    trace = d_R[0, 0] + d_R[1, 1] + d_R[2, 2]
    by_angle = s * (square - trace) + c * (n[0] * turn[0] + n[1] * turn[1] + n[2] * turn[2])
    radial = n[0] * d_n[0] + n[1] * d_n[1] + n[2] * d_n[2]
    for i in range(3):
        d_theta[i] = (d_n[i] - radial * n[i]) / angle + by_angle * n[i]


def hand(args: Arguments) -> Thunk:
    return lambda: gradient_by_hand(*args)


def hand_saved(args: Arguments) -> int:
    # sines, cosines; the posed, absolute and final transforms; points: their sums and number a vertex
    return 8 * (4 * BONES + 3 * 12 * BONES + 4 * len(args[4]))


# ---- peers: all vertices at once, bones in Python -----------------------------------------------------------------


def in_arrays(np, matrix, theta, parents, relatives, inverse_absolutes, vertices, weights, points, vertex_of):
    """In any library with NumPy's names; `matrix` makes one of rows of numbers. `parents` is a NumPy array."""

    def joint(flexion, abduction):
        cx, sx, cz, sz = np.cos(flexion), np.sin(flexion), np.cos(abduction), np.sin(abduction)
        return matrix([[cz, -sz * cx, sz * sx, 0], [sz, cz * cx, -cz * sx, 0], [0, sx, cx, 0], [0, 0, 0, 1]])

    straight = 0.0 * theta[0]
    posed = [relatives[b] for b in range(BONES)]
    for finger in range(FINGERS):
        at, bone = 6 + 4 * finger, 2 + 4 * finger
        posed[bone] = posed[bone] @ joint(theta[at], theta[at + 1])
        posed[bone + 1] = posed[bone + 1] @ joint(theta[at + 2], straight)
        posed[bone + 2] = posed[bone + 2] @ joint(theta[at + 3], straight)
    absolutes = []
    for b in range(BONES):
        absolutes.append(posed[b] if parents[b] < 0 else absolutes[parents[b]] @ posed[b])
    transforms = np.stack(absolutes) @ inverse_absolutes
    moved = np.einsum("bij,vj->vbi", transforms[:, :3, :3], vertices) + transforms[:, :3, 3]
    skinned = np.sum(moved * weights[:, :, None], 1)
    angle = np.sqrt(np.sum(theta[:3] * theta[:3]))
    x, y, z = (theta[i] / angle for i in range(3))
    s, c = np.sin(angle), np.cos(angle)
    R = matrix([
        [x * x + (1.0 - x * x) * c, x * y * (1.0 - c) - z * s, x * z * (1.0 - c) + y * s],
        [x * y * (1.0 - c) + z * s, y * y + (1.0 - y * y) * c, y * z * (1.0 - c) - x * s],
        [x * z * (1.0 - c) - y * s, z * y * (1.0 - c) + x * s, z * z + (1.0 - z * z) * c],
    ])  # fmt: skip
    difference = points - (skinned @ R.T + theta[3:6])[vertex_of]
    return 0.5 * np.sum(difference * difference)


def by_jax(args: Arguments) -> Thunk:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    theta, parents, *data = args

    @jax.jit
    @jax.grad
    def gradient(theta, *data):
        return in_arrays(jnp, jnp.array, theta, parents, *data)

    given = tuple(map(jnp.asarray, (theta, *data)))
    return lambda: jax.block_until_ready(gradient(*given))


def by_torch(args: Arguments) -> Thunk:
    import torch

    theta, parents, *data = args
    parameter = torch.from_numpy(theta).requires_grad_()
    given = tuple(map(torch.from_numpy, data))

    def matrix(rows):
        as_tensors = [torch.as_tensor(entry, dtype=torch.float64) for row in rows for entry in row]
        return torch.stack(as_tensors).reshape(len(rows), -1)

    return lambda: torch.autograd.grad(in_arrays(torch, matrix, parameter, parents, *given), parameter)[0]


def by_autograd(args: Arguments) -> Thunk:
    import autograd.numpy as anp
    from autograd import grad

    theta, *data = args
    gradient = grad(lambda theta: in_arrays(anp, anp.array, theta, *data))
    return lambda: gradient(theta)


# Tangent is left out: its gradient of `x[indices]` counts an index that occurs several times once, as do vertices here.
WORKLOADS = (
    Workload(
        name="hand_tracking",
        kind="loop",
        function=hand_tracking,
        wrt=0,
        arguments=arguments,
        hand=hand,
        hand_saved=hand_saved,
        peers={"jax": by_jax, "torch": by_torch, "autograd": by_autograd},
    ),
)

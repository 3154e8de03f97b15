"""Slices that reach beyond the array, or may: how long each is says nothing of how long another is."""

import numpy as np

from tests.programs.registry import case

FOUR = np.array([0.3, -0.7, 0.25, 0.9])


@case(FOUR, 2)
@case(FOUR[:3], 2)
@case(FOUR[:2], 2)
def two_constant_slices(x, n):
    u = x * 1.0
    g = x[:2] * 2.0
    for _ in range(n):
        u[:2] = g
        u[:3] = np.sin(u[:3])
    return np.sum(u * u)


@case(FOUR, 1)
def the_whole_and_a_reversed_part(x, n):
    u = x * x + 0.5
    v = u[1:]
    w = u[::-1]
    for _ in range(n):
        v -= (0.5 + u[:-1]) * u[:-1]
        u[0:4] -= 0.5 * w[::-1] + 1.0
        u[3:0:-1] *= (0.5 + u[:-1]) * u[:1]
    return np.sum(u * u * np.cos(u))


@case(FOUR, 1)
@case(FOUR[:3], 1)
def the_whole_and_what_comes_before(x, n):
    u = x * x + 0.5
    for i in range(n + 1):
        u[0:4] = u + 1.0
        u[1:] /= u[:-1] + 3.0
        u[:n] *= u[:1]
    return np.sum(u * u * np.cos(u))


@case(FOUR, 2)
@case(FOUR[:3], 2)
def longer_than_the_array(x, n):
    u = x * 1.0
    for i in range(n):
        u[:7] = np.sin(u[-7:]) * u[:5]
        u[-3:] *= u[-3:]
        u[-6:-2] *= 0.5
        u[i : i + 3] += 0.1 * x[i : i + 3]
    return np.sum(u * u)


@case(FOUR, 3)
def windows_that_run_out(x, n):
    s = 0.0
    kept = x * 1.0
    for i in range(n):
        a = kept[i : i + 2] * x[i : i + 2]
        b = kept[2 * i : 2 * i + 3] * 0.5
        kept[2 * i : 2 * i + 3] = np.sin(b)
        s += np.sum(a * a) + np.sum(b) ** 2
    return s + np.sum(kept)


@case(np.outer(FOUR, FOUR), 2)
@case(np.outer(FOUR[:2], FOUR[:3]), 2)
def boxes(x, n):
    u = x * 1.0
    g = x[:2, :2] * 2.0
    for _ in range(n):
        u[:2, :2] = g * u[:2, :2]
        u[:3, :3] = np.sin(u[:3, :3])
        u[:9] *= 0.5
        u[:, 1:5] += 0.1 * u[:, 1:7]
    return np.sum(u * u)


@case(FOUR, 2.0)
@case(np.zeros(0), 2.0)
@case(np.zeros(0), 2.0, name="compiled", compiled=True)
def first_of_none(x, c):
    u = x * 1.0
    u[:1] *= c
    v = u[::-1]
    v[:1] += 0.5
    return np.sum(u * u) + c * c


@case(FOUR, 4)
@case(FOUR, 6)
@case(FOUR[:2], 4)
def up_to_a_counter_from_the_end(x, n):
    s = 0.0
    for k in range(1, n):
        s += np.sum(x[:-k] * x[k:]) + np.sum(x[-k:])
    return s


@case(FOUR, 4)
@case(FOUR[:2], 4)
def from_an_end_that_only_a_run_tells(x, n):
    s = 0.0
    for k in range(n):
        s += np.sum(x[:-k] * 2.0) + np.sum(x[: k - 1] * 0.3) + np.sum(x[k:-1]) * np.sum(x[: -1 - k])
    return s


@case(FOUR)
@case(FOUR[:3])
@case(FOUR[:2])
def a_length_less_a_constant(x):
    y = np.sin(x[: len(x) - 3]) * 2.0
    z = np.sin(x[: len(x) - 2]) * 2.0
    return np.sum(y) + np.sum(z) * np.sum(x[: len(x) - 1] * 3.0)


@case(FOUR)
@case(FOUR[:2])
def less_a_counter(x):
    s = 0.0
    n = len(x)
    for k in range(1, 4):
        s += np.sum(x[: n - k] * 2.0)
    for k in range(1, n):
        s += x[: n - k] @ x[k:]
    return s


@case(FOUR)
@case(FOUR[:2])
def stores_up_to_a_counter_from_the_end(x):
    u = x * 1.0
    for k in range(3, 0, -1):
        u[:-k] *= 0.7
        u[: k - 2] *= 0.3
        u[k:] += u[:-k] * 0.6
        u[:-k] = u[k:] * 0.5
    return np.sum(u * u)


@case(np.array([[0.2, 0.5, -0.4], [0.9, -0.1, 0.6], [0.35, 0.8, 0.15]]))
def blocks_up_to_a_counter_from_the_end(A):
    B = A * A
    for k in range(1, 3):
        B[:-k, k:] += B[k:, :-k] * 0.5
        B[:, :-k] *= 0.5
    return np.sum(B * B)

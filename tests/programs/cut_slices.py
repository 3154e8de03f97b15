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

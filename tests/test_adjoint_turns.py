"""Kernels that write into their arguments, with loops whose turns are taken back at once, and some that are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import srcad

R = np.random.default_rng(5)


def residuals(x, w, out):
    for i in range(x.shape[0]):
        e = math.exp(x[i] * w[0])
        out[i] = math.sin(e) * w[1]


def scratch_of_the_caller(x, w, out, t):
    for i in range(x.shape[0]):
        for j in range(t.shape[0]):
            t[j] = math.exp(x[i] * w[j])
        s = 0.0
        for j in range(t.shape[0]):
            s += t[j] * t[j] * math.sin(t[j])
        out[i] = s


def histogram(x, w, out):
    for i in range(x.shape[0]):
        out[i % 3] += math.sin(math.exp(x[i] * w[0]))


def overwritten(x, w, out):
    for i in range(x.shape[0]):
        out[i] = math.exp(out[i] * w[0]) * math.sin(x[i])
        out[i] = out[i] * out[i]


def changed_after_the_loop(x, w, out):
    """What the loop gives goes into an argument, which is then changed as a whole."""
    t = 0.0
    for e in x:
        t += math.sin(e)
    x[1] += t * w[0]
    x[:] = x * 2.0


def passed_on_by_two_loops(x, w, out):
    t = 0.0
    for e in x:
        t += math.sin(e) * w[1]
    s = t * t
    for i in range(out.shape[0]):
        s += math.exp(out[i])
    out[2] = s + t


def written_only_after_the_loop(x, w, out):
    t = 1.0
    for e in w:
        t *= e
    if t > 0.0:
        x[0] = t
    else:
        x[0] *= t
        out[1:] = t


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(
    ("kernel", "more"),
    [
        (residuals, (5,)),
        (scratch_of_the_caller, (5, 2)),
        (histogram, (3,)),
        (overwritten, (5,)),
        (changed_after_the_loop, (5,)),
        (passed_on_by_two_loops, (5,)),
        (written_only_after_the_loop, (5,)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_against_differences(kernel: Any, more: tuple[int, ...], target: str) -> None:
    arrays = [R.normal(size=5), R.normal(size=2) * 0.5, *(R.normal(size=n) for n in more)]
    seeds = [R.normal(size=a.shape) for a in arrays]

    def seen(values: list[Any]) -> float:
        held = [v.copy() for v in values]
        kernel(*held)
        return float(sum(np.sum(s * h) for s, h in zip(seeds, held, strict=True)))

    left = [a.copy() for a in arrays]
    buffers = [s.copy() for s in seeds]
    srcad.adjoint(kernel, argnums=tuple(range(len(arrays))), target=target)(*left, *buffers)
    plain = [a.copy() for a in arrays]
    kernel(*plain)
    for have, want in zip(left, plain, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-13)
    for k, (array, found) in enumerate(zip(arrays, buffers, strict=True)):
        for place in range(array.size):
            step = 1e-6
            ends = []
            for sign in (1.0, -1.0):
                moved = [a.copy() for a in arrays]
                moved[k][place] += sign * step
                ends.append(seen(moved))
            want = (ends[0] - ends[1]) / (2 * step)
            assert abs(found[place] - want) < 1e-6 * (1.0 + abs(want)), (kernel.__name__, k, place)

"""A smoke test of an installed srcad: a loop, a branch, arrays in place, compiled; a refusal; a file."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import srcad


def f(x, steps):
    u = x.copy()
    total = 0.0
    for _ in range(steps):
        for i in range(1, len(u)):
            u[i] = np.sin(u[i]) * u[i - 1]
        if u[-1] > 0.1:
            total += np.sum(u**2)
    return total


def refused(x):
    with open(x) as file:
        return float(file.read())


x = np.linspace(0.5, 1.5, 6)
for target in ("python", "cpu"):
    print(srcad.check_grad(f, x, 3, target=target))
try:
    srcad.grad(refused)(1.0)
except srcad.UnsupportedError as error:
    assert "S105" in str(error)
else:
    raise AssertionError("not refused")
with tempfile.TemporaryDirectory() as folder:
    df = srcad.grad(f)
    df(x, 3)
    df.save(Path(folder) / "f_grad.py")
    sys.path.insert(0, folder)
    import f_grad

    assert np.allclose(f_grad.f_grad(x, 3), df(x, 3))

"""Groundwater on a GPU: how well the ground conducts is found from the levels in a few wells.

Water spreads from a pumping well. The function is written for arrays and has no kernel in it: called with arrays on the
device, its loops and those of its gradient are kernels. Without `--gpu` it runs in Numba's simulator, on any machine:

    python examples/cuda_groundwater.py --size 5 --steps 2 --descents 1
"""

import os
import sys
from typing import Annotated

import numpy as np
import typer

import srcad

if "--gpu" not in sys.argv:
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read when Numba is imported
from numba import cuda


def levels(conductivity, source, steps):
    """The water levels after some steps, explicit in time; the border stays at 0."""
    n, m = conductivity.shape
    level = np.zeros((n, m))
    for _ in range(steps):
        new = np.zeros((n, m))
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                here, k = level[i, j], conductivity[i, j]
                flow = (k + conductivity[i - 1, j]) * (level[i - 1, j] - here)
                flow += (k + conductivity[i + 1, j]) * (level[i + 1, j] - here)
                flow += (k + conductivity[i, j - 1]) * (level[i, j - 1] - here)
                flow += (k + conductivity[i, j + 1]) * (level[i, j + 1] - here)
                new[i, j] = here + 0.5 * flow + source[i, j]
        level = new
    return level


def misfit(logarithm, source, wells, measured, steps, smoothness):
    """Of the levels in the wells, and a penalty for ground that changes from cell to cell."""
    level = levels(np.exp(logarithm), source, steps)
    total = 0.0
    for k in range(wells.shape[0]):
        total += (level[wells[k, 0], wells[k, 1]] - measured[k]) ** 2
    rough = np.sum((logarithm[1:] - logarithm[:-1]) ** 2) + np.sum((logarithm[:, 1:] - logarithm[:, :-1]) ** 2)
    return total + smoothness * rough


def main(
    size: Annotated[int, typer.Option(help="Cells along each side.")] = 6,
    steps: Annotated[int, typer.Option(help="Time steps.")] = 2,
    descents: Annotated[int, typer.Option(help="Steps of gradient descent.")] = 2,
    gpu: Annotated[bool, typer.Option(help="Run on a GPU, not in the simulator.")] = False,
) -> None:
    rng = np.random.default_rng(1)
    source = np.zeros((size, size))
    source[size // 2, size // 3] = 1.0
    truth = -2.5 + 0.5 * np.sin(np.linspace(0.0, 3.0, size))[:, None] * np.ones(size)
    wells = rng.integers(1, size - 1, (2 * size, 2))
    measured = levels(np.exp(truth), source, steps)[wells[:, 0], wells[:, 1]]

    device = srcad.value_and_grad(misfit, "logarithm", target="cuda", deterministic=True)
    given = [cuda.to_device(x) for x in (source, wells, measured)]
    logarithm = np.full((size, size), -2.5)

    # the same function on the host
    value, gradient = device(cuda.to_device(logarithm), *given, steps, 1e-4)
    expected, wanted = srcad.value_and_grad(misfit, "logarithm", target="python")(
        logarithm, source, wells, measured, steps, 1e-4
    )
    assert np.isclose(value, expected, rtol=1e-9)
    assert np.allclose(gradient.copy_to_host(), wanted, atol=1e-12)

    first, rate = value, 0.2 / np.max(np.abs(wanted))
    for _ in range(descents):
        moved = logarithm - rate * gradient.copy_to_host()
        new_value, new_gradient = device(cuda.to_device(moved), *given, steps, 1e-4)
        if new_value < value:
            logarithm, value, gradient, rate = moved, new_value, new_gradient, 1.5 * rate
        else:
            rate *= 0.3
    print(f"misfit {first:.2e}, after {descents} steps {value:.2e}")
    assert value < first


if __name__ == "__main__":
    typer.run(main)

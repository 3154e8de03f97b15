"""A spreading population on a GPU: its rates are found from how it looks at the end, by the adjoint of the time step.

Fisher's equation on a periodic square, explicit in time. Each step is a launch of a kernel, and so is its reversal: the
host keeps the states. Without `--gpu` it runs in Numba's simulator, on any machine:

    python examples/cuda_reaction_diffusion.py --size 10 --steps 4
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

BLOCK = (8, 8)


@cuda.jit
def step(u, new, growth, diffusion):
    """One step of growth and diffusion, in units of the time step and the width of a cell."""
    i, j = cuda.grid(2)
    n, m = u.shape
    if i < n and j < m:
        around = u[(i - 1) % n, j] + u[(i + 1) % n, j] + u[i, (j - 1) % m] + u[i, (j + 1) % m]
        here = u[i, j]
        new[i, j] = here + diffusion * (around - 4.0 * here) + growth * here * (1.0 - here)


def simulated(start, steps, rates):
    """The states, on the device."""
    blocks = tuple((length + b - 1) // b for length, b in zip(start.shape, BLOCK, strict=True))
    states = [cuda.to_device(start)]
    for _ in range(steps):
        states.append(cuda.device_array_like(states[-1]))
        step[blocks, BLOCK](states[-2], states[-1], *rates)
    return states, blocks


def misfit_and_gradient(adjoint, start, steps, rates, target):
    """The squared distance from the target, and its gradient with respect to the rates."""
    states, blocks = simulated(start, steps, rates)
    error = states[-1].copy_to_host() - target
    d_new = cuda.to_device(2.0 * error)
    d_growth, d_diffusion = cuda.to_device(np.zeros(1)), cuda.to_device(np.zeros(1))
    for at in range(steps - 1, -1, -1):
        d_u = cuda.to_device(np.zeros_like(target))
        scratch = cuda.device_array_like(states[at])  # the kernel writes its state again
        adjoint[blocks, BLOCK](states[at], scratch, *rates, d_u, d_new, d_growth, d_diffusion)
        d_new = d_u
    return float(np.sum(error**2)), np.array([d_growth.copy_to_host()[0], d_diffusion.copy_to_host()[0]])


def main(
    size: Annotated[int, typer.Option(help="Cells along each side.")] = 12,
    steps: Annotated[int, typer.Option(help="Time steps.")] = 5,
    gradients: Annotated[int, typer.Option(help="Gradients, at most: each is one iteration of BFGS.")] = 18,
    gpu: Annotated[bool, typer.Option(help="Run on a GPU, not in the simulator.")] = False,
    plot: Annotated[bool, typer.Option(help="Save reaction_diffusion.png, with matplotlib.")] = False,
) -> None:
    place = np.linspace(-3.0, 3.0, size)
    start = 0.6 * np.exp(-(place[:, None] ** 2 + (place[None, :] - 0.5) ** 2))
    truth = np.array([0.30, 0.12])
    target = simulated(start, steps, truth)[0][-1].copy_to_host()

    arguments = (start, start, 0.1, 0.05)
    adjoint = srcad.adjoint(step, ("u", "new", "growth", "diffusion"), target="cuda").kernel(*arguments)
    rates = np.array([0.15, 0.05])
    misfit, slope = misfit_and_gradient(adjoint, start, steps, rates, target)

    # the gradient against a difference
    moved = rates + 1e-6 * np.array([1.0, -1.0])
    difference = (misfit_and_gradient(adjoint, start, steps, moved, target)[0] - misfit) / 1e-6
    assert abs(difference - (slope[0] - slope[1])) < 1e-3 * abs(difference)

    curvature = np.eye(2) * np.linalg.norm(slope) / 0.05  # the first step is 0.05 long
    for _ in range(gradients):
        proposed = rates - np.linalg.solve(curvature, slope)
        new_misfit, new_slope = misfit_and_gradient(adjoint, start, steps, proposed, target)
        move, change = proposed - rates, new_slope - slope
        if move @ change > 0.0:
            stretched = curvature @ move
            curvature += np.outer(change, change) / (move @ change)
            curvature -= np.outer(stretched, stretched) / (move @ stretched)
        rates, misfit, slope = proposed, new_misfit, new_slope
        if misfit < 1e-12:
            break
    print(f"growth {rates[0]:.4f}, diffusion {rates[1]:.4f}, misfit {misfit:.1e}")
    assert np.allclose(rates, truth, atol=1e-3)
    if plot:
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(1, 2, figsize=(7, 3))
        for axis, values, title in zip(axes, (start, target), ("before", f"after {steps} steps"), strict=True):
            axis.imshow(values, vmin=0.0, vmax=1.0)
            axis.set_title(title)
        figure.savefig("reaction_diffusion.png", dpi=120)


if __name__ == "__main__":
    typer.run(main)

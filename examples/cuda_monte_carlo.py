"""An Asian option on a GPU: the price and its sensitivities, each by one launch.

The kernel simulates paths, a few for each thread, and adds up the payoffs of a block in shared memory. Its adjoint is a
kernel too. Without `--gpu` it runs in Numba's simulator, on any machine:

    python examples/cuda_monte_carlo.py --paths 64
"""

import math
import os
import sys
from typing import Annotated

import numpy as np
import typer

import srcad

if "--gpu" not in sys.argv:
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read when Numba is imported
from numba import cuda, float64

THREADS = 16


@cuda.jit(device=True)
def grown(price, rate, volatility, dt, normal):
    """The price of an asset a time step later."""
    return price * math.exp((rate - 0.5 * volatility * volatility) * dt + volatility * math.sqrt(dt) * normal)


@cuda.jit
def asian_option(normals, spot, strike, rate, volatility, value):
    """Adds to `value` the price of a call on the average over a year. Each column of `normals` is a path."""
    payoffs = cuda.shared.array(THREADS, float64)
    steps, paths = normals.shape
    own = 0.0
    for path in range(cuda.grid(1), paths, cuda.gridsize(1)):
        price = spot
        average = 0.0
        for k in range(steps):
            price = grown(price, rate, volatility, 1.0 / steps, normals[k, path])
            average += price / steps
        own += math.exp(-rate) * max(average - strike, 0.0) / paths
    t = cuda.threadIdx.x
    payoffs[t] = own
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            payoffs[t] += payoffs[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        cuda.atomic.add(value, 0, payoffs[0])


def main(
    paths: Annotated[int, typer.Option(help="Paths.")] = 256,
    steps: Annotated[int, typer.Option(help="Time steps of each.")] = 12,
    gpu: Annotated[bool, typer.Option(help="Run on a GPU, not in the simulator.")] = False,
) -> None:
    market = (100.0, 100.0, 0.03, 0.25)  # spot, strike, rate, volatility
    blocks = min(256, (paths + THREADS - 1) // THREADS) if gpu else 2
    normals = np.random.default_rng(0).standard_normal((steps, paths))
    names = ("spot", "strike", "rate", "volatility")

    adjoint = srcad.adjoint(asian_option, (*names, "value"), target="cuda").kernel(normals, *market, np.zeros(1))
    value, slopes = np.zeros(1), [np.zeros(1) for _ in names]
    adjoint[blocks, THREADS](normals, *market, value, *slopes, np.ones(1))
    print(
        f"value {value[0]:.4f}",
        *(f"d_{name} {slope[0]:.4f}" for name, slope in zip(names, slopes, strict=True)),
        sep="  ",
    )

    # against differences, with the same paths
    for at, (name, slope) in enumerate(zip(names, slopes, strict=True)):
        ends = []
        for sign in (1.0, -1.0):
            moved = [x + sign * 1e-5 * (k == at) for k, x in enumerate(market)]
            ends.append(np.zeros(1))
            asian_option[blocks, THREADS](normals, *moved, ends[-1])
        difference = (ends[0][0] - ends[1][0]) / 2e-5
        assert abs(difference - slope[0]) < 1e-4 * max(1.0, abs(difference)), name


if __name__ == "__main__":
    typer.run(main)

"""The delta of a call option by Monte Carlo on a GPU: each thread differentiates the payoff of one path.

Without `--gpu` it runs in Numba's simulator, on any machine:

    python examples/cuda_pathwise_delta.py --paths 500
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
from numba import cuda

STEPS = 16


def discounted_payoff(z, spot, strike, rate, volatility):
    """Of the path with these normal increments, over one year."""
    price = spot
    for k in range(STEPS):
        drift = (rate - 0.5 * volatility * volatility) / STEPS
        price *= math.exp(drift + volatility * math.sqrt(1.0 / STEPS) * z[k])
    return math.exp(-rate) * max(price - strike, 0.0)


def black_scholes_delta(spot, strike, rate, volatility):
    d1 = (math.log(spot / strike) + rate + 0.5 * volatility**2) / volatility
    return 0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0)))


def main(
    paths: Annotated[int, typer.Option(help="Paths, each of one thread.")] = 2000,
    gpu: Annotated[bool, typer.Option(help="Run on a GPU, not in the simulator.")] = False,
) -> None:
    market = (100.0, 105.0, 0.03, 0.25)  # spot, strike, rate, volatility
    z = np.random.default_rng(0).standard_normal((paths, STEPS))
    delta = np.zeros(paths)

    # each row of z has STEPS numbers: no index is out of bounds
    gradient = srcad.adjoint(discounted_payoff, "spot", target="cuda", boundscheck=False)
    device = gradient.device(z[0], *market)

    @cuda.jit
    def kernel(z, spot, strike, rate, volatility, delta):
        path = cuda.grid(1)
        if path < z.shape[0]:
            delta[path] = device(z[path], spot, strike, rate, volatility)

    threads = 128
    kernel[(paths + threads - 1) // threads, threads](z, *market, delta)
    error = delta.std() / math.sqrt(paths)
    exact = black_scholes_delta(*market)
    print(f"delta {delta.mean():.4f} ± {error:.4f}, by the formula {exact:.4f}")
    assert abs(delta.mean() - exact) < 4.0 * error


if __name__ == "__main__":
    typer.run(main)

"""Forces of a cluster of stars, as the gradient of its energy: on one thread, and on several.

    python examples/n_body_threads.py [--bodies 3000] [--threads 2] [--plot FILE]

The energy is a sum over all pairs, so its gradient adds to both stars of a pair: two threads may add to the same one.
Each block of iterations has forces of its own, which are added in the order of the blocks. Equal calls give equal bits,
whatever the number of threads.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time

import numba
import numpy as np

import srcad


def energy(position, mass):
    """Of gravity, softened at short distances."""
    total = 0.0
    for i in range(len(position)):
        for j in range(i):
            dx = position[i, 0] - position[j, 0]
            dy = position[i, 1] - position[j, 1]
            dz = position[i, 2] - position[j, 2]
            total -= mass[i] * mass[j] / math.sqrt(dx * dx + dy * dy + dz * dz + 0.01)
    return total


def cluster(bodies: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions like those of a Plummer sphere, without its far stars, and masses that sum to one."""
    rng = np.random.default_rng(0)
    radius = 1.0 / np.sqrt(rng.uniform(0.05, 1.0, bodies) ** (-2.0 / 3.0) - 0.9)
    direction = rng.normal(size=(bodies, 3))
    return radius[:, None] * direction / np.linalg.norm(direction, axis=1)[:, None], np.full(bodies, 1.0 / bodies)


def seconds(slope: srcad.derivative.Derivative, args: tuple[np.ndarray, ...], counts: list[int]) -> dict[int, float]:
    """The median of nine calls by number of threads; they take turns."""
    taken: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(9):
        for count in counts:
            numba.set_num_threads(count)
            started = time.perf_counter()
            slope(*args)
            taken[count].append(time.perf_counter() - started)
    return {count: statistics.median(each) for count, each in taken.items()}


def orbits(slope: srcad.derivative.Derivative, position: np.ndarray, mass: np.ndarray, steps: int) -> np.ndarray:
    """The positions after each step of the leapfrog, from rest."""
    found, velocity, dt = [position], np.zeros_like(position), 0.05
    force = -slope(position, mass)
    for _ in range(steps):
        velocity = velocity + 0.5 * dt * force / mass[:, None]
        position = position + dt * velocity
        force = -slope(position, mass)
        velocity = velocity + 0.5 * dt * force / mass[:, None]
        found.append(position)
    return np.array(found)


def plot(path: np.ndarray, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained", sharex=True, sharey=True)
    for ax, at, title in zip(axes, (0, -1), ("at rest", f"after {len(path) - 1} steps"), strict=True):
        ax.plot(path[at, :, 0], path[at, :, 1], ".", markersize=2, color="0.2")
        ax.set(title=title, xlabel="x", xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    for star in range(0, path.shape[1], max(1, path.shape[1] // 12)):
        axes[1].plot(path[:, star, 0], path[:, star, 1], linewidth=0.8)
    axes[0].set_ylabel("y")
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bodies", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=min(2, numba.config.NUMBA_NUM_THREADS))
    parser.add_argument("--plot", metavar="FILE")
    asked = parser.parse_args()
    slope = srcad.grad(energy, parallel=True)
    args = cluster(asked.bodies)
    bits = []
    for count in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(count)
        bits.append(slope(*args).tobytes())
    print(f"{asked.bodies} stars; equal bits at 1 to {len(bits)} threads: {len(set(bits)) == 1}")
    taken = seconds(slope, args, sorted({1, asked.threads}))
    for count, call in taken.items():
        print(f"threads: {count}   {1e3 * call:7.1f} ms   ratio {taken[1] / call:.2f}")
    if asked.plot:
        plot(orbits(slope, *args, steps=40), asked.plot)


if __name__ == "__main__":
    main()

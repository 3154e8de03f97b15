"""Where did it start? Recovers the initial state of a 2-D reaction-diffusion model from what it became.

The model is Fisher and Kolmogorov's, of a population that spreads and grows, stepped in place on one array by two
plain loops. The gradient of the misfit with respect to all the cells of the initial state costs a few runs of the
model, whatever their number; gradient descent on it recovers the picture the simulation had forgotten.

    python examples/fisher_kpp.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

import srcad

Floats = NDArray[np.float64]

OUTPUT = Path(__file__).resolve().parent / "output"
KAPPA, RATE, DT, TURNS = 0.8, 0.6, 0.1, 40


def fisher_kpp(u0, kappa, rate, dt, steps):
    """The population after `steps` time steps; its border stays as it is."""
    rows, cols = u0.shape
    u = u0.copy()
    lap = np.zeros_like(u0)
    for step in range(steps):
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                u[i, j] += dt * (kappa * lap[i, j] + rate * u[i, j] * (1.0 - u[i, j]))
    return u


def misfit(u0, kappa, rate, dt, steps, observed):
    """Half the squared distance between the final population and the observed one."""
    difference = fisher_kpp(u0, kappa, rate, dt, steps) - observed
    return 0.5 * np.sum(difference * difference)


simulate = srcad.jit(fisher_kpp)
misfit_and_gradient = srcad.value_and_grad(misfit, argnums="u0")


def settlement(size: int) -> Floats:
    """A ring and a square of population in an empty land."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1.0)
    distance = np.hypot(x - 0.4, y - 0.42)
    u = np.where((distance > 0.14) & (distance < 0.24), 0.8, 0.05)
    u[int(0.62 * size) : int(0.8 * size), int(0.62 * size) : int(0.8 * size)] = 0.6
    return u


def recover(observed: Floats, descents: int) -> tuple[Floats, list[float]]:
    """Gradient descent with momentum (Nesterov's) from the observed state itself; the state and the misfits."""
    u = observed.copy()
    ahead, misfits = u, []
    for turn in track(range(descents), description="recovering"):
        value, gradient = misfit_and_gradient(ahead, KAPPA, RATE, DT, TURNS, observed)
        misfits.append(float(value))
        before, u = u, np.clip(ahead - 0.05 * gradient, 0.0, 1.0)
        ahead = u + turn / (turn + 3.0) * (u - before)
    return u, misfits


def picture(truth: Floats, observed: Floats, recovered: Floats, misfits: list[float], file: Path) -> None:
    figure, panels = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
    shown = {"initial state": truth, "observed later": observed, "initial state, recovered": recovered}
    for panel, (title, u) in zip(panels, shown.items(), strict=False):
        image = panel.imshow(u, vmin=0.0, vmax=1.0, cmap="viridis")
        panel.set(title=title, xticks=[], yticks=[])
    figure.colorbar(image, ax=panels[:3], shrink=0.8, label="population")
    panels[3].semilogy(misfits)
    panels[3].set(title="misfit", xlabel="descent step")
    figure.savefig(file, dpi=150)
    plt.close(figure)


def main(
    size: Annotated[int, typer.Option(min=8, help="cells along each side")] = 64,
    descents: Annotated[int, typer.Option(min=1, help="steps of gradient descent")] = 300,
) -> None:
    """Recover the initial state of a reaction-diffusion simulation by gradient descent."""
    OUTPUT.mkdir(exist_ok=True)
    truth = settlement(size)
    observed = simulate(truth, KAPPA, RATE, DT, TURNS)
    recovered, misfits = recover(observed, descents)
    file = OUTPUT / "fisher_kpp.png"
    picture(truth, observed, recovered, misfits, file)
    print(f"misfit {misfits[0]:.3e} -> {misfits[-1]:.3e}")
    for name, guess in (("observed state", observed), ("recovered state", recovered)):
        error = np.linalg.norm(guess - truth) / np.linalg.norm(truth)
        print(f"relative distance of the {name:<15} from the true initial state: {error:.3f}")
    print(f"picture: {file}")


if __name__ == "__main__":
    typer.run(main)

"""A scalar loop with a branch: how much does each input still count at the end?

An integrator leaks, and saturates softly above a limit. The gradient with respect to the inputs shows the memory
fading, and how every passage above the limit, where the branch is taken, makes it forget ten times faster.

    python examples/leaky_integrator.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np

import srcad

OUTPUT = Path(__file__).resolve().parent / "output"


def leaky_integrator(x, decay, limit):
    acc = 0.0
    for i in range(len(x)):
        acc = decay * acc + x[i]
        if acc > limit:
            acc = limit + 0.1 * (acc - limit)
    return acc * acc


leaky_integrator_grad = srcad.grad(leaky_integrator, argnums=("x", "decay", "limit"))


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(2)
    x, decay, limit = rng.normal(0.06, 0.3, 40), 0.95, 1.0

    d_x, d_decay, d_limit = leaky_integrator_grad(x, decay, limit)
    print(leaky_integrator_grad.source)
    print(f"d_decay {d_decay:.6f}, d_limit {d_limit:.6f}")
    print(srcad.check_grad(leaky_integrator, x, decay, limit, argnums=("x", "decay", "limit")))

    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7, 5), layout="constrained")
    above.bar(np.arange(x.size), x, color="0.6")
    above.set(ylabel="input x[i]", title="A leaky integrator that saturates")
    below.bar(np.arange(x.size), d_x, color="tab:blue")
    below.set(yscale="log", xlabel="i", ylabel="d result / d x[i]")
    file = OUTPUT / "leaky_integrator.png"
    figure.savefig(file, dpi=150)
    print(f"picture: {file}")


if __name__ == "__main__":
    main()

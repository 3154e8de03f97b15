"""A network whose structure is decided while it runs, on a tape.

The model computes `linear(x1) + x2 * sigmoid(gate(x3))`, and leaves the sigmoid out where a coin shows tails. The tape
records what is executed. Two structures occur, so two gradients are generated, whatever the number of steps.

    python examples/tape_coin_flip.py --steps 400
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

import srcad
from srcad.tape.program import PROGRAMS


class Linear(srcad.Module):
    """`W x + b`."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        self.W = srcad.Tensor(rng.normal(0.0, inputs**-0.5, (outputs, inputs)), requires_grad=True)
        self.b = srcad.Tensor(np.zeros(outputs), requires_grad=True)

    def forward(self, x):
        return self.W @ x + self.b


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Model(srcad.Module):
    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.linear = Linear(size, size, rng)
        self.gate = Linear(size, size, rng)

    def forward(self, x1, x2, x3, heads):
        opened = self.gate(x3)
        maybe_sigmoid = sigmoid(opened) if heads else opened
        return self.linear(x1) + x2 * maybe_sigmoid


def main(
    steps: Annotated[int, typer.Option(min=1, help="training steps")] = 400,
    seed: Annotated[int, typer.Option(help="of the weights, the data and the coin")] = 0,
) -> None:
    """Fit the model to data that another one has made, with the same coin."""
    rng = np.random.default_rng(seed)
    model, wanted = Model(5, rng), Model(5, rng)
    for step in range(steps):
        x1, x2, x3 = rng.normal(size=(3, 5))
        heads = rng.random() > 0.5
        with srcad.Tape() as tape:
            result = model(x1, x2, x3, heads)
            with srcad.no_grad():
                target = wanted(x1, x2, x3, heads)
            loss = np.mean((result - target) ** 2)
        tape.backward()
        with srcad.no_grad():
            for parameter in model.parameters():
                parameter -= 0.2 * parameter.grad
        model.zero_grad()
        if step % max(1, steps // 8) == 0:
            print(f"step {step:4d}   loss {loss:.6f}")
    print(tape.source)
    print(f"{steps} steps, {PROGRAMS.made} gradients generated")


if __name__ == "__main__":
    typer.run(main)

"""Logistic regression on handwritten digits; beside it PyTorch trains the same model.

The model has one weight for each pixel and digit. The picture shows the losses of both, and the weights as images: red
pixels speak for a digit, blue ones against it.

    python examples/logistic_regression.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import training
import typer

import srcad
from srcad import nn

RATE, MOMENTUM, BATCH = 0.1, 0.9, 64
PENALTY = 1e-3  # of the squares of the weights: without it those of pixels that are never dark stay as they began


def ours(seed: int):
    """The training, and the parameters, which each step changes."""
    params = nn.dense_parameters(np.random.default_rng(seed), 64, 10, dtype=np.float32)

    def loss(params, images, labels):
        errors = nn.multinomial_logistic(nn.dense(params, images), labels)
        return errors + PENALTY * np.sum(params["weights"] ** 2)

    loss_and_gradient = srcad.value_and_grad(loss)
    optimiser = srcad.optim.sgd(RATE, MOMENTUM)
    state = optimiser.start(params)

    def step(images, labels):
        value, gradient = loss_and_gradient(params, images, labels)
        optimiser.update(params, gradient, state)
        return value

    return training.Trainee(step, lambda images: nn.dense(params, images)), params


def theirs(params) -> training.Trainee:
    """The same in PyTorch."""
    from torch import nn, optim

    def loss(module, images, labels):
        return nn.functional.cross_entropy(module(images), labels) + PENALTY * (module.weight**2).sum()

    return training.in_torch(
        nn.Linear(64, 10), [params], loss, lambda weights: optim.SGD(weights, RATE, MOMENTUM, fused=True)
    )


def plot(losses, weights, folder: Path) -> None:
    """The losses, and the weights of each digit as an image."""
    figure = plt.figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subfigures(1, 2)
    training.plot_losses(left.subplots(), losses)
    largest = np.max(np.abs(weights))
    images = weights.T.reshape(-1, 8, 8)
    training.show_images(right.subplots(2, 5).ravel(), images, "0123456789", cmap="RdBu_r", vmin=-largest, vmax=largest)
    training.save(figure, folder, "logistic_regression.png")


def main(
    epochs: Annotated[int, typer.Option(min=1, help="how often each image is seen")] = 60,
    seed: Annotated[int, typer.Option(help="of the weights, the test images and the batches")] = 0,
    torch: Annotated[bool, typer.Option(help="train the same model in PyTorch too")] = True,
    pictures: Annotated[Path, typer.Option(help="the folder of the picture")] = training.OUTPUT,
) -> None:
    """Train both, and compare their accuracy and their speed."""
    data = training.digits(seed)
    mine, params = ours(seed)
    trainees = training.both(mine, lambda: theirs(params), torch)
    losses = training.train(trainees, data, epochs, BATCH, seed)
    plot(losses, params["weights"], pictures)
    batch = data.train[0][:BATCH], data.train[1][:BATCH]
    training.compare(trainees, batch, {"test accuracy": training.accuracies(trainees, data)})


if __name__ == "__main__":
    typer.run(main)

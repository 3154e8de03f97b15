"""A network of two dense layers learns to read digits; beside it PyTorch trains the same network.

Both begin with the same weights and see the same batches. The picture shows the losses of both and digits misread.

    python examples/mlp.py
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

RATE, BATCH = 1e-3, 64


def ours(hidden: int, seed: int) -> tuple[training.Trainee, list[training.Parameters]]:
    """The network and its training; the parameters are changed in place by each step."""
    network, params = nn.neural_network(64, [hidden, 10], "relu", classifier=True, seed=seed, dtype=np.float32)

    def loss(params, images, labels):
        return nn.multinomial_logistic(network(params, images), labels)

    loss_and_gradient = srcad.value_and_grad(loss)
    optimiser = srcad.optim.adam(RATE)
    state = optimiser.start(params)

    def step(images, labels):
        value, gradient = loss_and_gradient(params, images, labels)
        optimiser.update(params, gradient, state)
        return value

    return training.Trainee(step, lambda images: network(params, images)), params


def theirs(hidden: int, params: list[training.Parameters]) -> training.Trainee:
    """The same in PyTorch."""
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))

    def loss(module, images, labels):
        return torch.nn.functional.cross_entropy(module(images), labels)

    return training.in_torch(module, params, loss, lambda weights: torch.optim.Adam(weights, RATE, fused=True))


def plot(losses, images, labels, scores, folder: Path) -> None:
    """The losses, and the test images that ours misread, of which it was most certain first."""
    wrong = np.flatnonzero(np.argmax(scores, axis=1) != labels)
    wrong = wrong[np.argsort(scores[wrong, labels[wrong]] - np.max(scores[wrong], axis=1))][:8]
    figure = plt.figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subfigures(1, 2)
    training.plot_losses(left.subplots(), losses)
    titles = [f"{labels[i]} read as {np.argmax(scores[i])}" for i in wrong]
    training.show_images(right.subplots(2, 4).ravel(), images[wrong].reshape(-1, 8, 8), titles)
    training.save(figure, folder, "mlp.png")


def main(
    epochs: Annotated[int, typer.Option(min=1, help="how often each image is seen")] = 60,
    hidden: Annotated[int, typer.Option(min=1, help="size of the hidden layer")] = 128,
    seed: Annotated[int, typer.Option(help="of the weights, the test images and the batches")] = 0,
    torch: Annotated[bool, typer.Option(help="train the same network in PyTorch too")] = True,
    pictures: Annotated[Path, typer.Option(help="the folder of the picture")] = training.OUTPUT,
) -> None:
    """Train both, and compare their accuracy and their speed."""
    data = training.digits(seed)
    mine, params = ours(hidden, seed)
    trainees = training.both(mine, lambda: theirs(hidden, params), torch)
    losses = training.train(trainees, data, epochs, BATCH, seed)
    plot(losses, *data.test, mine.predict(data.test[0]), pictures)
    batch = data.train[0][:BATCH], data.train[1][:BATCH]
    training.compare(trainees, batch, {"test accuracy": training.accuracies(trainees, data)})


if __name__ == "__main__":
    typer.run(main)

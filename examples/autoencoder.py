"""An autoencoder draws digits from two numbers each; beside it PyTorch trains the same network.

The picture shows the losses of both, the plane of the two numbers with the digits of the test in it, coloured by what
they are (which the network is never told), and some of these digits above what is drawn from their two numbers.

    python examples/autoencoder.py
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

RATE, BATCH = 2e-3, 64


def ours(hidden: int, seed: int):
    """The training, the function from images to pairs of numbers, and the parameters, which each step changes."""
    rng = np.random.default_rng(seed)
    encode, inward = nn.neural_network(64, [hidden, 2], ["tanh", "identity"], seed=rng, dtype=np.float32)
    decode, outward = nn.neural_network(2, [hidden, 64], ["tanh", "sigmoid"], seed=rng, dtype=np.float32)
    params = {"encoder": inward, "decoder": outward}

    def network(params, images):
        return decode(params["decoder"], encode(params["encoder"], images))

    def loss(params, images):
        return nn.least_squares(network(params, images), images)

    loss_and_gradient = srcad.value_and_grad(loss)
    optimiser = srcad.optim.adam(RATE)
    state = optimiser.start(params)

    def step(images, labels):
        value, gradient = loss_and_gradient(params, images)
        optimiser.update(params, gradient, state)
        return value

    return training.Trainee(step, lambda images: network(params, images)), encode, params


def theirs(hidden: int, params) -> training.Trainee:
    """The same in PyTorch."""
    from torch import nn, optim

    module = nn.Sequential(
        *(nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, 2)),
        *(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 64), nn.Sigmoid()),
    )

    def loss(module, images, labels):
        return nn.functional.mse_loss(module(images), images)

    layers = params["encoder"] + params["decoder"]
    return training.in_torch(module, layers, loss, lambda weights: optim.Adam(weights, RATE, fused=True))


def plot(losses, images, labels, drawn, plane, folder: Path) -> None:
    """The losses, the plane, and ten digits above what is drawn of them."""
    figure = plt.figure(figsize=(9, 4.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(3, 1.3))
    left, right = above.subplots(1, 2)
    training.plot_losses(left, losses)
    for digit in range(10):
        right.scatter(*plane[labels == digit].T, s=9, color=plt.cm.tab10(digit), label=str(digit))
    right.legend(fontsize=7, ncols=2, handletextpad=0.1, columnspacing=0.5)
    one_of_each = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
    pairs = np.concatenate([images[one_of_each], drawn[one_of_each]]).reshape(-1, 8, 8)
    training.show_images(below.subplots(2, 10).ravel(), pairs, vmin=0.0, vmax=1.0)
    training.save(figure, folder, "autoencoder.png")


def main(
    epochs: Annotated[int, typer.Option(min=1, help="how often each image is seen")] = 200,
    hidden: Annotated[int, typer.Option(min=1, help="size of the hidden layers")] = 128,
    seed: Annotated[int, typer.Option(help="of the weights, the test images and the batches")] = 0,
    torch: Annotated[bool, typer.Option(help="train the same network in PyTorch too")] = True,
    pictures: Annotated[Path, typer.Option(help="the folder of the picture")] = training.OUTPUT,
) -> None:
    """Train both, and compare what they draw with what they saw, and their speed."""
    data = training.digits(seed)
    mine, encode, params = ours(hidden, seed)
    trainees = training.both(mine, lambda: theirs(hidden, params), torch)
    losses = training.train(trainees, data, epochs, BATCH, seed)
    images, labels = data.test
    plot(losses, images, labels, mine.predict(images), encode(params["encoder"], images), pictures)
    errors = [f"{np.mean((trainee.predict(images) - images) ** 2):.5f}" for trainee in trainees.values()]
    training.compare(trainees, (data.train[0][:BATCH], data.train[1][:BATCH]), {"mean squared error, test": errors})


if __name__ == "__main__":
    typer.run(main)

"""A network of convolutions learns to read digits; beside it PyTorch trains the same network.

The picture shows the losses of both, the kernels of the first layer, and what they make of a digit.

    python examples/cnn.py
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

RATE, BATCH, CHANNELS = 2e-3, 64, (16, 32)


def ours(seed: int):
    """The training, the function that gives the maps of features, and the parameters, which each step changes."""
    rng = np.random.default_rng(seed)
    maps, kernels = nn.spatial_network(1, CHANNELS, poolings=2, paddings=1, seed=rng, dtype=np.float32)
    scores, weights = nn.neural_network(4 * CHANNELS[1], [10], classifier=True, seed=rng, dtype=np.float32)
    params = {"kernels": kernels, "weights": weights}

    def network(params, images):
        features = maps(params["kernels"], images.reshape(-1, 1, 8, 8))
        return scores(params["weights"], features.reshape(len(images), -1))

    def loss(params, images, labels):
        return nn.multinomial_logistic(network(params, images), labels)

    loss_and_gradient = srcad.value_and_grad(loss)
    predict = srcad.jit(network)
    optimiser = srcad.optim.adam(RATE)
    state = optimiser.start(params)

    def step(images, labels):
        value, gradient = loss_and_gradient(params, images, labels)
        optimiser.update(params, gradient, state)
        return value

    return training.Trainee(step, lambda images: predict(params, images)), params


def theirs(params) -> training.Trainee:
    """The same in PyTorch."""
    from torch import nn, optim

    module = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, CHANNELS[0], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(*CHANNELS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(4 * CHANNELS[1], 10)),
    )

    def loss(module, images, labels):
        return nn.functional.cross_entropy(module(images), labels)

    layers = params["kernels"] + params["weights"]
    return training.in_torch(module, layers, loss, lambda weights: optim.Adam(weights, RATE, fused=True))


def plot(losses, first, image, folder: Path) -> None:
    """The losses, the kernels of the first layer, and the digit as each of them sees it."""
    seen = nn.relu(nn.conv2d(first, image.reshape(1, 1, 8, 8), padding=1))[0]
    figure = plt.figure(figsize=(9, 3.2), layout="constrained")
    left, middle, right = figure.subfigures(1, 3)
    training.plot_losses(left.subplots(), losses)
    training.show_images(middle.subplots(4, 4).ravel(), first["kernel"][:, 0], cmap="RdBu")
    middle.suptitle("kernels of the first layer", fontsize=9)
    training.show_images(right.subplots(4, 4).ravel(), seen)
    right.suptitle("what they make of a digit", fontsize=9)
    training.save(figure, folder, "cnn.png")


def main(
    epochs: Annotated[int, typer.Option(min=1, help="how often each image is seen")] = 40,
    seed: Annotated[int, typer.Option(help="of the weights, the test images and the batches")] = 0,
    torch: Annotated[bool, typer.Option(help="train the same network in PyTorch too")] = True,
    pictures: Annotated[Path, typer.Option(help="the folder of the picture")] = training.OUTPUT,
) -> None:
    """Train both, and compare their accuracy and their speed."""
    data = training.digits(seed)
    mine, params = ours(seed)
    trainees = training.both(mine, lambda: theirs(params), torch)
    losses = training.train(trainees, data, epochs, BATCH, seed)
    plot(losses, params["kernels"][0], data.test[0][0], pictures)
    batch = data.train[0][:BATCH], data.train[1][:BATCH]
    training.compare(trainees, batch, {"test accuracy": training.accuracies(trainees, data)})


if __name__ == "__main__":
    typer.run(main)

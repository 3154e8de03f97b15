"""What the examples on scikit-learn's digits share: the data, the training, PyTorch's twin, the comparison, the plots.

An example gives what is trained as a `Trainee`, a step on a batch and the predictions; `in_torch` makes one of the same
model in PyTorch, which begins with the same weights and gets the same batches.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

# Products this small gain nothing from several threads, and lose much where cores are shared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from sklearn.datasets import load_digits

Array = NDArray[Any]
Parameters = dict[str, Array]

OUTPUT = Path(__file__).resolve().parent / "output"
OURS, THEIRS = "srcad", "PyTorch"
COMPARED_STEPS = 10  # the losses of later ones differ by more than rounding: training amplifies it
LARGEST_DIFFERENCE = 1e-4  # of these losses, relative, in float32
console = Console()


@dataclass(frozen=True)
class Digits:
    """Images of handwritten digits as (images, 64) numbers from 0 to 1 in float32, and which digits they are."""

    train: tuple[Array, Array]
    test: tuple[Array, Array]


@dataclass(frozen=True)
class Trainee:
    """What is trained: a step on images and labels, which returns their loss, and what it says of images."""

    step: Callable[[Array, Array], float]
    predict: Callable[[Array], Array]


Trainees = dict[str, Trainee]


def digits(seed: int, share: float = 0.2) -> Digits:
    """The 1,797 digits of scikit-learn in a random order, of which a share is kept for the test."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = (images[order] / 16.0).astype(np.float32), labels[order]
    kept = round(share * len(images))
    return Digits((images[kept:], labels[kept:]), (images[:kept], labels[:kept]))


def both(ours: Trainee, theirs: Callable[[], Trainee], with_torch: bool) -> Trainees:
    """Ours, and the twin in PyTorch, which is made only where it is wanted and PyTorch is installed."""
    if with_torch and importlib.util.find_spec("torch") is not None:
        return {OURS: ours, THEIRS: theirs()}
    console.print("PyTorch is not installed: srcad trains alone" if with_torch else "srcad trains alone")
    return {OURS: ours}


def in_torch(
    module: Any, layers: list[Parameters], loss: Callable[[Any, Any, Any], Any], optimiser: Callable[[Any], Any]
) -> Trainee:
    """A module of PyTorch whose layers get our weights: `layers`, in the order of the module's layers that have any."""
    import torch

    torch.set_num_threads(1)  # as of OpenBLAS, for the same reason; `compare` tries more
    own = [layer for layer in module.modules() if hasattr(layer, "weight")]
    with torch.no_grad():
        for layer, params in zip(own, layers, strict=True):
            weight = params["kernel"] if "kernel" in params else params["weights"].T
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(params["bias"]))
    method = optimiser(module.parameters())

    def step(images: Array, labels: Array) -> float:
        method.zero_grad()
        value = loss(module, torch.from_numpy(images), torch.from_numpy(labels))
        value.backward()
        method.step()
        return float(value.item())

    def predict(images: Array) -> Array:
        with torch.no_grad():
            return np.asarray(module(torch.from_numpy(images)))

    return Trainee(step, predict)


def train(trainees: Trainees, data: Digits, epochs: int, batch: int, seed: int) -> dict[str, list[float]]:
    """The losses of all steps of each. All see the same batches, those of an epoch in random order."""
    images, labels = data.train
    rng = np.random.default_rng(seed)
    losses: dict[str, list[float]] = {name: [] for name in trainees}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    started = time.perf_counter()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=epochs * (len(images) // batch), loss=np.nan)
        for epoch in range(epochs):
            order = rng.permutation(len(images))
            for at in range(0, len(images) - batch + 1, batch):
                chosen = order[at : at + batch]
                for name, trainee in trainees.items():
                    losses[name].append(trainee.step(images[chosen], labels[chosen]))
                if epoch == at == 0:
                    console.print(f"first step, compiling included: {time.perf_counter() - started:.1f} s")
                progress.update(task, advance=1, loss=np.mean(losses[OURS][-50:]))
    console.print(f"training: {time.perf_counter() - started:.1f} s")
    compare_losses(losses)
    return losses


def compare_losses(losses: dict[str, list[float]]) -> None:
    """Print how much the first losses of PyTorch differ from ours; and stop where it is more than rounding."""
    if THEIRS in losses:
        ours, theirs = (np.array(losses[name][:COMPARED_STEPS]) for name in (OURS, THEIRS))
        worst = float(np.max(np.abs(ours - theirs) / np.abs(theirs)))
        console.print(f"losses of the first {len(ours)} steps: largest relative difference {worst:.1e}")
        if not worst < LARGEST_DIFFERENCE:
            raise SystemExit("that is more than rounding")


def accuracies(trainees: Trainees, data: Digits) -> list[str]:
    """The share of the test images of which the largest of ten scores is that of the label, for each trainee."""
    images, labels = data.test
    found = [np.mean(np.argmax(trainee.predict(images), axis=-1) == labels) for trainee in trainees.values()]
    return [f"{100.0 * share:.2f} %" for share in found]


def times_of_a_step(trainees: Trainees, images: Array, labels: Array, rounds: int = 51) -> dict[str, float]:
    """Seconds of a step (value, gradient and update) on a batch: medians of interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in trainees}
    for _ in range(rounds):
        for name, trainee in trainees.items():
            trainee.step(images, labels)  # what the other one has put out of the cache
            started = time.perf_counter()
            for _ in range(5):
                trainee.step(images, labels)
            times[name].append((time.perf_counter() - started) / 5)
    return {name: statistics.median(values) for name, values in times.items()}


def choose_threads(trainees: Trainees, images: Array, labels: Array) -> None:
    """Let PyTorch use as many threads as there are cores, or one, whichever makes a step quicker."""
    if THEIRS in trainees:
        import torch

        times = {}
        for threads in (os.cpu_count() or 1, 1):
            torch.set_num_threads(threads)
            times[threads] = times_of_a_step({THEIRS: trainees[THEIRS]}, images, labels, rounds=7)[THEIRS]
            console.print(f"PyTorch, threads: {threads}, a step: {1e6 * times[threads]:.0f} µs")
        torch.set_num_threads(min(times, key=times.__getitem__))


def compare(trainees: Trainees, batch: tuple[Array, Array], scores: dict[str, list[str]]) -> None:
    """Print a table of what is scored (for each score, that of each trainee) and of the time of a step on a batch.

    The steps change the parameters: this comes last.
    """
    choose_threads(trainees, *batch)
    times = times_of_a_step(trainees, *batch)
    table = Table("", *trainees)
    for name, values in scores.items():
        table.add_row(name, *values)
    table.add_row("step", *(f"{1e6 * times[name]:.0f} µs" for name in trainees))
    console.print(table)
    if THEIRS in trainees:
        console.print(f"a step of srcad is {times[THEIRS] / times[OURS]:.2f} times as fast as one of PyTorch")


def plot_losses(axes: Axes, losses: dict[str, list[float]]) -> None:
    """The losses of all steps, averaged over some; ours is dashed, since they often lie on one another."""
    for (name, values), style in zip(reversed(losses.items()), ("-", "--"), strict=False):
        window = max(1, len(values) // 60)
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        axes.plot(np.arange(len(smooth)) + window - 1, smooth, style, label=name, linewidth=1.2)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend()


def show_images(axes: Any, images: Array, titles: Iterable[str] = (), **how: Any) -> None:
    """Small images without ticks, one in each of the axes; axes that are left over stay empty."""
    for one in axes:
        one.set_axis_off()
    for one, image, title in zip_longest(axes[: len(images)], images, titles, fillvalue=""):
        one.imshow(image, **{"cmap": "gray_r"} | how)
        one.set_title(title, fontsize=8, pad=2)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a picture to a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / name, dpi=80)
    plt.close(figure)
    console.print(f"picture: {folder / name}")

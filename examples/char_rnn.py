"""A character-level recurrent network learns to write Python from the source of Python's own standard library.

`loss` below is a plain forward loop in NumPy; its gradient by backpropagation through time comes from
`srcad.value_and_grad`. The run ends with a sample of text, a plot of the loss, the generated gradient saved as a
readable file, and a comparison, in value and in time, with the backpropagation written by hand in char_rnn_bptt.py.

    python examples/char_rnn.py --steps 20000 --hidden 128
"""

from __future__ import annotations

import os
import statistics
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

# Products this small gain nothing from several threads, and lose much where cores are shared. Both gradients use BLAS.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import char_rnn_bptt
import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

import srcad

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Weights = tuple[Floats, ...]

WEIGHTS = ("W_in", "W_h", "b_h", "W_out", "b_out")
HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "output"
GENERATED = OUTPUT / "char_rnn_grad.py"
PASSAGE = 20  # chunks read in order
LARGEST_DIFFERENCE = 1e-10
console = Console()


def loss(W_in, W_h, b_h, W_out, b_out, h_start, inputs, targets):
    """Mean cross-entropy of predicting each of `targets` from the characters up to it, and the last hidden state."""
    steps = len(inputs)
    hs = np.empty((steps + 1, b_h.size))
    hs[0] = h_start
    total = 0.0
    for t in range(steps):
        hs[t + 1] = np.tanh(W_in[inputs[t]] + W_h @ hs[t] + b_h)
        scores = W_out @ hs[t + 1] + b_out
        top = np.max(scores)
        total += top + np.log(np.sum(np.exp(scores - top))) - scores[targets[t]]
    return total / steps, hs[steps]


loss_and_gradient = srcad.value_and_grad(loss, argnums=WEIGHTS, has_aux=True)
Gradient = Callable[..., tuple[tuple[float, Floats], Weights]]


def standard_library() -> tuple[Integers, str]:
    """The top-level modules of the standard library as character numbers, and the alphabet they count in."""
    modules = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    text = "\n".join(module.read_text(encoding="utf-8", errors="ignore") for module in modules)
    text = "".join(c for c in text if c == "\n" or " " <= c <= "~")
    alphabet = "".join(sorted(set(text)))
    number = np.zeros(128, dtype=np.int64)
    number[[ord(c) for c in alphabet]] = np.arange(len(alphabet))
    return number[np.frombuffer(text.encode("ascii"), dtype=np.uint8)], alphabet


def initial_weights(characters: int, hidden: int, rng: np.random.Generator) -> Weights:
    return (
        rng.normal(0.0, 0.1, (characters, hidden)),
        rng.normal(0.0, 1.0 / np.sqrt(hidden), (hidden, hidden)),
        np.zeros(hidden),
        rng.normal(0.0, 1.0 / np.sqrt(hidden), (characters, hidden)),
        np.zeros(characters),
    )


class Adam:
    """Adam (Kingma and Ba, 2015), with the gradient's norm clipped, in place on a tuple of weights."""

    def __init__(self, weights: Weights, rate: float = 2e-3, longest: float = 5.0) -> None:
        self.weights, self.rate, self.longest = weights, rate, longest
        self.mean = tuple(np.zeros_like(w) for w in weights)
        self.square = tuple(np.zeros_like(w) for w in weights)
        self.turn = 0

    def update(self, gradient: Weights) -> None:
        self.turn += 1
        norm = np.sqrt(sum(float(np.vdot(g, g)) for g in gradient))
        scale = min(1.0, self.longest / (norm + 1e-12))
        rate = self.rate * np.sqrt(1.0 - 0.999**self.turn) / (1.0 - 0.9**self.turn)
        for w, g, mean, square in zip(self.weights, gradient, self.mean, self.square, strict=True):
            g = scale * g
            mean += 0.1 * (g - mean)
            square += 0.001 * (g * g - square)
            w -= rate * mean / (np.sqrt(square) + 1e-8)


def training_step(gradient_of: Gradient, optimiser: Adam, h: Floats, chunk: Integers) -> tuple[float, Floats]:
    """One step of truncated backpropagation through time on `chunk`: its loss, and the state to go on from."""
    (value, h_last), gradient = gradient_of(*optimiser.weights, h, chunk[:-1], chunk[1:])
    optimiser.update(gradient)
    return value, h_last


def train(text: Integers, weights: Weights, steps: int, seq_length: int, rng: np.random.Generator) -> list[float]:
    """Train in place and return the losses. Passages of the text are read from random places, chunk by chunk: within
    a passage the hidden state is carried on, though its gradient is not."""
    optimiser = Adam(weights)
    losses: list[float] = []
    columns = (
        TextColumn("training"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TextColumn("{task.fields[speed]:,.0f} characters/s"),
        TimeRemainingColumn(),
    )
    smooth = np.log(weights[-1].size)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=steps, loss=smooth, speed=0.0)
        started = time.perf_counter()
        for step in range(steps):
            if step % PASSAGE == 0:
                at, h = int(rng.integers(text.size - PASSAGE * seq_length)), np.zeros_like(weights[2])
            value, h = training_step(loss_and_gradient, optimiser, h, text[at : at + seq_length + 1])
            at += seq_length
            losses.append(value)
            smooth += (value - smooth) / min(step + 1, 100)
            if step == 0:
                console.print(f"first step, compiling included: {time.perf_counter() - started:.1f} s")
                started = time.perf_counter()
            speed = step * seq_length / (time.perf_counter() - started)
            progress.update(task, advance=1, loss=smooth, speed=speed)
    return losses


def sample(weights: Weights, alphabet: str, length: int, rng: np.random.Generator, temperature: float = 0.7) -> str:
    """Text the network writes after a newline."""
    W_in, W_h, b_h, W_out, b_out = weights
    h, character, written = np.zeros_like(b_h), alphabet.index("\n"), []
    for _ in range(length):
        h = np.tanh(W_in[character] + W_h @ h + b_h)
        scores = (W_out @ h + b_out) / temperature
        weight = np.exp(scores - np.max(scores))
        character = int(rng.choice(len(alphabet), p=weight / np.sum(weight)))
        written.append(alphabet[character])
    return "".join(written)


def plot(losses: list[float], file: Path) -> None:
    window = max(1, len(losses) // 100)
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(losses, color="0.85", linewidth=0.5, label="each step")
    axes.plot(np.arange(smooth.size) + window - 1, smooth, color="tab:blue", label=f"mean of {window} steps")
    axes.set(xlabel="step", ylabel="cross-entropy per character (nats)", title="Learning to write Python")
    axes.legend()
    figure.savefig(file, dpi=150)
    plt.close(figure)


def compare_gradients(weights: Weights, h: Floats, chunk: Integers) -> float:
    """Print the relative difference between the generated and the hand-written gradient; the largest."""
    (value, _), generated = loss_and_gradient(*weights, h, chunk[:-1], chunk[1:])
    (by_hand_value, _), by_hand = char_rnn_bptt.loss_and_gradient(*weights, h, chunk[:-1], chunk[1:])
    table = Table("", "largest entry", "relative difference", title="generated gradient against hand-written BPTT")
    worst = abs(value - by_hand_value) / abs(by_hand_value)
    table.add_row("loss", f"{by_hand_value:.6f}", f"{worst:.1e}")
    for name, ours, theirs in zip(WEIGHTS, generated, by_hand, strict=True):
        largest = float(np.max(np.abs(theirs)))
        difference = float(np.max(np.abs(ours - theirs))) / largest
        worst = max(worst, difference)
        table.add_row(f"d{name}", f"{largest:.6f}", f"{difference:.1e}")
    console.print(table)
    return worst


def compare_times(weights: Weights, h: Floats, chunk: Integers, rounds: int = 31, repeats: int = 5) -> None:
    """Print the time of a training step with either gradient: medians of interleaved rounds, in one run."""
    gradients = {"hand-written NumPy": char_rnn_bptt.loss_and_gradient, "srcad": loss_and_gradient}
    optimisers = {name: Adam(tuple(w.copy() for w in weights)) for name in gradients}
    times: dict[str, list[float]] = {name: [] for name in gradients}
    for _ in range(rounds):
        for name, gradient_of in gradients.items():
            started = time.perf_counter()
            for _ in range(repeats):
                training_step(gradient_of, optimisers[name], h, chunk)
            times[name].append((time.perf_counter() - started) / repeats)
    medians = {name: statistics.median(values) for name, values in times.items()}
    by_hand, ours = medians["hand-written NumPy"], medians["srcad"]
    for name, median in medians.items():
        console.print(f"training step, {name:<18} {1e3 * median:8.3f} ms (median of {rounds} interleaved rounds)")
    console.print(f"srcad is {by_hand / ours:.2f} times as fast as the hand-written NumPy step")


def main(
    steps: Annotated[int, typer.Option(min=1, help="training steps")] = 20_000,
    hidden: Annotated[int, typer.Option(min=1, help="size of the hidden state")] = 128,
    seq_length: Annotated[int, typer.Option(min=1, max=10_000, help="characters between truncations")] = 64,
    seed: Annotated[int, typer.Option(help="of the weights and the sampled text")] = 0,
) -> None:
    """Train a character-level RNN on the standard library's source, with the gradient srcad generates."""
    OUTPUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    text, alphabet = standard_library()
    weights = initial_weights(len(alphabet), hidden, rng)
    size = sum(w.size for w in weights)
    console.print(f"{text.size:,} characters of Python, {len(alphabet)} different; {size:,} weights")

    losses = train(text, weights, steps, seq_length, rng)
    console.print("\nsampled text:", style="bold")
    console.print(sample(weights, alphabet, 600, rng), markup=False, highlight=False, style="green")
    plot(losses, OUTPUT / "char_rnn_loss.png")
    loss_and_gradient.save(GENERATED)
    console.print(f"\nloss plot: {OUTPUT / 'char_rnn_loss.png'}\ngenerated gradient: {GENERATED}")

    h, chunk = np.tanh(rng.normal(size=hidden)), text[: seq_length + 1]
    worst = compare_gradients(weights, h, chunk)
    console.print(f"largest relative difference: {worst:.1e} (at most {LARGEST_DIFFERENCE:.0e} is rounding)")
    compare_times(weights, h, chunk)
    if worst > LARGEST_DIFFERENCE:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

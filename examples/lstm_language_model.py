"""An LSTM language model of the standard library's source, trained beside the same model in PyTorch.

`loss` below is made of the layers of `srcad.nn` and one loop over the steps, whose gradient is truncated by
`srcad.window`. Both models begin with the same weights and see the same batches, in the same run; the run ends with the
perplexity of both on text that was held out, the time of a training step of both, a sample and a plot.

    python examples/lstm_language_model.py --updates 2000 --hidden 128
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

# Products this small gain nothing from several threads, and lose much where cores are shared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np
import typer
from char_rnn import standard_library
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

import srcad
from srcad import nn

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
State = tuple[Floats, Floats]

WINDOW = 32  # steps that a gradient looks back on
LONGEST = 5.0  # of the gradient's norm
PARTS = 4  # of a batch, which threads share out
STEP = 2e-3
OUTPUT = Path(__file__).resolve().parent / "output"
console = Console()


def loss(params, tokens, state):
    """Mean cross-entropy (nats) of tokens[1:], of shape (steps, batch), from those before, and the last state."""
    h, c = state
    gates = nn.input_gates(params["lstm"], nn.embedding(params["embedding"], tokens[:-1]))
    hs = np.empty((len(gates), h.shape[0], h.shape[1]), h.dtype)
    for t in srcad.window(range(len(gates)), every=WINDOW, cut=("h", "c")):
        h, c = nn.lstm_cell(params["lstm"], gates[t], (h, c))
        hs[t] = h
    return nn.multinomial_logistic(nn.dense(params["output"], hs), tokens[1:]), (h, c)


loss_and_gradient = srcad.value_and_grad(loss, has_aux=True)
of_parts = loss_and_gradient.batched(in_axes=(None, 1, 0))
"""The same for parts of a batch, on threads."""


def initial_weights(characters: int, features: int, hidden: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    _, lstm = nn.lstm_network(features, hidden, seed=rng, dtype=np.float32)
    _, (output,) = nn.neural_network(hidden, [characters], classifier=True, seed=rng, dtype=np.float32)
    vectors = rng.normal(0.0, 0.1, (characters, features)).astype(np.float32)
    return {"embedding": {"vectors": vectors}, "lstm": lstm, "output": output}


def zero_state(batch: int, hidden: int) -> State:
    return np.zeros((batch, hidden), np.float32), np.zeros((batch, hidden), np.float32)


def batches(text: Integers, batch: int, steps: int) -> Iterator[tuple[bool, Integers]]:
    """Without end: the next characters of all rows, one more than `steps`, and whether the rows begin anew."""
    rows = text[: text.size // batch * batch].reshape(batch, -1).T
    while True:
        for at in range(0, len(rows) - steps, steps):
            yield at == 0, np.ascontiguousarray(rows[at : at + steps + 1])


class Ours:
    """The model, its optimiser and the state that goes from batch to batch."""

    def __init__(self, params: dict[str, Any], start: State) -> None:
        batch, hidden = start[0].shape
        self.parts = math.gcd(PARTS, batch)
        h, c = (state.reshape(self.parts, -1, hidden) for state in start)
        self.params, self.start, self.state = params, (h, c), (h, c)
        self.optimiser = srcad.optim.adam(STEP)
        self.optimiser_state = self.optimiser.start(params)

    def gradient(self, state: State, tokens: Integers) -> tuple[float, State, dict[str, Any]]:
        """The loss, the state after these tokens, and the gradient."""
        (losses, state), of_each = of_parts(self.params, tokens.reshape(len(tokens), self.parts, -1), state)
        mean = {layer: {name: g.mean(axis=0) for name, g in own.items()} for layer, own in of_each.items()}
        return float(losses.mean()), state, mean

    def update(self, fresh: bool, tokens: Integers) -> float:
        value, self.state, gradient = self.gradient(self.start if fresh else self.state, tokens)
        gradient, _ = srcad.optim.clip_by_norm(gradient, LONGEST)
        self.params = self.optimiser.update(self.params, gradient, self.optimiser_state)
        return value


class Theirs:
    """The same in PyTorch: torch.nn.LSTM, one call for each window, and the fused Adam."""

    def __init__(self, params: dict[str, Any], start: State) -> None:
        import torch

        (characters, features), hidden = params["embedding"]["vectors"].shape, len(params["lstm"]["hidden"])
        self.torch = torch
        self.embedding = torch.nn.Embedding(characters, features)
        self.lstm = torch.nn.LSTM(features, hidden)
        self.output = torch.nn.Linear(hidden, characters)
        lstm = params["lstm"]
        for theirs, ours in (
            (self.embedding.weight, params["embedding"]["vectors"]),
            (self.lstm.weight_ih_l0, lstm["inputs"].T),
            (self.lstm.weight_hh_l0, lstm["hidden"].T),
            (self.lstm.bias_ih_l0, lstm["bias"]),
            (self.lstm.bias_hh_l0, np.zeros_like(lstm["bias"])),  # ours has one bias
            (self.output.weight, params["output"]["weights"].T),
            (self.output.bias, params["output"]["bias"]),
        ):
            theirs.data.copy_(torch.from_numpy(ours.copy()))
        self.lstm.bias_hh_l0.requires_grad_(False)
        modules = torch.nn.ModuleList([self.embedding, self.lstm, self.output])
        self.weights = [weight for weight in modules.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.Adam(self.weights, STEP, fused=True)
        self.start = tuple(torch.from_numpy(part[None]) for part in start)
        self.state = self.start

    def loss(self, tokens: Any, state: Any) -> tuple[Any, Any]:
        x, outputs = self.embedding(tokens[:-1]), []
        for window in x.split(WINDOW):
            hs, state = self.lstm(window, tuple(part.detach() for part in state))
            outputs.append(hs)
        scores = self.output(self.torch.cat(outputs))
        return self.torch.nn.functional.cross_entropy(scores.flatten(0, 1), tokens[1:].flatten()), state

    def update(self, fresh: bool, tokens: Integers) -> float:
        self.optimiser.zero_grad()
        value, self.state = self.loss(self.torch.from_numpy(tokens), self.start if fresh else self.state)
        value.backward()
        self.torch.nn.utils.clip_grad_norm_(self.weights, LONGEST)
        self.optimiser.step()
        return float(value.detach())

    def loss_of(self, tokens: Integers) -> float:
        with self.torch.no_grad():
            return float(self.loss(self.torch.from_numpy(tokens), self.start)[0])


def train(models: dict[str, Any], feed: Iterator[tuple[bool, Integers]], updates: int) -> dict[str, list[float]]:
    """Update all models on the same batches; the losses of each."""
    losses: dict[str, list[float]] = {name: [] for name in models}
    columns = (
        TextColumn("training"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("perplexity {task.fields[perplexity]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=updates, perplexity="-")
        for _ in range(updates):
            fresh, tokens = next(feed)
            for name, model in models.items():
                losses[name].append(model.update(fresh, tokens))
            recent = [f"{np.exp(np.mean(values[-50:])):.2f} ({name})" for name, values in losses.items()]
            progress.update(task, advance=1, perplexity=", ".join(recent))
    return losses


def sample(
    params: dict[str, Any], alphabet: str, length: int, rng: np.random.Generator, temperature: float = 0.6
) -> str:
    """Text that the model writes after a newline."""
    hidden = len(params["lstm"]["hidden"])
    state, character, written = (np.zeros(hidden, np.float32), np.zeros(hidden, np.float32)), alphabet.index("\n"), []
    for _ in range(length):
        state = nn.lstm_cell(
            params["lstm"], nn.input_gates(params["lstm"], params["embedding"]["vectors"][character]), state
        )
        weight = nn.softmax(nn.dense(params["output"], state[0]).astype(np.float64) / temperature)
        character = int(rng.choice(len(alphabet), p=weight / np.sum(weight)))
        written.append(alphabet[character])
    return "".join(written)


def compare_times(ours: Ours, theirs: Theirs, tokens: Integers, rounds: int = 15) -> None:
    """Print the time of a training step: medians of interleaved rounds. PyTorch's better number of threads counts."""

    def with_threads(count: int) -> Callable[[], object]:
        def call() -> object:
            theirs.torch.set_num_threads(count)
            return theirs.update(True, tokens)

        return call

    threads = sorted({1, theirs.torch.get_num_threads()})
    steps: dict[str, Callable[[], object]] = {"srcad": lambda: ours.update(True, tokens)}
    steps |= {f"PyTorch, {n} thread{'s' * (n > 1)}": with_threads(n) for n in threads}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            step()
            started = time.perf_counter()
            step()
            step()
            times[name].append((time.perf_counter() - started) / 2)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        console.print(f"training step, {name:<20} {1e3 * median:8.2f} ms (median of {rounds} interleaved rounds)")
    quickest = min(median for name, median in medians.items() if name != "srcad")
    console.print(f"srcad is {quickest / medians['srcad']:.2f} times as fast as PyTorch")


def plot(losses: dict[str, list[float]], file: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, values), style in zip(losses.items(), ("-", "--"), strict=False):
        window = max(1, len(values) // 60)
        smooth = np.exp(np.convolve(values, np.ones(window) / window, mode="valid"))
        axes.semilogy(np.arange(smooth.size) + window, smooth, style, label=name)
    axes.set(xlabel="update", ylabel="perplexity per character", title="An LSTM learns to write Python")
    axes.legend()
    figure.savefig(file, dpi=100)
    plt.close(figure)


def main(
    updates: Annotated[int, typer.Option(min=1, help="training steps")] = 1_500,
    features: Annotated[int, typer.Option(min=1, help="of a character's vector")] = 32,
    hidden: Annotated[int, typer.Option(min=1, help="size of the hidden state")] = 128,
    batch: Annotated[int, typer.Option(min=1, help="sequences read side by side")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="characters of each sequence in a batch")] = 64,
    torch: Annotated[bool, typer.Option(help="train the same model in PyTorch too")] = True,
    seed: Annotated[int, typer.Option(help="of the weights and the sampled text")] = 0,
) -> None:
    """Train an LSTM on the standard library's source, and compare with PyTorch."""
    OUTPUT.mkdir(exist_ok=True)
    text, alphabet = standard_library()
    held_out = text[-text.size // 20 :]
    feed = batches(text[: -held_out.size], batch, steps)
    params, start = initial_weights(len(alphabet), features, hidden, seed), zero_state(batch, hidden)
    console.print(f"{text.size:,} characters of Python, {len(alphabet)} different")
    models: dict[str, Any] = {"PyTorch": Theirs(params, start)} if torch else {}
    ours = Ours(params, start)
    models = {"srcad": ours} | models

    _, tokens = next(feed)
    started = time.perf_counter()
    ours.gradient(ours.start, tokens)
    console.print(f"first gradient, compiling included: {time.perf_counter() - started:.1f} s")
    losses = train(models, feed, updates)
    console.print("\nsampled text:", style="bold")
    console.print(
        sample(ours.params, alphabet, 400, np.random.default_rng(seed)), markup=False, highlight=False, style="green"
    )
    plot(losses, OUTPUT / "lstm_language_model.png")

    _, unseen = next(batches(held_out, batch, held_out.size // batch - 1))
    perplexity = {"srcad": np.exp(float(loss(ours.params, unseen, start)[0]))}
    if torch:
        perplexity["PyTorch"] = np.exp(models["PyTorch"].loss_of(unseen))
    for name, found in perplexity.items():
        console.print(f"perplexity of {unseen[1:].size:,} held-out characters, {name:<7} {found:8.3f}")
    if torch:
        first, theirs_first = losses["srcad"][0], losses["PyTorch"][0]
        console.print(f"loss of the first batch: srcad {first:.7f}, PyTorch {theirs_first:.7f}")
        compare_times(ours, models["PyTorch"], tokens)
        if abs(first - theirs_first) > 1e-5 * theirs_first:
            raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

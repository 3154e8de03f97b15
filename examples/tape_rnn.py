"""An LSTM on a tape: the loop over time is a Python loop, its gradient is generated once and clamped.

The network reads a sum of two sines, chunk by chunk, and predicts the next value. Within a pass the final state of a
chunk is the initial state of the next one, without its gradient (truncated backpropagation through time).

    python examples/tape_rnn.py --steps 600

With --target cpu the gradient is compiled, which takes as long as the recorded program is: a minute for this one.
"""

from __future__ import annotations

import os
import time
from typing import Annotated

# products this small gain nothing from several threads
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import typer

import srcad


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_cell(W, U, b, x, c, h):
    """A step of an LSTM (Hochreiter and Schmidhuber, 1997) with forget gates, of one input."""
    a = {gate: W[gate] @ h + U[gate] * x + b[gate] for gate in ("forget", "input", "output", "new")}
    c = sigmoid(a["forget"]) * c + sigmoid(a["input"]) * np.tanh(a["new"])
    return c, sigmoid(a["output"]) * np.tanh(c)


class Predictor(srcad.Module):
    """An LSTM, and a linear layer that reads its output."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        def weights(*shape):
            return srcad.Tensor(rng.normal(0.0, hidden**-0.5, shape), requires_grad=True)

        gates = ("forget", "input", "output", "new")
        self.W = {gate: weights(hidden, hidden) for gate in gates}
        self.U = {gate: weights(hidden) for gate in gates}
        self.b = {gate: weights(hidden) for gate in gates}
        self.out = srcad.Tensor(rng.normal(0.0, hidden**-0.5, hidden), requires_grad=True)

    def forward(self, tape, x, state):
        c, h = tape.call(lstm_cell, self.W, self.U, self.b, x, *state)
        return self.out @ h, (c, h)


def main(
    steps: Annotated[int, typer.Option(min=1, help="training steps")] = 600,
    hidden: Annotated[int, typer.Option(min=1, help="size of the hidden state")] = 12,
    length: Annotated[int, typer.Option(min=1, help="values in a chunk")] = 6,
    target: Annotated[str, typer.Option(help="python or cpu, which is compiled")] = "python",
    seed: Annotated[int, typer.Option(help="of the weights")] = 0,
) -> None:
    """Train the network; the last line compares its error with that of predicting the value before."""
    rng = np.random.default_rng(seed)
    series = np.sin(0.4 * np.arange(2000)) + 0.5 * np.sin(1.1 * np.arange(2000))
    model = Predictor(hidden, rng)
    losses, started, at = [], time.perf_counter(), len(series)
    for step in range(steps):
        if at + length + 1 > len(series):
            at, state = int(rng.integers(100)), (np.zeros(hidden), np.zeros(hidden))
        with srcad.Tape(target=target) as tape:
            loss = 0.0
            for t in range(at, at + length):
                predicted, state = model(tape, series[t], state)
                loss += (predicted - series[t + 1]) ** 2
        tape.backward()
        at, state = at + length, tuple(part.detach() for part in state)
        with srcad.no_grad():
            for parameter in model.parameters():
                parameter -= 0.02 * np.clip(parameter.grad, -5.0, 5.0)
        model.zero_grad()
        losses.append(loss.item() / length)
        if step == 0:
            print(f"first step, with the generation of the gradient: {time.perf_counter() - started:.1f} s")
            started = time.perf_counter()
        if (step + 1) % max(1, steps // 6) == 0:
            print(f"step {step + 1:4d}   mean squared error {np.mean(losses[-20:]):.4f}")
    if steps > 1:
        print(f"later steps: {1e3 * (time.perf_counter() - started) / (steps - 1):.2f} ms each")
    print(f"predicting the value before: {np.mean(np.diff(series) ** 2):.4f}")


if __name__ == "__main__":
    typer.run(main)

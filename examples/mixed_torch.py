"""Half PyTorch, half srcad, both ways.

The first model is a network of PyTorch that says, from a window of a noisy signal, how fast a filter should follow it;
the filter is a loop over samples, slow as a tape of small operations, and one operation of torch's graph by `as_torch`.
The second is a loop of ours that integrates a field which is a network of PyTorch, by `functionalize`. Either is
compared with the same program all in PyTorch: its gradients, and the time of a step.

    python examples/mixed_torch.py --samples 1000 --updates 100
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import srcad
from srcad.interop.torch import as_torch, functionalize

Floats = NDArray[np.float64]

WINDOW = 9  # samples that the encoder sees at once, an odd number
OUTPUT = Path(__file__).resolve().parent / "output"
MOST = {torch.float32: 1e-6, torch.float64: 1e-10}  # relative differences of gradients: rounding
console = Console()


# ---- a loop of ours in a training loop of torch ------------------------------------------------


def smoothed(x, rates):
    """Signals x, one a row, followed by y: in each sample y goes the share `rates` of the way to x."""
    y = np.empty_like(x)
    for row in range(x.shape[0]):
        state = x[row, 0]
        for i in range(x.shape[1]):
            state += rates[row, i] * (x[row, i] - state)
            y[row, i] = state
    return y


filtered = as_torch(smoothed)


def filtered_by_torch(x: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
    """The same in torch: all rows at once, sample by sample."""
    state, ys = x[:, 0], []
    for value, rate in zip(x.unbind(1), rates.unbind(1), strict=True):
        state = state + rate * (value - state)
        ys.append(state)
    return torch.stack(ys, 1)


def encoder(dtype: torch.dtype) -> torch.nn.Module:
    """From the samples around one to the rate with which the filter follows it."""
    torch.manual_seed(0)
    layers = torch.nn.Linear(WINDOW, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1), torch.nn.Sigmoid()
    return torch.nn.Sequential(*layers).to(dtype)


def rates_of(network: torch.nn.Module, noisy: torch.Tensor) -> torch.Tensor:
    windows = torch.nn.functional.pad(noisy, (WINDOW // 2, WINDOW // 2)).unfold(1, WINDOW, 1)
    return network(windows)[:, :, 0]


def misfit(network: torch.nn.Module, follow: Callable[..., Any], noisy: torch.Tensor, clean: torch.Tensor) -> Any:
    return (follow(noisy, rates_of(network, noisy)) - clean).square().mean()


def signals(rows: int, samples: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Steps between random levels, with noise and without."""
    rng = np.random.default_rng(0)
    levels = rng.normal(size=(rows, samples // 50 + 1)).repeat(50, axis=1)[:, :samples]
    noisy = levels + 0.3 * rng.normal(size=levels.shape)
    return torch.tensor(noisy, dtype=dtype), torch.tensor(levels, dtype=dtype)


def gradients(network: torch.nn.Module, loss: Any) -> list[Floats]:
    return [found.numpy().copy() for found in torch.autograd.grad(loss, list(network.parameters()))]


# ---- a module of torch in a loop of ours -------------------------------------------------------


def path_misfit(field: Callable[..., Any]) -> Callable[..., Any]:
    """How far the path of `x' = field(params, x)`, by Euler's method, is from the observed one."""

    def misfit(params, start, dt, observed):
        total = 0.0
        x = start
        for i in range(len(observed)):
            x = x + dt * field(params, x)
            total += np.sum((x - observed[i]) ** 2)
        return total / len(observed)

    return misfit


def path_misfit_by_torch(network: torch.nn.Module, start: torch.Tensor, dt: float, observed: torch.Tensor) -> Any:
    total, x = torch.zeros((), dtype=start.dtype), start
    for target in observed:
        x = x + dt * network(x)
        total = total + (x - target).square().sum()
    return total / len(observed)


# ---- comparisons -------------------------------------------------------------------------------


def difference(ours: list[Floats], theirs: list[Floats]) -> float:
    """The largest difference, relative to the largest entry of all."""
    largest = max(float(np.max(np.abs(one))) for one in theirs)
    return max(float(np.max(np.abs(a - b))) for a, b in zip(ours, theirs, strict=True)) / largest


def medians(steps: dict[str, Callable[[], object]], rounds: int = 11) -> dict[str, float]:
    """Seconds of each, of interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def report(title: str, dtype: torch.dtype, apart: float, steps: dict[str, Callable[[], object]]) -> bool:
    """Print a comparison; whether the gradients are the same."""
    ours, theirs = medians(steps).values()
    console.print(
        f"{title}, {str(dtype).removeprefix('torch.')}: gradients differ by {apart:.1e}; value and gradient in "
        f"{1e3 * ours:.2f} ms, all in PyTorch {1e3 * theirs:.2f} ms: {theirs / ours:.1f} times as fast",
        soft_wrap=True,
    )
    return apart <= MOST[dtype]


def compare_filters(rows: int, samples: int, dtype: torch.dtype) -> bool:
    network, (noisy, clean) = encoder(dtype), signals(rows, samples, dtype)

    def step(follow: Callable[..., Any]) -> list[Floats]:
        return gradients(network, misfit(network, follow, noisy, clean))

    apart = difference(step(filtered), step(filtered_by_torch))
    both = {"mixed": lambda: step(filtered), "torch": lambda: step(filtered_by_torch)}
    return report(f"encoder and filter, {rows} signals of {samples} samples", dtype, apart, both)


def compare_fields(steps: int, dtype: torch.dtype) -> bool:
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2)).to(dtype)
    angle = torch.linspace(0.0, 6.0, steps, dtype=dtype)
    observed = torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    field, params = functionalize(network, observed[0].numpy())
    gradient = srcad.grad(path_misfit(field))
    start, targets, dt = observed[0].numpy(), observed.numpy(), observed.numpy().dtype.type(6.0 / steps)

    def mixed() -> list[Floats]:
        return list(gradient(params, start, dt, targets).values())

    def in_torch() -> list[Floats]:
        return gradients(network, path_misfit_by_torch(network, observed[0], float(dt), observed))

    apart = difference(mixed(), in_torch())
    return report(f"field and integrator, {steps} steps", dtype, apart, {"mixed": mixed, "torch": in_torch})


def train(rows: int, samples: int, updates: int) -> tuple[list[float], Any]:
    """Train the encoder through the filter, in torch's way; the losses, and what becomes of the first signal."""
    network, (noisy, clean) = encoder(torch.float32), signals(rows, samples, torch.float32)
    optimiser, losses = torch.optim.Adam(network.parameters(), 0.01), []
    for _ in track(range(updates), description="training", console=console):
        optimiser.zero_grad()
        loss = misfit(network, filtered, noisy, clean)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    with torch.no_grad():
        recovered = filtered(noisy, rates_of(network, noisy))
    return losses, (noisy[0].numpy(), recovered[0].numpy(), clean[0].numpy())


def plot(losses: list[float], shown: Any, file: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for values, label, color in zip(shown, ("noisy", "filtered", "clean"), ("0.8", "tab:blue", "black"), strict=True):
        left.plot(values[:300], label=label, color=color, linewidth=1.0)
    left.set(xlabel="sample")
    left.legend()
    right.semilogy(losses)
    right.set(xlabel="update", ylabel="mean squared error")
    figure.savefig(file, dpi=90)
    plt.close(figure)


def main(
    samples: Annotated[int, typer.Option(min=50, help="of each signal")] = 1_000,
    rows: Annotated[int, typer.Option(min=1, help="signals")] = 16,
    updates: Annotated[int, typer.Option(min=1, help="training steps of the encoder")] = 200,
    steps: Annotated[int, typer.Option(min=1, help="of the integrator")] = 200,
) -> None:
    """Train a network of PyTorch through a loop of ours, and compare both ways of mixing with PyTorch alone."""
    OUTPUT.mkdir(exist_ok=True)
    losses, shown = train(rows, samples, updates)
    plot(losses, shown, OUTPUT / "mixed_torch.png")
    console.print(f"mean squared error {losses[0]:.4f} -> {losses[-1]:.4f}; picture: {OUTPUT / 'mixed_torch.png'}")
    same = [compare_filters(rows, samples, dtype) for dtype in MOST]
    same += [compare_fields(steps, dtype) for dtype in MOST]
    if not all(same):
        console.print("the gradients differ by more than rounding")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

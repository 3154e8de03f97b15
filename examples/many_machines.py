"""A gradient over data that does not fit one process: each machine differentiates its part, and the sums are added.

The model is GARCH(1, 1) (Bollerslev, 1986), in which the variance of a day's return follows from the return and the
variance of the day before: a loop that cannot be written as operations on whole arrays. The workers of dask.distributed
make the returns where they stay, compile the gradient of the likelihood once each, and send back five numbers for each
partition. SciPy's L-BFGS finds the parameters from the sums. A cluster of machines is a scheduler's address:

    python examples/many_machines.py --workers 2 --partitions 16
    python examples/many_machines.py --scheduler tcp://10.0.0.1:8786
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import matplotlib

matplotlib.use("Agg")  # only files are written

import matplotlib.pyplot as plt
import numpy as np
import typer
from distributed import Client, Future, LocalCluster, as_completed
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy.optimize import minimize

import srcad

Floats = NDArray[np.float64]

PARAMETERS = ("mean", "constant", "shock", "memory")
TRUE = np.array([0.05, 0.1, 0.08, 0.87])
START = np.array([0.0, 0.5, 0.2, 0.5])
BOUNDS = ((None, None), (1e-6, None), (0.0, 1.0), (0.0, 1.0))
OUTPUT = Path(__file__).resolve().parent / "output"
LARGEST_DIFFERENCE = 1e-12
console = Console()


def loss(theta, returns):
    """Negative log-likelihood of `returns`, one series a row, for theta = (mean, constant, shock, memory)."""
    mean, constant, shock, memory = theta
    total = 0.0
    for series in range(len(returns)):
        variance = np.mean((returns[series] - mean) ** 2)
        for day in range(returns.shape[1]):
            squared = (returns[series, day] - mean) ** 2
            total += 0.5 * (np.log(2.0 * np.pi * variance) + squared / variance)
            variance = constant + shock * squared + memory * variance
    return total


loss_and_gradient = srcad.value_and_grad(loss)


class Part(NamedTuple):
    """What a partition adds, and where and how it was computed."""

    value: float
    gradient: Floats
    process: int
    seconds: float


def partition(number: int, series: int, days: int) -> Floats:
    """Synthetic returns, in percent: the same for the same number, on any machine."""
    rng = np.random.default_rng(number)
    mean, constant, shock, memory = TRUE
    returns = np.empty((series, days))
    variance = np.full(series, constant / (1.0 - shock - memory))
    for day in range(days):
        surprise = np.sqrt(variance) * rng.normal(size=series)
        returns[:, day] = mean + surprise
        variance = constant + shock * surprise**2 + memory * variance
    return returns


def differentiate(derivative: Any, theta: Floats, returns: Floats) -> Part:
    """In a worker: the part of the value and of the gradient that these returns add."""
    started = time.perf_counter()
    value, gradient = derivative(theta, returns)
    return Part(value, gradient, os.getpid(), time.perf_counter() - started)


class Total:
    """The value and the gradient over all partitions, as `scipy.optimize.minimize` takes them with `jac=True`."""

    def __init__(self, client: Client, partitions: list[Future], count: int, progress: Progress) -> None:
        self.client, self.partitions, self.count, self.progress = client, partitions, count, progress
        # a copy for each worker, so that not every task has to unpickle one of its own
        self.derivative = client.scatter(loss_and_gradient, broadcast=True, hash=False)
        self.calls: list[list[Part]] = []
        self.task = progress.add_task("gradient", total=len(partitions), call=0, value=np.nan)

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        self.progress.update(self.task, completed=0, call=len(self.calls) + 1)
        futures = self.client.map(
            differentiate, [self.derivative] * len(self.partitions), [theta] * len(self.partitions), self.partitions,
            pure=False,
        )  # fmt: skip
        for _ in as_completed(futures):
            self.progress.advance(self.task)
        parts = self.client.gather(futures)  # in their order: equal calls add in the same order, and give equal bits
        self.calls.append(parts)
        value = sum(part.value for part in parts) / self.count
        self.progress.update(self.task, value=value)
        return value, np.sum([part.gradient for part in parts], axis=0) / self.count


def fit(client: Client, partitions: list[Future], count: int, steps: int) -> tuple[Floats, list[Floats], Total]:
    """The parameters that L-BFGS ends in, those on its way, and the calls that it made."""
    columns = (
        TextColumn("gradient {task.fields[call]:>3}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} partitions, loss {task.fields[value]:.5f}"),
        TimeElapsedColumn(),
    )
    path = [START]
    with Progress(*columns, console=console) as progress:
        total = Total(client, partitions, count, progress)
        found = minimize(
            total, START, jac=True, bounds=BOUNDS, method="L-BFGS-B", callback=lambda theta: path.append(theta.copy()),
            options={"maxiter": steps},
        )  # fmt: skip
    return found.x, path, total


def report_times(calls: list[list[Part]]) -> None:
    """Print, for each worker, the time of its slowest partition and of the others: the first one compiles."""
    table = Table("process", "partitions", "slowest: it compiles", "others, median")
    for process in sorted({part.process for part in calls[0]}):
        parts = [part for call in calls for part in call if part.process == process]
        slowest, *others = sorted((part.seconds for part in parts), reverse=True)
        median = f"{1e3 * statistics.median(others):.2f} ms" if others else "-"
        table.add_row(str(process), str(len(parts)), f"{slowest:.2f} s", median)
    console.print(table)


def compare_with_one_process(client: Client, partitions: list[Future]) -> float:
    """The largest relative difference from the gradient of one process, over the first partitions."""
    few = partitions[:2]
    returns = np.concatenate(client.gather(few))
    parts = client.gather(client.map(differentiate, [loss_and_gradient] * len(few), [START] * len(few), few))
    value, gradient = loss_and_gradient(START, returns)
    summed = np.sum([part.gradient for part in parts], axis=0)
    largest = float(np.max(np.abs(summed - gradient)) / np.max(np.abs(gradient)))
    return max(largest, abs(sum(part.value for part in parts) - value) / abs(value))


def plot(path: list[Floats], file: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, way, true in zip(PARAMETERS, np.transpose(path), TRUE, strict=True):
        (line,) = axes.plot(way, marker=".", label=name)
        axes.axhline(true, color=line.get_color(), linewidth=0.6, linestyle="--")
    axes.set(xlabel="step of L-BFGS", ylabel="parameter", title="Fitted by the gradients of all workers (dashed: true)")
    axes.legend()
    figure.savefig(file, dpi=100)
    plt.close(figure)


def run(client: Client, partitions: int, series: int, days: int, steps: int) -> float:
    """Fit on the workers of `client`, print what was found and how long it took; the difference from one process."""
    data = client.map(partition, range(partitions), series=series, days=days)  # each stays where it is made
    gigabytes = 8e-9 * partitions * series * days
    console.print(f"{partitions} partitions of {series:,} series of {days:,} days: {gigabytes:.2f} GB on the workers")
    theta, path, total = fit(client, data, partitions * series * days, steps)
    table = Table("", "true", "fitted", title=f"after {len(path) - 1} steps, {len(total.calls)} gradients")
    for name, true, fitted in zip(PARAMETERS, TRUE, theta, strict=True):
        table.add_row(name, f"{true:.4f}", f"{fitted:.4f}")
    console.print(table)
    report_times(total.calls)
    OUTPUT.mkdir(exist_ok=True)
    plot(path, OUTPUT / "many_machines.png")
    difference = compare_with_one_process(client, data)
    console.print(
        f"relative difference from one process: {difference:.1e} (at most {LARGEST_DIFFERENCE:.0e} is rounding)"
    )
    return difference


def main(
    workers: Annotated[int, typer.Option(min=1, help="processes, where no scheduler is named")] = 2,
    partitions: Annotated[int, typer.Option(min=1, help="parts of the data")] = 16,
    series: Annotated[int, typer.Option(min=1, help="series in a partition")] = 2_000,
    days: Annotated[int, typer.Option(min=2, help="returns in a series")] = 2_000,
    steps: Annotated[int, typer.Option(min=1, help="steps of L-BFGS, at most")] = 30,
    scheduler: Annotated[str, typer.Option(help="address of a running dask scheduler")] = "",
) -> None:
    """Fit a GARCH model to returns that are spread over the workers of a cluster."""
    if scheduler:
        with Client(scheduler) as client:
            difference = run(client, partitions, series, days, steps)
    else:
        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            difference = run(client, partitions, series, days, steps)
    if difference > LARGEST_DIFFERENCE:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

"""What a recording of a known structure costs beyond the compiled gradient of its program.

    python -m tests.benchmarks.tape

Ten operations on small arrays are recorded and played back. Beside it the compiled gradient of the same program is
called; and NumPy computes the ten values, which the tape does too. Rounds of the three are interleaved.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import srcad

ROUNDS, CALLS = 301, 20


def ten_operations(w: Any, x: Any) -> Any:
    h = w * x
    h = h + 1.0
    h = np.tanh(h)
    h = h * h
    h = h - x
    h = np.exp(h)
    h = h / 3.0
    h = np.sin(h)
    h = h * w
    return np.sum(h)


def medians(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Microseconds of a call of each."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                call()
            times[name].append(1e6 * (time.perf_counter() - started) / CALLS)
    return {name: statistics.median(of_one) for name, of_one in times.items()}


def main() -> None:
    values, x = np.linspace(0.1, 0.9, 8), np.linspace(-1.0, 1.0, 8)
    w = srcad.Tensor(values, requires_grad=True)
    gradient = srcad.value_and_grad(ten_operations)

    def recorded() -> None:
        w.zero_grad()
        with srcad.Tape() as tape:
            ten_operations(w, x)
        tape.backward()

    recorded()
    np.testing.assert_allclose(w.grad, gradient(values, x)[1], rtol=1e-12)
    found = medians(
        {
            "recording and backward": recorded,
            "compiled gradient": lambda: gradient(values, x),
            "values by NumPy": lambda: ten_operations(values, x),
        }
    )
    for name, microseconds in found.items():
        print(f"{name:24}{microseconds:6.1f} µs")
    print(f"{'beyond the gradient':24}{found['recording and backward'] - found['compiled gradient']:6.1f} µs")


if __name__ == "__main__":
    main()

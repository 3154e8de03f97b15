"""What a recording of a known structure costs beyond the compiled gradient of its program.

    python -m tests.benchmarks.tape

Programs of two to twenty operations on small arrays are recorded and played back. Beside each the compiled gradient of
the same program is called; and NumPy computes the values, which the tape does too. Rounds of the three are interleaved,
and the time of the processor is measured: other processes take turns on it, in the longer rounds more often.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import srcad

ROUNDS, CALLS = 201, 20


def two_operations(w: Any, x: Any) -> Any:
    h = w * x
    return np.sum(h)


def five_operations(w: Any, x: Any) -> Any:
    h = w * x
    h = h + 1.0
    h = np.tanh(h)
    h = h * h
    return np.sum(h)


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


def twenty_operations(w: Any, x: Any) -> Any:
    h = w * x
    h = h + 1.0
    h = np.tanh(h)
    h = h * h
    h = h - x
    h = np.exp(h)
    h = h / 3.0
    h = np.sin(h)
    h = h * w
    h = h * x
    h = h - 2.0
    h = np.tanh(h)
    h = h * h
    h = h + x
    h = np.exp(h)
    h = h / 7.0
    h = np.cos(h)
    h = h - w
    h = h * h
    return np.sum(h)


PROGRAMS = {2: two_operations, 5: five_operations, 10: ten_operations, 20: twenty_operations}


def medians(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Microseconds of a call of each."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            started = time.thread_time()
            for _ in range(CALLS):
                call()
            times[name].append(1e6 * (time.thread_time() - started) / CALLS)
    return {name: statistics.median(of_one) for name, of_one in times.items()}


def recorded(f: Callable[..., Any], w: srcad.Tensor, x: Any) -> None:
    w.zero_grad()
    with srcad.Tape() as tape:
        f(w, x)
    tape.backward()


def measured(f: Callable[..., Any]) -> dict[str, float]:
    values, x = np.linspace(0.1, 0.9, 8), np.linspace(-1.0, 1.0, 8)
    w = srcad.Tensor(values, requires_grad=True)
    gradient = srcad.value_and_grad(f)
    recorded(f, w, x)
    np.testing.assert_allclose(w.grad, gradient(values, x)[1], rtol=1e-12)
    return medians(
        {"tape": partial(recorded, f, w, x), "gradient": partial(gradient, values, x), "NumPy": partial(f, values, x)}
    )


def main() -> None:
    print("operations   recording and backward   compiled gradient   values by NumPy   beyond the gradient")
    for count, f in PROGRAMS.items():
        found = measured(f)
        beyond = found["tape"] - found["gradient"]
        print(
            f"{count:10}{found['tape']:22.1f} µs{found['gradient']:17.1f} µs{found['NumPy']:15.1f} µs{beyond:19.1f} µs"
        )


if __name__ == "__main__":
    main()

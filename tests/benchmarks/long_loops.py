"""A loop of a million iterations: times and tapes with and without checkpoints.

    python -m tests.benchmarks.long_loops

The gradients of each program take turns, in one process; the time of the processor is measured, and of each the
fastest of the rounds is shown. What a call saves is what its plan says.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import srcad

TURNS, ROUNDS = 10**6, 5
CHOICES: dict[str, dict[str, Any]] = {
    "everything saved": {},
    "√n states": {"checkpoint": True},
    "20 states": {"checkpoint": True, "snapshots": 20},
    "100 states": {"checkpoint": True, "snapshots": 100},
}


def pendulum(angle: Any, speed: Any, dt: Any, steps: Any) -> Any:
    for t in range(steps):
        speed = speed - dt * np.sin(angle)
        angle = angle + dt * speed
    return angle * angle + speed


def attractor(start: Any, sigma: Any, dt: Any, steps: Any) -> Any:
    x, y, z = start[0], start[1], start[2]
    for t in range(steps):
        dx, dy, dz = sigma * (y - x), x * (28.0 - z) - y, x * y - 2.5 * z
        x, y, z = x + dt * dx, y + dt * dy, z + dt * dz
    return x * x + y + z


def rod(u0: Any, diffusivity: Any, steps: Any) -> Any:
    u, new = u0.copy(), u0.copy()
    for t in range(steps):
        for i in range(1, len(u) - 1):
            new[i] = u[i] + diffusivity * (u[i - 1] - 2.0 * u[i] + u[i + 1]) * u[i]
        u, new = new, u
    return np.sum(u * u)


def pendulum_until(angle: Any, speed: Any, dt: Any, steps: Any) -> Any:
    time = 0.0
    while time < steps * dt:
        speed = speed - dt * np.sin(angle)
        angle = angle + dt * speed
        time += dt
    return angle * angle + speed


PROGRAMS: tuple[tuple[Any, tuple[str, ...], str, tuple[Any, ...]], ...] = (
    (pendulum, ("angle", "speed", "dt"), "t", (1.0, 0.0, 1e-6)),
    (attractor, ("start", "sigma"), "t", (np.ones(3), 10.0, 1e-7)),
    (rod, ("u0", "diffusivity"), "t", (np.linspace(0.1, 1.0, 20), 1e-2)),
    (pendulum_until, ("angle", "speed", "dt"), "while", (1.0, 0.0, 1e-6)),
)


def measured(program: Any, wrt: tuple[str, ...], loop: str, args: tuple[Any, ...]) -> list[tuple[str, float, str]]:
    """Of each choice the seconds of a call and the bytes that it saves."""
    made = {}
    for choice, options in CHOICES.items():
        if not (loop == "while" and choice == "√n states"):
            given = {**options, "checkpoint": loop} if options else {}
            made[choice] = srcad.grad(program, wrt, **given)
            made[choice](*args, 10)
    best = dict.fromkeys(made, float("inf"))
    for _ in range(ROUNDS):
        for choice, gradient in made.items():
            begun = time.process_time()
            gradient(*args, TURNS)
            best[choice] = min(best[choice], time.process_time() - begun)
    plans = {choice: gradient.plan(*args, TURNS) for choice, gradient in made.items()}
    size = {choice: f"{plan.bytes:,}" + ("" if plan.exact else " and what grows") for choice, plan in plans.items()}
    return [(choice, best[choice], size[choice]) for choice in made]


def main() -> None:
    print("| program | saved | ms | ratio | bytes |\n|---|---|---|---|---|")
    for program, *asked in PROGRAMS:
        rows = measured(program, *asked)
        for choice, seconds, size in rows:
            print(f"| `{program.__name__}` | {choice} | {1e3 * seconds:.0f} | {seconds / rows[0][1]:.2f} | {size} |")


if __name__ == "__main__":
    main()

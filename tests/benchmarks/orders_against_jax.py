"""jvp, hvp and hessian of ten programs, ours against JAX's: the time of JAX as a ratio to ours.

    python -m tests.benchmarks.orders_against_jax [NAME ...] [--orders ORDER ...] [--markdown FILE]

Each program has a process of its own, on one thread. In it the calls take turns, after their first, and the fastest of
each counts, in processor time. All are compiled: ours by Numba, JAX's by `jit`. Results are compared before.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.__main__ import ONE_THREAD, ROOT, chosen
from tests.benchmarks.orders_programs import PROGRAMS, Program

ORDERS = ("jvp", "hvp", "hessian")
ROUNDS, SAMPLE = 15, 0.03
"""Rounds of each call, and the seconds that one takes at least."""
TOLERANCE = 1e-8


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=ORDERS, help="all by default")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process, as JSON
    options = parser.parse_args()
    known = {one.name: one for one in PROGRAMS}
    names = chosen(list(known), options.names)
    if options.here:
        print(json.dumps(measured(known[names[0]], options.orders)))
        return
    found = []
    for name in names:
        command = [sys.executable, "-m", "tests.benchmarks.orders_against_jax", name, "--here"]
        command += ["--orders", *options.orders]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed")
        found.append((known[name], json.loads(done.stdout.splitlines()[-1])))
        print(row(*found[-1]), flush=True)
    text = markdown(found)
    print(text)
    if options.markdown:
        options.markdown.write_text(text)


def measured(program: Program, orders: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The seconds of a call, ours and of the fastest of JAX's, for each order."""
    warnings.simplefilter("ignore")
    found = {}
    for order in orders:
        arguments = program.arguments(order == "hessian")
        ours = of_srcad(order, program.ours, arguments)
        theirs = [call for f in program.theirs if (call := of_jax(order, f, arguments))]
        wanted = ours()
        for call in theirs:
            difference = apart(wanted, call())
            assert difference <= TOLERANCE, f"{program.name}, {order}: results differ by {difference:.1e}"
        times = interleaved([ours, *theirs])
        found[order] = times[0], min(times[1:])
    return found


def of_srcad(order: str, f: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[[], Any]:
    import srcad

    made = getattr(srcad, order)(f)
    if order == "hessian":
        return lambda: made(*arguments)
    tangents = (direction(arguments[0]), *(None for _ in arguments[1:]))
    return lambda: made(arguments, tangents)


def of_jax(order: str, f: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[[], Any] | None:
    """None where JAX cannot differentiate it so."""
    import jax
    import jax.numpy as jnp

    static = [a for a in arguments[1:] if not isinstance(a, np.ndarray)]
    x = jax.tree.map(jnp.asarray, arguments[0])
    rest = [jnp.asarray(a) for a in arguments[1:] if isinstance(a, np.ndarray)]

    def call(x: Any, *rest: Any) -> Any:
        return f(*static, x, *rest)

    if order == "hessian":
        given: tuple[Any, ...] = (x, *rest)
        made = jax.jit(jax.hessian(call))
    else:
        given = (x, jax.tree.map(jnp.asarray, direction(arguments[0])), *rest)
        of = call if order == "jvp" else jax.grad(call)

        def derivative(x: Any, t_x: Any, *rest: Any) -> Any:
            pair = jax.jvp(lambda x: of(x, *rest), (x,), (t_x,))
            return pair if order == "jvp" else pair[1]

        made = jax.jit(derivative)
    try:
        made(*given)
    except NotImplementedError:
        return None
    return lambda: jax.block_until_ready(made(*given))


def direction(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: direction(value) for key, value in x.items()}
    return np.cos(np.arange(float(x.size))).reshape(x.shape)


def apart(a: Any, b: Any) -> float:
    """The largest difference, relative to the largest number of the array."""
    if isinstance(a, dict):
        return max(apart(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return max(apart(one, other) for one, other in zip(a, b, strict=True))
    assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
    return float(np.max(np.abs(np.asarray(a) - b)) / np.max(np.abs(np.asarray(b))))


def interleaved(calls: list[Callable[[], Any]]) -> list[float]:
    """The least processor time of each call."""
    counts, best = [], [float("inf")] * len(calls)
    for call in calls:
        call()
        start = time.process_time()
        call()
        counts.append(max(1, int(SAMPLE / max(time.process_time() - start, 1e-6))))
    gc.disable()
    for _ in range(ROUNDS):
        for at, call in enumerate(calls):
            start = time.process_time()
            for _ in range(counts[at]):
                call()
            best[at] = min(best[at], (time.process_time() - start) / counts[at])
    gc.enable()
    return best


def row(program: Program, times: dict[str, tuple[float, float]]) -> str:
    cells = []
    for order in ORDERS:
        ours, theirs = times.get(order, (0.0, 0.0))
        cells.append(f"{ours * 1e3:.3g} ms, **{theirs / ours:.2f}**" if ours else "")
    return f"| `{program.name}` | {program.kind} | {program.size} | {' | '.join(cells)} |"


def markdown(found: list[tuple[Program, dict[str, tuple[float, float]]]]) -> str:
    lines = ["| program | kind | size | jvp: ours, JAX / ours | hvp | hessian |", "|---|---|---|---|---|---|"]
    lines += [row(*one) for one in found]
    for kind in ("loop", "array"):
        cells = []
        for order in ORDERS:
            of = [times[order][1] / times[order][0] for p, times in found if p.kind == kind and order in times]
            cells.append(f"median {statistics.median(of):.2f}, least {min(of):.2f}" if of else "")
        if any(cells):
            lines.append(f"| all of kind {kind} | | | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

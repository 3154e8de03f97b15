"""The adjoints of stencils: a loop for each shift, where the order of the turns does not show."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.cleanup.adjoint.loop_fission import split_stencil_loops
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Symbol, dim
from tests.programs import stencils
from tests.programs.registry import real

LENGTH = 14
VECTORS = ("d_u", "d_v", "d_w", "c", "e")
VECTOR = Array("float64", (dim(Symbol("u", 0)),))
INT, FLOAT = Scalar("int64"), Scalar("float64")
TYPES = dict.fromkeys(VECTORS, VECTOR) | dict.fromkeys(("t", "q"), FLOAT) | {"n": INT, "i": INT, "s": FLOAT}


def reverse(function: Any, *args: Any) -> str:
    text: str = srcad.grad(function, tuple(i for i, a in enumerate(args) if isinstance(a, np.ndarray))).source_for(
        *args
    )
    return text.partition("reverse sweep")[2]


def test_jacobi_has_a_loop_for_each_neighbour() -> None:
    assert """
        for i in range(1, n - 1):
            # L: b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])
            for j in range(1, m - 1):
                d_a[i - 1, j] += 0.2 * d_b[i, j]
            for j in range(1, m - 1):
                d_a[i + 1, j] += 0.2 * d_b[i, j]
            for j in range(1, m - 1):
                d_a[i, j + 1] += 0.2 * d_b[i, j]
            for j in range(1, m - 1):
                d_a[i, j - 1] += 0.2 * d_b[i, j]
            for j in range(1, m - 1):
                d_a[i, j] += 0.2 * d_b[i, j]
                d_b[i, j] = 0.0
""" in re.sub(r"# L\d+", "# L", reverse(stencils.jacobi_2d, real(4, 5), 2))


@pytest.mark.parametrize(
    "function, args",
    [
        (stencils.gauss_seidel, (real(8), 2)),
        (stencils.shifted_in_place, (real(8),)),
        (stencils.every_second, (real(8),)),
        (stencils.convolution, (real(8), real(3))),
        (stencils.written_round_the_end, (real(8),)),
        (stencils.slow_values, (real(8),)),
        (stencils.under_a_test, (real(8),)),
        (stencils.along_the_first_axis, (real(5, 6),)),
        (stencils.views_of_one_array, (real(8),)),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_left_as_they_are(function: Any, args: tuple[Any, ...]) -> None:
    text = reverse(function, *args)
    assert text.count("for ") == len(re.findall(r", -\d\):", text)), text


def shift(rng: random.Random) -> str:
    return rng.choice(["i", "i", "i", "i - 1", "i + 1", "i - 2", "i + 2", "1 + i", "3"])


def value(rng: random.Random) -> str:
    parts = [f"{rng.choice(VECTORS)}[{rng.choice(['i', 'i', shift(rng)])}]", rng.choice(["t", "q", "2.0", "s", "t"])]
    return rng.choice([" * ", " + ", " - "]).join(parts)


def loop(rng: random.Random) -> str:
    """A loop such as a reverse sweep might have, or nearly so."""
    start, stop, step = rng.choice([("n - 2", "0", "-1"), ("1", "n - 1", "1"), ("n - 1", "-1", "-1"), ("2", "n", "1")])
    lines = [f"t = {rng.choice(VECTORS)}[i]"] if rng.random() < 0.8 else []
    target = rng.choice(VECTORS[:2])
    for _ in range(rng.randint(2, 7)):
        lines.append(
            rng.choice([
                f"{target}[{shift(rng)}] {rng.choice(['+=', '-='])} {value(rng)}",
                f"{target}[{shift(rng)}] += 2.0 * t",
                f"{target}[{shift(rng)}] += q",
                f"q = {value(rng)}",
                f"{rng.choice(VECTORS)}[{rng.choice(['i', 'i', shift(rng)])}] = {rng.choice(['0.0', value(rng)])}",
                f"{rng.choice(VECTORS)}[i] += {value(rng)}",
                rng.choice([f"s += {value(rng)}", "q = q + t", "t = 2.0 * t"]),
            ])
        )  # fmt: skip
    return f"for i in range({start}, {stop}, {step}):\n" + "".join(f"    {line}\n" for line in lines)


def run(text: str, n: int) -> dict[str, Any]:
    # small whole numbers: sums and products are exact in any order, and a difference is a mistake
    numbers = np.random.default_rng(5)
    env: dict[str, Any] = {name: numbers.integers(-2, 3, LENGTH).astype(float) for name in VECTORS}
    env |= {"n": n, "t": 1.0, "q": 2.0, "s": 0.0, "i": -7}
    with np.errstate(all="ignore"):
        exec(text, {}, env)
    return env


def test_random_loops_compute_the_same() -> None:
    rng = random.Random(3)
    changed = 0
    for _ in range(1500):
        source = loop(rng)
        block = parse(source)
        live = {"s", *rng.sample(["t", "q", "i"], rng.choice([0, 0, 1]))}
        after = show(split_stencil_loops(block, TYPES, live, VECTORS))
        changed += after.count("for ") > 1
        if after == show(block):
            continue
        for n in (0, 1, 2, 3, 5, 12):
            want, have = run(source, n), run(after, n)
            for name in (*VECTORS, *live):
                if np.all(np.isfinite(want[name])) and np.max(np.abs(want[name])) < 2**52:
                    np.testing.assert_array_equal(have[name], want[name], err_msg=f"{name}\n{source}\n{after}")
    assert changed > 100

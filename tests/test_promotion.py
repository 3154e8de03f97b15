"""Elements that become scalars in random nests: every array and scalar gets the same values as before."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from srcad.ir.nodes import Block, Function, Param, Var
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Type
from srcad.optimize.memory.accumulator_promotion import promote_accumulators
from srcad.optimize.memory.array_contraction import promote_private_elements
from tests.test_interchange import TYPES, Run, Writer, environment, freed, same

pytestmark = pytest.mark.one_in(10, least=3)

NUMBERS = ("n", "m", "s", "t", "u", "w", "p")


STAYS = {
    "used_in_full": "for j in range(n):\n    x[0] += y[j] * np.sum(x)",
    "another_name": "z = x\nfor j in range(n):\n    x[0] += y[j]\n    z[j] = x[0]",
    "perhaps_another_iteration": "for j in range(n):\n    x[m] += x[j]",
    "from_the_end": "for j in range(n):\n    x[-1] += x[j]",
    "below_zero": "for j in range(n):\n    x[p - 3] += x[j - 3]",
    "an_index_that_changes": "for j in range(n):\n    x[c] += y[j]\n    c = c + 1",
}
APART = "for j in range(m + 1, n):\n    x[m] += x[j]"


def promoted(body: Block) -> Block:
    params = tuple(Param(n, n) for n in ("A", "B", "x", "y", *NUMBERS))
    return promote_accumulators(Function("f", params, body, (Var("s"),), TYPES | {"z": TYPES["x"]})).body


@pytest.mark.parametrize("name", STAYS)
def test_stays(name: str) -> None:
    assert promoted(parse(STAYS[name])) == parse(STAYS[name])


def test_an_element_before_the_others() -> None:
    """Only where it is known not to count from the end."""
    assert promoted(parse(APART)) == parse(APART)
    around = f"for m in range(n):\n    {APART}".replace("\n    x", "\n        x")
    assert "x_total += x[j]" in show(promoted(parse(around)))


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("first", range(0, 600, 200))
@pytest.mark.parametrize("free", [False, True])
def test_loops_on_scalars(first: int, free: bool) -> None:
    changed = 0
    for seed in range(first, first + 200):
        body = parse(Writer(seed).program())
        if free:
            body = freed(body, random.Random(seed))
        made = promoted(body)
        changed += made != body
        with np.errstate(all="ignore"):
            for n in (7, 2, 0):
                same(body, made, ("s", "t", "u", "p"), exact=not free, n=n)
    assert changed > 50, changed


class Private(Writer):
    """Nests that store to an element first more often than not."""

    def statement(self) -> str:
        if self.counters and self.random.random() < 0.4:
            inner = self.counters[-1]
            return f"{self.pick(f'x[{inner}]', f'y[{inner}]', f'A[{inner}, 0]')} = {self.value()}"
        return super().statement()


def private(body: Block, live: tuple[str, ...]) -> Block:
    types: dict[str, Type] = {**TYPES, **{f"{n}0": kind for n, kind in TYPES.items() if isinstance(kind, Array)}}
    params = tuple(Param(n, n) for n in ("A0", "B0", "x0", "y0", *NUMBERS))
    return promote_private_elements(Function("f", params, body, tuple(map(Var, live)), types)).body


@pytest.mark.parametrize("first", range(0, 600, 200))
def test_iterations_on_scalars(first: int) -> None:
    changed = 0
    for seed in range(first, first + 200):
        nests = "\n".join(Private(seed + 10000 * k).program() for k in range(2))
        body = parse("A = copy(A0)\nB = copy(B0)\nx = copy(x0)\ny = copy(y0)\n" + nests)
        live = tuple(n for n in ("A", "B", "x", "y") if random.Random(seed).random() < 0.3) + ("s", "t", "u", "p")
        made = private(body, live)
        changed += made != body
        if made == body:
            continue
        for n in (7, 2, 0):
            given: dict[str, Any] = environment(n=n)
            given |= {f"{name}0": given[name] for name in ("A", "B", "x", "y")}
            with np.errstate(all="ignore"):
                one, other = (Run(dict(given)).run(b) for b in (body, made))
            for name in live:
                np.testing.assert_array_equal(other[name], one[name], show(body) + "\n->\n" + show(made))
    assert changed > 20, changed

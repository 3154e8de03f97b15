"""Adjoints of stencils as gathers: the numbers of the loops for each shift, for arrays of every length."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest

from srcad.ir.nodes import Function, Param
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.optimize.stencils.scatter_to_gather import scatter_to_gather

pytestmark = pytest.mark.one_in(10, least=3)

ARRAYS = ("d_a", "d_b", "d_c", "c", "e")
MARGIN = 4
"""So much longer are the arrays than the loops run, for no shift to leave them."""


def types(rank: int) -> dict[str, Any]:
    dims = tuple(dim(Symbol("c", axis)) for axis in range(rank))
    numbers = dict.fromkeys(("n", "m", "p", "i", "j", "k", "t", "r", "steps"), Scalar("int64"))
    return dict.fromkeys(ARRAYS, Array("float64", dims)) | dict.fromkeys("qsw", Scalar("float64")) | numbers


def gathered(text: str, rank: int, results: tuple[str, ...] = ()) -> str:
    known = types(rank)
    params = tuple(Param(name, name) for name in (*ARRAYS, "n", "m", "p", "w", "steps"))
    results = tuple(parse(f"x = {name}")[0].value for name in results)  # type: ignore[union-attr]
    return show(scatter_to_gather(Function("f", params, parse(text), results, known)).body)


class Writer:
    """Nests such as a reverse sweep has, or nearly so."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rank = self.random.choice([1, 2, 2, 2, 3])
        self.counters = "ijk"[: self.rank]
        self.header = self.headers()
        self.pair = ["d_a", "d_b"]
        self.costly = self.chance(0.3)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def headers(self) -> list[str]:
        starts = [self.random.choice(["1", "1", "2", "2", "0"]) for _ in self.counters]
        ends = [self.random.choice([f"{e} - 1", e, f"{e} + 1", f"{e} - 2"]) for e in "nmp"]
        return [f"for {c} in range({s}, {e}):" for c, s, e in zip(self.counters, starts, ends, strict=False)]

    def index(self, share: float) -> str:
        items = []
        for counter in self.counters:
            by = self.random.choice([-1, 1, 1, -1, 1, -1, 2, -2]) if self.chance(share) else 0
            items.append(counter if not by else f"{counter} {'+' if by > 0 else '-'} {abs(by)}")
        if self.chance(0.01):
            items[self.random.randrange(self.rank)] = self.random.choice(["2", "r", "-1"])
        if self.rank > 1 and self.chance(0.01):
            items.reverse()
        if self.rank > 1 and self.chance(0.02):
            items[0] = items[1]
        return ", ".join(items)

    def element(self, share: float = 0.05) -> str:
        return f"{self.random.choice(ARRAYS[:4])}[{self.index(share)}]"

    def value(self, source: str) -> str:
        factor = self.random.choice(["2.0", "3.0", "w", f"c[{self.index(0.1)}]", "-1.0", "q"])
        product = f"{factor} * {source}[{self.index(0.02)}]"
        return f"{product} / 2.0" if self.costly else product

    def sweep(self) -> list[str]:
        """`target` gets its terms from `source`, which is then often set to zero."""
        pair = self.random.sample(ARRAYS[:3], 2)
        target, source = self.pair = self.pair[::-1] if self.chance(0.6) else pair
        rows: list[list[str]] = []
        for _ in range(self.random.randint(2, 4)):
            op = self.random.choice(["+=", "+=", "-="])
            rows.append([f"{target}[{self.index(0.6)}] {op} {self.value(source)}"])
            if self.chance(0.1):
                rows[-1] = ["q = 2.0 * " + f"{source}[{self.index(0.02)}]", *rows[-1]]
        if self.chance(0.4):
            other = self.random.choice([name for name in ARRAYS[:4] if name not in pair])
            rows += [[f"{other}[{self.index(0.6)}] += {self.value(source)}"] for _ in range(2)]
        if self.chance(0.8):
            rows[-1].append(f"{source}[{self.index(0.02)}] = {self.random.choice(['0.0', '0.0', '1.0'])}")
        if self.chance(0.08):
            at = self.random.choice(rows)
            at.append(
                self.random.choice([
                    f"{self.element()} = {self.value(source)}", f"s += {self.element()}",
                    f"{self.element()} += {self.value(target)}", f"{self.element()} = 0.0", "r = i", "w = w + 1.0",
                ])
            )  # fmt: skip
        header = self.header if self.chance(0.93) else self.headers()
        if self.chance(0.2):
            rows = [[line for row in rows for line in row]]
        if self.chance(0.4):
            rows = [self.branched(row) if self.chance(0.7) else row for row in rows]
        lines = [f"{'    ' * depth}{line}" for depth, line in enumerate(header[:-1])]
        for row in rows:
            if self.rank > 1 and row is not rows[0] and self.chance(0.1):
                lines += [f"{'    ' * depth}{line}" for depth, line in enumerate(header[:-1])]
            lines.append("    " * (self.rank - 1) + header[-1])
            lines += ["    " * self.rank + line for line in row]
        return lines

    def branched(self, lines: list[str]) -> list[str]:
        """Some of the lines under a condition, others where it does not hold."""
        at, end = sorted(self.random.choices(range(len(lines) + 1), k=2))
        condition = self.random.choice(["c", "c", "d_a"]) + f"[{self.index(0.1)}] > 0.0"
        then, orelse = lines[:at] or ["q = 1.0"], lines[at:end] or ["q = 2.0"]
        branches = ["    " + line for line in then], ["    " + line for line in orelse]
        return [f"if {condition}:", *branches[0], "else:", *branches[1], *lines[end:]]

    def program(self) -> str:
        lines = ["r = 1", "q = 3.0"]
        body: list[str] = []
        for _ in range(self.random.randint(1, 4)):
            body += self.sweep()
            if self.chance(0.05):
                element = "d_a[" + ", ".join("1" * self.rank) + "]"
                body.append(self.random.choice([f"s += {element}", "r = 2", "n = n - 1", "steps = 2", "t = 1"]))
        if self.chance(0.4):
            moves = ["e = d_a", "d_a = d_b", "d_b = e"][self.random.choice([0, 0, 0, 1]) :]
            moves += ["d_c = e"] if self.chance(0.1) else []
            moves = ["d_b = d_a"] if self.chance(0.05) else moves
            body = body + moves if self.chance(0.7) else moves + body
        if self.chance(0.75):
            loop = self.random.choice(["range(steps)", "range(steps - 1, -1, -1)", "range(0, steps, 2)"])
            body = [f"for t in {loop}:", *(f"    {line}" for line in body)]
        return "\n".join([*lines, *body]) + "\n"


class ScratchWriter(Writer):
    """Nests that store what they add to neighbours, in an array that has no other use, or has one."""

    def sweep(self) -> list[str]:
        lines = super().sweep()
        at = next(at for at, line in enumerate(lines) if " += " in line or " -= " in line)
        margin = " " * (len(lines[at]) - len(lines[at].lstrip()))
        stored = f"{margin}e[{self.index(0.05)}] = {self.value(self.pair[1])}"
        if self.chance(0.9):
            lines.insert(at, stored)
        if self.chance(0.1):
            at = self.random.randrange(len(lines))
            if "for" not in lines[at] and "else" not in lines[at] and "if" not in lines[at]:
                lines.insert(at, " " * (len(lines[at]) - len(lines[at].lstrip())) + stored.lstrip())
        return lines

    def value(self, source: str) -> str:
        return f"2.0 * e[{self.index(0.03)}]" if self.chance(0.6) else super().value(source)


class Unset:
    """What a text calls of NumPy."""

    @staticmethod
    def empty(*lengths: int) -> np.ndarray:
        return np.full(lengths, np.nan)


def run(text: str, rank: int, n: int, steps: int) -> dict[str, Any]:
    numbers = np.random.default_rng(5)
    # small whole numbers: sums and products are exact in any order, and a difference is a mistake
    shape = (n + MARGIN, n + 1 + MARGIN, n + 2 + MARGIN)[:rank]
    env: dict[str, Any] = {name: numbers.integers(-2, 3, shape).astype(float) for name in ARRAYS}
    memory = {f"{name}, as given": array for name, array in env.items()}
    env |= memory | {
        "n": n,
        "m": n + 1,
        "p": n + 2,
        "q": 2.0,
        "s": 0.0,
        "w": 2.0,
        "r": 1,
        "i": 1,
        "j": 1,
        "k": 1,
        "steps": steps,
    }
    with np.errstate(over="ignore", invalid="ignore"):
        exec(text, {"select": lambda condition, a, b: a if condition else b, "np": Unset}, env)
    return env


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("part", range(6))
def test_random_sweeps_compute_the_same(part: int) -> None:
    changed = waiting = joined = split = 0
    for seed in range(part * 100, part * 100 + 100):
        writer = Writer(seed)
        source, rank = writer.program(), writer.rank
        results = tuple(writer.random.sample(["s", "i", "q", "r", "d_a", "d_b"], writer.random.choice([0, 1, 2, 3])))
        after = gathered(source, rank, results)
        if after == show(parse(source)):
            continue
        changed += 1
        waiting += "t != " in after
        split += "added" in after
        joined += bool(re.search(r"(d_[abc])(\[.*\]) \+?= .*\n +(?!\1)d_[abc]\2 \+?= ", after))
        for n, steps in ((0, 2), (1, 2), (2, 2), (3, 3), (4, 1), (5, 2), (6, 3), (3, 0)):
            want, have = run(source, rank, n, steps), run(after, rank, n, steps)
            for name in (*(f"{name}, as given" for name in ARRAYS), *results):
                if np.max(np.abs(want[name])) < 2**52:
                    np.testing.assert_array_equal(have[name], want[name], f"{seed} {n} {name}\n{source}\n{after}")
    assert changed > 50 and waiting > 0 and joined > 0 and split > 2


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("part", range(6))
def test_random_sweeps_with_stored_contributions_compute_the_same(part: int) -> None:
    changed = behind = 0
    for seed in range(part * 100, part * 100 + 100):
        writer = ScratchWriter(seed)
        source, rank = writer.program(), writer.rank
        results = tuple(writer.random.sample(["s", "q", "e", "d_a", "d_b"], writer.random.choice([0, 1, 2, 3])))
        after = gathered(source, rank, results)
        if after == show(parse(source)):
            continue
        changed += 1
        behind += bool(re.search(r"d_[abc]\[.*\] \+?= .*\be\[.*[+-] .*\be\[", after))
        for n, steps in ((0, 2), (1, 2), (2, 2), (3, 3), (4, 1), (5, 2), (6, 3), (3, 0)):
            want, have = run(source, rank, n, steps), run(after, rank, n, steps)
            for name in (*(f"{name}, as given" for name in ARRAYS), *results):
                if np.max(np.abs(want[name])) < 2**52:
                    np.testing.assert_array_equal(have[name], want[name], f"{seed} {n} {name}\n{source}\n{after}")
    assert changed > 10 and behind > 0


def sweep(target: str, source: str, header: str = "for i in range(1, n):") -> str:
    first, last = f"    {target}[i - 1] += {source}[i]\n", f"    {target}[i] -= 2.0 * {source}[i]\n"
    return f"{header}\n{first}{header}\n{last}    {source}[i] = 0.0\n"


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


ROUND_THE_END = """
for i in range(0, n + 4):
    d_c[i - 1] += d_b[i]
for i in range(0, n + 4):
    d_c[i] += d_b[i]
    d_b[i] = 0.0
for i in range(0, n + 4):
    d_b[i - 1] += d_a[i]
for i in range(0, n + 4):
    d_b[i] += d_a[i]
"""
DIAGONAL = """
for i in range(1, n):
    for j in range(1, n):
        d_b[j, j + 1] += d_a[i, j]
    for j in range(1, n):
        d_b[j, j - 1] += d_a[i, j]
"""
TURNED = """
for i in range(1, n):
    for j in range(1, m):
        d_c[i, j + 1] += d_b[j, i]
    for j in range(1, m):
        d_c[i, j] += d_b[j, i]
        d_b[j, i] = 0.0
for i in range(1, n):
    for j in range(1, m):
        d_b[i, j + 1] += d_a[i, j]
    for j in range(1, m):
        d_b[i, j] += d_a[i, j]
"""
TO_AND_FRO = sweep("d_b", "d_a") + sweep("d_a", "d_b")
EDGES = {
    "fill_and_negative_index": (1, ROUND_THE_END),
    "diagonal": (2, DIAGONAL),
    "turned_fill": (2, TURNED),
    "other_box": (2, TURNED.replace("[j, i]", "[i, j]").replace("range(1, m)", "range(1, p)", 2)),
    "bound_changes": (1, "for t in range(steps - 1, -1, -1):\n" + indented(TO_AND_FRO + "steps = steps - 1")),
    "counter_changes": (1, "for t in range(steps):\n" + indented("t = 0\n" + TO_AND_FRO)),
    "box_changes": (1, "for t in range(steps):\n" + indented(TO_AND_FRO + "n = n - 1")),
    "read_before_the_zero": (1, "for t in range(steps):\n" + indented("s += d_b[1]\n" + TO_AND_FRO)),
    "read_after_the_loop": (1, "for t in range(steps):\n" + indented(TO_AND_FRO) + "s += d_b[1]\n"),
    "nested": (1, "for t in range(steps):\n    for r in range(2):\n" + indented(indented(TO_AND_FRO))),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    rank, source = EDGES[name]
    after = gathered(source, rank, ("s",))
    for n in range(6):
        for steps in range(4):
            want, have = run(source, rank, n, steps), run(after, rank, n, steps)
            for array in (*(f"{name}, as given" for name in ARRAYS), "s"):
                np.testing.assert_array_equal(have[array], want[array], f"{n} {steps} {array}\n{after}")


def test_two_buffers_to_and_fro() -> None:
    """Only the first turn adds, and zeros are written after the last one alone."""
    after = gathered("for t in range(steps):\n" + indented(TO_AND_FRO), 1)
    assert after.endswith("if 0 < steps:\n    for i in range(1, n, 1):\n        d_b[i] = 0.0")
    assert "d_b[i] = d_a[i + 1] - (2.0 * d_a[i])" in after and "d_a[i] = d_b[i + 1] - (2.0 * d_b[i])" in after


FIELDS = """
for i in range(1, n):
    for j in range(1, m):
        d_b[i - 1, j] += d_a[i, j]
        d_b[i, j] -= 2.0 * d_a[i, j]
        d_c[i - 1, j] += c[i, j]
        d_c[i, j] -= 2.0 * c[i, j]
"""


def test_fields_share_their_loops_and_borders_are_loops_of_their_own() -> None:
    assert (
        gathered(FIELDS, 2)
        == """\
for i in range(1, n - 1, 1):
    for j in range(1, m, 1):
        d_b[i, j] += d_a[i + 1, j] - (2.0 * d_a[i, j])
    for j in range(1, m, 1):
        d_c[i, j] += c[i + 1, j] - (2.0 * c[i, j])
edges = n - max(n - 2, 0)
for edge in range(edges):
    i = select(edge < 1, edge, edge + max(n - 2, 0))
    if i < (n - 1):
        for j in range(1, m, 1):
            d_b[i, j] += d_a[i + 1, j]
    if 1 <= i:
        for j in range(1, m, 1):
            d_b[i, j] -= 2.0 * d_a[i, j]
    if i < (n - 1):
        for j in range(1, m, 1):
            d_c[i, j] += c[i + 1, j]
    if 1 <= i:
        for j in range(1, m, 1):
            d_c[i, j] -= 2.0 * c[i, j]"""
    )


def test_fields_that_may_share_memory_have_loops_of_their_own() -> None:
    after = gathered("if w < 0.0:\n    d_c = d_b\n" + FIELDS, 2)
    assert after == show(parse("if w < 0.0:\n    d_c = d_b\n" + FIELDS))


UPWIND = """
for i in range(1, n):
    q = d_a[i] / 2.0
    if c[i] > 0.0:
        d_b[i - 1] += q
    else:
        d_b[i + 1] -= q
    d_b[i] += 3.0 * q
    d_a[i] = 0.0
"""


def same_numbers(source: str) -> str:
    after = gathered(source, 1)
    for n in range(6):
        want, have = run(source, 1, n, 2), run(after, 1, n, 2)
        for array in (f"{name}, as given" for name in ARRAYS):
            np.testing.assert_array_equal(have[array], want[array], f"{n} {array}\n{after}")
    return after


def test_what_a_branch_adds_is_gathered() -> None:
    after = same_numbers(UPWIND)
    assert "added_of" in after and "d_b[i - 1]" not in after


def test_contributions_that_an_iteration_reads() -> None:
    """Not split: what one iteration adds, the next one reads."""
    source = UPWIND.replace("q = d_a[i] / 2.0", "q = d_b[i] / 2.0")
    assert same_numbers(source) == show(parse(source))


def test_a_fill_that_the_nest_reads_after() -> None:
    for read in ("d_b[i] += d_a[i]", "d_c[i] += d_a[i - 1]"):
        assert "added" in same_numbers(f"{UPWIND}    {read}\n")


ALIKE = """
for i in range(1, n):
    q = d_a[i] / 2.0
    d_b[i - 1] += c[i] * q
    d_b[i + 1] -= c[i] * q
    d_b[i] += 3.0 * q
    d_a[i] = 0.0
"""


@pytest.mark.one_in(1)
@pytest.mark.parametrize(
    ("old", "new", "arrays"),
    [
        ("", "", 2),
        ("    d_b[i] += 3.0 * q\n", "    d_b[i] += c[i] * q\n", 1),
        ("    d_b[i] += 3.0 * q\n", "    d_c[i - 1] -= c[i] * q\n    d_c[i + 1] -= c[i] * q\n", 1),
        # what it is made of changes in between
        ("    d_b[i + 1]", "    q = 2.0 * q\n    d_b[i + 1]", 3),
        ("    d_b[i + 1]", "    if q > 0.0:\n        q = 2.0 * q\n    d_b[i + 1]", 3),
        ("    d_b[i + 1]", "    c[i] = 2.0 * q\n    d_b[i + 1]", 3),
        ("    d_b[i + 1]", "    if q > 0.0:\n        c[i] = 2.0 * q\n    d_b[i + 1]", 3),
        # one of them gets something else too, or under a condition
        ("    d_b[i] +=", "    d_b[i + 1] += q\n    d_b[i] +=", 3),
        ("    d_b[i + 1]", "    if q > 0.0:\n        d_b[i + 1] += q\n    d_b[i + 1]", 3),
        ("    d_b[i + 1]", "    if q > 0.0:\n        d_b[i + 1]", 3),
        ("    d_b[i - 1]", "    if q > 0.0:\n        d_b[i - 1]", 3),
    ],
)
def test_what_is_added_to_several_places_is_stored_once(old: str, new: str, arrays: int) -> None:
    assert same_numbers(ALIKE.replace(old, new, 1) if old else ALIKE).count("np.empty") == arrays

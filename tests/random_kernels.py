"""Random kernels: the adjoint of each against differences of the kernel, and no race in it.

`python -m tests.random_kernels --count 300 --seed 0` tries many.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import srcad
from srcad.compiler.kernel_text import KernelText
from srcad.errors import SrcadError
from tests.kernel_machine import Machine
from tests.random_programs import load

HEADER = """
import math

import numpy as np
from numba import cuda, float64

B = {block}


@cuda.jit(device=True)
def mixed(a, b):
    return math.sin(a) * b + 0.3 * a


@cuda.jit(device=True)
def bent(a):
    if a > 0.4:
        return a * a
    return 0.5 * a + 0.1
"""
PARAMETERS = "x, y, w, q, z, h, idx, perm, a, steps"
WRT = ("x", "y", "w", "q", "z", "h", "a")


class _Writer:
    """One random kernel."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.depth = 1
        self.locals: list[str] = []
        self.count = 0
        self.block = self.random.choice([2, 3, 4, 4])
        self.own_y = True

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    # ---- expressions -----------------------------------------------------------------------------

    def leaf(self) -> str:
        found = ["x[i]", "w[idx[i]]", "w[(idx[i] + 1) % 3]", "a", "x[(i + 1) % n]", "w[0]", *self.locals, *self.locals]
        if self.own_y:
            found.append("y[i]")
        found += ["q[i, 0]", "q[i, idx[i] % 2]"]
        return self.random.choice(found)

    def value(self, depth: int = 2) -> str:
        if depth == 0 or self.chance(0.2):
            return self.leaf()
        one, other = self.value(depth - 1), self.value(depth - 1)
        return self.random.choice(
            [
                f"{one} * {other}",
                f"({one} + {other})",
                f"({one} - 0.5 * {other})",
                f"math.sin({one})",
                f"math.tanh({one})",
                f"math.exp(-{one} * {one})",
                f"mixed({one}, {other})",
                f"bent({one})",
                f"({one} if idx[i] > 0 else {other})",
                f"max({one}, {other})",
            ]
        )

    def condition(self) -> str:
        return self.random.choice(
            ["idx[i] > 0", "i % 2 == 0", f"{self.leaf()} > 0.1", "steps > 2", f"{self.leaf()} * a < 0.3", "i > 1"]
        )

    # ---- statements ------------------------------------------------------------------------------

    def statements(self, most: int) -> None:
        for _ in range(self.random.randint(1, most)):
            self.statement()

    def nested(self, most: int = 2) -> None:
        before = list(self.locals)
        self.depth += 1
        self.statements(most)
        self.depth -= 1
        self.locals = before

    def statement(self) -> None:
        kinds: list[Callable[[], None]] = [self.assign, self.assign, self.update, self.store, self.atomic, self.row]
        if self.depth < 4:
            kinds += [self.branch, self.loop, self.loop, self.repeated, self.waiting, self.growing, self.rows]
        if self.depth < 3:
            kinds += [self.local_array]
        self.random.choice(kinds)()

    def assign(self) -> None:
        name = self.fresh()
        self.line(f"{name} = {self.value()}")
        self.locals.append(name)

    def update(self) -> None:
        if not self.locals:
            return self.assign()
        name = self.random.choice(self.locals)
        self.line(
            self.random.choice(
                [
                    f"{name} = math.sin({name}) * {self.value(1)} + {name}",
                    f"{name} += 0.5 * {self.value(1)}",
                    f"{name} *= math.cos({self.value(1)})",
                ]
            )
        )

    def store(self) -> None:
        if not self.own_y:
            self.line(f"y[perm[i]] = {self.value()}")
            return
        self.line(f"y[i] {self.random.choice(['=', '=', '+=', '-=', '*='])} {self.value()}")

    def row(self) -> None:
        at = self.random.choice(["0", "1", "2", "idx[i]"])
        self.line(f"q[i, {at}] {self.random.choice(['=', '+=', '*='])} {self.value(1)}")

    def atomic(self) -> None:
        self.line(f"cuda.atomic.add(h, {self.random.choice(['idx[i]', '0', 'i % 3'])}, {self.value(1)})")

    def branch(self) -> None:
        name = self.fresh() if self.chance(0.5) else None
        if name:
            self.line(f"{name} = {self.leaf()}")
            self.locals.append(name)
        self.line(f"if {self.condition()}:")
        self.nested()
        if name:
            self.depth += 1
            self.line(f"{name} = {self.value(1)}")
            self.depth -= 1
        if self.chance(0.6):
            self.line("else:")
            self.nested()

    def loop(self) -> None:
        index = f"k{self.depth}"
        count = self.random.choice(["2", "3", "steps", "idx[i] + 1", "i % 3", "w.shape[0]"])
        state = self.fresh()
        self.line(f"{state} = {self.leaf()}")
        self.locals.append(state)
        self.line(f"for {index} in range({count}):")
        self.depth += 1
        if self.chance(0.3):
            self.line(f"if {self.random.choice([f'{index} == 1', f'{state} > 0.9', 'idx[i] == 0'])}:")
            self.line(f"    {self.random.choice(['continue', 'break'])}")
        self.line(f"{state} = {state} * {self.leaf()} + math.sin({state}) * w[{index} % 3]")
        self.depth -= 1
        self.nested()

    def waiting(self) -> None:
        state, turn = self.fresh(), f"t{self.depth}"
        self.line(f"{state} = {self.value(1)}")
        self.line(f"{turn} = 0")
        self.locals.append(state)
        self.line(f"while {turn} < 4 and {state} * {state} < 0.8:")
        self.depth += 1
        self.line(f"{state} = {state} * 1.3 + 0.2 * {self.leaf()}")
        self.line(f"{turn} += 1")
        self.depth -= 1
        self.nested(1)

    def repeated(self) -> None:
        """A loop that hands nothing on but in memory."""
        self.line(f"for k{self.depth} in range({self.random.choice(['2', 'steps', 'idx[i]'])}):")
        self.nested()

    def growing(self) -> None:
        """A loop until what is written has grown."""
        self.line("while q[i, 1] * q[i, 1] < 0.5:")
        self.line(f"    q[i, 1] = q[i, 1] * 1.4 + {self.random.choice(['0.2', 'x[i] * x[i] + 0.1'])}")

    def rows(self) -> None:
        """A row of an array that is only read, by a name of its own."""
        name, total = f"r{self.fresh()}", self.fresh()
        self.line(f"{name} = z[{self.random.choice(['idx[i]', 'i % 4', '2'])}]")
        self.line(f"{total} = 0.0")
        self.line(f"for k in range({name}.shape[0]):")
        self.line(f"    {total} += {name}[k] * {name}[(k + 1) % 5]")
        self.locals.append(total)

    def local_array(self) -> None:
        name = f"c{self.fresh()}"
        self.line(f"{name} = cuda.local.array(3, float64)")
        self.line("for k in range(3):")
        self.line(f"    {name}[k] = {self.value(1)} * (k + 1)")
        if self.chance(0.7):
            self.line(f"for k in range({self.random.choice(['3', 'steps'])}):")
            self.line(f"    {name}[k % 3] = math.sin({name}[(k + 1) % 3]) * {self.leaf()} + {name}[k % 3]")
        self.locals.append(f"{name}[{self.random.choice(['0', '2', 'idx[i]'])}]")

    # ---- kernels ---------------------------------------------------------------------------------

    def kernel(self) -> tuple[str, Any, Any]:
        """The text, and a configuration."""
        self.own_y = self.chance(0.75)
        kind = self.random.choice(["early", "guard", "stride", "sum", "plane", "shared", "shared", "tiles"])
        getattr(self, f"_{kind}")()
        body = "\n".join(self.lines)
        text = f"{HEADER.format(block=self.block)}\n\ndef kernel({PARAMETERS}):\n    n = x.shape[0]\n{body}\n"
        if kind == "plane":
            return text, (2, 3), (3, self.random.choice([2, 3]))
        blocks = self.random.choice([2, 3]) if kind in ("stride", "sum") else -(-7 // self.block)
        return text, blocks, self.block

    def _index(self) -> None:
        self.line(self.random.choice(["i = cuda.grid(1)", "i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.blockDim.x"]))

    def _early(self) -> None:
        self._index()
        self.line("if i >= n:")
        self.line("    return")
        self.statements(5)
        self.store()

    def _guard(self) -> None:
        self._index()
        self.line("if i < n:")
        self.depth += 1
        self.statements(5)
        self.store()
        self.depth -= 1

    def _stride(self) -> None:
        step = self.random.choice(["cuda.gridsize(1)", "cuda.blockDim.x * cuda.gridDim.x"])
        self.line(f"for i in range(cuda.grid(1), n, {step}):")
        self.depth += 1
        self.statements(4)
        self.store()
        self.depth -= 1
        if self.chance(0.3):
            self.line(f"for i in range(cuda.grid(1), n, {step}):")
            self.line("    q[i, 2] = q[i, 0] * q[i, 2] + math.sin(q[i, 1])")

    def _sum(self) -> None:
        """A sum over the elements of a thread, and what becomes of it."""
        in_block = self.chance(0.4)
        if in_block:
            self.line("s = cuda.shared.array(B, float64)")
        self.line("total = 0.2 * a")
        self.line("for i in range(cuda.grid(1), n, cuda.gridsize(1)):")
        self.depth += 1
        self.statements(3)
        self.line("v = x[i] * a")
        self.line(f"for k in range({self.random.choice(['2', 'steps', 'idx[i]'])}):")
        self.line("    v = math.sin(v) * v + w[k % 3]")
        self.line(self.random.choice(["total += v", "total += v * v", "total = total * 0.7 + v"]))
        self.depth -= 1
        if in_block:
            self.line("s[cuda.threadIdx.x] = total")
            self.line("cuda.syncthreads()")
            self.line("total = 0.0")
            self.line("for k in range(B):")
            self.line("    total += s[k] * s[(k + 1) % B]")
        self.line(self.random.choice(["cuda.atomic.add(h, 1, total)", "cuda.atomic.add(h, 0, math.sin(total) * a)"]))
        if self.own_y and self.chance(0.5):
            self.line("i = cuda.grid(1)")
            self.line("if i < n:")
            self.line("    y[i] = y[i] * total")

    def _plane(self) -> None:
        self.line("r, c = cuda.grid(2)")
        self.line("if r < z.shape[0] and c < z.shape[1]:")
        self.depth += 1
        self.line("i = (r + c) % n")
        self.line("v = z[r, c] * x[i] + w[idx[i]]")
        if self.chance(0.5):
            self.line(f"for k in range({self.random.choice(['3', 'steps', 'c'])}):")
            self.line("    v = v * x[(i + k) % n] + math.sin(v)")
        if self.chance(0.5):
            self.line(f"if {self.random.choice(['r > c', 'v > 0.2', 'c == 1'])}:")
            self.line("    v = v * a")
        self.line(self.random.choice(["z[r, c] = v", "z[r, c] += math.sin(v)", "z[r, c] = z[r, c] * v"]))
        self.line("cuda.atomic.add(h, idx[i], v * a)")
        self.depth -= 1

    def _shared(self) -> None:
        """Phases between barriers; what a thread of no element does is as well defined."""
        self.line("s = cuda.shared.array(B, float64)")
        self._index()
        self.line("t = cuda.threadIdx.x")
        self.line("v = 0.3 * a")
        self.line("if i < n:")
        self.line(f"    v = {self.random.choice(['x[i]', 'x[i] * y[i]', 'w[idx[i]] + x[i]'])}")
        self.line(self.random.choice(["s[t] = v", "s[t] = math.sin(v) * a", "s[t] = v * v"]))
        self.line("cuda.syncthreads()")
        for _ in range(self.random.randint(0, 2)):
            self.random.choice([self._exchange, self._exchange_loop])()
        self.random.choice([self._reduce, self._reduce_while, self._neighbours, self._bins])()

    def _exchange(self) -> None:
        self.line(f"v = math.tanh(v * s[(t + {self.random.choice([1, 2])}) % B] + math.sin(s[B - 1 - t]))")
        self.line("cuda.syncthreads()")
        self.line(self.random.choice(["s[t] = v", "s[t] += v * a", "s[B - 1 - t] = v * 0.5", "s[t] *= v"]))
        self.line("cuda.syncthreads()")

    def _exchange_loop(self) -> None:
        self.line(f"for k in range({self.random.choice(['2', 'steps'])}):")
        self.depth += 1
        self._exchange()
        self.depth -= 1

    def _reduce(self) -> None:
        self.line("total = 0.0")
        self.line("for k in range(B):")
        self.line("    total += s[k] * s[k]")
        self.line("if i < n:")
        self.line(self.random.choice(["    y[i] = total * v", "    y[i] += math.sin(total) * x[i]"]))

    def _reduce_while(self) -> None:
        self.line("step = 1")
        self.line("while step < B:")
        self.line("    if t % (2 * step) == 0 and t + step < B:")
        self.line(self.random.choice(["        s[t] += s[t + step]", "        s[t] = s[t] * s[t + step] + 0.1"]))
        self.line("    cuda.syncthreads()")
        self.line("    step *= 2")
        self.line("if t == 0:")
        self.line("    cuda.atomic.add(h, cuda.blockIdx.x % 3, math.sin(s[0]) * a)")

    def _neighbours(self) -> None:
        self.line("if i < n and t > 0 and t < B - 1:")
        self.line("    y[i] = s[t - 1] * s[t + 1] - 2.0 * s[t] * x[i]")

    def _bins(self) -> None:
        self.line("bins = cuda.shared.array((2, 2), float64)")
        self.line("if t < 2:")
        self.line("    bins[t, 0] = a")
        self.line("    bins[t, 1] = 0.0")
        if self.block < 2:
            return
        self.line("cuda.syncthreads()")
        self.line("cuda.atomic.add(bins, (t % 2, t // 2 % 2), v * s[t])")
        self.line("cuda.syncthreads()")
        self.line("if i < n:")
        self.line("    y[i] = bins[1, 0] * bins[0, 1] + v")

    def _tiles(self) -> None:
        """Each thread reads all elements, a tile at a time."""
        self.line("s = cuda.shared.array(B, float64)")
        self._index()
        self.line("t = cuda.threadIdx.x")
        self.line("total = 0.0")
        self.line("own = a")
        self.line("if i < n:")
        self.line("    own = x[i]")
        self.line("for tile in range((n + B - 1) // B):")
        self.depth += 1
        self.line("j = tile * B + t")
        self.line("if j < n:")
        self.line(self.random.choice(["    s[t] = x[j]", "    s[t] = x[j] * w[idx[j]]"]))
        self.line("else:")
        self.line("    s[t] = 0.0")
        self.line("cuda.syncthreads()")
        self.line("for k in range(B):")
        self.line(self.random.choice(["    total += math.sin(own - s[k])", "    total = total * 0.9 + own * s[k]"]))
        self.line("cuda.syncthreads()")
        self.depth -= 1
        self.line("if i < n:")
        self.line(self.random.choice(["    y[i] = total", "    y[i] = y[i] * total"]))


def arguments(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    n = 7
    arrays = [rng.uniform(-1.2, 1.2, n), rng.uniform(-1.0, 1.0, n), rng.uniform(-1.0, 1.0, 3)]
    arrays += [rng.uniform(-1.0, 1.0, (n, 3)), rng.uniform(-1.0, 1.0, (4, 5)), rng.uniform(-1.0, 1.0, 3)]
    return [*arrays, rng.integers(0, 3, n), rng.permutation(n), 0.7, int(rng.integers(0, 5))]


def copies(args: list[Any]) -> list[Any]:
    return [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]


def launched(
    adjoint: Any,
    blocks: Any,
    threads: Any,
    args: list[Any],
    buffers: list[Any],
    seed: int = 0,
    change: Callable[[str], str] = str,
) -> list[str]:
    """Launch an adjoint kernel on the machine, with a change of its text; the races."""
    made = KernelText(adjoint.specialisation(*args).generated)
    machine = Machine(seed)
    kept = []
    if made.tape:
        known = {one.name: one.shape for one in adjoint.plan(*args).saved if one.bytes is not None}
        types = made.function.types
        if not known.keys() >= set(made.tape):
            ranks = [types[name].rank - 1 for name in made.tape]
            sizes = np.zeros(sum(ranks), np.int64)
            machine.launch(made.counts_text(), blocks, threads, *copies(args), sizes)
            at = np.split(sizes, np.cumsum(ranks)[:-1])
            known |= {name: tuple(part) for name, part in zip(made.tape, at, strict=True)}
        count = int(np.prod(blocks) * np.prod(threads))
        for name in made.tape:
            dtype = np.dtype(types[name].dtype)
            kept.append(np.full((*known[name], count), np.nan if dtype.kind == "f" else 77, dtype))
    machine.launch(change(made.text()), blocks, threads, *args, *buffers, *kept)
    return machine.races


def directional(
    kernel: Any, blocks: Any, threads: Any, args: list[Any], wrt: tuple[int, ...], seed: int, step: float = 3e-5
) -> tuple[list[Any], list[Any], float]:
    """A direction of the arguments, cotangents of what the kernel leaves in them, and the derivative by differences
    of fourth order."""
    rng = np.random.default_rng(seed + 1)
    direction = [rng.normal(size=np.shape(args[at])) for at in wrt]
    cotangents = [rng.normal(size=np.shape(args[at])) for at in wrt]
    ends = []
    for sign in (1.0, -1.0, 2.0, -2.0):
        moved = copies(args)
        for at, along in zip(wrt, direction, strict=True):
            moved[at] = moved[at] + sign * step * along
            moved[at] = moved[at] if np.ndim(moved[at]) else float(moved[at])
        machine = Machine(seed)
        machine.launch(kernel, blocks, threads, *moved)
        assert not machine.races, machine.races
        ends.append(sum(np.sum(moved[at] * c) for at, c in zip(wrt, cotangents, strict=True) if np.ndim(args[at])))
    return direction, cotangents, float(8.0 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12.0 * step)


def difference(seed: int, folder: Path) -> tuple[str, str]:
    """What is wrong with the adjoint of a random kernel, or nothing; and the text of the kernel."""
    text, blocks, threads = _Writer(seed).kernel()
    kernel = getattr(load(text, folder), "kernel")
    args = arguments(seed)
    wrt = tuple(PARAMETERS.split(", ").index(name) for name in WRT)
    direction, cotangents, expected = directional(kernel, blocks, threads, args, wrt, seed)
    adjoint = srcad.adjoint(kernel, WRT, target="cuda")
    buffers = [np.array(c) if np.ndim(c) else np.zeros(1) for c in cotangents]
    given, plain = copies(args), copies(args)
    races = launched(adjoint, blocks, threads, given, buffers, seed)
    if races:
        return f"races: {races[:3]}", text
    Machine(seed).launch(kernel, blocks, threads, *plain)
    for name, one, other in zip(PARAMETERS.split(", "), given, plain, strict=True):
        if not np.allclose(one, other, rtol=1e-12, atol=1e-13):  # atomics add in any order
            return f"{name} is not what the kernel leaves in it", text
    found = float(sum(np.sum(b * d) for b, d in zip(buffers, direction, strict=True)))
    if _is_near(found, expected):
        return "", text
    # of a recurrence that grows, the fourth derivative is large
    closer = directional(kernel, blocks, threads, args, wrt, seed, step=1e-7)[2]
    if _is_near(found, closer):
        return "", text
    return f"the derivative is {found}, and by differences {expected} or {closer}", text


def _is_near(found: float, expected: float) -> bool:
    return abs(found - expected) <= 2e-6 * max(1.0, abs(expected))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true")
    chosen = parser.parse_args()
    wrong = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(chosen.seed, chosen.seed + chosen.count):
            try:
                found, text = difference(seed, Path(folder))
            except SrcadError as error:
                refused += 1
                print(seed, str(error).splitlines()[0])
                continue
            except Exception as error:
                found, text = f"{type(error).__name__}: {error}", _Writer(seed).kernel()[0]
            if found:
                wrong += 1
                print(f"{seed}: {found}", f"\n{text}" if chosen.show else "", flush=True)
    print(f"{chosen.count} kernels, {wrong} wrong, {refused} refused")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Random programs of loops that may run on threads, or may not: each has to give the numbers of the serial text.

`python -m tests.random_parallel --count 1000 --seed 0` tries many, `--compiled 20` compiles some of them too. A program
that takes longer than `SECONDS` is a fault as well.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

import srcad
from srcad.errors import SrcadError
from tests.fuzz.judge import TooLong, limit
from tests.numeric import copied, leaves, worst_error
from tests.on_threads import forced, is_on_threads, threads_in_python
from tests.random_programs import load

HELPERS = """
import math

import numpy as np


def mixed(a, b):
    return np.sin(a) * b + 0.3 * a


def bent(a):
    if a > 0.4:
        return a * a
    return 0.5 * a + 0.1


def put(target, at, value):
    target[at] += 0.3 * value


def picked(source, at, scale):
    s = 0.1
    for k in range(2):
        s += source[at[k]] * scale
    return s


def outer(a, b):
    def inner(c):
        return np.tanh(a * c) + b

    return inner(b) * inner(0.3)


def row_norm(row):
    s = 0.1
    for value in row:
        s += value * value
    return np.sqrt(s)
"""

_INDICES = (
    "i",
    "i",
    "i",
    "i",
    "i",
    "(i + 1) % n",
    "n - 1 - i",
    "i // 2",
    "idx[i]",
    "idx[i]",
    "i - 1",
    "0",
    "2 * i % n",
    "jdx[i]",
    "jdx[idx[i]]",
    "idx[jdx[i]]",
    "idx[i] + 1",
    "jdx[i] - 1",
)
_BOUNDS = ("range(n)", "range(n)", "range(n)", "range(n)", "range(1, n)", "range(n - 1, -1, -1)", "range(m, n)")
_INNER = ("range(n)", "range(i)", "range(i, n)", "range(i + 1)", "range(m)", "range(i + 1, n)")
_VECTORS = ("u", "v", "w", "x", "h")
_SETUP = (
    "h = np.zeros(n)",
    "h = v",
    "h = v[:]",
    "h = A[1]",
    "h = A[:, 2]",
    "h = u[::-1]",
    "h = w.copy()",
    "h = np.ones_like(u)",
    "h = B.reshape(n * n)[:n]",
    "h = A.T[0]",
    "h = v if p > 0.5 else u",
    "h = u if p > 9.0 else w",
)
_BETWEEN = (
    "u, v = v, u",
    "h = w",
    "w = u + 0.1 * h",
    "v = np.tanh(v)",
    "h = u",
    "v = h[::-1]",
    "w = w.copy()",
    "A = A.T",
    "u[:] = 0.5 * v",
    "w[1:] += 0.2 * u[:-1]",
    "B = 0.5 * (A + B)",
    "s += 0.1 * np.sum(h)",
)


class _Writer:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.depth = 1
        self.inner = False
        self.scratch = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Any) -> Any:
        return self.random.choice(list(options))

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def vector(self) -> str:
        return self.pick(_VECTORS)  # type: ignore[no-any-return]

    def item(self) -> str:
        if self.inner and self.chance(0.6):
            return self.pick(("j", "j", "j", "j - 1", "(j + i) % n"))  # type: ignore[no-any-return]
        return self.pick(_INDICES)  # type: ignore[no-any-return]

    def element(self) -> str:
        if self.chance(0.25):
            return f"{self.pick('AB')}[{self.item()}, {self.item()}]"
        return f"{self.vector()}[{self.item()}]"

    def value(self) -> str:
        a, b = self.element(), self.pick((self.element(), "p", "0.7"))
        forms = (
            f"np.sin({a}) * {b}",
            f"0.3 * {a} + 0.2 * {b}",
            f"np.tanh({a} - {b})",
            f"mixed({a}, {b})",
            f"outer({a}, {b})" if self.chance(0.3) else f"np.cos({a}) + {b}",
            f"bent({a}) * 0.5",
            f"0.4 * {a}",
            f"({a} if flags[i] else {b}) * 0.6",
            f"np.float32({a}) * 0.5" if self.chance(0.1) else f"0.1 * {a} * {a}",
        )
        return self.pick(forms)  # type: ignore[no-any-return]

    def statement(self) -> None:
        kinds = (
            *(self.store,) * 5,
            *(self.accumulation,) * 5,
            *(self.sum,) * 4,
            *(self.nest,) * 3,
            *(self.branch,) * 2,
            self.scratch_inside,
            *(self.scratch_outside,) * 2,
            *(self.table,) * 2,
            self.cleared,
            self.whole,
            self.gathered,
            self.rows,
            self.search,
            self.aliased,
            self.count,
            self.call,
            self.listed,
            self.carried,
        )
        self.pick(kinds)()

    def store(self) -> None:
        self.emit(f"{self.element()} = {self.value()}")

    def accumulation(self) -> None:
        self.emit(f"{self.element()} {self.pick(('+=', '+=', '-=', '*='))} 0.1 * {self.value()}")

    def sum(self) -> None:
        if self.chance(0.4):
            self.emit(f"t = {self.value()}")
            self.emit(f"{self.element()} = t * 0.5")
            self.emit("s += t * t")
        else:
            self.emit(f"s {self.pick(('+=', '+=', '-='))} 0.1 * {self.value()}")

    def nest(self) -> None:
        if self.inner:
            self.store()
            return
        self.inner = True
        kind = self.random.random()
        if kind < 0.3:
            self.emit("t = 0.0")
        self.emit(f"for j in {self.pick(_INNER)}:")
        self.depth += 1
        if kind < 0.3:
            self.emit(f"t += 0.1 * {self.value()}")
        else:
            for _ in range(self.random.randint(1, 2)):
                self.statement()
        self.depth -= 1
        self.inner = False
        if kind < 0.3:
            self.emit(f"{self.vector()}[i] = np.tanh(t)")

    def branch(self) -> None:
        test = self.pick(("flags[i]", "i % 2 == 0", f"{self.element()} > 0.4", "i > m", "p > 0.5"))
        self.emit(f"if {test}:")
        self.depth += 1
        self.pick((self.store, self.accumulation, self.sum, self.aliased))()
        if self.chance(0.15):
            self.emit(self.pick(("continue", "break")))
        self.depth -= 1
        if self.chance(0.5):
            self.emit("else:")
            self.depth += 1
            self.pick((self.store, self.accumulation, self.sum))()
            self.depth -= 1

    def scratch_inside(self) -> None:
        self.emit(f"q = np.{self.pick(('zeros', 'empty', 'ones'))}(m)")
        self.emit("for k in range(m):")
        self.emit(f"    q[k] = {self.value()} * (k + 1)")
        self.emit(f"{self.element()} = np.sum(q) * 0.1")
        if self.chance(0.4):
            self.emit("s += 0.1 * q[0] * q[m - 1]")

    def scratch_outside(self) -> None:
        """An array of before the loop, which an iteration fills, perhaps not all of it, before it reads it."""
        length, filled = self.pick((("m", "m"), ("m", "m"), ("m", "m - 1"), ("m", "i % m"), ("n", "i")))
        self.emit(f"for k in range({filled}):")
        self.emit(f"    g[k] = {self.value()} * (k + 1)")
        if self.chance(0.3):
            self.emit("g[0] = np.sin(g[0])")
        self.emit(f"s += 0.1 * {self.pick(('g[0]', 'g[m - 1]', 'g[0] * g[1]', 'np.sum(g[:m]) ** 2'))}")
        if self.chance(0.3):
            self.emit(f"{self.element()} = g[{self.pick(('0', '1', 'm - 1'))}]")

    def table(self) -> None:
        """An array of two axes of before the loop, filled row by row, perhaps not all of it."""
        rows, columns = self.pick((("m", "3"), ("m", "3"), ("m", "3"), ("m - 1", "3"), ("m", "2"), ("i % 4 % m", "3")))
        self.emit(f"for a in range({rows}):")
        self.emit(f"    for b in range({columns}):")
        self.emit(f"        G[a, b] = {self.value()} + 0.1 * a * b")
        if self.chance(0.3):
            self.emit("    G[a, 1] += G[a, 0]")
        if self.chance(0.3):
            self.emit(f"G[{self.pick(('i % m', '0', 'm - 1'))}, 0] *= 0.5")
        self.emit(f"s += 0.1 * {self.pick(('G[0, 1]', 'G[m - 1, 2]', 'np.sum(G)', 'G[i % m, 0] * G[1, 1]'))}")
        if self.chance(0.2):
            self.emit(f"G[{self.pick(('0', 'i % m'))}, :] = 0.0")

    def cleared(self) -> None:
        """An array that is zero before the iteration, and after it, or nearly so."""
        self.emit(f"c0[{self.pick(('i', 'idx[i]', '0'))}] += {self.value()}")
        if self.chance(0.3):
            self.emit("c0[1] = s * 0.1")
        self.emit(f"for k in range({self.pick(('n', 'n', 'n', 'n', 'n - 1', 'n - 1, -1, -1'))}):")
        self.emit(f"    s += 0.1 * c0[{self.pick(('k', 'k', 'k', '0'))}] * w[k]")
        self.emit(f"    c0[k] {self.pick(('= 0.0', '= 0.0', '= 0.0', '*= 0.5'))}")
        if self.chance(0.15):
            self.emit(f"c0[0] {self.pick(('= 0.0', '+= 0.2 * s'))}")

    def whole(self) -> None:
        """Calls on whole arrays, in each iteration."""
        forms = (
            "s += 0.1 * np.sum(np.tanh(A @ u))",
            "r1 = B @ (u * p)",
            "r1 = A[i] @ B",
            "s += 0.01 * np.sum(np.outer(u, B[i])[:, 0])",
            "w[i] = 0.1 * np.dot(A[i], v)",
            "s += 0.1 * np.max(np.abs(A[:, i]))",
            "r1 = np.linalg.solve(A + n * np.eye(n), B[i])",
            "s += 0.1 * np.linalg.inv(B + n * np.eye(n))[i, 0]",
            "s += 0.01 * np.linalg.det(A[:2, :2])",
        )
        form = self.pick(forms)
        self.emit(form)
        if form.startswith("r1"):
            self.emit(self.pick((f"{self.element()} = r1[0] * 0.1", "s += 0.1 * np.sum(r1 * r1)", "A[i] += 0.1 * r1")))

    def gathered(self) -> None:
        """Elements that several iterations read or add to, through a function."""
        self.emit(f"s += 0.1 * picked({self.vector()}, {self.pick(('idx', 'jdx', 'idx[i:]'))}, {self.element()})")

    def rows(self) -> None:
        forms = (
            "A[i] = 0.5 * B[i]",
            "A[i] += 0.1 * u",
            "B[i] = np.tanh(A[i] * p)",
            "u[i] = np.sum(A[i] * B[i]) * 0.1",
            "w[i] = A[i] @ u * 0.1",
            "B[:, i] = 0.3 * A[i]",
            "A[idx[i]] += 0.1 * B[i]",
            "v[i] = row_norm(B[i])",
            "h[i] = np.max(A[i])",
            "r = A[i]",
            "u[:i] *= 0.9",
            "w[i:] = 0.5 * v[i:]",
            "A[i, :] = A[(i + 1) % n, :]",
        )
        form = self.pick(forms)
        self.emit(form)
        if form == "r = A[i]":
            self.emit(self.pick(("r[0] += 0.3 * u[i]", "r[i] = u[i] * p", "s += r[1]", "r *= 0.5")))

    def search(self) -> None:
        self.emit("c = 0")
        self.emit(f"z = {self.value()} + 0.2")
        self.emit(f"while {self.pick(('c < 3', 'z > 0.3 and c < 4', 'c < i % 3'))}:")
        self.emit("    z = 0.5 * z + 0.05 * p")
        self.emit("    c += 1")
        self.emit(f"{self.pick((self.element() + ' =', 's +='))} z * 0.3")

    def aliased(self) -> None:
        test = self.pick(("flags[i]", "i % 2 == 0"))
        self.emit(f"e = {self.vector()} if {test} else {self.vector()}")
        self.emit(
            self.pick((f"e[i] = {self.value()}", f"{self.vector()}[i] = e[{self.item()}] * 0.5", "s += 0.1 * e[i]"))
        )
        if self.chance(0.3):
            self.emit(f"e = {self.vector()}")
            self.emit(f"s += e[{self.item()}]")

    def count(self) -> None:
        self.emit(f"count += {self.pick(('1', 'i', 'idx[i]'))}")
        if self.chance(0.3):
            self.emit("s += 0.1 * u[count % n]")

    def call(self) -> None:
        self.emit(f"put({self.vector()}, {self.item()}, {self.value()})")

    def listed(self) -> None:
        self.emit(f"several = [{self.value()}, {self.value()}]")
        self.emit("s += 0.1 * several[0] * several[1]")

    def carried(self) -> None:
        self.emit(self.pick((f"last = {self.value()}", f"last = 0.5 * last + {self.value()}")))

    def loop(self) -> None:
        self.emit(f"for i in {self.pick(_BOUNDS)}:")
        self.depth += 1
        for _ in range(self.random.randint(1, 3)):
            self.statement()
        self.depth -= 1

    def program(self) -> str:
        for name in "uvwx":
            self.emit(f"{name} = {name}0 * 1.0" if self.chance(0.8) else f"{name} = {name}0")
        self.emit("A = A0 * 1.0")
        self.emit("B = B0 * 1.0")
        self.emit(self.pick(_SETUP))
        self.emit("g = np.zeros(n)")
        self.emit("c0 = np.zeros(n)")
        self.emit(f"G = np.{self.pick(('zeros', 'ones'))}(({self.pick(('m', 'm', '3'))}, 3))")
        self.emit("s = 0.0")
        self.emit("last = p")
        self.emit("count = 0")
        timed = self.chance(0.4)
        if timed:
            self.emit("for step in range(m - 1):")
            self.depth += 1
        for _ in range(self.random.randint(1, 3)):
            self.loop()
            if self.chance(0.3):
                self.emit(self.pick(_BETWEEN))
        if timed:
            self.depth -= 1
        ends = (
            "s",
            "s + np.sum(u)",
            "s + np.sum(h * w)",
            "s + np.sum(A * A) + v[1] + last",
            "s + x[0] * w[1] + last + 0.001 * count",
        )
        self.emit(f"return {self.pick(ends)} + 0.01 * (np.sum(u * v) + np.sum(A) + np.sum(B * B))")
        return (
            HELPERS
            + "\n\ndef program(u0, v0, w0, x0, A0, B0, p, idx, jdx, flags, n, m):\n"
            + "\n".join(self.lines)
            + "\n"
        )


WRT = (0, 1, 2, 3, 4, 5, 6)
SECONDS, COMPILING = 60, 300
"""Of processor time: two texts of one program, and its compiling."""


def program(seed: int, folder: Path) -> tuple[Callable[..., Any], str]:
    text = _Writer(seed).program()
    return load(text, folder).program, text


def arguments(seed: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    n = (7, 5, 11)[seed % 3]
    vectors = [rng.uniform(0.2, 0.9, n) for _ in range(4)]
    if seed % 7 == 3:
        vectors[3] = vectors[3].astype(np.float32)
    if seed % 11 == 5:
        vectors[1] = vectors[0]  # the same array twice
    matrices = [rng.uniform(0.2, 0.9, (n, n)) for _ in range(2)]
    idx, jdx = rng.integers(0, n - 1, n), rng.integers(1 - n, n, n)
    if seed % 13 == 4:
        jdx[rng.integers(0, n)] = rng.integers(-n - 2, n + 2)  # perhaps an error
    return (*vectors, *matrices, 0.7, idx, jdx, rng.random(n) < 0.5, n, 3)


def serial(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """(value, gradient) by the serial text in Python; or the error, where the program is refused or raises."""
    derivative = srcad.value_and_grad(function, WRT, target="python", cache=False)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return derivative(*copied(args))
        except (SrcadError, IndexError, ValueError) as error:
            return error


def said(error: Exception) -> str:
    """The message, whose parts are joined in what is compiled."""
    return "".join(map(str, error.args))


def difference(seed: int, folder: Path) -> tuple[str, str, bool]:
    """(what is wrong, the program, whether a loop of it runs on threads)."""
    function, text = program(seed, folder)
    args = arguments(seed)
    want = serial(function, args)
    if isinstance(want, SrcadError):
        return "", text, False
    with forced((3, 64)[seed % 2]):
        call, threads = threads_in_python(function, WRT, copied(args))
        try:
            found = call(*copied(args))
        except (IndexError, ValueError) as error:
            found = error
    if isinstance(want, Exception) or isinstance(found, Exception):
        same = type(found) is type(want) and said(found) == said(want)
        return "" if same else f"{found!r}, not {want!r}:\n{threads}", text, is_on_threads(threads)
    value, gradient = found
    close = 1e-4 if "float32" in threads else 1e-9
    worst = max(worst_error(value, want[0]), worst_error(gradient, want[1]))
    wrong = "" if worst < close else f"differs by {worst}:\n{threads}"
    return wrong, text, is_on_threads(threads)


def compiled_difference(seed: int, folder: Path) -> str:
    """What differs between the serial text and Numba's threads, or between one and four threads."""
    function, _ = program(seed, folder)
    args = arguments(seed)
    want = serial(function, args)
    if isinstance(want, SrcadError):
        return ""
    found = {}
    with forced((3, 64)[seed % 2]):
        derivative = srcad.value_and_grad(function, WRT, parallel=True, cache=False)
        for count in (1, numba.config.NUMBA_NUM_THREADS):
            numba.set_num_threads(count)
            try:
                result = derivative(*copied(args))
            except (IndexError, ValueError) as error:
                return "" if isinstance(want, Exception) and said(error) == said(want) else f"{error!r}, not {want!r}"
            bits = b"".join(np.asarray(leaf).tobytes() for leaf in leaves(result))
            found[count] = hashlib.sha256(bits).hexdigest()
    if len(set(found.values())) > 1:
        return "other bits at one thread"
    if isinstance(want, Exception):
        return f"no error, but {want!r}"
    close = 1e-4 if any(getattr(a, "dtype", None) == np.float32 for a in args) else 1e-9
    worst = max(worst_error(result[0], want[0]), worst_error(result[1], want[1]))
    return "" if worst < close else f"differs by {worst}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compiled", type=int, default=0)
    parser.add_argument("--times", action="store_true", help="the seconds of each program")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    wrong, threads = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.seed, asked.seed + asked.count):
            began = time.process_time()
            what, text, runs = tried(seed, Path(folder), compiled=seed - asked.seed < asked.compiled)
            threads += runs
            if what:
                wrong += 1
                print(f"seed {seed}: {what}\n{text.partition('def program')[2]}", flush=True)
            if asked.times:
                print(f"{seed} {time.process_time() - began:.1f} s", file=sys.stderr, flush=True)
    print(f"{asked.count} programs, {threads} on threads, {wrong} wrong")
    return int(wrong > 0)


def tried(seed: int, folder: Path, compiled: bool) -> tuple[str, str, bool]:
    """As `difference`; any other error, and too much time, is wrong as well."""
    try:
        with limit(SECONDS):
            what, text, runs = difference(seed, folder)
        if compiled and not what:
            with limit(COMPILING):
                what = compiled_difference(seed, folder)
    except TooLong:
        return "takes too long", program(seed, folder)[1], False
    except Exception as error:
        return f"{type(error).__name__}: {error}", program(seed, folder)[1], False
    return what, text, runs


if __name__ == "__main__":
    sys.exit(main())

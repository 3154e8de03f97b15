"""Random programs: text of functions with loops, branches, writes, views, aliases, calls and early exits.

Values stay bounded (every assignment is of `tanh`, `sin`, averages and the like), names are bound before they are
read, indices are in range: what comes out runs, and has a derivative almost everywhere.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

LENGTH = 4
ROWS = 3

HELPERS = """
import numpy as np


def mix(u, v):
    w = u * v
    return np.sin(w + u)


def halves(u):
    return 0.5 * u, np.cos(u)


def bent(u):
    if u > 0.1:
        return np.tanh(u)
    return 0.3 * u - u * u * 0.1


def write_into(y, s):
    y[1] = y[0] * s
    y *= 0.9


def shifted(y, k):
    z = y.copy()
    for j in range(k):
        z[j] = np.sin(z[j + 1] + y[j])
    return z


def fold_up(y):
    s = 0.2
    for v in y:
        s = np.tanh(s * v + 0.3 * s + 0.2 * v)
    return s
"""


@dataclass
class Scope:
    """The names that may be read here."""

    scalars: list[str]
    vectors: list[str]
    short: list[str]
    """Vectors of unknown length (at least 2), as slices give."""
    matrices: list[str]
    counters: list[str] = field(default_factory=list)
    """Loop variables: integers from 0 to LENGTH - 1."""

    def inner(self) -> Scope:
        return Scope(list(self.scalars), list(self.vectors), list(self.short), list(self.matrices), list(self.counters))


class Author:
    """Writes one program, taking every decision from `draw`."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.budget = 22
        self.names = 0
        self.loops = 0

    # ---- decisions

    def pick(self, options: list[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(0, one_in - 1)) == 0)

    def fresh(self, base: str) -> str:
        self.names += 1
        return f"{base}{self.names}"

    def emit(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    # ---- expressions

    def index(self, s: Scope) -> str:
        options = ["0", "1", "-1", "2"]
        for i in s.counters:
            options += [i, f"{i} - 1", f"({i} + 1) % {LENGTH}", f"{LENGTH - 1} - {i}"]
        return str(self.pick(options))

    def number(self, s: Scope) -> str:
        """A scalar that is read, not computed."""
        match self.pick(["scalar", "scalar", "entry", "cell", "constant", "counter"]):
            case "entry":
                return f"{self.pick(s.vectors)}[{self.index(s)}]"
            case "cell":
                return f"{self.pick(s.matrices)}[{self.pick(['0', '-1', '1'])}, {self.index(s)}]"
            case "constant":
                return str(self.pick(["0.7", "-0.3", "1.1"]))
            case "counter" if s.counters:
                return f"0.2 * {self.pick(s.counters)}"
            case _:
                return str(self.pick(s.scalars))

    def scalar(self, s: Scope) -> str:
        u, v = self.number(s), self.number(s)
        return str(
            self.pick(
                [
                    f"np.sin({u} + {v})",
                    f"np.tanh({u} * {v})",
                    f"{u} / (1.5 + {v} * {v})",
                    f"0.6 * {u} - 0.4 * {v}",
                    f"mix({u}, {v})",
                    f"bent({u}) * np.cos({v})",
                    f"halves({u})[1] * 0.5 + 0.2 * {v}",
                    f"({u} if {v} > 0.05 else 0.5 * {v})",
                    f"np.tanh(np.sum({self.pick(s.vectors + s.short)} * {u}))",
                    f"fold_up({self.pick(s.vectors + s.short)})",
                    f"np.tanh({self.pick(s.vectors)} @ {self.pick(s.vectors)})",
                    f"max({u}, 0.9 * {v})",
                ]
            )
        )

    def vector(self, s: Scope) -> str:
        x, y, u = self.pick(s.vectors), self.pick(s.vectors), self.number(s)
        m, k = self.pick(s.matrices), self.pick(["0", "1", "-1"])
        return str(
            self.pick(
                [
                    f"np.sin({x} + {y})",
                    f"np.tanh({x} * {u})",
                    f"0.5 * {x} - 0.5 * {y} * {u}",
                    f"{x} / (1.5 + {y} ** 2)",
                    f"{m}[{k}] * {x}",
                    f"np.where({x} > {y}, {x} * {u}, np.cos({y}))",
                    f"shifted({x}, {self.pick(['2', '3', '0'])})",
                    f"np.tanh({self.pick(s.matrices)}.T @ {m}[:, 1])",
                    f"{x}[::-1] * {y}",
                    f"np.sum({m}, axis=0) * 0.3",
                ]
            )
        )

    def condition(self, s: Scope) -> str:
        u, v = self.number(s), self.number(s)
        options = [
            f"{u} > {v} * 0.8",
            f"{u} > 0.1 and {v} < 0.6",
            f"not {u} < -0.2",
            "n > 2",
            f"-0.5 < {u} < {v} + 0.3",
        ]
        options += [f"{i} % 2 == 0" for i in s.counters] + [f"{i} == 1" for i in s.counters]
        return str(self.pick(options))

    # ---- statements

    def block(self, s: Scope, depth: int, in_loop: bool) -> None:
        start = len(self.lines)
        for _ in range(self.draw(st.integers(1, 4))):
            if self.budget <= 0:
                break
            self.budget -= 1
            self.statement(s, depth, in_loop)
        if len(self.lines) == start:
            self.emit(depth, "pass")

    def statement(self, s: Scope, depth: int, in_loop: bool) -> None:
        kinds = [
            "scalar",
            "scalar",
            "vector",
            "entry",
            "entry",
            "slice",
            "augmented",
            "swap",
            "call",
            "view",
            "alias",
            "matrix",
        ]
        if depth < 4:
            kinds += ["if", "for"] * 3 + ["while"] * 2
        if in_loop:
            kinds += ["leave"]
        if depth > 1:
            kinds += ["return"]
        getattr(self, "write_" + self.pick(kinds))(s, depth)

    def write_scalar(self, s: Scope, depth: int) -> None:
        if self.chance(4):
            name = self.fresh("t")
            self.emit(depth, f"{name} = {self.scalar(s)}")
            s.scalars.append(name)
        elif self.chance(4):
            self.emit(depth, f"{self.pick(s.scalars)}, {self.pick(s.scalars)} = halves({self.number(s)})")
        else:
            self.emit(depth, f"{self.pick(s.scalars)} = {self.scalar(s)}")

    def write_vector(self, s: Scope, depth: int) -> None:
        if self.chance(3):
            name = self.fresh("y")
            self.emit(depth, f"{name} = {self.vector(s)}")
            s.vectors.append(name)
        else:
            self.emit(depth, f"{self.pick(s.vectors)} = {self.vector(s)}")

    def write_entry(self, s: Scope, depth: int) -> None:
        operator = self.pick(["=", "=", "+=", "*=", "-="])
        self.emit(depth, f"{self.pick(s.vectors)}[{self.index(s)}] {operator} {self.scalar(s)}")

    def write_slice(self, s: Scope, depth: int) -> None:
        x = self.pick(s.vectors)
        target = self.pick(["[1:]", "[:-1]", "[:]", "[::2]", "[1:3]", "[::-1]"])
        value = self.pick(
            [self.scalar(s), f"np.tanh({self.pick(s.vectors)}{target})", f"{x}{target} * {self.number(s)}"]
        )
        self.emit(depth, f"{x}{target} {self.pick(['=', '=', '+=', '*='])} {value}")

    def write_matrix(self, s: Scope, depth: int) -> None:
        m, k = self.pick(s.matrices), self.pick(["0", "1", "-1"])
        row = f"{m}[{k}] {self.pick(['=', '+=', '*='])} {self.vector(s)}"
        cell = f"{m}[{k}, {self.index(s)}] {self.pick(['=', '*='])} {self.scalar(s)}"
        column = f"{m}[:, {self.index(s)}] {self.pick(['=', '*='])} {self.scalar(s)}"
        whole = f"{m} = np.tanh({m} * {self.pick(s.vectors)})"
        self.emit(depth, str(self.pick([row, cell, column, whole])))

    def write_augmented(self, s: Scope, depth: int) -> None:
        if self.chance(2):
            self.emit(depth, f"{self.pick(s.scalars)} {self.pick(['+=', '-=', '*='])} 0.5 * {self.scalar(s)}")
        else:
            value = self.pick([self.scalar(s), self.vector(s)])
            self.emit(depth, f"{self.pick(s.vectors)} {self.pick(['+=', '-=', '*='])} 0.5 * {value}")

    def write_swap(self, s: Scope, depth: int) -> None:
        names = s.vectors if self.chance(2) else s.scalars
        a, b = self.pick(names), self.pick(names)
        self.emit(depth, f"{a}, {b} = {b}, {a}")

    def write_call(self, s: Scope, depth: int) -> None:
        self.emit(depth, f"write_into({self.pick(s.vectors + s.short)}, {self.number(s)})")

    def write_view(self, s: Scope, depth: int) -> None:
        if self.chance(3):
            name = self.fresh("r")
            self.emit(depth, f"{name} = {self.pick(s.matrices)}[{self.pick(['0', '1', '-1'])}]")
            s.vectors.append(name)
        else:
            name = self.fresh("v")
            self.emit(depth, f"{name} = {self.pick(s.vectors)}{self.pick(['[1:]', '[:3]', '[::2]', '[::-1]'])}")
            s.short.append(name)

    def write_alias(self, s: Scope, depth: int) -> None:
        if self.chance(2):
            name = self.fresh("w")
            self.emit(depth, f"{name} = {self.pick(s.vectors)}")
            s.vectors.append(name)
        else:
            self.emit(depth, f"{self.pick(s.vectors)} = {self.pick(s.vectors)}.copy()")

    def write_if(self, s: Scope, depth: int) -> None:
        self.emit(depth, f"if {self.condition(s)}:")
        then, orelse = s.inner(), s.inner()
        both = self.fresh("b") if self.chance(3) else None
        if both:
            self.emit(depth + 1, f"{both} = {self.scalar(then)}")
        self.block(then, depth + 1, self.loops > 0)
        if both or self.chance(2):
            self.emit(depth, "else:")
            if both:
                self.emit(depth + 1, f"{both} = {self.scalar(orelse)}")
                s.scalars.append(both)
            self.block(orelse, depth + 1, self.loops > 0)

    def write_for(self, s: Scope, depth: int) -> None:
        inner = s.inner()
        i = f"i{depth}"
        heads = [
            f"for {i} in range(n):",
            f"for {i} in range(2):",
            f"for {i} in range(n - 1, -1, -1):",
            f"for {i} in range(1, {LENGTH}):",
        ]
        heads += [f"for {i} in range({j} + 1):" for j in s.counters if j != i]
        heads += [f"for {i}, e{depth} in enumerate({self.pick(s.vectors)}):"]
        head = self.pick(heads)
        self.emit(depth, head)
        inner.counters = [c for c in inner.counters if c != i] + [i]
        if "enumerate" in head:
            inner.scalars.append(f"e{depth}")
        self.inside(inner, depth)
        if self.chance(6):
            self.emit(depth, "else:")
            self.block(s.inner(), depth + 1, self.loops > 0)

    def write_while(self, s: Scope, depth: int) -> None:
        k = self.fresh("k")
        self.emit(depth, f"{k} = 0")
        limit = self.pick(["n", "3", "2"])
        also = self.pick(["", f" and {self.number(s)} < 0.8"])
        self.emit(depth, f"while {k} < {limit}{also}:")
        self.emit(depth + 1, f"{k} += 1")
        self.inside(s.inner(), depth)

    def inside(self, s: Scope, depth: int) -> None:
        self.loops += 1
        self.block(s, depth + 1, True)
        self.loops -= 1

    def write_leave(self, s: Scope, depth: int) -> None:
        self.emit(depth, f"if {self.condition(s)}:")
        self.emit(depth + 1, str(self.pick(["break", "continue"])))

    def write_return(self, s: Scope, depth: int) -> None:
        self.emit(depth, f"if {self.condition(s)}:")
        self.emit(depth + 1, f"return {self.scalar(s)}")

    def program(self) -> str:
        s = Scope(["a", "b"], ["x", "y"], [], ["m"])
        self.emit(0, "def program(a, b, x, y, m, n):")
        while self.budget > 0:
            self.budget -= 1
            self.statement(s, 1, False)
        parts = [*s.scalars] + [f"np.sum(np.sin({v}))" for v in s.vectors + s.short + s.matrices]
        self.emit(1, f"return {' + '.join(f'{0.3 + 0.1 * k:.1f} * {p}' for k, p in enumerate(parts))}")
        return HELPERS + "\n\n" + "\n".join(self.lines) + "\n"


@st.composite
def programs(draw: Callable[[Any], Any]) -> str:
    return Author(draw).program()


def load(text: str, folder: Path) -> ModuleType:
    """The program as a module of a real file, so that its source can be read."""
    name = "random_program_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

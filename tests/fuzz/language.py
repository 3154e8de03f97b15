"""Programs of the whole language: objects, lists of run-time length, closures that write, `match`, inactive code.

`with`, `try`, generators; deques and dicts of arrays; complex numbers; arguments that share memory.

Beside what `Writer` writes. What each statement gives is learned by running it.
"""

from __future__ import annotations

import numpy as np

from tests.fuzz import compound, functions, inactive
from tests.fuzz.classes import Class, classes
from tests.fuzz.complex_numbers import ComplexNumbers
from tests.fuzz.compound import Compound
from tests.fuzz.containers import Containers
from tests.fuzz.inputs import Inputs
from tests.fuzz.scalars import is_float
from tests.fuzz.state import INDENT, Refused

IMPORTS = """
import bisect
import collections
import contextlib
import functools
import heapq
import itertools
import json

from scipy import special, stats

"""


MODES = ("value_and_grad",) * 2 + ("forward",) * 5 + ("grad", "jacobian", "jacobian", "adjoint", "primal")


class Language(Containers, ComplexNumbers, Compound):
    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.classes: dict[str, Class] = classes(self.random)
        self.inactive = self.chance(0.4)
        self.share = self.pick((0.3, 0.5, 0.7))
        """Of the statements that are of this module."""

    def given_preamble(self) -> list[str]:
        texts = [one.text.strip() + "\n" for one in self.classes.values()]
        return [IMPORTS, inactive.PREAMBLE, compound.PREAMBLE, *texts]

    def given_arguments(self, given: Inputs) -> str:
        """Now and then, two of them share memory."""
        arrays = [at for at, text in enumerate(given.texts) if text.startswith("np.") and at in given.differentiable]
        if len(arrays) < 2 or not self.chance(0.08):
            return super().given_arguments(given)
        first, second = self.random.sample(arrays, 2)
        texts = list(given.texts)
        texts[first] = "shared"
        texts[second] = self.pick(("shared", "shared[:]", "shared[::-1]", "shared[:2]", "shared.T"))
        return f"def arguments():\n    shared = {given.texts[first]}\n    return ({', '.join(texts)},)\n"

    def started(self, text: str) -> str:
        """The text; what it names of the inactive code is bound before."""
        for name, line in inactive.STARTED.items():
            if name in text and name not in self.env:
                self.emit(line)
                self.kept.add(name)
                self.look()
        return text

    def simple(self) -> None:
        if self.chance(1.0 - self.share):
            super().simple()
            return
        ways = [
            (3.0, self.bind_called_array),
            (2.0, self.bind_called_float),
            (2.0, self.bind_object),
            (3.0, self.use_object),
            (1.5, self.use_list),
            (1.0, self.use_dict),
            (1.0, self.use_local_function),
            (0.7, self.use_deque),
            (0.7, self.use_dict_of_arrays),
            (1.5, self.use_complex),
            (0.7, self.bind_generated),
            (0.4, self.raised),
            (0.7, self.zero_d),
            (1.5, self.cut_by_counter),
        ]
        if self.inactive:
            ways += [(2.5, self.bind_inactive), (1.5, self.inactive_effect)]
        self.random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()

    def statement(self) -> None:
        deep = self.depth > self.deepest
        if deep or not self.chance(0.16 * self.share / 0.5):
            super().statement()
            return
        self.walrus = 0
        ways = [
            (2.0, self.match),
            (2.0, self.local_function),
            (2.0, self.growing_list),
            (1.0, self.list_from_condition),
            (1.0, self.loop_over_objects),
            (0.6, self.loop_while_list),
            (2.0, self.with_block),
            (1.5, self.try_block),
            (2.0, self.generator_loop),
        ]
        if self.inactive:
            ways += [(2.0, self.inactive_compound)]
        self.random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()

    # ---- functions of libraries

    def bind_called_array(self) -> None:
        self.emit(f"{self.fresh()} = {self.of(self.pick(functions.ARRAYS))}")
        self.look()
        self.refuse_unless(np.ndarray)

    def bind_called_float(self) -> None:
        name = self.target(is_float)
        self.emit(f"{name} = {self.of(self.pick(functions.FLOATS))}")

    def refuse_unless(self, kind: type) -> None:
        name = self.lines[-1].strip().partition(" = ")[0]
        if name in self.env and not isinstance(self.env[name], kind | float):
            raise Refused

    def cut_by_counter(self) -> None:
        vectors = [at for at, a in self.arrays() if a.ndim == 1 and a.size]
        counters = [c for c in self.counters if c in self.env]
        if not vectors or not counters:
            raise Refused
        given = {"o": self.pick(vectors), "i": self.pick(counters)}
        if self.chance(0.5):
            self.emit(self.of(self.pick(functions.CUT_STORES), **given))
        else:
            name = self.target(is_float)
            sign = "+=" if name in self.env else "="
            self.emit(f"{name} {sign} {self.of(self.pick(functions.CUT), **given)}")

    def zero_d(self) -> None:
        """An array without axes, made or changed."""
        found = [name for name, value in self.env.items() if isinstance(value, np.ndarray) and value.ndim == 0]
        if found and self.chance(0.6):
            self.emit(self.of(self.pick(functions.CHANGED_0D), o=self.pick(found)))
        else:
            self.emit(f"{self.fresh()} = {self.of(self.pick(functions.MADE_0D))}")

    # ---- objects

    def objects(self) -> list[tuple[str, Class]]:
        names = {"Rate": "Decay"}
        found = []
        for name, value in self.env.items():
            of = type(value).__name__
            of = names.get(of, of)
            if of in self.classes:
                found.append((name, self.classes[of]))
        return found

    def bind_object(self) -> None:
        if not self.classes:
            raise Refused
        one = self.pick(list(self.classes.values()))
        self.emit(f"{self.fresh()} = {self.of(self.pick(one.made))}")

    def use_object(self) -> None:
        found = self.objects()
        if not found:
            self.bind_object()
            return
        name, one = self.pick(found)
        kind = self.random.random()
        if kind < 0.5:
            self.emit(self.of(self.pick(one.statements), o=name))
        elif kind < 0.8 or not one.arrays:
            self.emit(f"{self.target(is_float)} = {self.of(self.pick(one.floats), o=name)}")
        else:
            self.emit(f"{self.fresh()} = {self.of(self.pick(one.arrays), o=name)}")

    def loop_over_objects(self) -> None:
        if not self.classes:
            raise Refused
        one = self.pick(list(self.classes.values()))
        made = ", ".join(self.of(self.pick(one.made)) for _ in range(self.pick((1, 2, 3))))
        name, item = self.fresh(), "part"
        self.emit(f"{name} = [{made}]")
        self.emit(f"for {item} in {name}:")
        self.depth += 1
        self.emit(self.of(self.pick(one.statements), o=item))
        self.depth -= 1
        self.emit(f"{self.fresh()} = sum({self.of(self.pick(one.floats), o='q_')} for q_ in {name})")

    # ---- local functions and match

    def local_function(self) -> None:
        """A function that writes to a variable around it."""
        floats = [n for n in self.bindable(is_float)]
        if self.depth > 1 or not floats:
            raise Refused
        shared, name, u = self.pick(floats), self.pick(("step", "push", "visit")), self.pick(("u", "value_"))
        scalar = self.atom(self.float(0))
        self.emit(f"def {name}({u}, rate={self.pick(('0.5', '0.3'))}):")
        self.depth += 1
        self.emit(f"nonlocal {shared}")
        if self.chance(0.3):
            self.emit(f"if {u} > {self.pick(('0.3', shared))}:")
            self.emit(f"{INDENT}{shared} = {shared} * rate")
            self.emit(f"{INDENT}return {u} * {shared}")
        self.emit(
            self.pick(
                (
                    f"{shared} = np.tanh({shared} + rate * {u})",
                    f"{shared} += rate * {u} * {scalar}",
                    f"{shared} = {u} - rate * {shared}",
                )
            )
        )
        self.emit(f"return {self.pick((shared, f'{u} * {shared}', f'{u} + {scalar}'))}")
        self.depth -= 1
        if self.chance(0.4):
            vectors = [at for at, a in self.arrays() if a.ndim == 1 and a.size] or ["(0.3, 0.1)"]
            self.emit(f"for e_ in {self.pick(vectors)}:")
            self.emit(f"{INDENT}{name}({self.pick(('e_', 'e_ * 0.5'))})")
        else:
            self.emit(f"{self.fresh()} = {name}({self.float(0)}) + {name}({self.float(0)})")

    def use_local_function(self) -> None:
        local = [n for n in ("step", "push", "visit") if n in self.env]
        if not local:
            raise Refused
        rate = self.pick(("", f", rate={self.float(0)}"))
        self.emit(f"{self.target(is_float)} = {self.pick(local)}({self.float(1)}{rate})")

    def match(self) -> None:
        kind = self.random.random()
        start = len(self.lines)
        if kind < 0.5:
            subject, patterns = (
                f"{self.int(1)} % 3",
                self.pick((("0", "1", "_"), ("0 | 1", "_"), ("2", "k_ if k_ > 0", "_"))),
            )
        elif kind < 0.7:
            subject = f"({self.float(0)}, {self.float(0)})"
            patterns = self.pick((("(a_, b_) if a_ > b_", "(a_, _)"), ("(a_, b_)",)))
        elif kind < 0.85:
            word = self.pick(("'low'", "'high'"))
            subject, patterns = word, ("'low'", "'high'", "_")
        else:
            found = [n for n, c in self.objects() if type(self.env[n]).__name__ == "Point"]
            if not found:
                raise Refused
            subject, patterns = self.pick(found), ("Point(x=a_, y=b_) if a_ > b_", "Point(x=a_)")
        self.emit(f"match {subject}:", f"match {subject}:")
        name = self.fresh()
        self.depth += 1
        for pattern in patterns:
            self.emit(f"case {pattern}:")
            self.depth += 1
            bound = [n for n in ("a_", "b_", "k_") if f"{n}" in pattern]
            value = self.float(1)
            self.emit(f"{name} = {' * '.join((self.atom(value), *bound))}")
            self.depth -= 1
        self.depth -= 1
        self.settle(start)

    # ---- inactive code

    def bind_inactive(self) -> None:
        name = self.pick(("noise", "draw", "fixed", "level", "data_", "eps"))
        text = self.started(self.pick((*inactive.VALUES, *inactive.READ)))
        self.emit(f"{name} = {text}")
        self.look()
        value = self.env.get(name)
        if is_float(value) or type(value) is int:
            self.constants = (*self.constants, name)
        if self.chance(0.6):
            if isinstance(value, np.ndarray | float | int | np.generic) and np.ndim(value) <= 1:
                self.emit(f"{self.fresh()} = {self.of('{f}')} * {self.pick((f'np.sum({name})', name))}")

    def inactive_effect(self) -> None:
        known = [c for c in self.constants if not c.isidentifier() or c in self.env]
        self.emit(self.started(self.of(self.pick(inactive.STATEMENTS), c=self.pick(known))))

    def inactive_compound(self) -> None:
        z, f = self.fresh(), self.atom(self.float(1))
        lines = self.pick(inactive.COMPOUND)
        self.started(" ".join(lines))
        for line in lines:
            self.emit(self.of(line, z=z, f=f))

"""Programs of the whole language: objects, lists of run-time length, closures that write, `match`, inactive code.

Beside what `Writer` writes. What each statement gives is learned by running it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz import functions, inactive
from tests.fuzz.classes import Class, classes
from tests.fuzz.scalars import is_float
from tests.fuzz.slots import Slots
from tests.fuzz.state import INDENT, Refused
from tests.fuzz.writer import Writer

IMPORTS = """
import bisect
import collections
import functools
import heapq
import itertools
import json

from scipy import special, stats

"""


MODES = ("value_and_grad",) * 2 + ("forward",) * 5 + ("grad", "jacobian", "jacobian", "adjoint", "primal")


class Language(Slots, Writer):
    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.classes: dict[str, Class] = classes(self.random)
        self.inactive = self.chance(0.4)
        self.share = self.pick((0.3, 0.5, 0.7))
        """Of the statements that are of this module."""

    def given_preamble(self) -> list[str]:
        texts = [one.text.strip() + "\n" for one in self.classes.values()]
        return [IMPORTS, inactive.PREAMBLE, *texts]

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

    # ---- lists and dicts

    def lists(self) -> list[tuple[str, list[Any]]]:
        return [
            (n, v) for n, v in self.env.items() if isinstance(v, list) and n not in self.kept and all(map(is_float, v))
        ]

    def growing_list(self) -> None:
        """A list of run-time length: items appended under a condition in a loop."""
        name = self.fresh()
        vectors = [at for at, a in self.arrays() if a.ndim == 1 and a.size]
        if not vectors:
            raise Refused
        self.emit(f"{name} = []")
        e = self.pick(("e_", "item_"))
        head = self.pick((f"for {e} in {self.pick(vectors)}:", f"for k_, {e} in enumerate({self.pick(vectors)}):"))
        self.emit(head)
        value = self.pick((f"{e} * {e}", f"np.sin({e})", e, f"{e} * {self.atom(self.float(0))}"))
        cond = self.pick((f"{e} > {self.atom(self.float(0))}", f"abs({e}) < 0.6", f"len({name}) < 2", f"{e} > 0.0"))
        self.depth += 1
        self.emit(f"if {cond}:")
        self.emit(f"{INDENT}{name}.append({value})")
        if self.chance(0.3):
            self.emit(f"elif {name} and {name}[-1] > 0.1:")
            self.emit(INDENT + self.pick((f"{name}.pop()", f"{name}[-1] *= 0.5", f"{name}[0] = {value}")))
        if self.chance(0.3):
            self.emit(f"if len({name}) > {self.pick('123')}:")
            self.emit(INDENT + self.pick(("break", f"{name}.pop()", f"{name}.clear()", "continue")))
        self.depth -= 1

    def list_from_condition(self) -> None:
        vectors = [at for at, a in self.arrays() if a.ndim == 1 and a.size]
        v = self.pick(vectors) if vectors else None
        if v is None:
            raise Refused
        f = self.atom(self.float(0))
        self.emit(
            f"{self.fresh()} = "
            + self.pick(
                (
                    f"[e_ * {f} for e_ in {v} if e_ > {f}]",
                    f"[e_ for e_ in {v} if e_ > 0.0]",
                    f"[np.sin(e_) if e_ > 0.2 else e_ for e_ in {v}]",
                    f"[{v}[k_] * {f} for k_ in range(len({v})) if k_ % 2 == 0]",
                    f"list(filter(lambda e_: e_ > 0.0, {v}))",
                    f"[e_ * o_ for e_ in {v} for o_ in {v} if e_ > o_]",
                )
            )
        )

    def use_list(self) -> None:
        found = self.lists()
        if not found:
            self.emit(f"{self.fresh()} = [{self.float(1)}, {self.float(0)}]")
            return
        name, value = self.pick(found)
        f = self.float(1)
        if self.chance(0.55):
            self.emit(
                self.pick(
                    (
                        f"{name}.append({f})",
                        f"{name}.append({f})",
                        f"{name}.extend([{f}, 0.5])",
                        f"{name}.insert(0, {f})",
                        f"{name} += [{f}]",
                        f"{name} = {name} + [{f}]",
                        f"{name}.pop()",
                        f"{name}.reverse()",
                        f"{name}.sort()",
                        f"del {name}[0]",
                        f"{name}[-1] *= 0.5",
                        f"{name}[0] = {f}",
                        f"{name} = {name}[1:]",
                        f"{name} = [2.0 * e_ for e_ in {name}]",
                        f"{name} = sorted({name})",
                        f"if {name}:\n{INDENT * (self.depth + 1)}{name}.append({name}[-1] * 0.5)",
                    )
                )
            )
            return
        self.emit(
            f"{self.fresh()} = "
            + self.pick(
                (
                    f"sum({name})",
                    f"len({name}) * {self.atom(f)}",
                    f"np.array({name})",
                    f"np.sum(np.array({name}) ** 2)",
                    f"max({name}, default=0.3)",
                    f"min({name} + [{f}])",
                    f"{name}[0] if {name} else {f}",
                    f"{name}[-1]",
                    f"sum(e_ * e_ for e_ in {name} if e_ > 0.1)",
                    f"sum(e_ * k_ for k_, e_ in enumerate({name}))",
                    f"np.mean({name})",
                    f"{name}[:]",
                    f"{name}.copy()",
                    f"sum(a_ * b_ for a_, b_ in zip({name}, {name}[1:]))",
                )
            )
        )

    def use_dict(self) -> None:
        found = [(n, v) for n, v in self.env.items() if isinstance(v, dict) and v and n not in self.kept]
        f = self.float(1)
        if not found:
            self.emit(
                f"{self.fresh()} = "
                + self.of(self.pick(("{'w': {f}, 'b': {v}}", "dict(w={f}, b={f})", "{0: {f}, 1: {f}}")))
            )
            return
        name, value = self.pick(found)
        key = repr(self.pick(list(value)))
        self.emit(
            self.pick(
                (
                    f"{name}[{key}] *= 0.5",
                    f"{name}['new'] = {f}",
                    f"{name}.update(new={f})",
                    f"{name} = {{**{name}, 'more': {f}}}",
                    f"{self.fresh()} = {name}.get({key}, {f})",
                    f"{self.fresh()} = {name}.get('none', {f})",
                    f"{self.fresh()} = {name}.pop({key})",
                    f"{self.fresh()} = {name}.setdefault('new', {f})",
                    f"{self.fresh()} = {{k_: 2.0 * v_ for k_, v_ in {name}.items()}}",
                    f"{self.fresh()} = sum(np.sum(v_) for v_ in {name}.values())",
                    f"{self.fresh()} = {f} if {key} in {name} else 0.2",
                    f"{self.fresh()} = len({name}) * {self.atom(f)}",
                    f"del {name}[{key}]",
                )
            )
        )

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

    # ---- loops of unknown length

    def loop_while_list(self) -> None:
        found = self.lists()
        if not found:
            raise Refused
        name, _ = self.pick(found)
        total = self.fresh()
        self.emit(f"{total} = {self.float(0)}")
        self.emit(f"while {name}:")
        self.emit(f"{INDENT}{total} = 0.5 * {total} + {name}.pop({self.pick(('', '0', '-1'))})")

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

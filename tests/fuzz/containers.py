"""Lists of run-time length, dicts, deques: how each is made, changed, and read.

In the templates stand the slots of `tests.fuzz.slots`; `{o}` is the container.
"""

from __future__ import annotations

import collections
from typing import Any

from tests.fuzz.scalars import is_float
from tests.fuzz.slots import Slots
from tests.fuzz.state import INDENT, Refused
from tests.fuzz.writer import Writer

DEQUES = (
    "collections.deque([{f}, {f}])",
    "collections.deque([{f}, {f}, 0.2], maxlen=3)",
    "collections.deque({v})",
    "collections.deque({v}, 2)",
)
DEQUE_STATEMENTS = (
    "{o}.append({f})",
    "{o}.append({f})",
    "{o}.appendleft({f})",
    "{o}.extend([{f}, 0.5])",
    "{o}.rotate({k})",
    "{o}[0] = {f}",
    "{o}[-1] *= 0.5",
    "{o}.reverse()",
    "if len({o}) > 1: {o}.popleft()",
)
DEQUE_FLOATS = (
    "{o}.popleft()",
    "{o}.pop()",
    "sum({o})",
    "{o}[0] * {o}[-1]",
    "sum(e_ * e_ for e_ in {o})",
    "sum(e_ * k_ for k_, e_ in enumerate({o}))",
    "np.sum(np.array({o}) ** 2)",
    "max({o}, default=0.1)",
    "len({o}) * {f}",
)

DICTS = (
    "{'p': {v}, 'q': {v}}",
    "{'p': {v}.copy(), 'q': {a}}",
    "dict(p={a}, q={m}.copy())",
    "{'p': {v}, 'more': {'q': {m}}}",
    "{k_: {v} * k_ for k_ in (1, 2)}",
    "collections.defaultdict(float)",
)
DICT_STATEMENTS = (
    "for k_ in {o}: {o}[k_] = {o}[k_] * 0.5",
    "for v_ in {o}.values(): v_ *= 0.5",
    "for k_, v_ in {o}.items(): v_[...] = np.sin(v_)",
    "{o}['p'] = {v}",
    "{o}['p'] += {f}",
    "{o}['new'] = {o}['p']",
    "{o}['p'][0] = {f}",
    "{o}['q'] = {o}['p'] * {f}",
    "{o}['p'], {o}['q'] = {o}['q'], {o}['p']",
    "{o}['n'] += {f}",
    "{o} = {k_: v_ * 0.5 for k_, v_ in {o}.items()}",
    "{o}.update(p={v})",
)
DICT_FLOATS = (
    "sum(np.sum(v_) for v_ in {o}.values())",
    "sum(np.sum(v_ * v_) * k_ for k_, v_ in enumerate({o}.values()))",
    "np.sum({o}['p'] * {o}['p'])",
    "np.sum({o}.get('q', {f}))",
    "np.sum({o}.pop('p'))",
    "{o}['n']",
)


class Containers(Slots, Writer):
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

    def loop_while_list(self) -> None:
        found = self.lists()
        if not found:
            raise Refused
        name, _ = self.pick(found)
        total = self.fresh()
        self.emit(f"{total} = {self.float(0)}")
        self.emit(f"while {name}:")
        self.emit(f"{INDENT}{total} = 0.5 * {total} + {name}.pop({self.pick(('', '0', '-1'))})")

    # ---- deques, dicts of arrays

    def use_deque(self) -> None:
        self.use(collections.deque, DEQUES, DEQUE_STATEMENTS, DEQUE_FLOATS)

    def use_dict_of_arrays(self) -> None:
        self.use(dict, DICTS, DICT_STATEMENTS, DICT_FLOATS)

    def use(self, kind: type, made: tuple[str, ...], statements: tuple[str, ...], floats: tuple[str, ...]) -> None:
        found = [name for name, value in self.env.items() if isinstance(value, kind) and name not in self.kept]
        if not found or self.chance(0.2):
            self.emit(f"{self.fresh()} = {self.of(self.pick(made))}")
        elif self.chance(0.6):
            self.emit(self.of(self.pick(statements), o=self.pick(found)))
        else:
            self.emit(f"{self.target(is_float)} = {self.of(self.pick(floats), o=self.pick(found))}")

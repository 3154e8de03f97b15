"""Statements that hold others: branches, loops, ways out of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.fuzz.scalars import is_float
from tests.fuzz.state import Refused
from tests.fuzz.statements import Statements


class Blocks(Statements):
    loops = 0
    deepest = 3
    written = 0
    leave: Callable[[], str] | None = None
    """What an early return gives, if there may be one."""
    checkpointed: tuple[str, ...] = ()
    left_early = False

    def statements(self, count: int) -> None:
        for _ in range(count):
            for _ in range(6):
                if self.attempt(self.statement):
                    break

    def statement(self) -> None:
        deep = self.depth > self.deepest
        kind = self.random.random()
        self.walrus = 0
        if self.loops and kind < 0.05 and self.depth > 1:
            self.way_out()
        elif kind < 0.72 or deep:
            self.simple()
        elif kind < 0.82:
            self.branch()
        elif kind < 0.96:
            self.loop()
        else:
            self.loop_while()

    def body(self, least: int = 1) -> None:
        """A block, of at least one statement."""
        self.depth += 1
        start = len(self.lines)
        self.look()
        self.statements(self.random.randint(least, 3))
        if len(self.lines) == start:
            self.emit("pass")
        self.depth -= 1

    def branch(self) -> None:
        cond = self.truth(2)
        start = len(self.lines)
        self.emit(f"if {cond}:", f"if True or {cond}:")
        self.body()
        if self.chance(0.15):
            other = self.truth(1)
            self.elsewhere(start, f"elif {other}:", f"elif True or {other}:", 3)
        if self.chance(0.5):
            self.elsewhere(start, "else:", "else:", 3)
        self.settle(start)

    def elsewhere(self, start: int, head: str, probed: str, _: int) -> None:
        """A further branch: while it is written, those before it are not taken."""
        indent = "    " * self.depth
        for at in range(start, len(self.probed)):
            for word in ("if", "elif"):
                if self.probed[at].startswith(f"{indent}{word} True or "):
                    self.probed[at] = self.probed[at].replace(f"{word} True or ", f"{word} False and ", 1)
        self.emit(head, probed)
        self.body()

    def settle(self, start: int) -> None:
        """The block is done: from here on it runs as it is, and it has to."""
        self.probed[start:] = self.lines[start:]

    def way_out(self) -> None:
        start = len(self.lines)
        cond = self.truth(1)
        out = self.pick(("break", "continue", "break", "return"))
        if out == "return":
            if self.leave is None:
                raise Refused
            out = self.leave()
        self.left_early = self.left_early or out != "continue"
        self.emit(f"if {cond}:", f"if False and {cond}:")
        self.depth += 1
        if self.chance(0.3):
            self.look_inside(start)
        self.emit(out)
        self.depth -= 1

    def look_inside(self, start: int) -> None:
        probed = self.probed[start]
        self.probed[start] = probed.replace("if False and ", "if True or ", 1)
        self.attempt(self.simple)
        self.probed[start] = probed

    # ---- loops ------------------------------------------------------------------------------------

    def loop(self) -> None:
        name = self.pick([c for c in ("i", "j", "k", "t", "i_1", "turn", "p", "d_i") if c not in self.env] or ["ii"])
        kind = self.random.random()
        if kind < 0.6:
            start, stop, step = self.bounds()
            turns = range(start, stop, step)
            self.counters[name] = turns if len(turns) else range(1)
            self.run_loop(f"for {name} in {self.spelled_range(start, stop, step)}:", f"for {name} in range(1):", name)
            return
        vectors = [at for at, a in self.arrays() if a.ndim and a.shape[0]]
        if not vectors:
            raise Refused
        v, other = self.pick(vectors), self.pick(vectors)
        e, o = self.fresh(), self.fresh()
        if e == o:
            raise Refused
        scalars = self.pick(("(0.3, -0.5, 1.1)", "[0.2, 0.7]", "(1, 2)"))
        heads = (
            f"for {e} in {v}:",
            f"for {name}, {e} in enumerate({v}):",
            f"for {e}, {o} in zip({v}, {other}):",
            f"for {name}, ({e}, {o}) in enumerate(zip({v}, {other})):",
            f"for {e} in reversed({v}):",
            f"for {e} in {scalars}:",
            f"for {e} in {v}[::-1]:",
            f"for {name} in reversed(range({self.pick((2, 3))})):",
            f"for {e} in ({v}, {other}):",
            f"for {e} in [{v}, {other}]:",
            f"for {name}, {e} in enumerate([{v}, {other}], start=1):",
        )
        dicts = [at for at, value in self.env.items() if isinstance(value, dict)]
        if dicts and self.chance(0.3):
            at = self.pick(dicts)
            heads = (f"for {o}, {e} in {at}.items():", f"for {e} in {at}.values():", f"for {o} in {at}:")
        head = self.pick(heads)
        if f"for {name}" in head:
            self.counters[name] = range(2 if "reversed" in head else 1)
        self.run_loop(head, head, None)

    def run_loop(self, head: str, probed: str, checkpoint: str | None) -> None:
        start = len(self.lines)
        before = dict(self.counters)
        early, self.left_early = self.left_early, False
        self.emit(head, probed if checkpoint is None or self.counters[checkpoint] == range(1) else head)
        self.loops += 1
        try:
            self.body()
        finally:
            self.loops -= 1
        if checkpoint is not None and self.depth == 1 and not self.left_early:
            self.checkpointed += (checkpoint,)
        self.left_early = early or self.left_early
        self.counters = {
            name: turns for name, turns in before.items() if name in self.env and f"for {name}" not in head
        }
        self.settle(start)
        if self.chance(0.08):
            self.emit("else:")
            self.depth += 1
            self.attempt(self.simple) or self.emit("pass")
            self.depth -= 1

    def bounds(self) -> tuple[int, int, int]:
        lengths = [length for _, a in self.arrays() for length in a.shape] or [3]
        top = self.pick(lengths)
        return self.pick(
            (
                (0, top, 1),
                (0, top, 1),
                (1, top, 1),
                (0, top - 1, 1),
                (top - 1, -1, -1),
                (0, top, 2),
                (1, top - 1, 1),
                (0, self.pick((0, 1, 2, 3)), 1),
                (top - 2, -1, -1),
            )
        )

    def spelled_range(self, start: int, stop: int, step: int) -> str:
        lengths = [(f"{at}.shape[{k}]", have) for at, a in self.arrays() for k, have in enumerate(a.shape)]
        lengths += [(f"len({at})", a.shape[0]) for at, a in self.arrays() if a.ndim]
        lengths += [(at, have) for at, have in self.ints() if at not in self.counters]
        counters = [(c, 0) for c in self.counters] if self.chance(0.4) else []

        def spell(value: int) -> str:
            named = [text for text, have in lengths if have == value]
            named += [f"{text} - 1" for text, have in lengths if have - 1 == value]
            named += [c for c, _ in counters if self.chance(0.3)]
            return self.pick(named) if named and self.chance(0.7) else str(value)

        if step != 1:
            return f"range({spell(start)}, {spell(stop) if stop > 0 else stop}, {step})"
        return f"range({spell(stop)})" if start == 0 else f"range({start}, {spell(stop)})"

    def loop_while(self) -> None:
        counter = self.fresh()
        also = self.pick(("", f" and {self.truth(1)}", f" and {self.truth(1)}"))
        if f"({counter} := " in also:
            raise Refused("a loop that starts over whenever it is asked whether it ends")
        limit = self.pick(("3", "2", "4", "1"))
        self.emit(f"{counter} = 0")
        start = len(self.lines)
        self.kept.add(counter)
        # While the body is written, nothing may have counted the turn yet: what is looked at makes one, and ends.
        self.emit(f"while {counter} < {limit}{also}:", f"for {counter} in range(1):")
        first = self.chance(0.6)
        self.depth += 1
        if first:
            self.emit(f"{counter} += 1")
        self.depth -= 1
        self.loops += 1
        try:
            self.body()
        finally:
            self.loops -= 1
        if not first and not any(line.strip() == "continue" for line in self.lines[start:]):
            self.depth += 1
            self.emit(f"{counter} += 1")
            self.depth -= 1
        elif not first:
            self.lines.insert(start + 1, "    " * (self.depth + 1) + f"{counter} += 1")
            self.probed.insert(start + 1, self.lines[start + 1])
        self.settle(start)

    # ---- results --------------------------------------------------------------------------------------

    def numbers(self) -> list[str]:
        """What a result can be made of: each float, and each array as a sum."""
        found = [at for at, value in self.leaves() if is_float(value)]
        for at, array in self.arrays():
            part = self.pick((f"np.sum({at} * {at})", f"np.sum(np.sin({at}))", f"np.sum({at})"))
            found.append(part if array.ndim or isinstance(array, np.ndarray) else at)
        return found

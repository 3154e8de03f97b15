"""Expressions of numbers: floats, integers, truths."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.places import Places

SMOOTH = ("np.sin", "np.cos", "np.tanh", "math.sin", "math.tanh", "np.arctan", "math.exp", "np.exp")
COMPARISONS = ("<", ">", "<=", ">=")


class Scalars(Places):
    walrus = 0

    def fresh(self) -> str:
        raise NotImplementedError

    def array(self, shape: tuple[int, ...], depth: int) -> str:
        raise NotImplementedError

    def number(self) -> str:
        return self.pick(("0.5", "2.0", "-0.7", "1.3", "0.25", "3.0", "-1.0", "1.0", "2", "0.1"))

    def float(self, depth: int) -> str:
        """An expression of a float, which varies with the arguments where that is possible."""
        if depth <= 0:
            ways = [(3.0, self.float_name), (2.0, self.element), (0.7, self.number)]
        else:
            ways = [
                (3.0, self.float_name),
                (2.5, self.element),
                (0.4, self.number),
                (5.0, lambda: self.float_arithmetic(depth)),
                (2.0, lambda: self.float_function(depth)),
                (2.5, lambda: self.reduced(depth)),
                (0.6, lambda: f"({self.float(depth - 1)} if {self.truth(depth - 1)} else {self.float(depth - 1)})"),
                (0.4, lambda: self.named(self.float(depth - 1))),
                (0.3, lambda: self.whole_as_float()),
                (0.4, lambda: self.summed(depth)),
                (0.5, lambda: self.called_float(depth)),
            ]
        return self.first_that_works(ways) or self.number()

    def called_float(self, depth: int) -> str | None:
        raise NotImplementedError

    def float_name(self) -> str | None:
        names = self.floats()
        return self.pick(names) if names else None

    def float_arithmetic(self, depth: int) -> str:
        a, b = self.float(depth - 1), self.float(depth - 1)
        kind = self.random.random()
        if kind < 0.35:
            return f"{self.number()} * {self.atom(a)} {self.pick('+-')} {self.atom(b)}"
        if kind < 0.6:
            return f"{self.atom(a)} * {self.atom(b)}"
        if kind < 0.72:
            return f"{self.atom(a)} {self.pick('+-')} {self.atom(b)}"
        if kind < 0.8:
            return f"{self.atom(a)} / ({self.pick(('2.0', '1.5', '3'))} + {self.atom(b)} ** 2)"
        if kind < 0.86:
            return f"{self.atom(a)} ** {self.pick(('2', '3', '2.0'))}"
        if kind < 0.9:
            return f"-{self.atom(a)}"
        if kind < 0.95:
            return f"{self.pick(('max', 'min', 'np.maximum', 'np.minimum'))}({a}, {b})"
        return f"{self.atom(a)} {self.pick(('% 1.7', '// 0.6 * 0.1'))}"

    def float_function(self, depth: int) -> str:
        inner = self.float(depth - 1)
        if self.chance(0.7):
            return f"{self.pick(SMOOTH)}({inner})"
        return self.pick(
            (
                f"np.sqrt({self.pick(('1.0', '0.5'))} + {self.atom(inner)} ** 2)",
                f"math.log(1.2 + {self.atom(inner)} * {self.atom(inner)})",
                f"abs({inner})",
                f"np.clip({inner}, -0.6, 0.8)",
                f"math.hypot({inner}, 0.7)",
                f"float({inner})",
                f"np.float64({inner})",
                f"math.atan2({inner}, 1.5)",
                f"np.where({self.truth(depth - 1)}, {inner}, {self.float(depth - 1)})",
                f"srcad.stop_gradient(1.0) * {self.atom(inner)}",
            )
        )

    def reduced(self, depth: int) -> str | None:
        found = [(at, a) for at, a in self.arrays() if a.size and a.ndim]
        if not found:
            return None
        at, array = self.pick(found)
        if self.chance(0.5):
            at = self.array(array.shape, depth - 1)
        name = self.pick(("sum", "sum", "sum", "mean", "max", "min", "prod", "std", "var"))
        kind = self.random.random()
        if kind < 0.35:
            return f"{self.atom(at)}.{name}()"
        if kind < 0.7:
            return f"np.{name}({at})"
        other = self.array(array.shape, depth - 1)
        if array.ndim == 1:
            return self.pick(
                (
                    f"np.dot({at}, {other})",
                    f"{self.atom(at)} @ {self.atom(other)}",
                    f"np.einsum('i,i->', {at}, {other})",
                    f"np.linalg.norm({at})",
                    f"np.vdot({at}, {other})",
                    f"sum({at})",
                    f"np.median({at})",
                    f"np.average({at}, weights={self.atom(other)} ** 2 + 0.5)",
                    f"np.trapezoid({at})",
                )
            )
        if array.ndim == 2:
            return self.pick((f"np.einsum('ij,ij->', {at}, {other})", f"np.trace({at})", f"np.linalg.norm({at})"))
        return f"np.sum({at} * {self.atom(other)})"

    def summed(self, depth: int) -> str | None:
        vectors = [at for at, a in self.arrays() if a.ndim == 1]
        if not vectors:
            return None
        v, e = self.pick(vectors), self.pick(("e", "v", "item", "d_e"))
        if e in self.env:
            return None
        term = self.pick((f"{e} * {e}", f"np.sin({e})", f"{e} * {self.atom(self.float(0))}"))
        if self.chance(0.5):
            return f"sum({term} for {e} in {v})"
        return self.pick((f"sum([{term} for {e} in {v}])", f"sum({e} * {v}[k_] for k_, {e} in enumerate({v}))"))

    def whole_as_float(self) -> str:
        return f"{self.int(1)} * 0.1"

    def int(self, depth: int) -> str:
        """Some integer."""
        named = [at for at, _ in self.ints()]
        sized = [at for at, a in self.arrays("fib") if a.ndim]
        options = [self.pick(("0", "1", "2", "3"))]
        if named:
            options += [self.pick(named)] * 3
        if sized:
            at = self.pick(sized)
            options += [f"len({at})", f"{at}.shape[0]", f"{at}.size", f"np.argmax({at})"]
        if depth > 0:
            options += [
                f"int({self.float(depth - 1)} * 2)",
                f"{self.int(depth - 1)} {self.pick('+-*')} {self.int(0)}",
                f"{self.int(depth - 1)} {self.pick(('% 3', '// 2', '% 2'))}",
                f"int({self.truth(0)})",
            ]
        return self.pick(options)

    def truth(self, depth: int) -> str:
        """A condition."""
        kind = self.random.random()
        a, b = self.float(depth - 1), self.pick((self.number(), self.float(0)))
        if kind < 0.4:
            return f"{a} {self.pick(COMPARISONS)} {b}"
        if kind < 0.5:
            return (
                f"{self.pick(('-1.0', '0.0', self.float(0)))} {self.pick(('<', '<='))} {a} {self.pick(('<', '<='))} {b}"
            )
        if kind < 0.62:
            return f"{self.int(0)} {self.pick((*COMPARISONS, '==', '!='))} {self.int(0)}"
        if kind < 0.7:
            return f"{self.int(0)} % 2 == {self.pick('01')}"
        if kind < 0.76 and self.bools():
            return self.pick((self.pick(self.bools()), f"not {self.pick(self.bools())}"))
        if kind < 0.86 and depth > 0:
            return f"({self.truth(depth - 1)} {self.pick(('and', 'or'))} {self.truth(depth - 1)})"
        if kind < 0.9 and depth > 0:
            return f"not ({self.truth(depth - 1)})"
        if kind < 0.95 and self.arrays():
            at, array = self.pick(self.arrays())
            if array.ndim:
                return self.pick((f"np.any({at} > 0.5)", f"np.all({at} > -0.9)", f"({at} > 0.0).any()"))
        if self.walrus < 3 and kind > 0.95:
            return f"{self.named(a)} {self.pick(COMPARISONS)} {b}"
        return f"abs({a}) {self.pick('<>')} 0.5"

    def named(self, text: str) -> str:
        """A walrus."""
        if self.walrus > 2:
            return text
        self.walrus += 1
        return f"({self.fresh()} := {text})"

    @staticmethod
    def atom(text: str) -> str:
        """In parentheses where it is no name, number, call or element."""
        level = 0
        for at, letter in enumerate(text):
            level += (letter in "([{") - (letter in ")]}")
            if level == 0 and (letter in " -" and (at or letter == "-")):
                return f"({text})"
        return text


def is_float(value: Any) -> bool:
    return isinstance(value, float | np.floating)


def is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)

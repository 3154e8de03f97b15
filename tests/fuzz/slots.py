"""Templates of code: each slot in `{}` becomes an expression of the names there are.

`{f}` a float, `{v}` a vector, `{m}` a matrix, `{a}` an array, `{s}` another of the shape of the array before, `{x}` an
axis of it, `{k}` a small integer, `{n}` a sorted vector of constants, `{c}` an inactive number.
"""

from __future__ import annotations

import re
from typing import Any

from tests.fuzz.blocks import Blocks
from tests.fuzz.state import Refused

SLOT = re.compile(r"\{([a-z])\}")


class Slots(Blocks):
    constants: tuple[str, ...] = ("0.1", "2")

    def of(self, template: str, **given: str) -> str:
        shape: tuple[int, ...] = ()

        def fill(found: re.Match[str]) -> str:
            nonlocal shape
            kind = found[1]
            if kind in given:
                return given[kind]
            match kind:
                case "v" | "m" | "a":
                    shape = self.shape_of_rank({"v": (1,), "m": (2,), "a": (1, 1, 2, 2, 3)}[kind])
                    return self.atom(self.array(shape, self.pick((0, 0, 1))))
                case "s":
                    return self.atom(self.array(shape, self.pick((0, 0, 1))))
                case "f":
                    return self.atom(self.float(self.pick((0, 1))))
                case "x":
                    return str(self.random.randrange(-len(shape), len(shape)))
                case "k":
                    ints = [at for at, value in self.ints() if 0 <= value < 4 and at not in self.counters]
                    return self.pick((*"0123", *ints))
                case "n":
                    return self.pick(("[-0.5, 0.2, 0.9]", "np.linspace(-1.0, 1.0, 4)", "np.array([-0.3, 0.1, 0.6])"))
                case "c":
                    return self.pick(self.constants)
            raise ValueError(kind)

        return SLOT.sub(fill, template)

    def shape_of_rank(self, ranks: tuple[int, ...]) -> tuple[int, ...]:
        found: list[Any] = [a.shape for _, a in self.arrays() if a.ndim in ranks and a.size]
        if not found:
            raise Refused
        return tuple(self.pick(found))

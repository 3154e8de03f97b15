"""A whole random program."""

from __future__ import annotations

from tests.fuzz.blocks import Blocks
from tests.fuzz.helpers import helpers
from tests.fuzz.inputs import Inputs, inputs
from tests.fuzz.program import PREAMBLE, Program
from tests.fuzz.state import Refused

MODES = ("value_and_grad",) * 5 + ("grad",) * 2 + ("jacobian",) * 2 + ("adjoint",) * 2 + ("primal",)


class Writer(Blocks):
    def given_preamble(self) -> list[str]:
        """Text before the helpers."""
        return []

    def given_arguments(self, given: Inputs) -> str:
        return f"def arguments():\n    return ({', '.join(given.texts)},)\n"

    def program(self, modes: tuple[str, ...] = MODES) -> Program | None:
        """None where what was written could not be ended."""
        mode = self.pick(modes)
        given = inputs(self.random, plain=mode == "adjoint")
        texts, self.helpers = helpers(self.random)
        self.preamble = [PREAMBLE, *self.given_preamble(), *texts]
        self.arguments = self.given_arguments(given)
        self.header = f"def program({', '.join(given.names)}):"
        outputs = self.pick((2, 2, 3)) if mode == "jacobian" and self.chance(0.6) else 0
        as_array = mode == "jacobian" and not outputs
        if self.chance(0.3) and not as_array:
            self.leave = lambda: self.result(mode, outputs)
        self.begin()
        self.statements(self.pick((1, 1, 2, 2, 3, 3, 4, 5, 6)))
        try:
            self.look()
        except Refused:
            return None
        if as_array:
            self.emit(f"return {self.array(self.any_shape(), 2)}")
        else:
            self.emit(self.result(mode, outputs, last=True))
        wrt = given.differentiable
        if mode != "adjoint" and len(wrt) > 1 and self.chance(0.4):
            wrt = tuple(sorted(self.random.sample(wrt, self.random.randint(1, len(wrt)))))
        checkpoint = ()
        if self.checkpointed and self.chance(0.35):
            checkpoint = (self.pick(self.checkpointed),)
        text = "\n\n".join((*self.preamble, self.text(self.lines), self.arguments))
        return Program(text, mode, wrt, checkpoint)

    def result(self, mode: str, outputs: int, last: bool = False) -> str:
        if mode == "adjoint" and (not last or self.chance(0.5)):
            return "return" if not last else "return None"
        parts = self.numbers()
        if not last or len(parts) > 5:
            parts = self.random.sample(parts, min(len(parts), 5 if last else 2))
        if mode == "primal" and self.chance(0.3) and self.arrays():
            return f"return {self.pick(self.arrays())[0]}, {parts[0]}"
        if not outputs:
            return f"return {self.weighted(parts)}"
        return (
            f"return {', '.join(self.weighted(self.random.sample(parts, min(2, len(parts)))) for _ in range(outputs))}"
        )

    def weighted(self, parts: list[str]) -> str:
        return " + ".join(f"{0.3 + 0.2 * k:.1f} * {self.atom(part)}" for k, part in enumerate(parts)) or "0.0"

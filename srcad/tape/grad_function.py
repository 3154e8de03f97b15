"""`GradFunction`: the graph of what made a tensor, to be walked and printed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from srcad.tape.recording import Recording

_SIGNS = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "//": "FloorDiv", "%": "Mod", "**": "Pow", "@": "MatMul"}
_SIGNS |= {"<": "Less", "<=": "LessEqual", ">": "Greater", ">=": "GreaterEqual", "==": "Equal", "!=": "NotEqual"}


@dataclass(frozen=True)
class GradFunction:
    """The operation that made a value. Printed by `print(f.tree())`, it shows those before it.

    >>> import numpy as np
    >>> from srcad import Tape, Tensor
    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> with Tape() as tape:
    ...     out = np.mean(3.0 * (x + 2.0) ** 2)
    >>> out.grad_fn, out.grad_fn.next_functions
    (Mean, (Mul,))
    >>> print(out.grad_fn.tree())
    Mean
      Mul
        Pow
          Add
            AccumulateGrad(x)
    """

    _recording: Recording = field(repr=False)
    _number: int

    @property
    def name(self) -> str:
        operation = self._recording.operation(self._number)
        if operation is None:
            tensor, _ = self._recording.leaves[self._number]
            return f"AccumulateGrad({tensor.name or ''})".replace("()", "")
        return _operation_name(operation.text)

    @property
    def next_functions(self) -> tuple[GradFunction, ...]:
        """Of the operands that a gradient is passed to."""
        operation = self._recording.operation(self._number)
        if operation is None:
            return ()
        return tuple(
            GradFunction(self._recording, at) for at in operation.numbers if self._recording.is_differentiated(at)
        )

    def tree(self, indent: str = "") -> str:
        """The graph as text: each operation before those of its operands, which are indented. One met again is not
        shown with its own operands a second time."""
        return "\n".join(self._tree("", set()))

    def _tree(self, indent: str, seen: set[int]) -> list[str]:
        lines = [indent + self.name]
        if self._number in seen and self.next_functions:
            return [f"{lines[0]} (above)"]
        seen.add(self._number)
        for one in self.next_functions:
            lines += one._tree(indent + "  ", seen)
        return lines

    def __repr__(self) -> str:
        return self.name


def _operation_name(text: str) -> str:
    """
    >>> [_operation_name(text) for text in ("{} @ {}", "2 * {}", "-{}", "{}[{}, 1:]", "{}.T", "np.linalg.norm({})")]
    ['MatMul', 'Mul', 'Neg', 'GetItem', 'T', 'Norm']
    """
    if called := re.match(r"[\w.{}]*?(\w+)\(", text):
        return _title(called[1])
    if sign := re.search(r" ([^\w{}\s]+) ", text.partition("[")[0] + " "):
        return _SIGNS.get(sign[1], sign[1])
    if text.startswith("{}["):
        return "GetItem"
    return _title(text.removeprefix("{}.")) if text.startswith("{}.") else "Neg"


def _title(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))

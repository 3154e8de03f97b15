"""Complex numbers from their parts, and the parts of them: what is not holomorphic, with its partial derivatives.

The partial derivative p of a real function y of a complex z is so that dy = Re(p dz) (`rules/complex_numbers`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.ir.result_memory import ResultMemory
from srcad.rules.primitives import CHEAP, elementwise, row
from srcad.rules.registry import partials, vjp

# of scalars; of arrays they are views, to which the program writes as parts of the whole
_PARTS: dict[str, Any] = {**CHEAP, "cost": 1, "linear": (0,), "noun": "part"}
_VIEW: dict[str, Any] = {**_PARTS, "dims": "...->...", "layout": "any"}


@partials(
    *elementwise("np.real", np.real, **_PARTS, dtype="joined"),
    *row("real", np.real, "view", **_VIEW, memory=ResultMemory((0,), is_path=True, read_only="np.real")),
    singular=False,
)
def real(y: Any, z: Any) -> Any:
    return 1.0


@partials(
    *elementwise("np.imag", np.imag, **_PARTS, dtype="joined"),
    *row("imag", np.imag, "view", **_VIEW, memory=ResultMemory((0,), is_path=True, read_only="np.imag")),
    singular=False,
)
def imag(y: Any, z: Any) -> Any:
    return -1j


@partials(*row("complex", complex, "elementwise", **{**_PARTS, "linear": (0, 1), "noun": "number"}), singular=False)
def complex_number(y: Any, a: Any, b: Any) -> Any:
    return 1.0, 1j


@vjp(*elementwise("np.conj", np.conj, **_PARTS, dtype="joined"))
def conj(d_y: Any, y: Any, z: Any) -> Any:
    return np.conj(d_y)


@partials(*elementwise("np.angle", np.angle, dtype="float", vector="call", poles=True))
def angle(y: Any, z: Any) -> Any:
    return -1j / z

"""Compilation requests: mode, differentiated parameters and options, independent of the types of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from srcad.errors import fail
from srcad.options import Options

Argnums = int | str | tuple[int | str, ...]


@dataclass(frozen=True)
class Request:
    """`wrt` are names of parameters. `mode` is one of

    - "grad", "value_and_grad", "jacobian", "adjoint": reverse mode;
    - "jvp", and "tangent", which leaves the value out: forward mode;
    - "columns", a Jacobian in forward mode, and "hessian": the function that calls such a derivative, compiled;
    - "primal".
    """

    mode: str
    wrt: tuple[str, ...]
    single: bool
    """The gradient is that of one argument, not a tuple of gradients."""
    has_aux: bool
    options: Options
    positions: tuple[int, ...] | None = None
    """The leaves of a call, by position, that have a tangent; None: all floats."""

    @property
    def is_forward(self) -> bool:
        return self.mode in ("jvp", "tangent")

    @property
    def is_called(self) -> bool:
        """Whether it is made of calls of other derivatives, and compiled as the function that calls it."""
        return self.mode in ("columns", "hessian")

    @property
    def keep_value(self) -> bool:
        return self.mode == "value_and_grad" or self.has_aux


@dataclass(frozen=True)
class Differentiation:
    """What is asked of a function where another one calls its derivative: `srcad.grad(g, argnums)(x)`."""

    mode: str
    argnums: Argnums
    has_aux: bool
    options: Options


MODE_OF: dict[Callable[..., Any], str] = {}
"""The public functions that make a derivative of a function, and the mode of each; `srcad.api` fills it."""


def jacobian_mode(sweeps: object) -> str:
    """The mode of a Jacobian of which `mode=` is "forward", "reverse" or None."""
    if sweeps not in (None, "forward", "reverse"):
        fail("S310", f'the mode of a Jacobian is "forward", "reverse" or None, not {sweeps!r}')
    return "columns" if sweeps == "forward" else "jacobian"

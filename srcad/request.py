"""Compilation requests: mode, differentiated parameters and options, independent of the types of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from srcad.options import Options


@dataclass(frozen=True)
class Request:
    """`mode` is "grad", "value_and_grad", "jacobian", "adjoint", "jvp" or "primal"; `wrt` are names of parameters."""

    mode: str
    wrt: tuple[str, ...]
    single: bool
    """The gradient is that of one argument, not a tuple of gradients."""
    has_aux: bool
    options: Options
    positions: tuple[int, ...] | None = None
    """The leaves of a call, by position, that have a tangent; None: all floats."""

    @property
    def keep_value(self) -> bool:
        return self.mode == "value_and_grad" or self.has_aux


@dataclass(frozen=True)
class Differentiation:
    """What is asked of a function where another one calls its derivative: `srcad.grad(g, argnums)(x)`."""

    mode: str
    argnums: int | str | tuple[int | str, ...]
    has_aux: bool
    options: Options


MODE_OF: dict[Callable[..., Any], str] = {}
"""The public functions that make a derivative of a function, and the mode of each; `srcad.api` fills it."""

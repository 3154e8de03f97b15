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
    - "vjp": reverse mode, in two functions;
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
    either: bool = False
    """Of a Jacobian: in forward mode, where that is faster, or the only one that takes it."""
    kernel: bool = False
    """The function is a kernel of CUDA's: each thread of a grid runs it."""

    def __post_init__(self) -> None:
        _check_has_aux(self.has_aux)

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
    either: bool = False
    """As in `Request`."""

    def __post_init__(self) -> None:
        _check_has_aux(self.has_aux)


def _check_has_aux(given: object) -> None:
    """It is positional as in JAX: a second position meant for argnums would be read as true."""
    if not isinstance(given, bool):
        advice = "put the arguments to differentiate with respect to in one tuple, argnums."
        fail("S310", f"has_aux is True or False, not {given!r}", advice=advice)


MODE_OF: dict[Callable[..., Any], str] = {}
"""The public functions that make a derivative of a function, and the mode of each; `srcad.api` fills it."""


def jacobian_mode(sweeps: object, has_aux: bool) -> tuple[str, bool]:
    """The mode of a Jacobian of which `mode=` is "forward", "reverse" or None, and whether it may be either.

    >>> jacobian_mode("forward", False), jacobian_mode(None, False)
    (('columns', False), ('jacobian', True))
    """
    if sweeps not in (None, "forward", "reverse"):
        fail("S310", f'the mode of a Jacobian is "forward", "reverse" or None, not {sweeps!r}')
    if has_aux and sweeps == "reverse":
        why = "What comes beside the outputs is returned in forward mode only."
        fail("S310", "a Jacobian in reverse mode has no has_aux", None, why, 'write mode="forward", or leave mode out.')
    return ("columns", False) if has_aux or sweeps == "forward" else ("jacobian", sweeps is None)


def prefers_forward(inputs: int | None, outputs: int | None, mixed: bool) -> bool:
    """Whether a Jacobian is made column by column: of so many numbers by so many, None where only a run knows.

    Forward mode computes the value again with each tangent: two evaluations of the function, for each input. Reverse
    mode takes one for the value, and one and a half for each output. It takes no outputs that are `mixed`: an array and
    more beside it. What only a run knows is taken to be many.

    >>> prefers_forward(3, 4, False), prefers_forward(4, 4, False), prefers_forward(2, None, False)
    (True, False, True)
    """
    if mixed or outputs is None or inputs is None:
        return mixed or inputs is not None
    return 2.0 * inputs < 1.0 + 1.5 * outputs

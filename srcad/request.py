"""Compilation requests: mode, differentiated parameters and options, independent of the types of a call."""

from __future__ import annotations

from dataclasses import dataclass

from srcad.options import Options


@dataclass(frozen=True)
class Request:
    """`mode` is "grad", "value_and_grad", "jacobian", "adjoint", "jvp", "vjp" or "primal"; `wrt` names parameters."""

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

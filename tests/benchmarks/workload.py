"""What a workload of the benchmark gives: the function as its user writes it, inputs, an adjoint by hand, peers.

Every file of `workloads/` holds one (or a family), as `WORKLOADS`, a tuple of `Workload`s. The function is written
as somebody who never heard of srcad writes it for Numba; the adjoint by hand as an expert writes it for speed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import srcad

Arguments = tuple[Any, ...]
Thunk = Callable[[], Any]
"""A call ready to be timed; two of one workload return the same numbers in the same structure."""


@dataclass(frozen=True)
class Workload:
    """`hand(arguments)` and each of `peers` prepare a call that gives the gradient; compiling happens on its first run.

    `hand_saved(arguments)` are the bytes the adjoint by hand keeps from its forward sweep for its reverse sweep.
    `ours` replaces the plain `srcad.grad(function, wrt, **options)(*arguments)`, for kernels in place and Jacobians;
    `primal` likewise the plain call of the function under `njit`. A call that writes into its arguments copies them
    first (in every contestant alike).
    """

    name: str
    kind: Literal["loop", "array", "blas"]
    function: Callable[..., Any]
    wrt: int | tuple[int, ...]
    arguments: Callable[[bool], Arguments]
    """Of the full size, or with True of a quick one (under a tenth of the time). Equal calls give equal arguments."""
    hand: Callable[[Arguments], Thunk]
    hand_saved: Callable[[Arguments], int]
    peers: Mapping[str, Callable[[Arguments], Thunk]] = field(default_factory=dict)
    """By name: "jax", "torch", "autograd", "tangent", those that can do the workload at all."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of `srcad.grad`."""
    ours: Callable[[Arguments], Thunk] | None = None
    primal: Callable[[Arguments], Thunk] | None = None
    plan: Callable[[Arguments], srcad.Plan] | None = None
    """What `ours` keeps, where there is one."""
    tolerance: float = 1e-9
    """The largest relative difference (of the norm of the difference to the norm) two gradients may have."""

    def gradient(self) -> srcad.derivative.Derivative:
        """Ours, as a user would ask for it."""
        return srcad.grad(self.function, self.wrt, **self.options)

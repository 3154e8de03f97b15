"""Gradient descent, with momentum or without."""

from __future__ import annotations

from dataclasses import dataclass

from srcad.errors import fail
from srcad.optim.numbers import check_number
from srcad.optim.optimiser import Optimiser


@dataclass(frozen=True)
class sgd(Optimiser):
    """Gradient descent: `x -= step * g`; with momentum, `v = momentum * v + g` and `x -= step * v`.

    With `nesterov`, `x -= step * (g + momentum * v)`, v being the new one. This is Nesterov's accelerated gradient of
    Sutskever, Martens, Dahl and Hinton (2013), "On the importance of initialization and momentum in deep learning",
    equations 3 and 4, with the step outside of v, and written in the point where the gradient is taken; PyTorch's
    `SGD` computes the same. The state has `velocity`, v, if there is momentum.

    >>> import numpy as np
    >>> params, descent = {"w": np.array([1.0, 2.0]), "b": 0.5}, sgd(step=0.1)
    >>> state = descent.start(params)
    >>> descent.update(params, {"w": np.array([1.0, -1.0]), "b": 2.0}, state)
    {'w': array([0.9, 2.1]), 'b': 0.3}

    Raises S310 for momentum that is not from 0 to below 1, or `nesterov` without momentum.
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("momentum", self.momentum, 0.0, 1.0)
        if self.nesterov and not self.momentum:
            fail("S310", "nesterov is given without momentum", advice="give momentum too, such as 0.9.")

    @property
    def arrays(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    @property
    def kernel(self) -> str:
        if not self.momentum:
            return "descent"
        return "nesterov" if self.nesterov else "momentum"

    def numbers(self, step: float, count: int) -> tuple[float, ...]:
        return (step, self.momentum) if self.momentum else (step,)

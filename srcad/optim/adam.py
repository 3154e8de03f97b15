"""Adam, and Adam with decay of the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

from srcad.optim.numbers import check_number
from srcad.optim.optimiser import Optimiser
from srcad.optim.schedules import Step


@dataclass(frozen=True)
class adam(Optimiser):
    """`x -= step * m / (sqrt(s) + epsilon)`, with means m of the gradients and s of their squares.

    In update number t, from 1 on, `mean = beta1 * mean + (1 - beta1) * g` and `m = mean / (1 - beta1**t)`;
    `square = beta2 * square + (1 - beta2) * g**2` and `s = square / (1 - beta2**t)`: Kingma and Ba (2015), "Adam: a
    method for stochastic optimization", algorithm 1. The state has `mean` and `square`.

    >>> import numpy as np
    >>> x, method = np.array([1.0, 1.0]), adam(step=0.5)
    >>> np.round(method.update(x, np.array([10.0, -0.1]), method.start(x)), 6)
    array([0.5, 1.5])
    """

    step: Step = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("beta1", self.beta1, 0.0, 1.0)
        check_number("beta2", self.beta2, 0.0, 1.0)
        check_number("epsilon", self.epsilon, 0.0, inf)

    @property
    def arrays(self) -> tuple[str, ...]:
        return "mean", "square"

    @property
    def kernel(self) -> str:
        return "adam"

    def numbers(self, step: float, count: int) -> tuple[float, ...]:
        return (
            self.kept(step),
            step / (1.0 - self.beta1**count),
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            sqrt(1.0 - self.beta2**count),
            self.epsilon,
        )

    def kept(self, step: float) -> float:
        """The factor of the parameters before the update."""
        return 1.0


@dataclass(frozen=True)
class adamw(adam):
    """`adam`, and beside it all parameters decay: `x -= step * decay * x`, with the x before the update.

    Loshchilov and Hutter (2019), "Decoupled weight decay regularization", algorithm 2; as in PyTorch, `step` is the
    product of their schedule and alpha, and multiplies the decay too.
    """

    decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("decay", self.decay, 0.0, inf)

    def kept(self, step: float) -> float:
        return 1.0 - step * self.decay

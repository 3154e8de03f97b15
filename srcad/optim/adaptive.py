"""Methods with a step of its own for each parameter, by the squares of its gradients."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from srcad.optim.numbers import check_number
from srcad.optim.optimiser import Optimiser
from srcad.optim.schedules import Step


@dataclass(frozen=True)
class adagrad(Optimiser):
    """`square += g**2` and `x -= step * g / (sqrt(square) + epsilon)`.

    Duchi, Hazan and Singer (2011), "Adaptive subgradient methods for online learning and stochastic optimization",
    section 1.1, with the diagonal matrix and no constraint; `epsilon` is their delta. The state has `square`.

    >>> import numpy as np
    >>> x, method = np.array([1.0, 1.0]), adagrad(step=0.5)
    >>> method.update(x, np.array([10.0, -0.1]), method.start(x))
    array([0.5, 1.5])
    """

    step: Step = 0.01
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("epsilon", self.epsilon, 0.0, inf)

    @property
    def arrays(self) -> tuple[str, ...]:
        return ("square",)

    def numbers(self, step: float, count: int) -> tuple[float, ...]:
        return step, self.epsilon


@dataclass(frozen=True)
class rmsprop(Optimiser):
    """`square = decay * square + (1 - decay) * g**2` and `x -= step * g / (sqrt(square) + epsilon)`.

    Tieleman and Hinton (2012), "Lecture 6.5: RMSProp, divide the gradient by a running average of its recent
    magnitude", with their decay of 0.9. The state has `square`.
    """

    step: Step = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("decay", self.decay, 0.0, 1.0)
        check_number("epsilon", self.epsilon, 0.0, inf)

    @property
    def arrays(self) -> tuple[str, ...]:
        return ("square",)

    def numbers(self, step: float, count: int) -> tuple[float, ...]:
        return step, self.decay, 1.0 - self.decay, self.epsilon


@dataclass(frozen=True)
class adadelta(rmsprop):
    """Steps in the units of the parameters, the mean of the changes so far over the mean of the gradients.

    `square = decay * square + (1 - decay) * g**2`, `d = sqrt(change + epsilon) / sqrt(square + epsilon) * g`,
    `change = decay * change + (1 - decay) * d**2`, `x -= step * d`: Zeiler (2012), "ADADELTA: an adaptive learning rate
    method", algorithm 1, where `step` is 1. The state has `square` and `change`.
    """

    step: Step = 1.0
    epsilon: float = 1e-6

    @property
    def arrays(self) -> tuple[str, ...]:
        return "square", "change"

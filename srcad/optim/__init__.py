"""Optimisers of nested parameters: compiled, in place, with a state that can be saved.

    optimiser = srcad.optim.adam(step=1e-3)
    state = optimiser.start(params)
    for batch in batches:
        params = optimiser.update(params, gradient(params, batch), state)

The methods are frozen dataclasses whose names are written as functions are.
"""

from srcad.optim.adam import adam, adamw
from srcad.optim.adaptive import adadelta, adagrad, rmsprop
from srcad.optim.clipping import clip_by_norm, clip_by_value
from srcad.optim.gradient_descent import sgd
from srcad.optim.lbfgs import lbfgs
from srcad.optim.optimiser import Optimiser
from srcad.optim.schedules import constant, cosine, exponential_decay, piecewise, warm_up

__all__ = [
    "Optimiser",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_norm",
    "clip_by_value",
    "constant",
    "cosine",
    "exponential_decay",
    "lbfgs",
    "piecewise",
    "rmsprop",
    "sgd",
    "warm_up",
]

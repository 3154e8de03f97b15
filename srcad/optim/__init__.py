"""Optimisers of nested parameters: compiled, in place, with a state that can be saved.

    optimiser = srcad.optim.adam(step=1e-3)
    state = optimiser.start(params)
    for batch in batches:
        params = optimiser.update(params, gradient(params, batch), state)

The methods are frozen dataclasses whose names are written as functions are.
"""

from srcad.optim.adam import adam, adamw
from srcad.optim.adaptive import adadelta, adagrad, rmsprop
from srcad.optim.gradient_descent import sgd
from srcad.optim.optimiser import Optimiser

__all__ = ["Optimiser", "adadelta", "adagrad", "adam", "adamw", "rmsprop", "sgd"]

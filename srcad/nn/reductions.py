"""What all losses have in common: how they take predictions, and the way from single losses to that of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.nn.dtypes import as_floats, require_booleans
from srcad.rules.registry import unsupported


def predicted(predictions: Any, reduction: str) -> Any:
    """The predictions of a loss as floats; a ValueError where there are none to take a mean of.

    >>> predicted(np.array([1, 2]), "mean")
    array([1., 2.])
    """
    floats = as_floats(predictions)
    if reduction == "mean" and np.size(floats) == 0:
        raise ValueError("there are no losses to take the mean of")
    return floats


def reduced(losses: Any, mask: Any, reduction: str) -> Any:
    """The mean or the sum of the losses that the mask lets count, or all of them, with 0 where it does not.

    A masked loss takes part in nothing, even where it is infinite or NaN. The mean is that of what counts; where
    nothing does, a ValueError is raised.

    >>> losses, mask = np.array([1.0, 3.0, np.inf]), np.array([True, True, False])
    >>> [float(reduced(losses, mask, how)) for how in ("mean", "sum")], reduced(losses, mask, "none")
    ([2.0, 4.0], array([1., 3., 0.]))
    """
    if reduction not in ("mean", "sum", "none"):
        unsupported("a reduction that is not 'mean', 'sum' or 'none'")
    if mask is None:
        counted = losses
    else:
        mask = np.asarray(mask)
        require_booleans(mask)
        if mask.shape != losses.shape:
            raise ValueError("the mask has another shape than the losses")
        counted = np.where(mask, losses, 0.0)
    if reduction == "none":
        return counted
    if reduction == "sum":
        return np.sum(counted)
    if mask is None:
        return np.mean(losses)
    count = np.count_nonzero(mask)
    if count == 0:
        raise ValueError("the mask leaves no losses to take the mean of")
    return np.sum(counted) / count

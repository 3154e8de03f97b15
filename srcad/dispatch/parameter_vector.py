"""The floats of a structure as one vector, and back: what optimisers of vectors take."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.dispatch.float_leaves import gradients_of, has_gradient
from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import fail

Array = np.ndarray[Any, Any]


class ParameterVector:
    """The way from structures like `params` to vectors of float64, and back.

    The floats stand in the order of the leaves, the items of an array in that of its rows.

    >>> vector = ParameterVector({"w": np.array([[1.0, 2.0]]), "b": 3.0, "name": "x"})
    >>> vector.start
    array([1., 2., 3.])
    >>> vector.unpack(np.array([4.0, 5.0, 6.0]))
    {'w': array([[4., 5.]]), 'b': 6.0, 'name': 'x'}
    """

    def __init__(self, params: Any) -> None:
        self._params = params
        self._leaves, self._spec = flatten(params)
        self.start: Array = _joined([leaf for leaf in self._leaves if has_gradient(leaf)])
        """The floats of `params` as they were when this was made."""

    def pack(self, gradient: Any) -> Array:
        """A gradient with respect to such a structure, as a vector. Raises S340 where it does not fit."""
        found = gradients_of(self._params, gradient, self._leaves, self._spec)
        return _joined([one for leaf, one in zip(self._leaves, found, strict=True) if has_gradient(leaf)])

    def rounded(self, x: Array) -> Array:
        """The vector as `pack` of its structure is: rounded where the structure has float32."""
        return _joined([leaf for leaf in flatten(self.unpack(x))[0] if has_gradient(leaf)])

    def unpack(self, x: Any) -> Any:
        """A structure like `params`, with new arrays and numbers of their dtypes; what is no float is that of `params`.

        Raises S306 for a vector of another length.
        """
        values = np.asarray(x, np.float64)
        if values.shape != self.start.shape:
            fail("S306", f"the vector has shape {values.shape}, and the parameters are {self.start.size} numbers")
        found, first = list(self._leaves), 0
        for at, leaf in enumerate(found):
            if isinstance(leaf, np.ndarray) and has_gradient(leaf):
                found[at] = values[first : first + leaf.size].reshape(leaf.shape).astype(leaf.dtype)
                first += leaf.size
            elif has_gradient(leaf):
                found[at] = (type(leaf) if isinstance(leaf, np.floating) else float)(values[first])
                first += 1
        return unflatten(self._spec, found)


def _joined(parts: list[Any]) -> Array:
    return np.concatenate([np.empty(0), *(np.ravel(np.asarray(part, np.float64)) for part in parts)])

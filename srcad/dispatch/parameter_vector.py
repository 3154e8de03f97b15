"""The floats of a structure as one vector, and back: what optimisers of vectors take."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.dispatch.float_leaves import FloatLeaves, number_like
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
        self.leaves = FloatLeaves.of(params)
        self.start: Array = _joined(self.leaves.floats)
        """The floats of `params` as they were when this was made."""

    def pack(self, gradient: Any) -> Array:
        """A gradient with respect to such a structure, as a vector. Raises S340 where it does not fit."""
        return _joined(self.leaves.gradients(gradient))

    def unpack(self, x: Any) -> Any:
        """A structure like `params` with the floats of the vector; the rest is that of `params`. Raises S306."""
        return self.leaves.with_floats(self.floats(x))

    def floats(self, x: Any) -> list[Any]:
        """The floats of the vector: new arrays and numbers, of the dtypes that they have in `params`.

        Raises S306 for a vector of another length.
        """
        values = np.asarray(x, np.float64)
        if values.shape != self.start.shape:
            fail("S306", f"the vector has shape {values.shape}, and the parameters are {self.start.size} numbers")
        found: list[Any] = []
        first = 0
        for leaf in self.leaves.floats:
            if isinstance(leaf, np.ndarray):
                found.append(values[first : first + leaf.size].reshape(leaf.shape).astype(leaf.dtype))
            else:
                found.append(number_like(leaf, values[first]))
            first += np.size(leaf)
        return found

    def rounded(self, x: Array) -> Array:
        """The vector of the structure of a vector: rounded where there is float32."""
        return _joined(self.floats(x))


def _joined(parts: list[Any]) -> Array:
    return np.concatenate([np.empty(0), *(np.ravel(np.asarray(part, np.float64)) for part in parts)])

"""A number for each element of the arrays of a run, and for each scalar variable: 0, or where its fault is from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided


class ElementMarks:
    """Marks belong to memory: what is marked through a view is marked in the array.

    >>> marks = ElementMarks()
    >>> table = np.zeros((2, 3))
    >>> marks.put("row", table[1], np.array([0, 7, 0]))
    >>> marks.of("table", table).tolist(), int(marks.of("table", table, (1, 1)))
    ([[0, 0, 0], [0, 7, 0]], 7)

    An array with marks is kept alive, so that its memory gets no other use.
    """

    def __init__(self) -> None:
        self._scalars: dict[str, int] = {}
        self._arrays: dict[int, tuple[Any, Any]] = {}
        """By the identity of an array that owns its memory: itself, and the marks of its elements in that order."""

    def of(self, name: str, value: Any, index: Any = None) -> Any:
        """The marks of a variable, of the shape of the value; of an element or a part, where an index is given."""
        if isinstance(value, np.ndarray):
            known = self._like(value, make=False)
            marks = np.zeros(value.shape, np.int64) if known is None else known
            return marks if index is None else marks[index]
        return self._scalars.get(name, 0)

    def put(self, name: str, value: Any, marks: Any, index: Any = None) -> None:
        """Mark a variable, or a part of it."""
        if isinstance(value, np.ndarray):
            known = self._like(value, make=bool(np.any(marks)))
            if known is not None:
                known[... if index is None else index] = marks
        else:
            self._scalars[name] = int(marks)

    def entered(self) -> dict[str, int]:
        """A function begins whose scalars are others; those of the caller are given back, for `left`."""
        outer, self._scalars = self._scalars, {}
        return outer

    def left(self, outer: dict[str, int]) -> None:
        """That function has ended."""
        self._scalars = outer

    def _like(self, array: Any, make: bool) -> Any:
        """The marks of an array, as a view of those of the memory it is in; None where there are none."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if id(owner) not in self._arrays:
            if not make:
                return None
            self._arrays[id(owner)] = owner, np.zeros(owner.size, np.int64)
        marks = self._arrays[id(owner)][1]
        if array.size == 0:
            return np.zeros(array.shape, np.int64)
        unit = owner.itemsize
        first = (array.ctypes.data - owner.ctypes.data) // unit
        strides = [step // unit * marks.itemsize for step in array.strides]
        return as_strided(marks[first:], array.shape, strides)

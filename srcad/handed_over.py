"""How the Python part of a generated text hands values over to the compiled one: files have copies of these functions.

>>> values = []
>>> noted(values, 1.5), values
(1.5, [1.5])
>>> as_array(values, float), as_array([], np.int64, (3,)).shape
(array([1.5]), (0, 3))
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np


def noted(values: Any, value: Any) -> Any:
    """The value, noted as it is now."""
    values.append(deepcopy(value))
    return value


def each(values: Any, items: Any) -> Any:
    """The items of a loop, noted: as they are now, or as an iterator gives them.

    >>> values = []
    >>> sum(each(values, iter((1, 2)))), values
    (3, [[1, 2]])
    """
    if isinstance(items, (list, tuple, np.ndarray, range)):
        return noted(values, items)
    given: Any = []
    values.append(given)
    return (noted(given, item) for item in items)


def as_array(values: Any, kind: Any, shape: Any = ()) -> Any:
    """The values that were noted, or rows of this dtype, as an array. TypeError where one is of another type.

    >>> as_array([1.5, 2], float)
    Traceback (most recent call last):
        ...
    TypeError: inactive code gave 2, and the text was made for float
    """
    for value in values:
        if not (isinstance(value, np.ndarray) and value.dtype == kind if shape else type(value) is kind):
            raise TypeError(f"inactive code gave {value!r}, and the text was made for {kind.__name__}")
    return np.array(values) if values else np.empty((0, *shape), dtype=kind)


def parts(value: Any, kind: Any) -> Any:
    """The numbers and arrays in a value, in their order. TypeError where it has another structure.

    >>> parts({"a": [1.0, 2.0], "n": 3}, {"a": [float, float], "n": 3})
    [1.0, 2.0]
    """
    if isinstance(kind, type):
        if type(value) is kind:
            return [value[()] if isinstance(value, np.ndarray) else value]  # one without axes is a number
    elif type(value) is type(kind):
        if isinstance(kind, dict):
            if list(value) == list(kind):
                return [part for key in kind for part in parts(value[key], kind[key])]
        elif isinstance(kind, (list, tuple)):
            if len(value) == len(kind):
                return [part for at, one in enumerate(kind) for part in parts(value[at], one)]
        elif value == kind:
            return []
    raise TypeError(f"inactive code gave {value!r}, and the text was made for {kind!r}")

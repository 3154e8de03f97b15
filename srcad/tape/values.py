"""`Value`: what a tensor is to a recording; and what its operands may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.errors import fail
from srcad.tape.places import here

if TYPE_CHECKING:
    from srcad.tape.recording import Recording


class Value:
    """What a tensor is to a recording."""

    _value: Any
    """The array, or the number. That of a leaf cannot be written to, nor can its views."""
    _memory: np.ndarray[Any, Any] | None = None
    """Of a leaf: the array that `_value` is a view of. Numba compiles anew for what is read-only."""
    _recording: Recording | None = None
    """The tape that recorded the operation which made it."""
    _number: int = -1
    _is_active: bool = False
    """It is a leaf that requires a gradient, or was computed from one."""
    _is_lost: bool = False
    """It was computed from one while no tape was open: a gradient would stop there."""
    _version: int = 0
    name: str | None = None


ARRAYS = (np.ndarray, np.generic)
NUMBERS = frozenset((int, float, bool, np.ndarray, np.float64, np.float32, np.int64, np.bool_))
"""The types of plain operands that are met most often."""


def number_of_tensor(recording: Recording, value: Value) -> int:
    """The number of a tensor. Raises S350."""
    if value._recording is recording:
        return value._number
    if value._recording is None and not value._is_lost:
        return recording.leaf(value)  # type: ignore[arg-type]
    if value._recording is None:
        what, why = "a tensor that was computed where no tape recorded", "Its gradient is lost."
    else:
        what, why = "a tensor of another tape", "A tape records its own operations only."
    fail("S350", f"{what} is used on this tape", here(), why, "pass x.detach(), where it is meant as a constant.")


def number_of(recording: Recording, value: Any) -> int | None:
    """The number of an operand; None for what stands in the text: ints, strings, structures. Raises S350."""
    if isinstance(value, Value):
        return number_of_tensor(recording, value)
    if isinstance(value, np.ndarray):
        return recording.array(value)
    if type(value) is float or isinstance(value, np.generic):
        return recording.input(value)
    return None


def operand(recording: Recording, value: Any) -> int | str:
    """The number of an operand that is a number, an array or a tensor; of an int, its text."""
    kind = type(value)
    if kind is float:
        return recording.input(value)
    if kind is np.ndarray:
        return recording.array(value)
    if isinstance(value, int):
        plain = value if isinstance(value, bool) else int(value)  # an enumeration is written otherwise
        return f"({plain!r})" if plain < 0 else repr(plain)
    number = number_of(recording, value)
    return recording.input(float(value)) if number is None else number


def indices(index: Any) -> Any:
    """Lists of numbers in an index are arrays, as for NumPy."""
    if type(index) is list:
        return np.asarray(index)
    return tuple(map(indices, index)) if type(index) is tuple else index


def plain_index(index: Any) -> Any:
    """An index with arrays in the place of tensors."""
    if isinstance(index, Value):
        return index._value
    if type(index) is tuple:
        return tuple(map(plain_index, index))
    if type(index) is slice:
        return slice(plain_index(index.start), plain_index(index.stop), plain_index(index.step))
    return index

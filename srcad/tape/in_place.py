"""Changes in place: what a recorded operation made may be changed, and the change is recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from srcad.errors import fail
from srcad.tape.places import here
from srcad.tape.program_text import index_literal, literal
from srcad.tape.state import STATE
from srcad.tape.values import Value, indices, number_of, plain_index


def change(tensor: Value, function: Callable[..., Any], sign: str, value: Any, *at: Any) -> None:
    """Change a tensor in place: `tensor += value` and the like; `tensor[at] = value` where `at` is given.

    `function` does it to an array.
    """
    at = tuple(map(indices, at))
    is_active = isinstance(value, Value) and value._is_active
    recording = STATE.recording
    if tensor._recording is None:
        if recording is not None and (tensor._is_active or is_active):
            what = "a tensor that requires a gradient" if tensor._is_active else "a constant tensor"
            why = "The tape has its value from before."
            advice = "make a new one (w = w + x); change parameters after backward, in srcad.no_grad()."
            fail("S354", f"{what} is changed in place while a tape records", here(), why, advice)
        _change_memory(tensor, function, at, value)
        return
    if recording is not tensor._recording:
        advice = "change x.detach() instead."
        fail("S354", "a recorded tensor is changed where its tape does not see it", here(), None, advice)
    if not isinstance(tensor._value, np.ndarray) or not tensor._value.flags.writeable:
        why = "It is memory of an input of the tape."
        fail("S354", "a view of an input is changed in place", here(), why, "change a copy: x[0].copy().")
    numbers: list[int] = []
    operand = partial(number_of, recording)
    target = literal(tensor, operand, numbers)
    for index in at:
        target += f"[{index_literal(index, operand, numbers)}]"
    text = f"{target} {sign} {literal(value, operand, numbers)}"
    function(tensor._value, *map(plain_index, at), plain_index(value))
    recording.statement(text, tuple(numbers), tensor._value)


def _change_memory(tensor: Value, function: Callable[..., Any], at: tuple[Any, ...], value: Any) -> None:
    array = tensor._value if tensor._memory is None else tensor._memory
    if array.base is not None:
        fail("S354", "a view of a constant tensor is changed in place", here(), None, "change the tensor itself.")
    function(array, *map(plain_index, at), plain_index(value))
    tensor._version += 1

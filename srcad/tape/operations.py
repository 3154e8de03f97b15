"""Operations on one and on two operands: NumPy computes the value, and the open tape records the line.

What no differentiated value enters is not recorded: its result is a constant.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.tape.results import constant, recorded
from srcad.tape.state import STATE
from srcad.tape.values import ARRAYS, NUMBERS, Value, number_of_tensor, operand


def unary(function: Callable[[Any], Any], text: str, depth: int = 1) -> Callable[[Any], Any]:
    """The operation on a tensor that `function` computes of its value; `text` has `{}` for the operand.

    The user is so many frames away.
    """

    def operation(one: Value) -> Any:
        out = function(one._value)
        recording = STATE.recording
        if recording is None or not one._is_active:
            return constant(out, (one,))
        number = number_of_tensor(recording, one)
        if isinstance(out, ARRAYS):
            return recording.result(out, text, (number,), type(one), sys._getframe(depth))
        return recorded(out, recording, text, (number,), type(one), one)

    return operation


def binary(function: Callable[[Any, Any], Any], text: str, depth: int = 1) -> Callable[[Any, Any], Any]:
    """The operation on two operands, of which one is a tensor at least; `text` has `{}` for each.

    The user is so many frames away.
    """

    def operation(one: Any, other: Any) -> Any:
        kind: type[Value] | None = None
        if isinstance(one, Value):
            left = one._value
            if one._is_active:
                kind = type(one)
        else:
            left = one = one if type(one) in NUMBERS else _plain(one)
        if isinstance(other, Value):
            right = other._value
            if other._is_active:
                kind = type(other)
        else:
            right = other = other if type(other) in NUMBERS else _plain(other)
        out = function(left, right)
        recording = STATE.recording
        if recording is None or kind is None:
            return constant(out, (one, other))
        first = operand(recording, one) if left is one else number_of_tensor(recording, one)
        second = operand(recording, other) if right is other else number_of_tensor(recording, other)
        if isinstance(out, ARRAYS):
            return recording.result(out, text, (first, second), kind, sys._getframe(depth))
        return recorded(out, recording, text, (first, second), kind, one)

    return operation


def _plain(value: Any) -> Any:
    return value if isinstance(value, (*ARRAYS, int, float)) else np.asarray(value)

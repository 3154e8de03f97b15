"""The results of operations: tensors, in the structure of the value that NumPy has computed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import fail
from srcad.tape.places import here
from srcad.tape.program_text import literal
from srcad.tape.state import STATE
from srcad.tape.values import ARRAYS, Value

if TYPE_CHECKING:
    from srcad.tape.recording import Recording

Operands = tuple[int | str, ...]


def recorded(out: Any, recording: Recording, text: str, operands: Operands, kind: type[Value], first: Any) -> Any:
    """The result of an operation that is recorded, whose first operand is given.

    An operation without a result has changed that in place. Plain Python without floats, as a shape, is not recorded.
    """
    if not isinstance(out, ARRAYS):
        return _structure(out, recording, text, operands, kind, first)
    return recording.result(out, text, operands, kind, sys._getframe(2))


def _structure(out: Any, recording: Recording, text: str, operands: Operands, kind: type[Value], first: Any) -> Any:
    if out is None:
        return _record_change(first, recording, text, operands)
    if _is_static(out):
        return out
    if type(out) is float:
        return recorded(np.float64(out), recording, text, operands, kind, first)
    number = recording.add(text, operands, False)

    def part(value: Any, key: Any) -> Any:
        if value is None:
            return None
        return recorded(value, recording, f"{{}}[{literal(key, lambda _: None, [])}]", (number,), kind, None)

    if isinstance(out, dict):
        return {key: part(value, key) for key, value in out.items()}
    if isinstance(out, tuple | list):
        parts = [part(value, at) for at, value in enumerate(out)]
        return type(out)._make(parts) if hasattr(out, "_make") else type(out)(parts)
    return out


def _is_static(out: Any) -> bool:
    if isinstance(out, tuple | list):
        return all(map(_is_static, out))
    return out is None or isinstance(out, bool | int | str)


def _record_change(changed: Any, recording: Recording, text: str, operands: Operands) -> None:
    if not isinstance(changed, Value) or changed._recording is not recording:
        why = "It is no result of a recorded operation: the tape has its value from before."
        fail("S354", f"an argument is changed in place by {text.partition('(')[0]}", here(), why, "pass a copy of it.")
    recording.statement(text, operands, changed._value)


def constant(out: Any, operands: Iterable[Any]) -> Any:
    """The result of what is not recorded."""
    tensors = [one for one in operands if isinstance(one, Value)]
    if not tensors:
        return out
    kind = type(tensors[0])
    is_lost = STATE.enabled and any(one._is_active for one in tensors)

    def wrapped(value: Any) -> Any:
        if not isinstance(value, ARRAYS):
            return value
        tensor = object.__new__(kind)
        tensor._value = value
        tensor._is_active = tensor._is_lost = is_lost
        return tensor

    if isinstance(out, ARRAYS):
        return wrapped(out)
    leaves, spec = flatten(out)
    return unflatten(spec, map(wrapped, leaves))

"""Operations on tensors: NumPy computes the value, and the open tape records the line.

What no differentiated value enters is not recorded: its result is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import fail
from srcad.tape.places import here
from srcad.tape.program_text import index_literal, literal
from srcad.tape.recording import Operation
from srcad.tape.state import STATE

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


_ARRAYS = (np.ndarray, np.generic)
_NUMBERS = frozenset((int, float, bool, np.ndarray, np.float64, np.float32, np.int64, np.bool_))


def execute(function: Callable[..., Any], text: str, operands: Sequence[Any]) -> Any:
    """The result of an operation on numbers and arrays; `text` has `{}` for each."""
    plain = []
    kind: type[Value] | None = None
    for one in operands:
        if isinstance(one, Value):
            plain.append(one._value)
            if one._is_active:
                kind = type(one)
        elif type(one) in _NUMBERS or isinstance(one, (*_ARRAYS, int, float)):
            plain.append(one)
        else:
            return execute(function, text, [x if isinstance(x, Value) else np.asarray(x) for x in operands])
    out = function(*plain)
    recording = STATE.recording
    if recording is None or kind is None:
        return _constant(out, operands)
    numbers = []
    texts: list[str] | None = None
    for at, one in enumerate(operands):
        number = one._number if isinstance(one, Value) and one._recording is recording else number_of(recording, one)
        if number is not None:
            numbers.append(number)
        else:
            texts = texts or ["{}"] * len(operands)
            texts[at] = f"({one!r})" if one < 0 else repr(one)
    if texts is not None:
        text = text.format(*texts)
    return _recorded(out, recording, text, numbers, kind, operands[0])


def run(
    function: Callable[..., Any],
    name: Callable[[Recording], str] | str,
    args: Sequence[Any],
    options: Mapping[str, Any],
    is_method: bool = False,
) -> Any:
    """The result of a call of a function with any arguments; of a method of the first one."""
    if isinstance(name, str) and not options and not is_method and all(map(_is_plain, args)):
        return execute(function, _call_text(name, len(args)), args)
    leaves = [*args, *options.values()]
    if all(map(_is_flat, leaves)):
        plain_args: Any = map(plain_value, args)
        plain_options = {key: plain_value(one) for key, one in options.items()}
    else:
        leaves, spec = flatten((tuple(args), dict(options)))
        plain_args, plain_options = unflatten(spec, map(plain_value, leaves))
    recording = STATE.recording
    out = function(*plain_args, **plain_options)
    if recording is None or not _is_active(leaves):
        return _constant(out, leaves)
    numbers: list[int] = []
    operand = partial(number_of, recording)
    texts = [literal(one, operand, numbers) for one in args]
    setting = partial(_number_of_setting, recording)
    texts += [f"{key}={literal(one, setting, numbers)}" for key, one in options.items()]
    called = name if isinstance(name, str) else name(recording)
    if is_method:
        called = f"{texts.pop(0)}.{called}"
    text = f"{called}({', '.join(texts)})"
    return _recorded(out, recording, text, numbers, _kind(leaves), args[0] if args else None)


def _record_change(changed: Any, recording: Recording, text: str, numbers: Sequence[int]) -> None:
    """A function that returns nothing: it changes its first argument in place."""
    if not isinstance(changed, Value) or changed._recording is not recording:
        why = "It is no result of a recorded operation: the tape has its value from before."
        fail("S354", f"an argument is changed in place by {text.partition('(')[0]}", here(), why, "pass a copy of it.")
    recording.statement(text, numbers, changed._value)


def _is_flat(value: Any) -> bool:
    """Whether no tensor is inside of it."""
    return isinstance(value, Value | np.ndarray | int | float | str) or value is None


def _is_plain(value: Any) -> bool:
    return isinstance(value, Value) or type(value) in _NUMBERS


@lru_cache
def _call_text(name: str, count: int) -> str:
    return f"{name}({', '.join(['{}'] * count)})"


def item(tensor: Value, index: Any) -> Any:
    """`tensor[index]`."""
    index = indices(index)
    out = tensor._value[plain_value(index)]
    recording = STATE.recording
    if recording is None or not tensor._is_active:
        return _constant(out, (tensor,))
    operand = partial(number_of, recording)
    numbers: list[int] = []
    text = f"{literal(tensor, operand, numbers)}[{index_literal(index, operand, numbers)}]"
    return _recorded(out, recording, text, numbers, type(tensor), tensor)


def indices(index: Any) -> Any:
    """Lists of numbers in an index are arrays, as for NumPy."""
    if type(index) is list:
        return np.asarray(index)
    return tuple(map(indices, index)) if type(index) is tuple else index


def plain_value(value: Any) -> Any:
    if isinstance(value, Value):
        return value._value
    if type(value) is tuple:
        return tuple(map(plain_value, value))
    if type(value) is slice:
        return slice(plain_value(value.start), plain_value(value.stop), plain_value(value.step))
    return value


def _is_active(operands: Iterable[Any]) -> bool:
    return any(isinstance(one, Value) and one._is_active for one in operands)


def number_of(recording: Recording, value: Any) -> int | None:
    """The number of an operand; None for what stands in the text: ints, strings, structures."""
    if isinstance(value, Value):
        if value._recording is recording:
            return value._number
        if value._recording is None and not value._is_lost:
            return recording.leaf(value)  # type: ignore[arg-type]
        if value._recording is None:
            what, why = "a tensor that was computed where no tape recorded", "Its gradient is lost."
        else:
            what, why = "a tensor of another tape", "A tape records its own operations only."
        fail("S350", f"{what} is used on this tape", here(), why, "pass x.detach(), where it is meant as a constant.")
    if isinstance(value, _ARRAYS) or type(value) is float:
        return recording.constant(value)
    return None


def _number_of_setting(recording: Recording, value: Any) -> int | None:
    """Of an argument by keyword: integers stand in the text, as an axis does."""
    return None if isinstance(value, np.integer) else number_of(recording, value)


def _is_static(out: Any) -> bool:
    """Whether it is plain Python without floats, as a shape is."""
    if isinstance(out, tuple | list):
        return all(map(_is_static, out))
    return out is None or isinstance(out, bool | int | str)


def _kind(operands: Iterable[Any]) -> type[Value]:
    return next(type(one) for one in operands if isinstance(one, Value))


def _recorded(out: Any, recording: Recording, text: str, numbers: Sequence[int], kind: type[Value], first: Any) -> Any:
    """The results of an operation that is recorded: tensors in the structure of its value.

    An operation without a result has changed its first argument in place. What is plain Python is not recorded.
    """
    if not isinstance(out, _ARRAYS):
        if out is None:
            return _record_change(first, recording, text, numbers)
        if _is_static(out):
            return out
        out = np.float64(out) if type(out) is float else out
    number = recording.add(Operation(text, tuple(numbers)), getattr(out, "dtype", None))
    if isinstance(out, _ARRAYS):
        tensor = object.__new__(kind)
        tensor._value = out
        tensor._recording = recording
        tensor._number = number
        tensor._is_active = True
        recording.newest = number, out
        return tensor
    return _tensors(out, recording, number, kind)


def _tensors(out: Any, recording: Recording, number: int, kind: type[Value]) -> Any:
    if isinstance(out, dict):
        return {key: _part(value, key, recording, number, kind) for key, value in out.items()}
    if isinstance(out, tuple | list):
        parts = [_part(value, at, recording, number, kind) for at, value in enumerate(out)]
        return type(out)._make(parts) if hasattr(out, "_make") else type(out)(parts)
    return out


def _part(value: Any, key: Any, recording: Recording, number: int, kind: type[Value]) -> Any:
    if value is None:
        return None
    return _recorded(value, recording, f"{{}}[{literal(key, lambda _: None, [])}]", (number,), kind, None)


def _constant(out: Any, operands: Iterable[Any]) -> Any:
    """The results of what is not recorded."""
    operands = list(operands)
    kind = next((type(one) for one in operands if isinstance(one, Value)), None)
    if kind is None:
        return out
    is_lost = STATE.enabled and _is_active(operands)

    def wrapped(value: Any) -> Any:
        if not isinstance(value, _ARRAYS):
            return value
        tensor = object.__new__(kind)
        tensor._value = value
        tensor._is_active = tensor._is_lost = is_lost
        return tensor

    if isinstance(out, _ARRAYS):
        return wrapped(out)
    leaves, spec = flatten(out)
    return unflatten(spec, map(wrapped, leaves))

"""Calls of functions and methods with any arguments, tensors among them, that are computed and recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.dispatch.pytree import flatten, unflatten
from srcad.tape.operations import binary, unary
from srcad.tape.program_text import index_literal, literal, numpy_name
from srcad.tape.results import constant, recorded
from srcad.tape.state import STATE
from srcad.tape.values import NUMBERS, Value, indices, number_of, number_of_tensor, plain_index

if TYPE_CHECKING:
    from srcad.tape.recording import Recording


def run(
    function: Callable[..., Any],
    name: Callable[[Recording], str] | str,
    args: Sequence[Any],
    options: Mapping[str, Any],
    is_method: bool = False,
) -> Any:
    """The result of a call of a function with any arguments; of a method of the first one."""
    tensors: list[Value] = []
    try:
        plain_args = [_plain(one, tensors) for one in args]
        plain_options = {key: _plain(one, tensors) for key, one in options.items()}
    except RecursionError:
        flatten((tuple(args), dict(options)))  # S302
        raise
    out = function(*plain_args, **plain_options)
    recording = STATE.recording
    if recording is None or not any(map(_IS_ACTIVE, tensors)):
        return constant(out, tensors)
    numbers: list[int] = []
    number = partial(number_of, recording)
    texts = [literal(one, number, numbers) for one in args]
    if options:
        setting = partial(_number_of_setting, recording)
        texts += [f"{key}={literal(one, setting, numbers)}" for key, one in options.items()]
    called = name if isinstance(name, str) else name(recording)
    if is_method:
        called = f"{texts.pop(0)}.{called}"
    text = f"{called}({', '.join(texts)})"
    return recorded(out, recording, text, tuple(numbers), type(tensors[0]), args[0] if args else None)


def call(function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The result of a function that NumPy calls with tensors: one of its own, or of another library."""
    operation = None if options else _operation(function, len(args))
    if operation is not None and _are_operands(args):
        return operation(*args)
    name = numpy_name(function) or (lambda recording: recording.function(function))
    return run(function, name, args, options)


def _are_operands(args: Sequence[Any]) -> bool:
    """Whether they are tensors, numbers and arrays. Of a tensor in `like=` NumPy says nothing."""
    has_tensor = False
    for one in args:
        if isinstance(one, Value):
            has_tensor = True
        elif type(one) not in NUMBERS:
            return False
    return has_tensor


@lru_cache
def _operation(function: Callable[..., Any], count: int) -> Callable[..., Any] | None:
    """A function of NumPy as an operation on so many operands, where that is one or two."""
    name = numpy_name(function)
    if name is None or count not in (1, 2):
        return None
    return unary(function, f"{name}({{}})", 3) if count == 1 else binary(function, f"{name}({{}}, {{}})", 3)


def item(tensor: Value, index: Any) -> Any:
    """`tensor[index]`."""
    index = indices(index)
    out = tensor._value[plain_index(index)]
    recording = STATE.recording
    if recording is None or not tensor._is_active:
        return constant(out, (tensor,))
    number = partial(number_of, recording)
    numbers = [number_of_tensor(recording, tensor)]
    text = f"{{}}[{index_literal(index, number, numbers)}]"
    return recorded(out, recording, text, tuple(numbers), type(tensor), tensor)


_IS_ACTIVE = attrgetter("_is_active")
_FLAT = NUMBERS | {str, type(None)}


def _plain(value: Any, tensors: list[Value]) -> Any:
    """An argument with arrays in the place of tensors, which are added to `tensors`."""
    if isinstance(value, Value):
        tensors.append(value)
        return value._value
    kind = type(value)
    if kind in _FLAT:
        return value
    if kind is tuple or kind is list:
        return kind([_plain(one, tensors) for one in value])
    if kind is slice:
        return slice(_plain(value.start, tensors), _plain(value.stop, tensors), _plain(value.step, tensors))
    leaves, spec = flatten(value)
    if len(leaves) == 1 and leaves[0] is value:
        return value
    return unflatten(spec, [_plain(leaf, tensors) for leaf in leaves])


def _number_of_setting(recording: Recording, value: Any) -> int | None:
    """Of an argument by keyword: integers stand in the text, as an axis does."""
    return None if isinstance(value, np.integer) else number_of(recording, value)

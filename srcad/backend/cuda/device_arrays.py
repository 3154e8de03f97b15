"""Arrays that are in the memory of a device: of Numba, and of libraries with `__cuda_array_interface__`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

DeviceArray = Any
"""Of Numba: what its kernels take."""


def is_device_array(value: object) -> bool:
    """Whether a kernel can reach the elements.

    >>> is_device_array(np.ones(3)), is_device_array(2.0)
    (False, False)
    """
    if isinstance(value, np.ndarray | np.generic | float | int):
        return False
    return hasattr(_detached(value), "__cuda_array_interface__") or _is_simulated(value)


def _detached(value: Any) -> Any:
    """A tensor of PyTorch that requires a gradient does not give its memory; without, it is the same memory."""
    return value.detach() if _kind(value) == "torch" else value


def _is_simulated(value: object) -> bool:
    return type(value).__module__.endswith("simulator.cudadrv.devicearray")


def _kind(value: object) -> str:
    module = type(value).__module__.partition(".")[0]
    return module if module in ("cupy", "torch") else "numba"


def stand_in(value: DeviceArray, shape: tuple[int, ...] | None = None) -> np.ndarray[Any, Any]:
    """An array of the host with the same dtype, layout and shape, or another shape, whose elements nobody has set.

    Compilation needs these alone. Memory that is not touched costs nothing.

    >>> stand_in(np.ones((3, 4)).T, (5, 6)).flags.f_contiguous
    True
    """
    value = _numba_array(value)
    dtype, own = np.dtype(value.dtype), tuple(value.shape)
    wanted = own if shape is None else shape
    strides = _strides(value)
    if strides is None or _are_contiguous(strides[::-1], own[::-1], dtype.itemsize):
        return np.empty(wanted, dtype)
    if _are_contiguous(strides, own, dtype.itemsize):
        return np.empty(wanted, dtype, "F")
    return np.empty((*wanted[:-1], 2 * wanted[-1]), dtype)[..., ::2]


def _are_contiguous(strides: Sequence[int], shape: Sequence[int], itemsize: int) -> bool:
    """Whether elements follow one another, along the first axis first."""
    for stride, length in zip(strides, shape, strict=True):
        if length > 1 and stride != itemsize:
            return 0 in shape
        itemsize *= length
    return True


def _strides(value: DeviceArray) -> tuple[int, ...] | None:
    """The steps between elements in bytes; None where they follow one another."""
    found = value._ary.strides if _is_simulated(value) else value.strides
    return None if found is None else tuple(found)


def as_numba(values: Sequence[Any]) -> tuple[list[DeviceArray], Any]:
    """The arrays as arrays of Numba on the same memory, and the stream that they are computed on.

    It is the current one of the library that made the first of them. What others compute on another stream is waited
    for.
    """
    from numba import cuda

    if any(map(_is_simulated, values)):
        return list(values), 0
    streams = [_stream_of(value) for value in values]
    for other in {*streams} - {streams[0]}:
        (cuda.external_stream(other) if other else cuda.default_stream()).synchronize()
    chosen = cuda.external_stream(streams[0]) if streams[0] else 0
    # elements are copied to the host on that stream
    return [_numba_array(value).bind(chosen) for value in values], chosen


def _numba_array(value: Any) -> DeviceArray:
    """An array of Numba on the same memory; of the host, the array itself."""
    if isinstance(value, np.ndarray) or hasattr(value, "copy_to_host"):
        return value
    from numba import cuda

    return cuda.as_cuda_array(_detached(value), sync=False)


def _stream_of(value: Any) -> int:
    """The handle of a stream, 0 for the default one."""
    match _kind(value):
        case "cupy":
            handle = sys.modules["cupy"].cuda.get_current_stream().ptr
        case "torch":
            handle = sys.modules["torch"].cuda.current_stream(value.device).cuda_stream
        case _:
            handle = value.__cuda_array_interface__.get("stream") or 0
    return 0 if handle == 1 else int(handle)


def of_kind(value: DeviceArray, like: Any) -> Any:
    """An array of Numba as one of the library that made `like`, on the same memory."""
    match _kind(like):
        case "cupy":
            return sys.modules["cupy"].asarray(value)
        case "torch":
            return sys.modules["torch"].as_tensor(value, device=like.device)
    return value


def new_like(like: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A new array of the library that made `like`, whose elements nobody has set."""
    from numba import cuda

    ((_,), stream) = as_numba([like])
    return of_kind(cuda.device_array(shape, dtype, stream=stream), like)


def copied(value: Any) -> Any:
    """A copy where the array is, of the host or of a device."""
    if isinstance(value, np.ndarray) or _is_simulated(value):
        return value.copy()
    from numba import cuda

    ((array,), stream) = as_numba([value])
    new = cuda.device_array_like(array, stream=stream)
    new.copy_to_device(array, stream=stream)
    return new


def to_device(value: np.ndarray[Any, Any], stream: Any) -> DeviceArray:
    from numba import cuda

    return cuda.to_device(value, stream=stream)


def _extent(array: Any) -> tuple[int, int]:
    """The addresses of the first byte of an array, on the host or on a device, and of the one behind its last."""
    held = array._ary if _is_simulated(array) else array
    interface = getattr(held, "__cuda_array_interface__", None) or held.__array_interface__
    first, strides = int(interface["data"][0]), _strides(array)
    if 0 in array.shape:
        return first, first
    size = np.dtype(array.dtype).itemsize
    if strides is None:
        return first, first + size * prod(array.shape)
    steps = [stride * (length - 1) for stride, length in zip(strides, array.shape, strict=True)]
    return first + sum(step for step in steps if step < 0), first + sum(step for step in steps if step > 0) + size


def may_overlap(one: Any, other: Any) -> bool:
    """Whether the memory between the first and the last element of each has anything in common.

    >>> x = np.arange(6.0)
    >>> may_overlap(x[:4], x[2:]), may_overlap(x[:2], x[2:]), may_overlap(x, np.ones(3))
    (True, False, False)
    """
    (low, high), (start, stop) = map(_extent, (one, other))
    return low < stop and start < high


def may_overlap_itself(array: DeviceArray) -> bool:
    """Whether two elements may share memory, by strides."""
    strides = _strides(array) or ()
    reach = array.dtype.itemsize
    for stride, length in sorted((abs(s), n) for s, n in zip(strides, array.shape, strict=False) if n > 1):
        if stride < reach:
            return True
        reach += stride * (length - 1)
    return False


def on_host(value: Any) -> np.ndarray[Any, Any]:
    """A copy of the array in the memory of the host."""
    ((array,), _) = as_numba([value])
    return array.copy_to_host()  # type: ignore[no-any-return]

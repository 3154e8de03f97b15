"""Arrays that are in the memory of a device: of Numba, and of libraries with `__cuda_array_interface__`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal

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


def stand_in(value: DeviceArray) -> np.ndarray[Any, Any]:
    """An array of the host with the same dtype, shape and layout, whose elements nobody has set.

    Compilation needs these alone. Memory that is not touched costs nothing.
    """
    shape, dtype = tuple(value.shape), np.dtype(value.dtype)
    strides = _strides(value)
    orders: tuple[Literal["C", "F"], ...] = ("C", "F")
    for order in orders:
        like: np.ndarray[Any, Any] = np.empty(shape, dtype, order)
        if strides is None or _same_strides(like.strides, strides, shape):
            return like
    return np.empty((*shape[:-1], 2 * shape[-1]), dtype)[..., ::2]


def _same_strides(some: Sequence[int], others: Sequence[int], shape: Sequence[int]) -> bool:
    return all(a == b or n <= 1 for a, b, n in zip(some, others, shape, strict=True)) or 0 in shape


def _strides(value: DeviceArray) -> tuple[int, ...] | None:
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
    arrays = (
        value if hasattr(value, "copy_to_host") else cuda.as_cuda_array(_detached(value), sync=False)
        for value in values
    )
    return [array.bind(chosen) for array in arrays], chosen  # elements are copied to the host on that stream


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


def to_device(value: np.ndarray[Any, Any], stream: Any) -> DeviceArray:
    from numba import cuda

    return cuda.to_device(value, stream=stream)


def may_overlap(one: DeviceArray, other: DeviceArray) -> bool:
    """Whether the memory between the first and the last element of each has anything in common."""
    if _is_simulated(one):
        return bool(np.may_share_memory(one._ary, other._ary))
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


def _extent(array: DeviceArray) -> tuple[int, int]:
    first = array.__cuda_array_interface__["data"][0]
    reaches = [stride * (length - 1) for stride, length in zip(array.strides, array.shape, strict=True)]
    if 0 in array.shape:
        return first, first
    low = first + sum(reach for reach in reaches if reach < 0)
    return low, first + sum(reach for reach in reaches if reach > 0) + array.dtype.itemsize


def on_host(value: Any) -> np.ndarray[Any, Any]:
    """A copy of the array in the memory of the host."""
    ((array,), _) = as_numba([value])
    return array.copy_to_host()  # type: ignore[no-any-return]

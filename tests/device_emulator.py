"""A device in Python that looks for races: runs the text of a program of kernels, one thread after another, in
random order.

Memory that nobody has set is NaN. What a thread stores, no other may read or store in the same launch, except where
both add atomically.
"""

from __future__ import annotations

import contextlib
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

import srcad
from srcad.dispatch.loaded_function import as_compiled
from srcad.dispatch.pytree import flatten, unflatten


class Race(AssertionError):
    """Two threads of a launch access an element, and one of them stores there."""


class Memory:
    """An array of the device."""

    def __init__(self, device: Device, array: Any) -> None:
        self._device, self._array = device, array

    __cuda_array_interface__ = property(lambda self: self._array.__array_interface__)
    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    size = property(lambda self: self._array.size)
    ndim = property(lambda self: self._array.ndim)

    def __len__(self) -> int:
        return len(self._array)

    def _address(self, index: Any) -> int:
        items = index if isinstance(index, tuple) else (index,)
        offset = 0
        for item, length, stride in zip(items, self._array.shape, self._array.strides, strict=True):
            assert -length <= item < length, "out of bounds: on a device, nobody would say so"
            offset += (int(item) + length if item < 0 else int(item)) * stride
        return int(self._array.__array_interface__["data"][0]) + offset

    def __getitem__(self, index: Any) -> Any:
        found = self._array[index]
        if isinstance(found, np.ndarray) and found.ndim:
            return Memory(self._device, found)
        self._device.read(self._address(index))
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._device.thread is not None:
            self._device.stored(self._address(index))
        self._array[index] = value._array if isinstance(value, Memory) else value

    def add(self, index: Any, value: Any) -> None:
        self._device.added(self._address(index))
        self._array[index] += value

    def transpose(self, axes: tuple[int, ...]) -> Memory:
        return Memory(self._device, self._array.transpose(axes))

    def reshape(self, *shape: int) -> Memory:
        return Memory(self._device, self._array.reshape(*shape))

    def copy_to_host(self, stream: Any = 0) -> Any:
        return self._array.copy()


class Device:
    """What `numba.cuda` is in the text of a program."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.thread: int | None = None
        self.launches = 0
        self._threads = self._blocks = 1
        self._shared: set[int] = set()
        self._kept: list[Any] = []
        self._readers: dict[int, set[int]] = {}
        self._writers: dict[int, set[int]] = {}
        self._adders: dict[int, set[int]] = {}
        self.atomic = types.SimpleNamespace(add=lambda array, index, value: array.add(index, value))
        self.local = types.SimpleNamespace(array=lambda shape, dtype: _unset(shape, dtype))

    # ---- of the host ---------------------------------------------------------------------------

    def device_array(self, shape: Any, dtype: Any = np.float64, stream: Any = 0) -> Memory:
        return Memory(self, _unset(shape, dtype))

    def to_device(self, array: Any, stream: Any = 0) -> Memory:
        return Memory(self, np.array(array))

    def as_cuda_array(self, array: Any, sync: bool = True) -> Memory:
        return Memory(self, array)

    def told(self, length: int) -> Memory:
        """What a program is told of errors: any thread that has found one may say so."""
        array = np.zeros(length, np.int64)
        self._shared |= {array.ctypes.data + 8 * at for at in range(length)}
        self._kept.append(array)
        return Memory(self, array)

    def jit(self, function: Callable[..., Any] | None = None, device: bool = False) -> Any:
        if function is None:
            return lambda one: self._block_sum
        return _Kernel(self, function)

    def launch(self, function: Callable[..., Any], blocks: int, threads: int, args: tuple[Any, ...]) -> None:
        assert blocks >= 1 and threads >= 1
        assert all(isinstance(arg, Memory | np.generic | int | float | bool) for arg in args), args
        self.launches += 1
        self._blocks, self._threads = int(blocks), int(threads)
        self._readers, self._writers, self._adders = {}, {}, {}
        self._summed: set[tuple[int, int, int]] = set()
        for thread in self._rng.permutation(self._blocks * self._threads):
            self.thread = int(thread)
            function(*args)
        self.thread = None
        for address, writers in self._writers.items():
            others = writers | self._readers.get(address, set()) | self._adders.get(address, set())
            if len(others) > 1 and address not in self._shared:
                raise Race(f"{function.__name__}: threads {sorted(others)[:4]} at one element")
        for address, adders in self._adders.items():
            if self._readers.get(address):
                raise Race(f"{function.__name__}: an element is read, and added to by another thread")

    def _block_sum(self, value: Any, sums: Memory, row: int, column: int) -> None:
        key = (int(sums._array.__array_interface__["data"][0]), int(row), int(column))
        sums._array[row, column] = value + (sums._array[row, column] if key in self._summed else 0)
        self._summed.add(key)

    # ---- of a thread ---------------------------------------------------------------------------

    def grid(self, axes: int) -> int:
        assert axes == 1 and self.thread is not None
        return self.thread

    def gridsize(self, axes: int) -> int:
        return self._blocks * self._threads

    threadIdx = property(lambda self: types.SimpleNamespace(x=self.thread % self._threads))
    blockIdx = property(lambda self: types.SimpleNamespace(x=self.thread // self._threads))

    def read(self, address: int) -> None:
        if self.thread is not None:
            self._readers.setdefault(address, set()).add(self.thread)

    def stored(self, address: int) -> None:
        assert self.thread is not None
        self._writers.setdefault(address, set()).add(self.thread)

    def added(self, address: int) -> None:
        assert self.thread is not None
        self._adders.setdefault(address, set()).add(self.thread)


class _Kernel:
    def __init__(self, device: Device, function: Callable[..., Any]) -> None:
        self._device, self._function = device, function

    def __getitem__(self, size: tuple[int, int, Any]) -> Callable[..., None]:
        blocks, threads, _ = size
        return lambda *args: self._device.launch(self._function, blocks, threads, args)


def _unset(shape: Any, dtype: Any) -> Any:
    array = np.empty(shape, dtype)
    array.fill(np.nan if array.dtype.kind == "f" else True if array.dtype.kind == "b" else 2**30 % 100)
    return array


def _plain(value: Any) -> Any:
    return value._array if isinstance(value, Memory) else value


class _Math:
    """Functions of `math` as the device has them: without errors."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name, None) or getattr(math, name)


_CUPY = types.SimpleNamespace(
    asarray=_plain,
    matmul=np.matmul,
    cuda=types.SimpleNamespace(Stream=types.SimpleNamespace(null=contextlib.nullcontext())),
)


def emulated(
    derivative: Any,
    args: tuple[Any, ...],
    seed: int = 0,
    changed: Callable[[str], str] = str,
    threads: int = 4,
    most_blocks: int = 3,
) -> tuple[Any, Device]:
    """What a derivative with `target="cuda"` gives for arguments that the emulator has, and the emulator.

    `changed` is applied to the text of the program.
    """
    device = Device(seed)
    one = derivative.specialisation(*args)
    text = changed(one.generated.program_text()).replace("THREADS = 128", f"THREADS = {threads}")
    text = (
        text.replace("MOST_BLOCKS = 2048", f"MOST_BLOCKS = {most_blocks}")
        .replace("import cupy as cp", "")
        .replace("import math", "")
    )
    scope: dict[str, Any] = {"cuda": device, "cp": _CUPY, "math": _Math()}
    exec(compile(text.replace("from numba import cuda", ""), "program", "exec"), scope)
    scope["no_error"] = lambda length, stream: device.told(length)
    leaves = flatten(derivative._parameters.values(args, {}))[0]
    given = [device.to_device(x) if isinstance(x, np.ndarray) else x for x in one.flat(leaves)]
    with np.errstate(all="ignore"):
        result = one.finish(as_compiled(scope[one.generated.device_program.host.name])(*given))
    found, spec = flatten(result)
    return unflatten(spec, [_plain(x) for x in found]), device


def value_and_grad(function: Any, wrt: Any, args: tuple[Any, ...], **options: Any) -> Any:
    """The value and the gradient on the emulator."""
    derivative = srcad.value_and_grad(function, wrt, target="cuda", **options)
    return emulated(derivative, args)[0]

"""Calls with arrays that are on a device: the program of kernels runs instead of the compiled function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.backend.cuda import device_arrays
from srcad.backend.cuda.compilation import load_module
from srcad.backend.modules import cache_files
from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import fail
from srcad.request import Request

if TYPE_CHECKING:
    from srcad.compiler.generate import Generated


def has_device_arrays(tree: object) -> bool:
    return any(map(device_arrays.is_device_array, flatten(tree)[0]))


class DeviceCall:
    """The arguments of one call: arrays of the host stand for those of the device, in all that only asks for types."""

    def __init__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], request: Request) -> None:
        _refuse_request(request)
        leaves, spec = flatten((args, dict(kwargs)))
        at = [place for place, leaf in enumerate(leaves) if device_arrays.is_device_array(leaf)]
        if given := [leaf for leaf in leaves if isinstance(leaf, np.ndarray) and leaf.ndim]:
            what = f"an array of shape {given[0].shape} is in the memory of the host, and others are on the device"
            fail("S528", what, None, None, "copy it: cuda.to_device(x), cupy.asarray(x), x.cuda().")
        self._first = leaves[at[0]]
        arrays, self.stream = device_arrays.as_numba([leaves[place] for place in at])
        self._stands_for: dict[int, Any] = {}
        self._kept = []
        for place, array in zip(at, arrays, strict=True):
            if not array.shape:  # a number
                leaves[place] = array.copy_to_host()
                continue
            leaves[place] = device_arrays.stand_in(array)
            self._stands_for[id(leaves[place])] = array
            self._kept.append(leaves[place])  # an id is that of one object as long as that lives
        self.args, self.kwargs = unflatten(spec, leaves)

    def on_device(self, value: Any) -> Any:
        """What a flat argument stands for; a number is itself."""
        if isinstance(value, np.ndarray):
            assert id(value) in self._stands_for, "an array that stands for one of the device has been copied"
            return self._stands_for[id(value)]
        return value

    def tangents(self, given: Sequence[tuple[str, Any]], flat: Sequence[Any]) -> Sequence[Any]:
        """The flat tangents; S325 for one that is no array like that of its argument. `given` has the places."""
        for (place, _), tangent in zip(given, flat, strict=True):
            if isinstance(tangent, np.ndarray) and id(tangent) not in self._stands_for:
                what = f"the tangent of {place} is no array with the dtype of {place}"
                fail("S325", what, None, "On the device nothing is converted.", f"convert it to the dtype of {place}.")
        return flat

    def copied(self, value: Any) -> Any:
        """What the function reads from outside of it."""
        return device_arrays.to_device(value, self.stream) if isinstance(value, np.ndarray) else value

    def result(self, tree: Any) -> Any:
        """The result with arrays of the kind of the first argument."""
        leaves, spec = flatten(tree)
        of_kind = (device_arrays.of_kind(x, self._first) if device_arrays.is_device_array(x) else x for x in leaves)
        return unflatten(spec, of_kind)


def _refuse_request(request: Request) -> None:
    if request.mode == "vjp":
        why = "On the device, both sweeps are one function."
        fail("S527", "a pullback is not possible on the device", None, why, "take srcad.grad, or srcad.adjoint.")
    for name in ("max_tape", "on_nonfinite"):
        if getattr(request.options, name) is not None:
            fail("S310", f"{name} is not asked for arrays on a device", None, None, "leave it out.")


def loaded_program(generated: Generated) -> Callable[..., Any]:
    """The host function of the program for a device."""
    path = cache_files.store(generated.name, generated.program_text(), keep=False)
    return getattr(load_module(path), generated.device_program.host.name)  # type: ignore[no-any-return]


def refuse_overlap(arrays: Sequence[tuple[str, Any]], written: Sequence[int]) -> None:
    """S308 where one of the arrays that are written to, by position, may overlap another one in memory."""
    for at in written:
        if device_arrays.may_overlap_itself(arrays[at][1]):
            name = arrays[at][0]
            why = "It is written to, which would change more than one of its elements."
            fail("S308", f"{name} may overlap itself in memory", None, why, f"copy {name}.")
        for other, (name, array) in enumerate(arrays):
            if other != at and device_arrays.may_overlap(arrays[at][1], array):
                first = arrays[at][0]
                what = f"{first} and {name} overlap in memory"
                fail("S308", what, None, f"{first} is written to, which would change {name} too.", f"copy {name}.")

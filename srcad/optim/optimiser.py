"""What all methods have in common: a state, and updates of parameters and state in place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from srcad.dispatch.float_leaves import FloatLeaves, described, dtype_of
from srcad.dispatch.pytree import places_of
from srcad.errors import fail
from srcad.optim.compiled_kernels import kernel
from srcad.optim.parameters import flat_view, order_of, owner, owners, refuse_unsuited, written_back
from srcad.optim.schedules import Step, check_step, step_at

Array = np.ndarray[Any, Any]
State = dict[str, Array]
COUNT = "count"
Entry = tuple[str, tuple[int, ...], np.dtype[Any]]
"""Name, shape and dtype of an array of a state."""


@dataclass(frozen=True)
class Optimiser:
    """A method that changes parameters by their gradient. It holds numbers only; what changes is in the state.

    `step` is a number, or a schedule: a function of the number of updates before, from 0 on.
    """

    step: Step

    def __post_init__(self) -> None:
        check_step("step", self.step)

    def start(self, params: Any) -> State:
        """The state before the first update: the number of updates and, for each float of `params`, arrays of zeros.

        It is a dict of arrays, named after the parameters: `mean['W'][0]` is the mean that belongs to
        `params['W'][0]`. So `numpy.savez(path, **state)` writes it to a file, and `dict(numpy.load(path))` is the
        state again: with the parameters of then, updates go on bit for bit.

        Raises S304 for complex numbers, S305 for floats that are neither float32 nor float64, S308 for arrays that
        share memory, S317 for arrays that are read-only.
        """
        leaves = FloatLeaves.of(params)
        refuse_unsuited(leaves)
        state: State = {COUNT: np.array(0)}
        for leaf, keys in zip(leaves.floats, _keys(leaves, self.arrays), strict=True):
            state.update({key: np.zeros(np.shape(leaf), dtype_of(leaf), order_of(leaf)) for key in keys})
        return state

    def update(self, params: Any, gradient: Any, state: State) -> Any:
        """Change `params` and `state` in place, by the gradient at `params`. Returns the parameters.

        The gradient has the structure of `params`, as `srcad.grad` returns it, with None where a parameter is no
        float; such a parameter stays as it is. Arrays of `params` are changed in place. Numbers cannot be: where there
        are some, a structure like `params` is returned, with the same arrays and new numbers. So write
        `params = optimiser.update(params, gradient, state)`.

        NaN and infinities in the gradient go into the parameters and the state: ask before, where they may occur;
        `clip_by_norm` returns a norm that is not finite then. An error leaves everything as it was.

        Raises S340 for a gradient that does not fit the parameters, S341 for a state that does not, and the errors
        of `start`.
        """
        leaves = FloatLeaves.of(params)
        refuse_unsuited(leaves)
        gradients = leaves.gradients(gradient)
        floats = leaves.floats
        keys = _keys(leaves, self.arrays)
        check_entries(type(self).__name__, state, _entries(floats, keys))
        count = int(state[COUNT]) + 1
        numbers = self.numbers(step_at(self.step, count - 1), count)
        of_dtype: dict[int, list[Any]] = {}
        run = kernel(self.kernel)
        # a gradient that is a view of a parameter must not change on the way
        shared = owners(floats)
        gradients = [np.array(g) if isinstance(g, np.ndarray) and id(owner(g)) in shared else g for g in gradients]
        changed = []
        for leaf, g, own in zip(floats, gradients, keys, strict=True):
            dtype, order = dtype_of(leaf), order_of(leaf)
            if dtype.itemsize not in of_dtype:
                of_dtype[dtype.itemsize] = [dtype.type(number) for number in numbers]
            written = [leaf, *[state[key] for key in own]]
            flats = [flat_view(one, dtype, order) for one in written]
            run(flats[0], flat_view(g, dtype, order), *flats[1:], *of_dtype[dtype.itemsize])
            changed.append(written_back(leaf, flats[0], order))
            for part, flat in zip(written[1:], flats[1:], strict=True):
                written_back(part, flat, order)
        state[COUNT][...] = count
        return leaves.with_floats(changed)

    @property
    def arrays(self) -> tuple[str, ...]:
        """What the state has for each float among the parameters."""
        raise NotImplementedError

    @property
    def kernel(self) -> str:
        """The name of the function that changes one array."""
        return type(self).__name__

    def numbers(self, step: float, count: int) -> tuple[float, ...]:
        """What the kernel takes after the arrays, in update number `count`, from 1 on."""
        raise NotImplementedError


def _keys(leaves: FloatLeaves, arrays: tuple[str, ...]) -> list[tuple[str, ...]]:
    """For each float, the keys of its arrays in the state."""
    found = _keys_of(leaves.spec, arrays)
    return [found[at] for at in leaves.positions]


@lru_cache(128)
def _keys_of(spec: Any, arrays: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = [tuple(keys) for keys in zip(*(places_of(spec, name) for name in arrays), strict=True)]
    if len(set(found)) < len(found):
        fail("S302", "two keys of a dict among the parameters are written alike", advice="use strings as keys.")
    return found or [()] * spec.num_leaves


def _entries(floats: list[Any], keys: list[tuple[str, ...]]) -> list[Entry]:
    """What the state consists of."""
    found: list[Entry] = [(COUNT, (), np.dtype(int))]
    for leaf, own in zip(floats, keys, strict=True):
        shape, dtype = leaf.shape if isinstance(leaf, np.ndarray) else (), dtype_of(leaf)
        found += [(key, shape, dtype) for key in own]
    return found


def check_entries(method: str, state: Any, wanted: list[Entry]) -> None:
    """S341 for a state that is not made of arrays with these names, shapes and dtypes that can be written to."""
    if not isinstance(state, dict):
        advice = "write dict(numpy.load(path))." if hasattr(state, "files") else "take what start(params) returns."
        fail("S341", f"the state is of type {type(state).__name__}, not a dict of arrays", None, None, advice)
    for key, shape, dtype in wanted:
        found = state.get(key)
        if not isinstance(found, np.ndarray):
            _refuse_entry(method, key, f"It is {described(found)}, not an array." if key in state else "It is missing.")
        if found.shape != shape or found.dtype != dtype:
            _refuse_entry(method, key, f"It is {described(found)}, not of {dtype} of shape {shape}.")
        if not found.flags.writeable:
            _refuse_entry(method, key, "It cannot be written to.")
    if len(state) > len(wanted):
        extra = sorted(set(state) - {key for key, _, _ in wanted}, key=str)
        _refuse_entry(method, extra[0], "No parameter has such a one.")


def _refuse_entry(method: str, key: object, why: str) -> NoReturn:
    advice = "take the state that start of this optimiser returned for these parameters, and its updates changed."
    fail("S341", f"the state does not fit {method} of these parameters: state[{key!r}]", None, why, advice)

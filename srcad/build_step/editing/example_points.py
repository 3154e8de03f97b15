"""Points at which the file of an entry is compared with differences: the arguments of the entry, or random ones.

>>> drawn(np.zeros((2, 2), np.float32), 3, np.random.default_rng(0)).shape
(3, 3)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from srcad.build_step.config import Entry
from srcad.derivative import Derivative
from srcad.dispatch.example_arguments import Example
from srcad.dispatch.pytree import copied, flatten, unflatten
from srcad.errors import fail

_LENGTHS = (5, 4, 3, 2, 7, 9)
"""Of all axes; a program that shifts, or has conditions on its lengths, may not run with every one."""
_POINTS = 3


def points(entry: Entry, derivative: Derivative, example: Example, f: Callable[..., Any]) -> list[Example]:
    """Arguments with which the function runs and is finite; S513 if there are none.

    Where the entry gives `examples`, these; else three sets of random values of the types of the example, the same in
    every process, with the first lengths that the function runs with.
    """
    if entry.examples is not None:
        return [example]
    reason = ""
    for length in _LENGTHS:
        found: list[Example] = []
        why = None
        for seed in range(_POINTS):
            point = _random(derivative, example, length, seed)
            why = why or _fault(partial(f, **point.kwargs), point.args)
            if why is None or not found:
                found.append(point)
        if why is None:
            return found
        reason = reason or why
    fail(
        "S513",
        f"no arguments were found with which {entry.function} can be run",
        why=f"Random ones were tried, of the types it was built for: {reason}.",
        advice='give examples = "module:function" to its entry, a function that returns example arguments.',
    )


def _fault(f: Callable[..., Any], args: tuple[Any, ...]) -> str | None:
    try:
        with np.errstate(all="ignore"):
            result = flatten(f(*copied(args)))[0]
    except Exception as fault:  # the user's function may raise anything
        return f"it raised {type(fault).__name__}: {fault}"
    numbers = [np.asarray(one) for one in result]
    finite = all(bool(np.all(np.isfinite(one))) for one in numbers if one.dtype.kind == "f")
    return None if finite else "its result was not finite"


def _random(derivative: Derivative, example: Example, length: int, seed: int) -> Example:
    """The example with random values in the place of those that stand for their types."""
    rng = np.random.default_rng(seed)
    names = [*signature(derivative).parameters]
    args = tuple(
        drawn(value, length, rng) if name in example.invented else value
        for name, value in zip(names, example.args, strict=False)
    )
    kwargs = {
        name: drawn(value, length, rng) if name in example.invented else value for name, value in example.kwargs.items()
    }
    return Example(args, kwargs)


def drawn(value: Any, length: int, rng: np.random.Generator) -> Any:
    """Random values of the types of a value, arrays with this length of every axis."""
    leaves, spec = flatten(value)
    return unflatten(spec, [_leaf(leaf, length, rng) for leaf in leaves])


def _leaf(leaf: Any, length: int, rng: np.random.Generator) -> Any:
    if isinstance(leaf, np.ndarray):
        values = _numbers(leaf.dtype, (length,) * leaf.ndim, rng)
        if leaf.ndim and not leaf.flags.forc:
            return np.repeat(values, 2, axis=-1)[..., ::2]
        return np.array(values, order="F" if leaf.flags.f_contiguous and not leaf.flags.c_contiguous else "C")
    if isinstance(leaf, bool | np.bool_) or not isinstance(leaf, int | float | np.number):
        return leaf
    if isinstance(leaf, int | np.integer):
        return type(leaf)(3)  # iterations, seldom an index
    kind: Any = type(leaf)
    return kind(rng.uniform(0.2, 1.2))


def _numbers(dtype: Any, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if dtype.kind == "f":
        return rng.uniform(0.2, 1.2, shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)  # also indices

"""Adjoint buffers of a call in procedure style: separated from the arguments, checked, and flattened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from srcad.dispatch.leaf_conversion import layout
from srcad.dispatch.pytree import flatten
from srcad.dispatch.signature import Parameters
from srcad.errors import fail


def split(
    parameters: Parameters, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], list[Any]]:
    """The arguments of the function itself, and those after them: buffers, and perhaps `d_result`.

    Buffers follow all the arguments of the function, in the order of `argnums`.

    >>> split(Parameters.of(lambda x, y: None), (1, 2, 3, 4), {})
    ((1, 2), {}, [3, 4])
    """
    names: Sequence[str] = parameters.callable_names
    if parameters.star is not None:
        names = parameters.wrapped_names
        if not names:
            why = f"How many arguments *{parameters.star} holds is known at a call only: the buffers come after them."
            fail("S309", "the buffers of an adjoint cannot be told from arguments", None, why, "name the parameters.")
    extra = sum(name in kwargs for name in names)
    count = len(names) - extra
    return args[:count], kwargs, list(args[count:])


def flat_buffers(parameters: Parameters, wrt: Sequence[str], values: Sequence[Any], extra: list[Any]) -> list[Any]:
    """The buffers of the array leaves of `wrt`, in their order, then the remaining arguments (`d_result`).

    Raises S309 for a buffer that is missing or does not match its array, S308 for one that overlaps another argument.
    """
    rest = list(extra)
    flat: list[Any] = []
    arrays: list[tuple[str, Any]] = []
    for name, value in zip(parameters.names, values, strict=True):
        arrays += [(name, leaf) for leaf in flatten(value)[0] if isinstance(leaf, np.ndarray) and leaf.ndim]
    for name in wrt:
        leaves = flatten(parameters.argument(name, values).value)[0]
        wanted = [leaf for leaf in leaves if isinstance(leaf, np.ndarray) and leaf.ndim]
        if not wanted:
            continue
        if not rest:
            fail("S309", f"the adjoint buffer d_{name} is missing", advice="pass it after the function's arguments.")
        buffers = [leaf for leaf in flatten(rest.pop(0))[0] if isinstance(leaf, np.ndarray) and leaf.ndim]
        if len(buffers) != len(wanted):
            fail("S309", f"the adjoint buffer d_{name} has another structure than {name}")
        for leaf, buffer in zip(wanted, buffers, strict=True):
            _check(name, leaf, buffer)
            arrays.append((f"d_{name}", buffer))
        flat += buffers
    refuse_overlap(arrays, len(flat))
    if len(rest) > 1:
        fail("S306", f"{len(rest)} arguments more than the function and its buffers take")
    return flat + rest


def _check(name: str, leaf: Any, buffer: Any) -> None:
    if buffer.shape != leaf.shape or buffer.dtype != leaf.dtype:
        wanted, got = f"{leaf.dtype} {leaf.shape}", f"{buffer.dtype} {buffer.shape}"
        fail("S309", f"the adjoint buffer d_{name} is {got}, and {name} is {wanted}")
    if layout(leaf) != "A" and not buffer.flags[f"{layout(leaf)}_CONTIGUOUS"]:
        why = f"{name} is contiguous, in {'rows' if layout(leaf) == 'C' else 'columns'}; the text was made for that."
        advice = f"pass np.zeros_like({name})."
        fail("S309", f"the adjoint buffer d_{name} lies in memory in another order than {name}", None, why, advice)
    if not buffer.flags.writeable:
        fail("S309", f"the adjoint buffer d_{name} cannot be written to")


def refuse_overlap(arrays: list[tuple[str, Any]], buffers: int) -> None:
    """S308 where one of the last arrays, the buffers, overlaps another in memory."""
    first = len(arrays) - buffers
    for at in range(first, len(arrays)):
        name, buffer = arrays[at]
        for other, array in arrays[:at]:
            if np.may_share_memory(buffer, array) and np.shares_memory(buffer, array):
                fail("S308", f"{name} and {other} overlap in memory", why=f"{name} is written to.")

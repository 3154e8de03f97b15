"""The floats of a structure, and a gradient beside them: as `grad` returns it, with None for what is no float."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from optree import PyTreeSpec

from srcad.dispatch.pytree import leaves_like, places
from srcad.errors import fail


def is_number(leaf: object) -> bool:
    """Whether a leaf is a number that has a gradient: a float of Python or NumPy, or an integer of Python.

    >>> [is_number(leaf) for leaf in (1.0, np.float32(1.0), 1, True, np.ones(1), None)]
    [True, True, True, False, False, False]
    """
    return isinstance(leaf, float | np.floating) or type(leaf) is int


def has_gradient(leaf: object) -> bool:
    """Whether a leaf has a gradient: numbers and arrays of floats. The others have None in its place."""
    return is_number(leaf) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f")


def dtype_of(leaf: Any) -> np.dtype[Any]:
    """The dtype of a leaf that has a gradient.

    >>> dtype_of(1), dtype_of(np.float32(1.0))
    (dtype('float64'), dtype('float32'))
    """
    return leaf.dtype if isinstance(leaf, np.ndarray | np.floating) else np.dtype(np.float64)


def gradients_of(params: Any, gradient: Any, leaves: Sequence[Any], spec: PyTreeSpec) -> list[Any]:
    """The leaves of a gradient in the order of `leaves`, those of the parameters. Raises S340 where they do not fit."""
    found = leaves_like(spec, gradient)
    if found is None:
        fail(
            "S340",
            "the gradient has another structure than the parameters",
            why=f"The parameters are {_listed(params, 'params')}; the gradient is {_listed(gradient, 'gradient')}.",
            advice="give the gradient as srcad.grad returns it for the argument that is optimised.",
        )
    for at, (leaf, own) in enumerate(zip(leaves, found, strict=True)):
        if not _fits(leaf, own):
            _refuse_leaf(places(params, "params")[at], leaf, own)
    return found


def _fits(leaf: Any, own: Any) -> bool:
    if not has_gradient(leaf):
        return own is None
    if isinstance(leaf, np.ndarray):
        return isinstance(own, np.ndarray) and own.shape == leaf.shape and own.dtype.kind == "f"
    return is_number(own) or (isinstance(own, np.ndarray) and own.shape == () and own.dtype.kind == "f")


def _refuse_leaf(place: str, leaf: Any, own: Any) -> NoReturn:
    wanted = described(leaf) if has_gradient(leaf) else "None, as it is no float"
    why = f"{place} is {described(leaf)}; its gradient is {described(own)}."
    fail("S340", f"the gradient of {place} does not fit it", None, why, f"give {wanted}.")


def described(leaf: Any) -> str:
    """A leaf in a sentence.

    >>> described(np.ones((2, 3))), described(1.0), described(None)
    ('an array of float64 of shape (2, 3)', 'a number', 'None')
    """
    if isinstance(leaf, np.ndarray):
        return f"an array of {leaf.dtype} of shape {leaf.shape}"
    if leaf is None:
        return "None"
    return "a number" if is_number(leaf) else f"of type {type(leaf).__qualname__}"


def _listed(tree: Any, name: str) -> str:
    found = places(tree, name)
    return ", ".join(found[:6]) + (" and more" if len(found) > 6 else "") if found else "empty"

"""The floats of a structure, and gradients by them: in the same structure, with None for what is no float."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from optree import PyTreeSpec

from srcad.dispatch.pytree import flatten, leaves_like, places, unflatten
from srcad.errors import fail

_FLOATS, _WITH_DTYPE = (float, np.floating), (np.ndarray, np.floating)
_DOUBLE = np.dtype(np.float64)


def is_number(leaf: object) -> bool:
    """Whether a leaf is a number that has a gradient: a float of Python or NumPy, or an integer of Python.

    >>> [is_number(leaf) for leaf in (1.0, np.float32(1.0), 1, True, np.ones(1), None)]
    [True, True, True, False, False, False]
    """
    return isinstance(leaf, _FLOATS) or type(leaf) is int


def has_gradient(leaf: object) -> bool:
    """Whether a leaf has a gradient: numbers and arrays of floats. The others have None in its place."""
    return leaf.dtype.kind == "f" if isinstance(leaf, np.ndarray) else is_number(leaf)


def dtype_of(leaf: Any) -> np.dtype[Any]:
    """The dtype of a leaf that has a gradient.

    >>> dtype_of(1), dtype_of(np.float32(1.0))
    (dtype('float64'), dtype('float32'))
    """
    return leaf.dtype if isinstance(leaf, _WITH_DTYPE) else _DOUBLE


def number_like(leaf: Any, value: Any) -> Any:
    """A value as a number of the type of a leaf; an integer becomes a float.

    >>> number_like(1, np.float64(2.0)), number_like(np.float32(1.0), 2.0).dtype
    (2.0, dtype('float32'))
    """
    return float(value) if isinstance(leaf, int) else type(leaf)(value)


@dataclass(frozen=True)
class FloatLeaves:
    """A structure, and which of its leaves have a gradient. Errors call it `name`.

    >>> found = FloatLeaves.of({"w": 2.0, "text": "x", "b": 1.0})
    >>> found.floats, found.gradients({"w": 5.0, "text": None, "b": 6.0}), found.place(2)
    ([2.0, 1.0], [5.0, 6.0], 'params["b"]')
    >>> found.with_floats([3.0, 4.0])
    {'w': 3.0, 'text': 'x', 'b': 4.0}
    """

    tree: Any
    name: str
    leaves: list[Any]
    spec: PyTreeSpec
    positions: list[int]
    """Those of the leaves that have a gradient."""

    @classmethod
    def of(cls, tree: Any, name: str = "params") -> FloatLeaves:
        leaves, spec = flatten(tree)
        return cls(tree, name, leaves, spec, [at for at, leaf in enumerate(leaves) if has_gradient(leaf)])

    @property
    def floats(self) -> list[Any]:
        return [self.leaves[at] for at in self.positions]

    def place(self, position: int) -> str:
        """A leaf as the user writes it."""
        return places(self.tree, self.name)[position]

    def gradients(self, gradient: Any) -> list[Any]:
        """The gradient of each of the floats, of a gradient in this structure. Raises S340 where it does not fit."""
        found = leaves_like(self.spec, gradient)
        if found is None:
            fail(
                "S340",
                f"the gradient has another structure than {self.name}",
                why=f"That is {_listed(self.tree, self.name)}; the gradient is {_listed(gradient, 'gradient')}.",
                advice="give the gradient as srcad.grad returns it for the argument that is optimised.",
            )
        for at, (leaf, own) in enumerate(zip(self.leaves, found, strict=True)):
            if not _fits(leaf, own):
                _refuse(self.place(at), leaf, own)
        return [found[at] for at in self.positions]

    def with_floats(self, floats: Sequence[Any]) -> Any:
        """A structure with other floats; the same one where all of them are the same objects."""
        if all(map(operator.is_, floats, self.floats)):
            return self.tree
        leaves = list(self.leaves)
        for at, leaf in zip(self.positions, floats, strict=True):
            leaves[at] = leaf
        return unflatten(self.spec, leaves)


def _fits(leaf: Any, own: Any) -> bool:
    if not has_gradient(leaf):
        return own is None
    if isinstance(leaf, np.ndarray):
        return isinstance(own, np.ndarray) and own.shape == leaf.shape and own.dtype.kind == "f"
    return has_gradient(own) and np.shape(own) == ()


def _refuse(place: str, leaf: Any, own: Any) -> NoReturn:
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

"""The tangents of a call in forward mode: which leaves of the arguments have one, and each as its leaf lies in memory.

>>> found = tangents_of(Parameters.of(lambda x, n: n * x), (2.0, 3), (1.0, None))
>>> found.values, found.positions, found.flat
((2.0, 3), (0,), (1.0,))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.dispatch.adjoint_buffers import refuse_overlap
from srcad.dispatch.pytree import flatten, places
from srcad.dispatch.signature import Parameters
from srcad.errors import fail

_NUMBERS = (bool, int, float, complex, np.number, np.bool_)


@dataclass(frozen=True)
class TangentArguments:
    values: tuple[Any, ...]
    """Of the parameters of the function."""
    positions: tuple[int, ...]
    """The leaves that have a tangent, among all leaves of the values."""
    flat: tuple[Any, ...]
    """Their tangents."""
    given: tuple[tuple[str, Any], ...]
    """Where each of the flat ones stands, and the tangent as it was given."""

    def refuse_unwritable(self, leaves: list[Any], names: Sequence[str]) -> None:
        """Of a function that writes into its arguments, and so into their tangents.

        Raises S325 for the tangent of an array that is no array like it, S308 for one that overlaps another argument.
        """
        arrays = [(name, leaf) for name, leaf in zip(names, leaves, strict=False) if isinstance(leaf, np.ndarray)]
        tangents = []
        for (place, own), made in zip(self.given, self.flat, strict=True):
            if isinstance(made, np.ndarray):
                name = f"the tangent of {place}"
                if own is not made or not made.flags.writeable:
                    why = "The function writes into its arguments, and returns nothing."
                    advice = f"give an array of the dtype and layout of {place}: np.zeros_like({place})."
                    fail("S325", f"{name} cannot be written to", None, why, advice)
                tangents.append((name, made))
        refuse_overlap([*arrays, *tangents], len(tangents))


def tangents_of(parameters: Parameters, primals: Any, tangents: Any) -> TangentArguments:
    """The arguments of a call, and their tangents, which have the structure of the arguments.

    None, for an argument or a leaf of one, is a tangent of zero; integers, bools and strings take no other. Raises S325
    for tangents of another structure, shape or kind.
    """
    for name, sequence in (("primals", primals), ("tangents", tangents)):
        if not isinstance(sequence, tuple | list):
            advice = f"write {name}=(x,) where the function takes one argument."
            fail(
                "S325",
                f"{name} is a {type(sequence).__name__}, not a tuple with one entry for each argument",
                None,
                None,
                advice,
            )
    if len(primals) != len(tangents):
        fail("S325", f"{len(primals)} primals and {len(tangents)} tangents", advice="give None for a tangent of zero.")
    values = parameters.values(tuple(primals), {})
    positions: list[int] = []
    flat: list[Any] = []
    given: list[tuple[str, Any]] = []
    for at, (primal, tangent) in enumerate(zip(primals, tangents, strict=True)):
        if tangent is None:
            continue
        (name,) = parameters.wrt(at)
        first = parameters.argument(name, values).first
        for k, place, leaf, own in _pairs(name, primal, tangent):
            found = _converted(place, leaf, own)
            if found is not None:
                positions.append(first + k)
                flat.append(found)
                given.append((place, own))
    return TangentArguments(values, tuple(positions), tuple(flat), tuple(given))


def float_positions(parameters: Parameters, values: tuple[Any, ...]) -> tuple[int, ...]:
    """The leaves of the arguments that are floats: those that have a tangent where nobody says which have one."""
    bound = len(flatten(parameters.fixed)[0]) if parameters.fixed else 0
    leaves = flatten(values)[0]
    return tuple(at for at, leaf in enumerate(leaves) if at >= bound and _is_float(leaf))


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, float | complex) or (isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "fc")


def _pairs(name: str, primal: Any, tangent: Any) -> Iterable[tuple[int, str, Any, Any]]:
    """Each leaf of an argument with its tangent; None in the place of a structure stands for all that is in it."""
    leaves, spec = flatten(primal)
    own, own_spec = flatten(tangent)
    if spec != own_spec:
        whole = list(_spread(primal, tangent, name))
        return [
            (k, place, leaf, t)
            for k, (place, leaf, t) in enumerate(zip(places(primal, name), leaves, whole, strict=True))
        ]
    return zip(range(len(leaves)), places(primal, name), leaves, own, strict=True)


def _spread(primal: Any, tangent: Any, name: str) -> Iterable[Any]:
    """A tangent for each leaf of the primal."""
    if tangent is None:
        return [None] * len(flatten(primal)[0])
    items: list[tuple[Any, Any]]
    if isinstance(primal, dict) and isinstance(tangent, dict) and primal.keys() == tangent.keys():
        items = [(primal[key], tangent[key]) for key in sorted(primal)]
    elif isinstance(primal, tuple | list) and type(primal) is type(tangent) and len(primal) == len(tangent):
        items = list(zip(primal, tangent, strict=True))
    elif len(flatten(primal)[0]) == 1 and len(flatten(tangent)[0]) == 1 and not isinstance(primal, dict | tuple | list):
        return [tangent]
    else:
        fail("S325", f"the tangent of {name} has another structure than {name}")
    return [one for part, own in items for one in _spread(part, own, name)]


def _converted(place: str, leaf: Any, tangent: Any) -> Any:
    """The tangent of one leaf with its dtype, and its layout in memory; None where it is zero for certain."""
    if tangent is None or (isinstance(leaf, str) and isinstance(tangent, str)):
        return None
    if not isinstance(leaf, (np.ndarray, *_NUMBERS)):
        fail("S325", f"{place} is no number, and has a tangent", advice="give None for its tangent.")
    dtype = leaf.dtype if isinstance(leaf, np.ndarray | np.generic) else np.dtype(type(leaf))
    own = np.asarray(tangent)
    fixed = isinstance(leaf, np.ndarray | bool | np.bool_)
    if dtype.kind in "iub" and (fixed or own.dtype.kind == "V" or not own.any()):
        if own.dtype.kind != "V" and own.any():  # void: float0, which JAX gives for integers
            fail(
                "S325",
                f"{place} is {dtype}, and its tangent is not zero",
                None,
                "It cannot move.",
                "give None for its tangent.",
            )
        return None
    if own.dtype.kind not in ("fciub" if dtype.kind == "c" else "fiub"):
        fail(
            "S325", f"the tangent of {place} is {own.dtype}, not made of {'' if dtype.kind == 'c' else 'real '}numbers"
        )
    if own.shape != np.shape(leaf):
        fail("S325", f"the tangent of {place} has shape {own.shape}, and {place} has {np.shape(leaf)}")
    if not isinstance(leaf, np.ndarray) or leaf.ndim == 0:
        scalar = own[()]
        if isinstance(leaf, np.inexact | np.ndarray) and dtype.kind in "fc":
            return dtype.type(scalar)
        return complex(scalar) if dtype.kind == "c" else float(scalar)
    return as_laid_out(leaf, own)


def as_laid_out(leaf: np.ndarray[Any, Any], tangent: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The tangent in the dtype of an array, laid out as that in memory: what is a view of one is a view of the other.

    >>> rows = np.zeros((4, 6))[::2, 1:3]
    >>> as_laid_out(rows, np.ones((2, 2))).strides == rows.strides
    True
    """
    if tangent.dtype == leaf.dtype and tangent.strides == leaf.strides and type(tangent) is np.ndarray:
        return tangent
    if leaf.flags.c_contiguous or leaf.flags.f_contiguous or 0 in leaf.strides or not leaf.size:
        made = np.empty_like(leaf, subok=False)
    else:
        low = sum((n - 1) * s for n, s in zip(leaf.shape, leaf.strides, strict=True) if s < 0)
        high = sum((n - 1) * s for n, s in zip(leaf.shape, leaf.strides, strict=True) if s > 0)
        memory = np.empty(high - low + leaf.itemsize, np.uint8)
        made = np.ndarray(leaf.shape, leaf.dtype, memory, -low, leaf.strides)
    made[...] = tangent
    return made

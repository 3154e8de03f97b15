"""Cotangents of a call: taken apart as the output is, each of the shape and the dtype of its part of the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from srcad.dispatch.pytree import flatten, leaves_like, places
from srcad.dispatch.result_structure import LeafPlaceholder, skeleton
from srcad.errors import fail
from srcad.frontend.values.abstract_values import Abstract
from srcad.ir.types import INEXACT, Array, Scalar, Type, is_complex

Shape = tuple[int, ...]


class CotangentStructure:
    """What the cotangent of an output has to be: in the same structure, a number or an array for each float.

    `compiled` says whether the generated function is; Python's own functions get `np.float64`.

    >>> from srcad.frontend.values.abstract_values import Constant, Leaf, Seq
    >>> from srcad.ir.nodes import Var
    >>> out = Seq((Leaf(Var("y"), Scalar("float64")), Leaf(Var("n"), Scalar("int64")), Constant("note")))
    >>> CotangentStructure(out, compiled=True).flat((1, None, None), ())
    [1.0]
    """

    def __init__(self, output: Abstract, compiled: bool) -> None:
        self._whole = skeleton(output)
        parts, self._spec = flatten(self._whole)
        float64: Callable[[Any], Any] = float if compiled else np.float64
        complex128: Callable[[Any], Any] = complex if compiled else np.complex128
        self._number: dict[str, Callable[[Any], Any]] = {
            "float64": float64,
            "float32": np.float32,
            "complex128": complex128,
            "complex64": np.complex64,
        }
        self._types = [_float_type(part.type) if isinstance(part, LeafPlaceholder) else None for part in parts]
        computed = [part for part in parts if isinstance(part, LeafPlaceholder)]
        self._arrays = [at for at, part in enumerate(computed) if isinstance(_float_type(part.type), Array)]

    def shapes(self, results: Sequence[Any]) -> list[Shape]:
        """The shapes of the arrays among the flat results that have a cotangent."""
        return [results[at].shape for at in self._arrays]

    def flat(self, cotangent: Any, shapes: Sequence[Shape]) -> list[Any]:
        """The cotangents as flat arguments of the reverse function. Raises S321 for what does not fit the output."""
        leaves = leaves_like(self._spec, cotangent)
        if leaves is None:
            _refuse("has another structure than the output", f"the output is {_described(self._whole)}")
        expected = iter(shapes)
        found = []
        for at, (leaf, known) in enumerate(zip(leaves, self._types, strict=True)):
            if known is None:
                if leaf is not None:
                    _refuse(
                        f"{self._place(at)} is not None", "this part of the output is no float: it has no cotangent"
                    )
            elif isinstance(known, Array):
                found.append(self._array(leaf, known.dtype, next(expected), at))
            else:
                found.append(self._scalar(leaf, known.dtype, at))
        return found

    def _scalar(self, leaf: Any, dtype: str, at: int) -> Any:
        if type(leaf) is not float:
            given = np.asarray(leaf)
            if given.shape or given.dtype.kind not in _kinds(dtype):
                _refuse(f"{self._place(at)} is {_named(leaf)}", "this part of the output is a number")
        return self._number[dtype](leaf)

    def _array(self, leaf: Any, dtype: str, shape: Shape, at: int) -> Any:
        given = np.asarray(leaf)
        if given.shape != shape or given.dtype.kind not in _kinds(dtype):
            _refuse(f"{self._place(at)} is {_named(leaf)}", f"this part of the output is an array of shape {shape}")
        own = np.ascontiguousarray(given, dtype)
        return own if own.flags.writeable else own.copy()

    def _place(self, at: int) -> str:
        return places(self._whole, "cotangent")[at]


def _float_type(known: Type) -> Scalar | Array | None:
    return known if isinstance(known, Scalar | Array) and known.dtype in INEXACT else None


def _kinds(dtype: str) -> str:
    """The kinds of dtypes that a cotangent of this dtype may be given in."""
    return "cfiu" if is_complex(Scalar(dtype)) else "fiu"


def _refuse(what: str, why: str) -> NoReturn:
    advice = "give what has the structure and the shapes of the output, with None for what is no float."
    fail("S321", what if what.startswith("cotangent") else f"the cotangent {what}", None, f"{_capital(why)}.", advice)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _named(leaf: Any) -> str:
    given = np.asarray(leaf)
    if leaf is None or given.dtype.kind not in "cfiub":
        return "None" if leaf is None else f"of type {type(leaf).__qualname__}"
    if given.dtype.kind == "b":
        return "a bool" if not given.shape else "an array of bools"
    return f"an array of shape {given.shape}" if given.shape else "a number"


def _described(whole: Any) -> str:
    """The structure of an output, as it is written."""
    found = places(whole, "out")
    return ", ".join(found[:6]) + (" and more" if len(found) > 6 else "")

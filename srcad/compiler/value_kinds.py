"""The types of values that Python hands over, as the text has them: what its functions ask for.

>>> kind_of([1.5, {"n": 3}], None, numbers=True), item_of(np.ones(3)), zero_of((1.5, np.ones((2, 30))))
("[float, {'n': int}]", 'np.float64, (3,)', '(0.0, np.zeros((2, 9), np.float64))')
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.frontend.values.abstract_values import Abstract, Leaf, Mapping, Seq
from srcad.ir.types import LONG


def kind_of(value: Any, known: Abstract | None, numbers: bool = False) -> str | None:
    """What `parts` asks for: the types of numbers and arrays in a structure, and constants; None where it cannot.

    `known` says which of the numbers are parameters; all are where it is `numbers` that are asked for.
    """
    if type(value) in (list, tuple):
        inner = known.items if isinstance(known, Seq) else [None] * len(value)
        kinds = [kind_of(item, of, numbers) for item, of in zip(value, inner, strict=True)]
        return None if None in kinds else _sequence([kind for kind in kinds if kind is not None], type(value) is list)
    if type(value) is dict:
        of_key = dict(known.items) if isinstance(known, Mapping) else {}
        pairs = {key: kind_of(item, of_key.get(key), numbers) for key, item in value.items()}
        return None if None in pairs.values() else f"{{{', '.join(f'{key!r}: {kind}' for key, kind in pairs.items())}}}"
    if not (isinstance(known, Leaf) or numbers):
        return repr(value) if value is None or type(value) in (bool, int, float, str) else None
    if type(value) is np.ndarray:
        return "np.ndarray"
    if isinstance(value, np.generic):
        return f"np.{type(value).__name__}"
    return type(value).__name__ if type(value) in (bool, int, float, complex) else None


def _sequence(kinds: list[str], is_list: bool) -> str:
    if len(kinds) > 3 and len(set(kinds)) == 1:
        return (f"[{kinds[0]}]" if is_list else f"({kinds[0]},)") + f" * {len(kinds)}"
    inside = ", ".join(kinds)
    return f"[{inside}]" if is_list else f"({inside}{',' if len(kinds) == 1 else ''})"


def item_of(value: Any) -> str:
    """What `as_array` asks for of each value."""
    if isinstance(value, np.ndarray):
        return f"np.{value.dtype.type.__name__}, {value.shape}"
    return f"np.{type(value).__name__}" if isinstance(value, np.generic) else type(value).__name__


def zero_of(value: Any) -> str:
    """An expression of the type of a value, with axes of lengths that are of the same kind."""
    if isinstance(value, np.ndarray):
        shape = tuple(min(length, LONG) for length in value.shape)
        return f"np.zeros({shape}, np.{value.dtype.type.__name__})"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(zero_of, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {zero_of(item)}' for key, item in value.items())}}}"
    if isinstance(value, np.generic):
        return f"np.{type(value).__name__}(0)"
    if isinstance(value, str):
        return repr(value)
    return repr(type(value)(0)) if isinstance(value, bool | int | float | complex) else "None"

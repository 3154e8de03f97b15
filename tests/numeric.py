"""Derivatives by differences, over nested structures of numbers and arrays.

The four-point formula (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h: its error goes with h^4, so a step
large enough to drown rounding is still exact to about twelve digits.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def is_object(value: Any) -> bool:
    """Whether a value is an instance of a dataclass, or of a class of the tests."""
    own = type(value).__module__.startswith(("tests.", "fuzz_")) and not isinstance(value, tuple | enum.Enum)
    return not isinstance(value, type) and (dataclasses.is_dataclass(value) or own)


def attributes(value: Any) -> dict[str, Any]:
    names = [name for cls in reversed(type(value).__mro__) for name in getattr(cls, "__slots__", ())]
    return {name: getattr(value, name) for name in names} | dict(getattr(value, "__dict__", {}))


def leaves(tree: Any) -> list[Any]:
    return [leaf for _, leaf in paths(tree)]


def paths(tree: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each leaf with the way to it, as one would write it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from paths(value, f"{at}[{key!r}]")
    elif is_object(tree):
        for name, value in attributes(tree).items():
            yield from paths(value, f"{at}.{name}")
    elif isinstance(tree, list | tuple):
        for k, value in enumerate(tree):
            yield from paths(value, f"{at}[{k}]")
    elif tree is not None and not isinstance(tree, str):
        yield at, tree


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same structure with `function` of each leaf."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, value) for key, value in tree.items()}
    if is_object(tree):
        new = copy.copy(tree)
        for name, value in attributes(tree).items():
            object.__setattr__(new, name, map_leaves(function, value))
        return new
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(map_leaves(function, value) for value in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(map_leaves(function, value) for value in tree)
    return tree if tree is None or isinstance(tree, str) else function(tree)


def replace_leaf(tree: Any, number: int, new: Any) -> Any:
    """A copy of the structure with another leaf at `number`."""
    count = iter(range(1 << 30))
    return map_leaves(lambda leaf: new if next(count) == number else copy_leaf(leaf), tree)


def copy_leaf(leaf: Any) -> Any:
    return leaf.copy(order="K") if isinstance(leaf, np.ndarray) else copy.copy(leaf)


def copied(tree: Any) -> Any:
    return map_leaves(copy_leaf, tree)


def doubled(leaf: Any) -> Any:
    """A differentiated leaf in double precision: an int counts as a float, float32 as float64."""
    if isinstance(leaf, np.ndarray):
        return leaf.astype(np.float64) if leaf.dtype.kind == "f" else leaf
    return leaf if isinstance(leaf, bool | np.bool_) else float(leaf)


def widened(leaf: Any) -> Any:
    """Any other leaf: float32 becomes float64, all else stays."""
    if isinstance(leaf, np.ndarray):
        return leaf.astype(np.float64) if leaf.dtype == np.float32 else leaf
    return float(leaf) if isinstance(leaf, np.float32) else leaf


def numeric_gradient(f: Callable[..., Any], args: tuple[Any, ...], wrt: int, step: float = 3e-4) -> Any:
    """The gradient of the scalar `f` with respect to `args[wrt]`, in its structure, in double precision."""
    args = tuple(map_leaves(doubled if i == wrt else widened, value) for i, value in enumerate(args))
    originals = leaves(args[wrt])
    found = []
    for number, leaf in enumerate(originals):
        x = np.asarray(leaf)
        if x.dtype.kind != "f":
            found.append(leaf)
            continue
        size = step * (float(np.max(np.abs(x))) if x.size and np.max(np.abs(x)) > 0 else 1.0)
        slope = np.zeros(x.shape)
        for at in np.ndindex(x.shape):

            def moved(by: float, at: tuple[int, ...] = at, x: Any = x, number: int = number) -> float:
                new = x.copy()
                new[at] += by
                leaf = new if isinstance(originals[number], np.ndarray) else float(new)
                tree = replace_leaf(args[wrt], number, leaf)
                before = (copied(a) for a in args[:wrt])
                after = (copied(a) for a in args[wrt + 1 :])
                return float(f(*before, tree, *after))

            near = moved(size) - moved(-size)
            far = moved(2 * size) - moved(-2 * size)
            slope[at] = (8 * near - far) / (12 * size)
        found.append(slope if isinstance(leaf, np.ndarray) else float(slope))
    count = iter(range(1 << 30))
    return map_leaves(lambda _: found[next(count)], args[wrt])


def worst_error(have: Any, want: Any) -> float:
    """The largest difference of a leaf, relative to the largest entry of that leaf (or of them all, if small)."""
    pairs = list(zip(leaves(have), leaves(want), strict=True))
    scale = max((float(np.max(np.abs(w))) for _, w in pairs if np.size(w)), default=0.0)
    worst = 0.0
    for h, w in pairs:
        h, w = np.asarray(h, dtype=float), np.asarray(w, dtype=float)
        if h.shape != w.shape:
            return float("inf")
        if not h.size:
            continue
        size = max(float(np.max(np.abs(w))), 1e-3 * scale) or 1.0
        error = float(np.max(np.abs(h - w))) / size
        worst = max(worst, error if error == error else float("inf"))
    return worst

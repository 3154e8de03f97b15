"""Truncated backpropagation through time: the gradient of a loop whose iterations look back only so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, unsupported
from srcad.unread import called

T = TypeVar("T")

constant = PRIMITIVES["stop_gradient"]
cut_gradient = PRIMITIVES["cut_gradient"]


def window(
    iterable: Iterable[T],
    every: int | None = None,
    back: int | None = None,
    cut: str | Sequence[str] | Mapping[str, Any] = (),
) -> Iterable[T]:
    """The iterable itself, marked: in the loop over it the gradient looks back a number of iterations, and no further.

    `cut` names the variables that carry the state from one iteration to the next. Values are those of the plain loop;
    the derivative with respect to these variables is cut (Williams and Peng 1990, BPTT(h; h')):

    - `every=k`, *chunked*: the gradient is cut at the beginning of iterations k, 2k, ... The state passes on.
    - `back=k`, *sliding*: what iteration t adds to the result looks back on k iterations, t - k + 1 to t.
    - `every=k, back=n`, *strided*, n a multiple of k: what k iterations add together looks back from their end on n.
      With n = k it is chunked, with k = 1 sliding.

    Where a window reaches the first iteration, the gradient goes on to the state before the loop. Sliding and strided
    windows run the iterations they look back on once more: `back / every` times the work of the loop. There all else
    that is carried from one iteration to the next is a sum, which nothing in the loop reads.

    `cut` may give an array for a name, of a bool for each iteration, or for each iteration and each row of the
    variable: where it is true, the gradient is cut there too, before that iteration (packed sequences).

    >>> import srcad
    >>> def f(w):
    ...     h, total = 0.0, 0.0
    ...     for t in srcad.window(range(6), every=2, cut="h"):
    ...         h = w * h + 1.0
    ...         total = total + h
    ...     return total
    >>> round(f(0.5), 4), srcad.grad(f, target="python")(0.5)
    (10.0312, 9.75)
    """
    called("window")
    for name, value in (("every", every), ("back", back)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if every is not None and back is not None and back % every:
        raise ValueError(f"back must be a multiple of every, got {back} and {every}")
    return iterable


def part(iterable: Sequence[T], start: int, stop: int) -> Iterable[T]:
    """The items from `start` to before `stop`, for the front end."""
    return iterable[start:stop]


def own(x: Any) -> Any:
    """The same value, with memory of its own."""
    return x if np.ndim(x) == 0 else x.copy()


def cut(x: Any, where: Any) -> Any:
    """The same value, which is constant where a bool, or one for each row, is true; with memory of its own."""
    if dtype_of(where) != "bool":
        unsupported("cut= of a window that is not made of bools")
    if np.ndim(where) == 0:
        return cut_gradient(own(x), where)
    if np.ndim(where) > 1 or np.ndim(x) == 0:
        return unsupported(
            "cut= of a window, whose bools are not one for each iteration, or for each row of the variable,"
        )
    if x.shape[0] != where.shape[0]:
        raise ValueError("cut= of a window has not as many bools for an iteration as the variable has rows")
    if np.ndim(x) == 1:
        return cut_gradient(x.copy(), where)
    if np.ndim(x) == 2:
        return cut_gradient(x.copy(), where[:, None])
    return cut_gradient(x.copy(), where[:, None, None])


def room(x: Any, count: int) -> Any:
    """An array for as many values like x."""
    return np.zeros((count, *np.shape(x)), dtype=dtype_of(x))


def keep(kept: Any, at: int, x: Any) -> None:
    """Keep the value, as a constant."""
    if dtype_of(x) != dtype_of(kept):
        unsupported(f"a variable that is cut is of {dtype_of(kept)} before the loop and of {dtype_of(x)} in it")
    kept[at] = constant(x)

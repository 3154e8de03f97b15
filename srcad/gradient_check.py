"""Gradient check: reverse mode against finite differences, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np
from typing_extensions import Unpack

from srcad.api import grad
from srcad.dispatch.leaf_conversion import is_static
from srcad.dispatch.pytree import copied, flatten, places, unflatten
from srcad.dispatch.signature import Argnums, Parameters
from srcad.errors import fail
from srcad.options import Choices, spelled

_ENTRIES = 64  # of one leaf; of a larger leaf that many are sampled, with a fixed seed


@dataclass(frozen=True)
class Check:
    """The number of entries compared, and the entry with the largest difference."""

    entries: int
    place: str
    reverse: float
    difference: float
    error: float
    """Relative to the larger of the two, and to the largest entry of the gradient."""

    def __str__(self) -> str:
        return (
            f"{self.entries} entries compared; they differ most at {self.place}: reverse {self.reverse:.12g}, "
            f"differences {self.difference:.12g} (relative error {self.error:.1e})"
        )


@spelled
def check_grad(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    has_aux: bool = False,
    tolerance: float | None = None,
    **options: Unpack[Choices],
) -> Check:
    """Compare `grad(f, argnums)(*args)` with central differences of `f` itself, run as plain Python.

    Raises S312 where they differ by more than `tolerance` (1e-6 for float64, 1e-3 for float32, relative). It says so
    where `insert_gradient_of` makes them differ on purpose.

    >>> check_grad(lambda x: np.sum(np.sin(x)), np.arange(3.0), target="python").entries
    3
    """
    parameters = Parameters.of(f)
    wrt = parameters.wrt(argnums)
    derivative = grad(f, argnums, has_aux=has_aux, **options)
    gradient = derivative(*args)
    if has_aux:
        gradient = gradient[0]
    gradients = gradient if isinstance(argnums, tuple) else (gradient,)
    function, given, places_of_wrt = by_position(f, args, {}, wrt)
    worst, right = compared(function, given, places_of_wrt, gradients, has_aux, tolerance)
    if right:
        return worst
    what = f"the gradient of {getattr(f, '__name__', 'f')} differs from finite differences"
    inserted = derivative.specialisation(*args).generated.inserted
    if inserted is not None:
        why = f"{worst}. The block that is inserted here changes an adjoint, so it may differ on purpose."
        fail("S312", what, inserted, why, "check the function without the block, and what the block does by itself.")
    fail("S312", what, None, f"{worst}.", "look whether f has a kink or a jump there; if it has none, report it.")


def by_position(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], wrt: Sequence[str]
) -> tuple[Callable[..., Any], tuple[Any, ...], list[tuple[str, int]]]:
    """The function and its arguments, those in `wrt` by position; and the name and position of each of these.

    >>> def scaled(x, *, scale=2.0):
    ...     return x * scale
    >>> function, args, places = by_position(scaled, (3.0,), {}, ("scale", "x"))
    >>> function(3.0, 5.0), args, places
    (15.0, (3.0, 2.0), [('scale', 1), ('x', 0)])
    """
    parameters = Parameters.of(f)
    known = parameters.signature.parameters
    free = parameters.positional
    needed = [at for at, name in enumerate(free) if name in wrt and name not in kwargs]
    args = (*args, *(known[name].default for name in free[len(args) : max(needed, default=-1) + 1]))
    count, found = len(args), []
    named: dict[str, Any] = {}
    for name in wrt:
        if name in kwargs or (name in known and known[name].kind is Parameter.KEYWORD_ONLY):
            found.append((name, count + len(named)))
            named[name] = kwargs[name] if name in kwargs else known[name].default
        else:
            found.append((name, parameters.place(name, count)))

    def function(*given: Any) -> Any:
        return f(*given[:count], **{**kwargs, **dict(zip(named, given[count:], strict=True))})

    return function, (*args, *named.values()), found


def compared(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    wrt: Sequence[tuple[str, int]],
    gradients: Sequence[Any],
    has_aux: bool = False,
    tolerance: float | None = None,
) -> tuple[Check, bool]:
    """Gradients with respect to arguments (name, position) against differences; whether they are within tolerance."""
    worst = Check(0, "nothing", 0.0, 0.0, 0.0)
    limit, entries = 0.0, 0
    for (name, position), found in zip(wrt, gradients, strict=True):
        reverse_leaves, _ = flatten(found)
        leaves, _ = flatten(args[position])
        for at, (leaf, reverse) in enumerate(zip(leaves, reverse_leaves, strict=True)):
            if is_static(leaf):
                continue
            one = _leaf(f, args, position, at, np.asarray(reverse), has_aux, places(args[position], name)[at])
            entries += one.entries
            allowed = tolerance or (1e-3 if np.asarray(leaf).dtype == np.float32 else 1e-6)
            if one.error / allowed >= limit:
                worst, limit = one, one.error / allowed
    return replace(worst, entries=entries), limit <= 1.0


def _leaf(
    f: Callable[..., Any], args: tuple[Any, ...], position: int, at: int, reverse: Any, has_aux: bool, place: str
) -> Check:
    leaves, spec = flatten(args[position])
    base = np.array(leaves[at], dtype=np.float64)
    scalar = not isinstance(leaves[at], np.ndarray)

    def value(perturbed: Any) -> float:
        inside = [np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        inside[at] = float(perturbed) if scalar else perturbed.copy()  # f may write into it
        copies = [copied(arg) for arg in args]
        copies[position] = unflatten(spec, inside)
        result = f(*copies)
        return float(result[0] if has_aux else result)

    size = float(np.max(np.abs(reverse), initial=0.0))
    worst: Check | None = None
    chosen = _entries(base)
    value_here = value(base)
    for index in chosen:
        here = float(reverse[index])
        candidates = _differences(value, base, index)
        best = min(candidates, key=lambda d: abs(d - here) if np.isfinite(d) else np.inf)
        # a derivative whose effect on f is below rounding is not visible in differences
        visible = 1e-6 * abs(value_here) / max(abs(float(base[index])), 1e-2)
        scale = max(abs(here), abs(best), 1e-6 * size, visible, 1e-10)
        error = 0.0 if here == best else abs(here - best) / scale
        error = np.inf if np.isnan(error) else error  # no later entry hides it
        if worst is None or error > worst.error:
            where = place + (f"[{', '.join(map(str, index))}]" if index else "")
            worst = Check(0, where, here, best, error)
    return replace(worst or Check(0, place, 0.0, 0.0, 0.0), entries=len(chosen))


def _entries(base: np.ndarray[Any, Any]) -> list[tuple[int, ...]]:
    if base.size <= _ENTRIES:
        return list(np.ndindex(base.shape))
    drawn = np.random.default_rng(0).choice(base.size, _ENTRIES, replace=False)
    return [tuple(int(i) for i in np.unravel_index(flat, base.shape)) for flat in sorted(drawn)]


def _differences(value: Callable[[Any], float], base: np.ndarray[Any, Any], index: tuple[int, ...]) -> list[float]:
    """Two estimates of the derivative at one entry: with Ridders' extrapolation from larger steps, and a small step.

    Extrapolation is accurate to about 1e-11 where the function is smooth over the larger steps; the small step is for
    functions that have a kink nearby. W. H. Press et al., Numerical Recipes, section 5.7.
    """
    scale = max(abs(float(base[index])), 1e-2)

    def central(step: float) -> float:
        up, down = base.copy(), base.copy()
        up[index] += step
        down[index] -= step
        return (value(up) - value(down)) / float(up[index] - down[index])

    with np.errstate(all="ignore"):
        small = central(6e-6 * scale)
        table = [central(4e-3 * scale)]
        best, error = table[0], np.inf
        for column in range(1, 6):
            row = [central(4e-3 * scale / 2**column)]
            for order, before in enumerate(table):
                factor = 4.0 ** (order + 1)
                row.append((factor * row[order] - before) / (factor - 1.0))
                change = max(abs(row[-1] - row[-2]), abs(row[-1] - before))
                if change <= error:
                    best, error = row[-1], change
            table = row
    return [best, small]

"""Second derivatives of a program along two directions, against differences of its gradient.

The target "forward" is forward mode of the gradient, "reverse" is reverse mode of it. The gradient itself is compared
with differences by the programs of first order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import srcad
from tests.fuzz.differences import NotSmooth, Wrong, along
from tests.numeric import leaves, map_leaves, paths

if TYPE_CHECKING:
    from tests.fuzz.judge import Trial

ORDERS = ("forward", "reverse")
PLAIN: dict[str, Any] = {"target": "python"}


def gradient_of(trial: Trial, wide: bool = False) -> Any:
    program = trial.program
    options = PLAIN | ({"checkpoint": program.checkpoint} if program.checkpoint else {})
    return srcad.grad((trial.wide if wide else trial.module).program, program.wrt, **options)


def second_derivative(trial: Trial, target: str) -> Any:
    """A function of the arguments: the gradient, and its derivative."""
    gradient = gradient_of(trial)
    if target == "reverse":
        pair = srcad.vjp(gradient, **PLAIN)

        def pulled(*args: Any) -> Any:
            out, pullback = pair(*args)
            return out, pullback(directions(trial, 0, out))

        made: Callable[..., Any] = pulled
    else:
        tangent = srcad.jvp(gradient, **PLAIN)
        made = lambda *args: tangent(args, tangents(trial, args))  # noqa: E731
    made(*trial.fresh())  # the texts are made
    return made


def directions(trial: Trial, which: int, tree: Any) -> Any:
    """A direction at random, in the structure of the tree."""
    random = np.random.default_rng(23 + which)

    def draw(leaf: Any) -> Any:
        shape, dtype = np.shape(leaf), np.asarray(leaf).dtype
        way = random.uniform(0.5, 1.0, shape) * random.choice((-1.0, 1.0), shape)
        return way.astype(dtype)[()] if dtype.kind == "f" else float(way)

    return map_leaves(draw, tree)


def tangents(trial: Trial, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The second direction: of the arguments that are differentiated."""
    moving = iter(directions(trial, 1, [args[at] for at in trial.program.wrt]))
    return tuple(next(moving) if at in trial.program.wrt else None for at in range(len(args)))


def check_second(trial: Trial, found: Any, args: list[Any], target: str) -> None:
    """Along both directions; where that is wrong, entry by entry."""
    gradient, second = found
    if [np.shape(one) for one in leaves(gradient)] != [np.shape(one) for one in leaves(wanted(trial, args))]:
        raise Wrong("the gradient has another structure than the arguments")
    wide = gradient_of(trial, wide=True)
    first = leaves(directions(trial, 0, gradient))
    ways = leaves([t for t in tangents(trial, tuple(args)) if t is not None])

    def gradients(h: float, ways: list[Any]) -> list[Any]:
        return leaves(wide(*trial.moved(h, ways)))

    def slope(ways: list[Any]) -> float:
        def at(h: float) -> float:
            try:
                entries = gradients(h, ways)
            except Exception:
                raise NotSmooth from None
            return float(sum(np.sum(np.asarray(g, float) * u) for g, u in zip(entries, first, strict=True)))

        return along(at)

    want = slope(ways)
    moved = leaves(second if target == "forward" else [second[at] for at in trial.program.wrt])
    if len(moved) != len(first):
        raise Wrong(f"{len(moved)} leaves in the derivative of the gradient, {len(first)} in the gradient")
    have = float(
        sum(
            np.sum(np.asarray(t, float) * v) for t, v in zip(moved, first if target == "forward" else ways, strict=True)
        )
    )
    if abs(have - want) <= (2e-2 if trial.single else 2e-6) * max(1.0, abs(want)):
        return
    lines, unclear = [], False
    for number, (leaf, (where, _)) in enumerate(zip(ways, paths([args[at] for at in trial.program.wrt]), strict=True)):
        for place in np.ndindex(np.shape(leaf)):
            one = [np.zeros(np.shape(way)) for way in ways]
            one[number][place] = 1.0
            try:
                right = slope(one)
            except NotSmooth:
                unclear = True
                continue
            if target == "reverse" and not abs(np.asarray(moved[number])[place] - right) <= 1e-5 * max(1.0, abs(right)):
                lines.append(f"{where}{list(place)}: have {np.asarray(moved[number])[place]:.8g}, want {right:.8g}")
    if unclear:
        raise NotSmooth
    if np.isnan(have) and (trial.meets_infinite() or trial.meets_infinite(wide)):
        raise NotSmooth("not finite")  # a documented limit
    raise Wrong("\n".join((f"along two directions: have {have:.8g}, want {want:.8g}", *lines[:8])))


def wanted(trial: Trial, args: list[Any]) -> Any:
    return [args[at] for at in trial.program.wrt]

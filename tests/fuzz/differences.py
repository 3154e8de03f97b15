"""The derivative along one direction by differences, or the finding that there is none."""

from __future__ import annotations

from collections.abc import Callable

STEP = 1e-3
AGREED = 1e-7
"""What two steps may differ by, relative to the derivative, or to one."""


class NotSmooth(Exception):
    """A kink or a jump is too near, or numbers are no numbers."""


class Wrong(Exception):
    """What a derivative gives is not what it should."""


def along(loss: Callable[[float], float]) -> float:
    """d loss / dh at 0, from two steps by the four-point formula; `NotSmooth` where they do not agree.

    The slopes to either side tell a kink at the point itself: of a smooth function their difference goes with the step.
    """
    here = loss(0.0)
    coarse, bent = _at(loss, STEP, here)
    fine, bent_fine = _at(loss, STEP / 4, here)
    size = max(1.0, abs(fine))
    if not abs(coarse - fine) <= AGREED * size:  # also where they are NaN
        raise NotSmooth
    if bent_fine > 0.5 * bent + 1e-8 * size:
        raise NotSmooth
    return fine


def _at(loss: Callable[[float], float], step: float, here: float) -> tuple[float, float]:
    """The slope, and by how much the slopes to either side differ."""
    left, right = loss(-step), loss(step)
    near, far = right - left, loss(2 * step) - loss(-2 * step)
    return (8 * near - far) / (12 * step), abs(right - 2 * here + left) / step

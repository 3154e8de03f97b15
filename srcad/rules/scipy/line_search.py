"""Lengths of steps that satisfy the conditions of Wolfe, as `scipy.optimize` finds them. All of it is constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]

DECREASE = 1e-4
LEAST, MOST = 1e-100, 1e100


def first_length(value: Any, value_before: Any, along: Any) -> Any:
    length = 1.0
    if along != 0.0:
        guess = 1.01 * 2.0 * (value - value_before) / along
        if guess < 1.0:
            length = guess
    return 1.0 if length < 0.0 else length


def wolfe_step(
    f: Any,
    gradient: Any,
    x: Any,
    p: Any,
    value: Any,
    g_before: Any,
    first: Any,
    decrease: Any,
    curvature: Any,
    narrow: Any,
    least: Any,
    most: Any,
    tries: Any,
) -> Any:
    """The length, what it is, the value and the gradient there. Moré and Thuente (1994), `dcsrch`.

    From the length `first`, between `least` and `most`; the value falls by the share `decrease` of what the slope says,
    and the slope is at most the share `curvature` of what it was. It is 2 where both are so, 1 where rounding or a
    limit has ended the search, 0 where it has not ended.
    """
    along = g_before @ p
    step = first
    at_step = value
    g = g_before
    ended = 0
    allowed = decrease * along
    within = False
    first_stage = True
    width = most - least
    width_before = 2.0 * width
    best, at_best, slope_best = 0.0 * step, value, along
    end, at_end, slope_end = 0.0 * step, value, along
    low = 0.0 * step
    high = step + 4.0 * step
    if step >= least and along < 0.0:
        for _ in range(tries):
            at_step = stopped(f(x + step * p))
            g = gradient(x + step * p, at_step)
            slope = g @ p
            limit = value + step * allowed
            if first_stage and at_step <= limit and slope >= 0.0:
                first_stage = False
            found = at_step <= limit and abs(slope) <= curvature * -along
            stuck = within and (step <= low or step >= high or high - low <= narrow * high)
            stuck = stuck or (step == most and at_step <= limit and slope <= allowed)
            stuck = stuck or (step == least and (at_step > limit or slope >= allowed))
            ended = 2 if found else (1 if stuck else 0)
            if ended > 0:
                break
            # at first it is the function without the decrease that is asked for
            shift = allowed if first_stage and at_step <= at_best and at_step > limit else 0.0
            best, at_best, slope_best, end, at_end, slope_end, step, within = trial_step(
                best,
                at_best - best * shift,
                slope_best - shift,
                end,
                at_end - end * shift,
                slope_end - shift,
                step,
                at_step - step * shift,
                slope - shift,
                within,
                low,
                high,
            )
            at_best = at_best + best * shift
            at_end = at_end + end * shift
            slope_best = slope_best + shift
            slope_end = slope_end + shift
            if within:
                if abs(end - best) >= 0.66 * width_before:
                    step = best + 0.5 * (end - best)
                width_before = width
                width = abs(end - best)
                low = min(best, end)
                high = max(best, end)
            else:
                low = step + 1.1 * (step - best)
                high = step + 4.0 * (step - best)
            step = min(max(step, least), most)
            if within and (step <= low or step >= high or high - low <= narrow * high):
                step = best
            if not abs(step) < np.inf:
                break
    return step, ended, at_step, g


def trial_step(
    best: Any,
    at_best: Any,
    slope_best: Any,
    end: Any,
    at_end: Any,
    slope_end: Any,
    step: Any,
    at_step: Any,
    slope: Any,
    within: Any,
    low: Any,
    high: Any,
) -> Any:
    """The next step, and the two ends between which the minimum is: Moré's and Thuente's `dcstep`."""
    same_sign = np.sign(slope) * np.sign(slope_best)
    bracketed = within
    if at_step > at_best:
        theta = 3.0 * (at_best - at_step) / (step - best) + slope_best + slope
        root = scaled_root(theta, slope_best, slope)
        root = -root if step < best else root
        ratio = ((root - slope_best) + theta) / (((root - slope_best) + root) + slope)
        cubic = best + ratio * (step - best)
        secant = best + ((slope_best / ((at_best - at_step) / (step - best) + slope_best)) / 2.0) * (step - best)
        next_step = cubic if abs(cubic - best) <= abs(secant - best) else cubic + (secant - cubic) / 2.0
        bracketed = True
    elif same_sign < 0.0:
        theta = 3.0 * (at_best - at_step) / (step - best) + slope_best + slope
        root = scaled_root(theta, slope_best, slope)
        root = -root if step > best else root
        ratio = ((root - slope) + theta) / (((root - slope) + root) + slope_best)
        cubic = step + ratio * (best - step)
        secant = step + (slope / (slope - slope_best)) * (best - step)
        next_step = cubic if abs(cubic - step) > abs(secant - step) else secant
        bracketed = True
    elif abs(slope) < abs(slope_best):
        theta = 3.0 * (at_best - at_step) / (step - best) + slope_best + slope
        root = scaled_root(theta, slope_best, slope)
        root = -root if step > best else root
        ratio = ((root - slope) + theta) / ((root + (slope_best - slope)) + root)
        if ratio < 0.0 and root != 0.0:
            cubic = step + ratio * (best - step)
        else:
            cubic = high if step > best else low
        secant = step + (slope / (slope - slope_best)) * (best - step)
        if within:
            next_step = cubic if abs(cubic - step) < abs(secant - step) else secant
            inside = step + 0.66 * (end - step)
            next_step = min(inside, next_step) if step > best else max(inside, next_step)
        else:
            next_step = cubic if abs(cubic - step) > abs(secant - step) else secant
            next_step = min(max(next_step, low), high)
    elif within:
        theta = 3.0 * (at_step - at_end) / (end - step) + slope_end + slope
        root = scaled_root(theta, slope_end, slope)
        root = -root if step > end else root
        ratio = ((root - slope) + theta) / (((root - slope) + root) + slope_end)
        next_step = step + ratio * (end - step)
    else:
        next_step = high if step > best else low
    if at_step > at_best:
        return best, at_best, slope_best, step, at_step, slope, next_step, bracketed
    if same_sign < 0.0:
        return step, at_step, slope, best, at_best, slope_best, next_step, bracketed
    return step, at_step, slope, end, at_end, slope_end, next_step, bracketed


def scaled_root(theta: Any, a: Any, b: Any) -> Any:
    scale = max(max(abs(theta), abs(a)), abs(b))
    return scale * np.sqrt(max(0.0, (theta / scale) ** 2 - (a / scale) * (b / scale)))


# ---- where that fails ---------------------------------------------------------------------------


def plain_wolfe_step(
    f: Any,
    gradient: Any,
    x: Any,
    p: Any,
    value: Any,
    value_before: Any,
    g_before: Any,
    curvature: Any,
    accepts: Any,
) -> Any:
    """As `wolfe_step`, where `accepts` takes the gradient there. Nocedal and Wright, algorithms 3.5 and 3.6.

    First the steps get longer and longer, then shorter.
    """
    along = g_before @ p
    step = first_length(value, value_before, along)
    before = 0.0 * step
    at_before = value
    slope_before = along
    at_step = value
    g = g_before
    slope = along
    low, at_low, slope_low = before, value, along
    high, at_high = before, value
    other, at_other = before, value
    shortens = False
    found = False
    count = 0
    for _ in range(22):
        if step == 0.0:
            break
        at_step = stopped(f(x + step * p))
        lowest = at_low if shortens else at_before
        rises = at_step > value + DECREASE * step * along or (at_step >= lowest and (shortens or count > 0))
        last = not shortens and count == 10  # none was right: SciPy takes the longest
        if not rises or last:
            g = gradient(x + step * p, at_step)
            slope = g @ p
            found = last or (abs(slope) <= -curvature * along and accepts(g))
            if found:
                break
        count = count + 1
        if shortens:
            if rises:
                other, at_other = high, at_high
                high, at_high = step, at_step
            else:
                if slope * (high - low) >= 0.0:
                    other, at_other = high, at_high
                    high, at_high = low, at_low
                else:
                    other, at_other = low, at_low
                low, at_low, slope_low = step, at_step, slope
            if count == 11:
                break
        elif rises:
            shortens = True
            count = 0
            low, at_low, slope_low = before, at_before, slope_before
            high, at_high = step, at_step
        elif slope >= 0.0:
            shortens = True
            count = 0
            low, at_low, slope_low = step, at_step, slope
            high, at_high = before, at_before
        else:
            before, at_before, slope_before = step, at_step, slope
            step = min(2.0 * step, MOST)
        if shortens:
            step = interpolated(low, high, at_low, at_high, slope_low, other, at_other, count > 0)
    return step, found, at_step, g


def interpolated(
    low: Any, high: Any, at_low: Any, at_high: Any, slope_low: Any, other: Any, at_other: Any, has_other: Any
) -> Any:
    """The minimum of a cubic, or of a parabola, or the middle: what is not too near to an end."""
    width = high - low
    first = min(low, high)
    last = max(low, high)
    step = np.nan
    if has_other:
        by_other = other - low
        scale = (width * by_other) ** 2 * (width - by_other)
        rise = at_high - at_low - slope_low * width
        rise_other = at_other - at_low - slope_low * by_other
        if scale != 0.0:
            a = (by_other**2 * rise - width**2 * rise_other) / scale
            b = (width**3 * rise_other - by_other**3 * rise) / scale
            radical = b * b - 3.0 * a * slope_low
            if radical >= 0.0 and a != 0.0:
                step = low + (-b + np.sqrt(radical)) / (3.0 * a)
    if not (step <= last - 0.2 * width and step >= first + 0.2 * width):
        bend = (at_high - at_low - slope_low * width) / (width * width) if width != 0.0 else 0.0
        step = low - slope_low / (2.0 * bend) if bend != 0.0 else np.nan
        if not (step <= last - 0.1 * width and step >= first + 0.1 * width):
            step = low + 0.5 * width
    return step

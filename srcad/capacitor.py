"""Truncated backpropagation on a stream: the pullbacks of the last steps in a ring, a gradient while it goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import fail
from srcad.options import Options
from srcad.pullback import Vjp


class Recorded(NamedTuple):
    """What a step gives: its loss, the state after it, and the gradient by the parameters, None where none is due."""

    loss: Any
    state: Any
    gradient: Any


class Capacitor:
    """Records steps of a stream, and gives gradients of their losses that look back on the last `back` of them.

    `record(step, params, state, *inputs)` calls `step(params, state, *inputs)`, which returns a loss and the next
    state. After each `every` steps it returns the gradient of the losses of these, by `params`, through the last `back`
    steps: what `srcad.window(steps, every=every, back=back, cut=...)` adds up. Of each step its pullback is kept,
    with what that needs of the step: memory does not grow with the stream. `params` may change from step to step,
    in place too: each step is differentiated at those it was taken with.

    `back` is a multiple of `every`, or S131 is raised. Options are those of `srcad.vjp`.

    >>> def step(w, h, x):
    ...     h = w * h + x
    ...     return h * h, h
    >>> record = Capacitor(back=2, target="python")
    >>> h = 0.0
    >>> for x in (1.0, 2.0, 3.0):
    ...     loss, h, d_w = record(step, 0.5, h, x)
    ...     print(loss, d_w)
    1.0 0.0
    6.25 5.0
    18.0625 25.5
    """

    def __init__(self, back: int, every: int = 1, **options: Any) -> None:
        if back < 1 or every < 1 or back % every:
            what = f"back={back} is no positive multiple of every={every}"
            fail("S131", what, None, "Gradients are due at the ends of blocks, and look back on whole ones.")
        self.back = back
        self.every = every
        self._options = Options.of(options)
        self._pullbacks: deque[Callable[..., Any]] = deque(maxlen=back)
        self._new = 0
        self._last_state: Any = None
        self._vjps: dict[Callable[..., Any], Vjp] = {}

    def __call__(self, step: Callable[..., Any], params: Any, state: Any, *inputs: Any) -> Recorded:
        """Take a step. Raises S201 where it does not return a loss and a state."""
        made = self._vjps.get(step)
        if made is None:
            made = self._vjps[step] = Vjp(step, (0, 1), False, self._options)
        out, pullback = made(params, state, *inputs)
        if not isinstance(out, tuple) or len(out) != 2:
            what = f"{getattr(step, '__name__', 'the step')} does not return a loss and a state"
            fail("S201", what, advice="return loss, state.")
        self._pullbacks.append(pullback)
        self._last_state = out[1]
        self._new += 1
        return Recorded(out[0], out[1], self.finish() if self._new == self.every else None)

    def finish(self) -> Any:
        """The gradient of the losses that none has had yet, at the end of a stream; None where there are none."""
        if not self._new:
            return None
        total: list[Any] | None = None
        w_state = _zeros(self._last_state)
        for age, pullback in enumerate(reversed(self._pullbacks)):
            if age == self.back - self.every + self._new:
                break
            gradient, w_state = pullback((1.0 if age < self._new else 0.0, w_state))
            leaves, spec = flatten(gradient)
            total = leaves if total is None else list(map(_sum, total, leaves))
        self._new = 0
        return unflatten(spec, total or ())

    def clear(self) -> None:
        """Forget the steps: the next one is the first of another stream."""
        self._pullbacks.clear()
        self._new = 0


def _zeros(state: Any) -> Any:
    """A cotangent of zero: None in the place of what is no float."""
    leaves, spec = flatten(state)
    return unflatten(spec, [_zero(one) if np.asarray(one).dtype.kind == "f" else None for one in leaves])


def _zero(value: Any) -> Any:
    return np.zeros_like(value) if isinstance(value, np.ndarray) else 0.0


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, np.ndarray):
        a += b
        return a
    return None if a is None else a + b

"""`insert_gradient_of`: a block of the user's that belongs to the reverse sweep, and that Python itself skips.

>>> def scaled(x):
...     y = 2.0 * x
...     with insert_gradient_of(y) as d_y:
...         print("never printed by the function itself")
...         d_y = 10.0 * d_y
...     return y
>>> scaled(3.0)
6.0
"""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import Any, NoReturn

from srcad.unread import called


def insert_gradient_of(x: Any) -> Insertion:
    """Insert the block of a `with` statement where a gradient has completed the adjoint of `x`, after all later uses.

    The block may read and change the adjoint (the name after `as`), in its dtype and shape, and read variables of the
    function. The function itself is not changed: the block is skipped, in plain Python, too.

    >>> import numpy as np, srcad
    >>> def loss(w, x):
    ...     h = w * x
    ...     with srcad.insert_gradient_of(h) as d_h:
    ...         d_h = np.clip(d_h, -1.0, 1.0)
    ...     return np.sum(h * h)
    >>> srcad.grad(loss, target="python")(2.0, np.array([0.1, 3.0]))
    3.04

    Raises S130 for a block that cannot be inserted. More: docs/debugging.md.
    """
    called("insert_gradient_of")
    return Insertion()


class _Skipped(BaseException):
    """Leaves the block before its first statement; nobody else sees it."""


class Insertion:
    """A context manager whose block does not run: where it begins, a trace function of its frame raises `_Skipped`."""

    def __enter__(self) -> None:
        self._frame: FrameType | None = sys._getframe(1)
        self._before = sys.gettrace(), self._frame.f_trace, self._frame.f_trace_opcodes
        # by opcodes: the block may stand on the line of its `with`
        self._frame.f_trace_opcodes = True
        self._frame.f_trace = _skip
        sys.settrace(_trace_no_calls)

    def __exit__(self, cls: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        frame, self._frame = self._frame, None
        assert frame is not None
        tracer, frame.f_trace, frame.f_trace_opcodes = self._before
        sys.settrace(tracer)
        return cls is _Skipped


def _skip(frame: FrameType, event: str, arg: Any) -> NoReturn:
    raise _Skipped("insert_gradient_of stands in a with statement of its own")


def _trace_no_calls(frame: FrameType, event: str, arg: Any) -> None:
    return None

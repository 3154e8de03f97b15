"""What each thread records: the open tape, and whether recording is switched off."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srcad.tape.recording import Recording


class _State(threading.local):
    recording: Recording | None = None
    """Of the innermost open tape; None inside of `no_grad`."""
    enabled: bool = True
    """False inside of `no_grad`."""
    calls: int = 0
    """How many recorded calls run, one inside of another: of their functions the tape sees the source."""


STATE = _State()


class no_grad(ContextDecorator):
    """Nothing in the block is recorded; tensors may be changed in place. Also a decorator of functions.

    >>> from srcad import Tape, Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     w -= 0.5
    >>> w.value
    array([0.5, 1.5])
    """

    def __init__(self) -> None:
        self._before: list[tuple[Recording | None, bool]] = []

    def __enter__(self) -> None:
        self._before.append((STATE.recording, STATE.enabled))
        STATE.recording, STATE.enabled = None, False

    def __exit__(self, *_: object) -> None:
        STATE.recording, STATE.enabled = self._before.pop()

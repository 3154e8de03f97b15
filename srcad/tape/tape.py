"""`Tape`: the context in which operations on tensors are recorded."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from typing_extensions import Unpack

from srcad.dispatch.pytree import flatten
from srcad.errors import SrcadError, fail
from srcad.options import Choices, Options
from srcad.tape.calls import run
from srcad.tape.gradients import differentiate, played
from srcad.tape.places import here
from srcad.tape.recording import Recording
from srcad.tape.state import STATE
from srcad.tape.tensor import Tensor
from srcad.unread import LISTENERS

_DEFAULTS = Options()


class Tape:
    """Records what is computed with tensors in a `with` block, and differentiates it.

    The recording is a program without control flow: its gradient is made by the compiler like that of any function,
    and is kept for recordings of the same structure. The options are those of `srcad.grad`.

    >>> import numpy as np
    >>> w = Tensor([0.5, -1.0], requires_grad=True, name="w")
    >>> with Tape(target="python") as tape:
    ...     y = np.tanh(w)
    ...     loss = np.sum(y * y)
    >>> tape.backward()
    >>> w.grad.round(3)
    array([ 0.727, -0.64 ])
    >>> print(tape.primal_source)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def recorded(w):
        y = np.tanh(w)
        v = y * y
        loss = np.sum(v)
        return loss
    <BLANKLINE>
    """

    def __init__(self, **options: Unpack[Choices]) -> None:
        self._recording = Recording(Options.of(options) if options else _DEFAULTS)
        self._before: list[tuple[Recording | None, bool]] = []

    def __enter__(self) -> Tape:
        self._before.append((STATE.recording, STATE.enabled))
        STATE.recording, STATE.enabled = self._recording, True
        return self

    def __exit__(self, cls: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        STATE.recording, STATE.enabled = self._before.pop()
        if isinstance(error, ValueError) and isinstance(error.__cause__, SrcadError):
            raise error.__cause__ from None  # NumPy has raised its own where a tensor was stored into an array

    def tensor(self, value: Any, requires_grad: bool = False, name: str | None = None) -> Tensor:
        """A tensor; the same as `Tensor(...)`."""
        return Tensor(value, requires_grad, name)

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """The result of `function(*args, **options)`, recorded as one line, with the control flow of the function.

        The function gets plain arrays in the place of tensors, in lists, tuples and dicts, too.
        """
        return run(_on_arrays(function), lambda recording: recording.function(function), args, options)

    def backward(self, cotangent: Any = None, retain: bool = False) -> None:
        """`backward` of the newest tensor on the tape."""
        differentiate(self._recording, *self._newest, cotangent, retain)

    @property
    def source(self) -> str:
        """The text of the gradient, of the newest `backward`; before that, of the newest tensor, a number."""
        program, arguments = played(self._recording, self._newest[0])
        try:
            return program.derivative.source_for(*arguments)
        except SrcadError as error:
            raise program.located(error, self._recording) from None

    @property
    def primal_source(self) -> str:
        """The text of the recording."""
        return played(self._recording, self._newest[0])[0].text

    @property
    def _newest(self) -> tuple[int, Any]:
        if self._recording.newest is None:
            why = "It records what is computed in its `with` block from tensors that require a gradient."
            fail("S350", "nothing is recorded on the tape", None, why)
        return self._recording.newest


def _refuse_unread(name: str) -> None:
    if STATE.recording is not None and not STATE.calls:
        why = "It means something where the function is read; a tape records what the function does."
        advice = "record the function that calls it as a whole: tape.call(f, ...)."
        fail("S353", f"srcad.{name} on a tape", here(), why, advice)


LISTENERS.append(_refuse_unread)


def _on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    def value(*args: Any, **options: Any) -> Any:
        STATE.calls += 1
        try:
            out = function(*args, **options)
        finally:
            STATE.calls -= 1
        if any(isinstance(leaf, Tensor) for leaf in flatten(out)[0]):
            why = "It gets arrays in the place of its arguments, and would be inlined without the tensor."
            fail("S353", f"{getattr(function, '__name__', function)} uses a tensor that is no argument", here(), why)
        return out

    return value

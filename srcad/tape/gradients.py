"""`backward`: the gradient of a recording, run on its inputs, and added to the tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from srcad.errors import fail
from srcad.ir.nodes import Span
from srcad.tape.places import Place, users_place
from srcad.tape.program import PROGRAMS, Program

if TYPE_CHECKING:
    from srcad.tape.recording import Recording
    from srcad.tape.tensor import Tensor


def differentiate(root: Tensor, cotangent: Any, retain: bool) -> None:
    """Add the gradient of `root` to `.grad` of the tensors that it depends on. Raises S201 to S354."""
    recording = root._recording
    if recording is None:
        _refuse_unrecorded(root)
    if recording.is_used:
        why = "Each call adds to .grad, so a second one would count twice."
        fail("S351", "backward of a tape that has been played back", here(), why, "pass retain=True to the first.")
    recording.refuse_changed()
    number = root._number
    cotangents = _cotangents(root, cotangent)
    program = PROGRAMS.of(recording, number, bool(cotangents))
    arguments = program_arguments(program, recording, cotangents)
    with program.errors_of(recording):
        value, gradients = program.derivative(*arguments)
    if recording.functions:
        _refuse_other_value(root, value, cotangents)
    recording.is_used = not retain
    recording.played = program, arguments
    for at, gradient in zip(program.differentiated + program.retained, gradients, strict=True):
        tensor = recording.retained[at] if at in recording.retained else recording.leaves[at][0]
        for hook in tensor._hooks:
            gradient = hook(gradient)
        tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient


def program_arguments(program: Program, recording: Recording, cotangents: list[Any]) -> list[Any]:
    inputs = recording.inputs
    arguments = [inputs[at] for at in program.differentiated]
    for at in program.retained:
        value = recording.retained[at]._value
        # -0.0 changes no value, 0.0 would change -0.0
        arguments.append(np.full(np.shape(value), -0.0, value.dtype)[()])
    arguments += [inputs[at] for at in program.inputs]
    return arguments + cotangents


def played(recording: Recording, newest: Tensor) -> tuple[Program, list[Any]]:
    """The program and the arguments of the newest `backward`; without one, of that of the newest tensor."""
    if recording.played is not None:
        return recording.played
    program = PROGRAMS.of(recording, newest._number, False)
    return program, program_arguments(program, recording, [])


def _cotangents(root: Tensor, given: Any) -> list[Any]:
    if given is None:
        if root.ndim:
            why = f"Its shape is {root.shape}."
            fail("S201", "backward of a tensor that is not a number", here(), why, "pass a cotangent, or take np.sum.")
        return []
    value = np.asarray(getattr(given, "_value", given))
    if value.shape != root.shape or value.dtype.kind not in "fiub":
        why = f"It has shape {value.shape} and dtype {value.dtype}; the tensor has shape {root.shape}."
        fail("S321", "a cotangent that does not fit the tensor", here(), why)
    return [value.astype(root.dtype)]


def _refuse_other_value(root: Tensor, value: Any, cotangents: list[Any]) -> None:
    """S355 where the program computes another value than was recorded: a function depends on more than arguments."""
    before = float(np.sum(root._value * cotangents[0]) if cotangents else root._value)
    tolerance = 1e-3 if root.dtype == np.float32 else 1e-6
    if abs(value - before) > tolerance * (1.0 + abs(before)):
        why = f"It was {before:.6g} when it was recorded, and is {float(value):.6g} now."
        advice = "pass what changes between calls (parameters, random numbers) as arguments of the recorded functions."
        fail("S355", "the recording has another value when it is played back", here(), why, advice)


def _refuse_unrecorded(root: Tensor) -> NoReturn:
    if root._is_lost:
        why = "It was computed while no tape was open."
        fail("S350", "backward of a tensor that no tape has recorded", here(), why, "compute it inside `with Tape():`.")
    why = "It is a leaf." if root.requires_grad else "It depends on no tensor that requires a gradient."
    fail("S207", "backward of a tensor that no recorded operation made", here(), why)


def here() -> Span:
    """The user's expression that called into the tape."""
    return Place(*users_place()).span

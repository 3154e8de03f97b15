"""`backward`: the gradient of a recording, run on its inputs, and added to the tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from srcad.errors import SrcadError, fail
from srcad.tape.places import here
from srcad.tape.program import PROGRAMS, Program

if TYPE_CHECKING:
    from srcad.tape.recording import Recording
    from srcad.tape.tensor import Tensor


def differentiate(recording: Recording, number: int, value: Any, cotangent: Any, retain: bool) -> None:
    """Add the gradient of an entry to `.grad` of the tensors that it depends on. `value` is that of the entry.

    Raises S201, S321, S351, S354, S355.
    """
    if recording.used is not None:
        if recording.used == number:
            why, advice = (
                "Each call adds to .grad, so a second one would count twice.",
                "pass retain=True to the first.",
            )
        else:
            why = "It was that of another tensor, after which the tape does not keep intermediate values any more."
            advice = "pass retain=True to the first, or add the two up: (a + b).backward()."
        fail("S351", "backward of a tape that has been played back", here(), why, advice)
    recording.refuse_changed()
    cotangents = _cotangents(value, cotangent)
    program = PROGRAMS.of(recording, number, bool(cotangents))
    arguments = program_arguments(program, recording, cotangents)
    try:
        again, gradients = program.derivative.of_leaves(arguments, program.structure)
    except SrcadError as error:
        raise program.located(error, recording) from None
    if recording.functions:
        _refuse_other_value(value, again, cotangents)
    recording.used = None if retain else number
    recording.played = program, arguments
    for at, gradient in zip(program.differentiated + program.retained, gradients, strict=True):
        tensor = recording.retained[at] if at in recording.retained else recording.leaves[at][0]
        for hook in tensor._hooks:
            gradient = hook(gradient)
        tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
    if not retain:
        recording.marked.clear()  # they have the recording
        recording.retained.clear()


def program_arguments(program: Program, recording: Recording, cotangents: list[Any]) -> list[Any]:
    inputs = recording.inputs
    arguments = [inputs[at] for at in program.differentiated]
    for at in program.retained:
        value = recording.retained[at]._value
        # -0.0 changes no value, 0.0 would change -0.0
        arguments.append(np.full(np.shape(value), -0.0, value.dtype)[()])
    arguments += [inputs[at] for at in program.inputs]
    return arguments + cotangents


def played(recording: Recording, newest: int) -> tuple[Program, list[Any]]:
    """The program and the arguments of the newest `backward`; without one, of that of the newest tensor."""
    if recording.played is not None:
        return recording.played
    program = PROGRAMS.of(recording, newest, False)
    return program, program_arguments(program, recording, [])


def _cotangents(root: Any, given: Any) -> list[Any]:
    """The cotangent of a value, of its dtype; none of a number, where none is given."""
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


def _refuse_other_value(root: Any, again: Any, cotangents: list[Any]) -> None:
    """S355 where the program computes another value than was recorded: a function depends on more than arguments."""
    before = float(np.sum(root * cotangents[0]) if cotangents else root)
    tolerance = 1e-3 if root.dtype == np.float32 else 1e-6
    if abs(again - before) > tolerance * (1.0 + abs(before)):
        why = f"It was {before:.6g} when it was recorded, and is {float(again):.6g} now."
        advice = "pass what changes between calls (parameters, random numbers) as arguments of the recorded functions."
        fail("S355", "the recording has another value when it is played back", here(), why, advice)


def refuse_unrecorded(root: Tensor) -> NoReturn:
    if root._is_lost:
        why = "It was computed while no tape was open."
        fail("S350", "backward of a tensor that no tape has recorded", here(), why, "compute it inside `with Tape():`.")
    why = "It is a leaf." if root.requires_grad else "It depends on no tensor that requires a gradient."
    fail("S207", "backward of a tensor that no recorded operation made", here(), why)

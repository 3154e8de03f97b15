"""Forward mode beside reverse mode: the tangent along a direction is the gradient's product with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import srcad
from tests.fuzz.differences import Wrong
from tests.fuzz.second import tangents
from tests.numeric import leaves

if TYPE_CHECKING:
    from tests.fuzz.judge import Trial


class Both:
    """Called with the arguments: value and gradient, value and tangent."""

    def __init__(self, trial: Trial, options: dict[str, Any]) -> None:
        program = trial.program
        plain = {key: option for key, option in options.items() if key != "checkpoint"}
        self.reverse = srcad.value_and_grad(trial.module.program, program.wrt, **options)
        self.forward = srcad.jvp(trial.module.program, **plain)
        self.trial = trial

    def specialisation(self, *args: Any) -> Any:
        return self.reverse.specialisation(*args)

    def __call__(self, *args: Any) -> Any:
        with self.trial.observed():
            tangent = self.forward(args, tangents(self.trial, args))
        getattr(self.trial.module, "LOG", []).clear()
        return self.reverse(*args), tangent


def check_forward(trial: Trial, have: Any) -> tuple[Any, Any]:
    """The value and the gradient, which agree with those of forward mode to the last digits but few."""
    (value, gradient), (again, tangent) = have
    ways = leaves([t for t in tangents(trial, tuple(trial.args)) if t is not None])
    parts = [np.sum(np.asarray(g, float) * np.asarray(w, float)) for g, w in zip(leaves(gradient), ways, strict=True)]
    total, size = float(sum(parts)), 1.0 + float(sum(np.abs(parts)))
    tolerance = (1e-3 if trial.single else 1e-10) * size
    if not np.allclose(value, again, rtol=1e-4 if trial.single else 1e-12, atol=1e-4 if trial.single else 1e-12):
        raise Wrong(f"forward mode gives the value {again}, reverse mode {value}")
    if np.isfinite(total) and not abs(total - float(tangent)) <= tolerance:
        raise Wrong(f"forward mode gives {tangent}, reverse mode {total}")
    return value, gradient

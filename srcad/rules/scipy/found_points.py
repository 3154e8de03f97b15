"""What the searches of `scipy.optimize` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.options import Options
from srcad.request import Differentiation
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import unsupported

stopped = PRIMITIVES["stop_gradient"]
# `slope_of(f, x)` is the gradient at x, which the compiler makes
slope_of: Any = Differentiation("grad", 0, False, Options())
derivative_of: Any = Differentiation("jacobian", 0, False, Options())


def given_of(args: Any) -> Any:
    return args if isinstance(args, tuple) else (args,)


def with_value(found: Any, exact: Any) -> Any:
    """What a search of SciPy's has found, to the last bit, with the derivative of the root that is there."""
    apart = np.max(np.abs(stopped(exact) - found))
    if not apart <= 1e-2 * (1.0 + np.max(np.abs(found))):
        raise ValueError("scipy.optimize: what is found has no derivative: the function jumps there, or is not zero")
    return found + (exact - stopped(exact))


@dataclass
class Found:
    """What `root`, `minimize` and `least_squares` give."""

    x: Any
    fun: Any
    success: Any
    message: Any


CONVERGED = "The solution converged."


def known_options(options: Any, known: Any) -> Any:
    if options is not None:
        for name in options:
            if name not in known:
                unsupported(f"scipy.optimize with the option {name}")


def option(options: Any, name: Any, default: Any) -> Any:
    return default if options is None or name not in options else options[name]

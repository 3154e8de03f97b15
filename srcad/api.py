"""The public functions. Each says what is asked for; `pipeline.py` is where it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from srcad.call.parameters import Argnums, Parameters
from srcad.derivative import Derivative
from srcad.options import Options
from srcad.request import Request
from srcad.rules.primitives import PRIMITIVE_OF

T = TypeVar("T")


def grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, **options: Any) -> Derivative:
    """The gradient of a function that returns one number.

    `argnums` names the arguments to differentiate with respect to: a position, a parameter's name, or a tuple
    of them. The gradient comes in the structure of the argument; in a tuple of such where `argnums` is a tuple.
    With `has_aux`, `f` returns `(value, aux)`, and the result is `(gradient, aux)`.

    >>> grad(lambda x: x * x)(3.0)
    6.0
    """
    return _derivative("grad", f, argnums, has_aux, options)


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, **options: Any) -> Derivative:
    """Like `grad`, giving `(value, gradient)`; with `has_aux`, `((value, aux), gradient)`."""
    return _derivative("value_and_grad", f, argnums, has_aux, options)


def jit(f: Callable[..., Any], **options: Any) -> Derivative:
    """`f` itself through the same front end and back end: what `grad` differentiates, compiled."""
    return Derivative(f, Request("primal", (), True, False, Options.of(options)))


def stop_gradient(x: T) -> T:
    """`x`, taken as a constant by every derivative."""
    return x


# the front end reads a call of it as the primitive
PRIMITIVE_OF[stop_gradient] = "stop_gradient"


def _derivative(
    mode: str, f: Callable[..., Any], argnums: Argnums, has_aux: bool, options: dict[str, Any]
) -> Derivative:
    chosen = Options.of(options)
    wrt = Parameters.of(f).wrt(argnums)
    return Derivative(f, Request(mode, wrt, not isinstance(argnums, tuple), has_aux, chosen))

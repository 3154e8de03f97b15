"""The derivative of one call in single directions, forward and backward, as flat vectors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from srcad.derivative import Derivative
from srcad.dispatch.pytree import flatten, unflatten
from srcad.dispatch.signature import Parameters
from srcad.dispatch.tangent_arguments import as_laid_out
from srcad.errors import fail
from srcad.pullback import Vjp

Vector = np.ndarray[Any, Any]
_ROWS = "A sparse Jacobian has a row for each float that the function returns."


class Sweeps:
    """A call of a function, of which one array is differentiated: that at the position `at` among its arguments."""

    def __init__(
        self, tangent: Derivative, vjp: Vjp, at: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        parameters = Parameters.of(tangent.__wrapped__)
        args = _by_position(tangent.__wrapped__, parameters, args, kwargs)
        values = parameters.values(args, {})
        (name,) = parameters.wrt(at)
        argument = parameters.argument(name, values)
        x = argument.value
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.ndim == 0:
            what = f"an array of {x.dtype} of rank {x.ndim}" if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
            why = "A sparse Jacobian has a column for each entry of one array of floats."
            fail("S330", f"{name} is {what}", None, why, "put the numbers into one array; or leave out sparse=True.")
        self._vjp = vjp
        self._args = args
        self._leaves = flatten(values)[0]
        self.x = x
        self.tangent = tangent.along((argument.first,), args)
        if self.tangent.is_procedure:
            fail("S330", f"{tangent.__name__} returns nothing", None, _ROWS, "return the array it writes.")
        given = [one.shape if isinstance(one, np.ndarray) else one for one in self.tangent.flat(self._leaves)]
        self.key = (self.tangent, *(one for one in given if not isinstance(one, float | np.floating)))
        """What the pattern is kept by: the lengths of arrays, and what is no float."""
        self.eps = float(np.finfo(x.dtype).eps)
        """The precision of the least precise result."""
        self._has_value = tangent._request.mode == "jvp"
        self._pullback: Callable[..., Any] | None = None
        self._out: Any = None

    def flat(self) -> list[Any]:
        """The arguments of the generated function, numbers as NumPy's: these divide by zero as compiled code does."""
        return [np.float64(one) if type(one) is float else one for one in self.tangent.flat(self._leaves)]

    def forward(self, direction: Vector) -> Vector:
        """The derivative of all floats that the function returns, in one direction."""
        t_x = as_laid_out(self.x, direction.reshape(self.x.shape))
        found = self.tangent.run(self._leaves, (t_x,))
        found = found[1] if self._has_value else found
        leaves = [np.asarray(one) for one in flatten(found)[0] if one is not None]
        if not leaves:
            fail("S330", "the function returns no floats", None, _ROWS)
        self.eps = max(float(np.finfo(one.dtype).eps) for one in (self.x, *leaves))
        return np.concatenate([one.reshape(-1) for one in leaves])

    def backward(self, weights: Vector) -> Vector:
        """The gradient of the weighted sum of all floats that the function returns."""
        if self._pullback is None:
            self._out, self._pullback = self._vjp(*self._args)
        leaves, structure = flatten(self._out)
        parts: list[Any] = []
        start = 0
        for leaf in leaves:
            if not isinstance(leaf, float | np.floating | np.ndarray) or np.asarray(leaf).dtype.kind != "f":
                parts.append(None)
                continue
            like = np.asarray(leaf)
            part = weights[start : start + like.size].astype(like.dtype).reshape(like.shape)
            start += like.size
            parts.append(part if isinstance(leaf, np.ndarray) else part[()])
        (gradient,) = self._pullback(unflatten(structure, parts))
        flat: Vector = gradient.reshape(-1)
        return flat


def _by_position(
    function: Callable[..., Any], parameters: Parameters, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Any, ...]:
    """The arguments of a call, without keywords: a sweep takes none."""
    if not kwargs:
        return args
    parameters.values(args, kwargs)  # raises an error where they do not fit
    bound = inspect.signature(function).bind(*args, **kwargs)
    if bound.kwargs:
        names = ", ".join(bound.kwargs)
        advice = "give them by functools.partial, or leave out sparse=True."
        fail("S330", f"{names}: a sparse Jacobian takes no arguments by keyword alone", None, None, advice)
    return bound.args

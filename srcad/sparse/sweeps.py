"""The derivative of one call in single directions, forward and backward, as flat vectors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported
from srcad.derivative import Derivative
from srcad.dispatch.pytree import flatten
from srcad.dispatch.signature import Parameters
from srcad.dispatch.tangent_arguments import as_laid_out
from srcad.errors import fail
from srcad.options import Options
from srcad.request import Request

Vector = np.ndarray[Any, Any]


class Sweeps:
    """A call of a function, of which one array is differentiated: that at the position `at` among its arguments."""

    def __init__(
        self, tangent: Derivative, cotangent: Derivative, at: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        parameters = Parameters.of(tangent.__wrapped__)
        args = _by_position(tangent.__wrapped__, parameters, args, kwargs)
        values = parameters.values(args, {})
        (name,) = parameters.wrt(at)
        argument = parameters.argument(name, values)
        x = argument.value
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.ndim == 0:
            what = f"an array of dtype {x.dtype}" if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
            why = "A sparse Jacobian has a column for each entry of one array of floats."
            fail("S330", f"{name} is {what}", None, why, "put the numbers into one array; or leave out sparse=True.")
        self._cotangent = cotangent
        self._args = args
        self._leaves = flatten(values)[0]
        self.x = x
        self.tangent = tangent.along((argument.first,), args)
        given = [one.shape if isinstance(one, np.ndarray) else one for one in self.tangent.flat(self._leaves)]
        self.key = (self.tangent, *(one for one in given if not isinstance(one, float | np.floating)))
        """What the pattern is kept by: the lengths of arrays, and what is no float."""
        self.eps = float(np.finfo(x.dtype).eps)
        """The precision of the least precise result."""
        self._has_value = tangent._request.mode == "jvp"
        self._out: Any = None

    def flat(self) -> list[Any]:
        """The arguments of the generated function, numbers as NumPy's: these divide by zero as compiled code does."""
        return [np.float64(one) if type(one) is float else one for one in self.tangent.flat(self._leaves)]

    def forward(self, direction: Vector) -> Vector:
        """The derivative of all floats that the function returns, in one direction."""
        t_x = as_laid_out(self.x, direction.reshape(self.x.shape))
        found = self.tangent.run(self._leaves, (t_x,))
        if self._has_value:
            self._out, found = found
        leaves = [np.asarray(one) for one in flatten(found)[0] if one is not None]
        if not leaves:
            why = "A sparse Jacobian has a row for each float that the function returns."
            fail("S330", "the function returns no floats", None, why)
        self.eps = max(float(np.finfo(one.dtype).eps) for one in (self.x, *leaves))
        return np.concatenate([one.reshape(-1) for one in leaves])

    @property
    def can_go_back(self) -> bool:
        """After a forward one."""
        return isinstance(self._out, float | np.floating | np.ndarray)

    def backward(self, weights: Vector) -> Vector:
        """The gradient of the weighted sum of what the function returns."""
        out = np.asarray(self._out)
        cotangent = weights.astype(out.dtype).reshape(out.shape)
        gradient: Vector = self._cotangent(cotangent if out.ndim else cotangent[()], *self._args)
        return gradient.reshape(-1)


def cotangent_of(function: Callable[..., Any], at: int, options: Options) -> Derivative:
    """The gradient of the sum of what a function returns, weighted by the first argument.

    >>> cotangent_of(lambda x, k: k * x, 0, Options(target="python"))(np.array([1.0, 10.0]), np.ones(2), 3.0)
    array([ 3., 30.])
    """
    path = cache_files.store("weighted", _TEXT, keep=False)
    module: Any = imported(path, f"made_by_srcad.{path.stem}")  # a module of srcad would be a library
    module.function = function
    weighted = module.weighted
    return Derivative(weighted, Request("grad", Parameters.of(weighted).wrt(at + 1), True, False, options))


_TEXT = """import numpy as np


def weighted(weights, *args):
    return np.sum(weights * function(*args))
"""


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

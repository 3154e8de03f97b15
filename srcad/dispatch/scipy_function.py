"""A function with its gradient in the form of SciPy's optimisers: `(value, gradient)` of a vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.dispatch.parameter_vector import Array, ParameterVector
from srcad.dispatch.signature import Parameters
from srcad.errors import fail
from srcad.request import Request

_LIKE = "take flat = df.scipy.like(params) in the place of df.scipy."


@dataclass(frozen=True, repr=False)
class ScipyFunction:
    """What `scipy.optimize.minimize` takes, with `jac=True`: called with a vector, it returns value and gradient.

    The vector takes the place of the argument that `argnums` names. The other arguments follow in their order:
    `minimize(df.scipy, x0, args=(data,), jac=True)`. SciPy itself is not needed.

    Where the argument is not a vector, or there are several, `like` gives the function of a vector of all their floats:

        flat = df.scipy.like(params)
        found = minimize(flat, flat.x0, args=(data,), jac=True)
        params = flat.unpack(found.x)
    """

    value_and_gradient: Callable[..., Any]
    parameters: Parameters
    request: Request
    vector: ParameterVector | None = None

    def __call__(self, x: Any, *args: Any) -> tuple[float, Array]:
        """The value, and the gradient as a vector of float64."""
        chosen = self._vector(x) if self.vector is None else self.vector.unpack(x)
        values, keywords = list(args), {}
        names = self.request.wrt
        parts = (chosen,) if self.request.single else chosen
        for name, part in zip(names, parts, strict=True):
            if name in self.parameters.names and name not in (*self.parameters.positional, self.parameters.star):
                keywords[name] = part
            else:
                place = self.parameters.place(name, len(args) + len(names))
                values[place:place] = part if name == self.parameters.star else [part]
        value, gradient = self.value_and_gradient(*values, **keywords)
        if self.request.has_aux:
            value, _ = value
        return float(value), np.array(gradient, np.float64) if self.vector is None else self.vector.pack(gradient)

    def like(self, params: Any) -> ScipyFunction:
        """The same function of a vector with the floats of the argument `params`; of a tuple where `argnums` is one.

        It has `x0`, the vector of `params`, and `unpack(x)`, the structure of a vector. Arrays are taken by rows. What
        is no float, a string or None, stays as it is in `params`.
        """
        if not self.request.single and not (isinstance(params, tuple) and len(params) == len(self.request.wrt)):
            fail("S306", f"argnums names {len(self.request.wrt)} arguments: give a tuple of as many")
        return ScipyFunction(self.value_and_gradient, self.parameters, self.request, ParameterVector(params))

    @property
    def x0(self) -> Array:
        """The vector of the `params` that `like` was given."""
        return np.array(self._known.start)

    def unpack(self, x: Any) -> Any:
        """The structure whose floats are those of the vector, as a new one. Raises S306 for one of another length."""
        return self._known.unpack(x)

    @property
    def _known(self) -> ParameterVector:
        if self.vector is None:
            fail("S306", "the structure of the parameters is not known", advice=_LIKE)
        return self.vector

    def _vector(self, x: Any) -> Array:
        values: Array = np.asarray(x, np.float64)
        if values.ndim != 1:
            fail("S306", f"an array of shape {values.shape} in the place of a vector", advice=_LIKE)
        if not self.request.single:
            fail("S306", f"a vector in the place of {len(self.request.wrt)} arguments", advice=_LIKE)
        return values

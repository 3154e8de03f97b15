"""L-BFGS: the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np

from srcad.dispatch.parameter_vector import ParameterVector
from srcad.errors import fail
from srcad.optim.compiled_kernels import kernel
from srcad.optim.numbers import check_count, check_number
from srcad.optim.optimiser import COUNT, State, check_entries
from srcad.optim.parameters import assigned, refuse_unsuited
from srcad.optim.wolfe import Point, Search

_KERNELS = "lbfgs_kernels"


@dataclass(frozen=True)
class lbfgs:
    """L-BFGS for a function that is evaluated as a whole, without noise: `value_and_gradient(params, *args)`.

    Each update goes along the direction of Nocedal and Wright (2006), "Numerical optimization", algorithm 7.4, from the
    last `memory` steps, as far as a line search for the strong Wolfe conditions says: `decrease` and `curvature` are
    their c1 and c2. It takes one evaluation or some, `evaluations` at most in a search.

    >>> import srcad
    >>> def f(p):
    ...     return (1.0 - p["x"]) ** 2 + 100.0 * (p["y"] - p["x"] ** 2) ** 2
    >>> method = lbfgs(srcad.value_and_grad(f, target="python"))
    >>> params, state = method.minimize({"x": -1.2, "y": 1.0})
    >>> round(params["x"], 6), round(params["y"], 6)
    (1.0, 1.0)

    Raises S310 for numbers out of range, among them those without 0 < decrease < curvature < 1.
    """

    value_and_gradient: Callable[..., tuple[Any, Any]]
    memory: int = 10
    decrease: float = 1e-4
    curvature: float = 0.9
    evaluations: int = 25

    def __post_init__(self) -> None:
        check_count("memory", self.memory, 1)
        check_count("evaluations", self.evaluations, 1)
        check_number("curvature", self.curvature, 0.0, 1.0)
        check_number("decrease", self.decrease, 0.0, self.curvature)

    def start(self, params: Any, *args: Any) -> State:
        """The state before the first update. The function is evaluated at `params`.

        It is a dict of arrays, which `numpy.savez(path, **state)` writes to a file: `count`, of the updates; `value`
        and `gradient` at the parameters, and these, `x`, as a vector of float64; the last `steps` and the `changes` of
        the gradient by them, of shape (memory, numbers), `pairs` of them so far; `step`, the length of the last step
        as a multiple of its direction.

        Raises S601 where value or gradient are not finite, and the errors of `update`.
        """
        vector = ParameterVector(params)
        refuse_unsuited(vector.leaves)
        value, gradient = self._evaluated(vector, vector.start, args)
        if not (isfinite(value) and np.all(np.isfinite(gradient))):
            fail("S601", "the value or the gradient at the start is not finite")
        past = (self.memory, vector.start.size)
        return {
            COUNT: np.array(0),
            "value": np.array(value),
            "x": vector.start,
            "gradient": gradient,
            "steps": np.zeros(past),
            "changes": np.zeros(past),
            "pairs": np.array(0),
            "step": np.array(0.0),
        }

    def update(self, params: Any, state: State, *args: Any) -> Any:
        """One step: change `params` and `state` in place. Returns the parameters.

        As with the other methods, arrays are changed in place; where there are numbers among the parameters, a
        structure like `params` is returned, with new numbers. `args` have to be those of `start`. Where no step makes
        the value smaller, as at a minimum, the parameters stay as they are and `state["step"]` is 0.

        Raises S340 where the gradient does not fit the parameters, S341 for a state that does not fit or that belongs
        to other values of the parameters; S302, S305, S308, S317 for parameters that cannot be changed in place.
        """
        vector = ParameterVector(params)
        refuse_unsuited(vector.leaves)
        self._check(state, vector)
        found = self._searched(vector, state, args)
        if found is None and state["pairs"] > 0:
            state["pairs"][...] = 0  # what is remembered of the curvature may be noise: once more, along the gradient
            found = self._searched(vector, state, args)
        state[COUNT][...] += 1
        state["step"][...] = 0.0 if found is None else found.step
        if found is None:
            return params
        step, change = found.x - state["x"], found.gradient - state["gradient"]
        dot = kernel("dot", _KERNELS)
        # the condition of positive curvature, with room for rounding
        if dot(step, change) > np.finfo(np.float64).eps * sqrt(dot(step, step) * dot(change, change)):
            row = int(state["pairs"]) % self.memory
            state["steps"][row] = step
            state["changes"][row] = change
            state["pairs"][...] += 1
        state["x"][...] = found.x
        state["value"][...] = found.value
        state["gradient"][...] = found.gradient
        return assigned(vector.leaves, vector.floats(found.x))

    def minimize(self, params: Any, *args: Any, updates: int = 1000, tolerance: float = 1e-8) -> tuple[Any, State]:
        """Updates until no component of the gradient is above `tolerance`, no step is found, or there were `updates`.

        Returns the parameters, changed as by `update`, and the last state.
        """
        check_count("updates", updates, 0)
        check_number("tolerance", tolerance, 0.0, float("inf"))
        state = self.start(params, *args)
        while state[COUNT] < updates and np.max(np.abs(state["gradient"]), initial=0.0) > tolerance:
            params = self.update(params, state, *args)
            if not state["step"]:
                break
        return params, state

    def _searched(self, vector: ParameterVector, state: State, args: tuple[Any, ...]) -> Point | None:
        """The point to which the line search goes, along the direction of the state."""
        dot = kernel("dot", _KERNELS)
        gradient, pairs = state["gradient"], int(state["pairs"])
        direction = kernel("direction", _KERNELS)(gradient, state["steps"], state["changes"], pairs)
        slope = dot(gradient, direction)
        if not -np.inf < slope < 0.0:
            return None

        def at(step: float) -> Point:
            x = vector.rounded(state["x"] + step * direction)
            value, own = self._evaluated(vector, x, args)
            return Point(step, value, dot(own, direction), x, own)

        start = Point(0.0, float(state["value"]), slope, state["x"], gradient)
        first = 1.0 if pairs else min(1.0, 1.0 / sqrt(-slope))
        return Search(at, start, self.decrease, self.curvature, self.evaluations).found(first)

    def _evaluated(self, vector: ParameterVector, x: Any, args: tuple[Any, ...]) -> tuple[float, Any]:
        value, gradient = self.value_and_gradient(vector.unpack(x), *args)
        return float(value), vector.pack(gradient)

    def _check(self, state: Any, vector: ParameterVector) -> None:
        size = vector.start.size
        number, one, past = (), (size,), (self.memory, size)
        shapes = {"value": number, "x": one, "gradient": one, "steps": past, "changes": past, "step": number}
        whole = [(name, number, np.dtype(int)) for name in (COUNT, "pairs")]
        check_entries("lbfgs", state, [*whole, *((name, shape, np.dtype(float)) for name, shape in shapes.items())])
        if not np.array_equal(state["x"], vector.start):
            why = "Its value and gradient are those at other values of the parameters."
            fail("S341", "the state does not belong to these parameters", None, why, "make a new one by start.")

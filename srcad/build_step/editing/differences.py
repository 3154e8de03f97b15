"""What a generated function gives its caller, and how that differs from the function itself and its differences.

>>> agree((np.ones(2), 1.0), (np.ones(2), 1.0 + 1e-12)), agree((1.0,), (1.1,))
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.build_step.config import Entry
from srcad.build_step.editing.recording import Run
from srcad.dispatch.example_arguments import Example
from srcad.dispatch.leaf_conversion import is_static
from srcad.dispatch.pytree import copied, flatten
from srcad.dispatch.signature import Parameters
from srcad.dispatch.specialisation import Specialisation
from srcad.gradient_check import by_position, compared

_CLOSE = {np.dtype(np.float32): 1e-3}
"""The relative difference of an edited file and the generated text that is rounding; else 1e-7."""


@dataclass(frozen=True)
class Point:
    """Arguments of the function of an entry, at which its file is compared."""

    entry: Entry
    f: Callable[..., Any]
    one: Specialisation
    example: Example

    @property
    def flat(self) -> list[Any]:
        """The flat arguments of the function in the file. Buffers of an adjoint have random numbers in them."""
        given, inactive = self._all_given, self.one.generated.inactive(imports=False)
        if inactive is None:
            return [*given.values()]
        parameters = Parameters.of(self.f)
        values = dict(zip(parameters.names, parameters.values(self.example.args, self.example.kwargs), strict=True))
        return [(given if name in given else values)[name] for name in inactive.parameters if name in given | values]

    @property
    def _all_given(self) -> dict[str, Any]:
        """By their names, the flat arguments of the function that is given what Python computes."""
        names = [parameter.name for parameter in self.one.generated.takes]
        flat = [*self._given(self.example.args, self.example.kwargs), *self._weights.values()]
        return dict(zip(names, flat, strict=False))

    def _of_all_given(self, run: Run) -> Run:
        """The run with these arguments in the place of its own."""
        inactive = self.one.generated.inactive(imports=False)
        if inactive is None:
            return run
        after = dict(zip(inactive.parameters, run.arguments, strict=False))
        return Run(run.returned, [after.get(name, value) for name, value in self._all_given.items()])

    @property
    def in_place(self) -> bool:
        """Whether what the arrays hold afterwards is a result, too: in other modes the caller passes copies."""
        return self.entry.mode in ("adjoint", "primal")

    def agree(self, one: Run, other: Run) -> bool:
        """Whether two runs give the caller the same."""
        arrays = [[*filter(_is_array, run.arguments)] if self.in_place else [] for run in (one, other)]
        return agree((one.returned, arrays[0]), (other.returned, arrays[1]))

    def difference(self, run: Run) -> str | None:
        """How a run at this point differs from finite differences; that of a primal from the function itself."""
        run = self._of_all_given(run)
        if fault := self._difference_from_function(run):
            return fault
        if self.entry.mode == "primal" or self.one.generated.inserted is not None:
            return None  # a block of `insert_gradient_of` changes an adjoint on purpose
        wrt = Parameters.of(self.f).wrt(self.entry.wrt or 0)
        function, args, places = by_position(self.f, self.example.args, self.example.kwargs, wrt)
        chosen = [args[at] for _, at in places]
        result = self.one.finish(run.returned)
        gradients: Sequence[Any]
        if self.entry.mode == "adjoint":
            function, gradients = self._in_place(function, [at for _, at in places], chosen, run)
        elif self.entry.mode == "jacobian":
            function, gradients = _weighted(function, args, result, [len(flatten(one)[0]) for one in chosen])
        else:
            found = result[1] if self.entry.mode == "value" else result[0] if self.entry.has_aux else result
            gradients = found if self.entry.wrt else (found,)
        worst, right = compared(function, args, places, gradients, self.entry.has_aux)
        return None if right else str(worst)

    def _given(self, args: tuple[Any, ...], kwargs: Any) -> list[Any]:
        return self.one.flat(flatten(Parameters.of(self.f).values(args, kwargs))[0])

    @property
    def _weights(self) -> dict[int, Any]:
        """The adjoint of each array that an adjoint takes a buffer for, by the position of the buffer."""
        takes, given = self.one.generated.takes, self._given(self.example.args, self.example.kwargs)
        names, rng = [parameter.name for parameter in takes], np.random.default_rng(0)
        weights = {}
        for at, parameter in enumerate(takes):
            if parameter.like is not None:
                weights[at] = np.ones_like(given[names.index(parameter.like)])
                weights[at][...] = rng.uniform(0.5, 1.5, weights[at].shape)
        return weights

    def _difference_from_function(self, run: Run) -> str | None:
        """How values that the function gives as well differ from those it gives when Python runs it."""
        if self.entry.mode in ("gradient", "jacobian"):
            return None
        args, kwargs = copied(self.example.args), copied(self.example.kwargs)
        value = self.f(*args, **kwargs)
        if self.entry.mode in ("primal", "value") and not self.entry.has_aux:
            result = self.one.finish(run.returned)
            if not agree(result[0] if self.entry.mode == "value" else result, value):
                return "its value is another than that of the function"
        if self.in_place:
            names = [parameter.name for parameter in self.one.generated.takes]
            for name, wanted, found in zip(names, self._given(args, kwargs), run.arguments, strict=False):
                if _is_array(wanted) and not agree(found, wanted):
                    return f"it leaves other values in {name} than the function"
        return None

    def _in_place(
        self, f: Callable[..., Any], places: Sequence[int], chosen: Sequence[Any], run: Run
    ) -> tuple[Callable[..., float], list[list[Any]]]:
        """What an adjoint differentiates: a weighted sum of what is in the arrays, and the result; and its gradient.

        The weights are what the buffers hold before, the gradient what they hold afterwards.
        """
        weights = self._weights
        takes_adjoint_of_result = len(self.one.generated.takes) > len(self._all_given)

        def objective(*args: Any) -> float:
            value = f(*args)
            arrays = [leaf for at in places for leaf in flatten(args[at])[0] if _is_array(leaf)]
            total = sum(float(np.sum(w * array)) for w, array in zip(weights.values(), arrays, strict=True))
            return total + (float(value) if takes_adjoint_of_result else 0.0)

        buffers: Iterator[Any] = iter([run.arguments[at] for at in weights])
        scalars: Iterator[Any] = iter(flatten(self.one.finish(run.returned))[0])

        def gradient(leaf: Any) -> Any:
            return next(buffers) if _is_array(leaf) else None if is_static(leaf) else next(scalars)

        return objective, [list(map(gradient, flatten(one)[0])) for one in chosen]


def _weighted(
    f: Callable[..., Any], args: tuple[Any, ...], result: Any, counts: Sequence[int]
) -> tuple[Callable[..., float], list[list[Any]]]:
    """A weighted sum of all that the function returns; and by its Jacobian the gradient of that sum.

    The gradient has, for each argument, a list of as many leaves as `counts` says.
    """
    outputs = flatten(f(*copied(args)))[0]
    weights = [np.random.default_rng(at).uniform(0.5, 1.5, np.shape(leaf)) for at, leaf in enumerate(outputs)]

    def weighted(*given: Any) -> float:
        return float(sum(np.sum(w * leaf) for w, leaf in zip(weights, flatten(f(*given))[0], strict=True)))

    rows = np.split(np.arange(len(weights) * sum(counts)), len(weights))  # of each output those of all arguments
    leaves = flatten(result)[0]
    gradient = [
        sum(np.tensordot(w, leaves[at], np.ndim(w)) for w, at in zip(weights, column, strict=True))
        for column in zip(*rows, strict=True)
    ]
    ends = np.cumsum(counts)
    return weighted, [gradient[end - count : end] for end, count in zip(ends, counts, strict=True)]


def agree(one: Any, other: Any) -> bool:
    """Whether two results are the same but for rounding."""
    ours, theirs = ([np.asarray(leaf) for leaf in flatten(value)[0]] for value in (one, other))
    return len(ours) == len(theirs) and all(map(_near, ours, theirs))


def _near(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool(np.all(one == other))
    relative = max(_CLOSE.get(each.dtype, 1e-7) for each in (one, other))
    size = float(np.max(np.abs(other), initial=0.0, where=np.isfinite(other)))
    return bool(np.allclose(one, other, rtol=relative, atol=relative * 1e-3 * size, equal_nan=True))


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.ndim > 0

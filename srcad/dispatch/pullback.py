"""`Pullback`: what a vjp returns beside the value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srcad.dispatch.cotangents import CotangentStructure, Shape


class Pullback:
    """The reverse sweep of one call: from a cotangent of the output to one of each primal.

    It may be called any number of times. What it keeps of the call is memory of its own, which no call changes.

    >>> import srcad
    >>> __name__ = "user_module"
    >>> _, pullback = srcad.vjp(lambda x, y: x * y, 2.0, 3.0, target="python")
    >>> pullback, pullback(1.0), pullback(10.0)
    (<srcad: pullback of lambda_>, (3.0, 2.0), (30.0, 20.0))
    """

    __slots__ = ("_cotangents", "_gradients", "_kept", "_name", "_reverse", "_shapes")

    def __init__(
        self,
        name: str,
        reverse: Callable[[list[Any]], Any],
        kept: Sequence[Any],
        cotangents: CotangentStructure,
        shapes: Sequence[Shape],
        gradients: Callable[[Any], Any],
    ) -> None:
        self._name = name
        self._reverse = reverse
        self._kept = kept
        self._cotangents = cotangents
        self._shapes = shapes
        self._gradients = gradients

    def __call__(self, cotangent: Any) -> tuple[Any, ...]:
        """The cotangents of the primals, a tuple, each in the structure of its primal.

        `cotangent` has the structure, the shapes and the dtypes of the output. What is no float has no cotangent: None
        stands in its place, here and in the result.
        """
        flat = self._cotangents.flat(cotangent, self._shapes)
        found: tuple[Any, ...] = self._gradients(self._reverse([*self._kept, *flat]))
        return found

    def __repr__(self) -> str:
        return f"<srcad: pullback of {self._name}>"

"""`Vjp`: the two functions of a vjp, made for the types of the primals, and called as one.

>>> import numpy as np
>>> __name__ = "user_module"
>>> def scaled(x, s):
...     return s * np.sin(x)
>>> made = Vjp(scaled, None, False, Options(target="python"))
>>> out, pullback = made(np.zeros(3), 2.0)
>>> pullback(np.ones(3))
(array([2., 2., 2.]), 0.0)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from srcad.derivative import Derivative
from srcad.dispatch.memory_plan import Plan
from srcad.dispatch.pair_specialisation import PairSpecialisation
from srcad.dispatch.signature import Argnums, Parameters
from srcad.errors import fail
from srcad.inspection.explanation import Explanation
from srcad.options import Options
from srcad.request import Request


class Vjp:
    """The value of `f` and its pullback: called with the primals, by position, it returns `(out, pullback)`.

    `pullback` takes a cotangent of `out` and returns a tuple with that of each primal, or of those in `argnums`. With
    `has_aux` the result is `(out, pullback, aux)`. `.forward` and `.reverse` are the two functions behind it.

    >>> made = Vjp(lambda x: x * x, None, False, Options(target="python"))
    >>> out, pullback = made(3.0)
    >>> made, out, pullback(1.0)
    (<srcad: vjp of <lambda>>, 9.0, (6.0,))
    """

    def __init__(self, function: Callable[..., Any], argnums: Argnums | None, has_aux: bool, options: Options) -> None:
        self.__wrapped__ = function
        self.options = options
        self._argnums = argnums
        self._has_aux = has_aux
        self._parameters = Parameters.of(function)
        if argnums is not None:
            self._parameters.wrt(argnums)
        inner = getattr(self._parameters.function, "__name__", "function")
        self.__name__: str = getattr(function, "__name__", inner)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__module__ = getattr(function, "__module__", __name__)
        self._of: dict[int, _Pair] = {}
        self._newest: _Pair | None = None

    def __call__(self, *primals: Any) -> Any:
        """`(out, pullback)`, or `(out, pullback, aux)`."""
        return self._pair(primals)(*primals)

    @property
    def source(self) -> str:
        """The text of both functions, of the newest specialisation; before any call, for the types in annotations."""
        return self._current().source

    def source_for(self, *primals: Any) -> str:
        """The text of both functions for these primals. Nothing is compiled."""
        return self._pair(primals).source_for(*primals)

    def plan(self, *primals: Any) -> Plan:
        """The memory that a call with these primals keeps for its pullback, beside copies of arguments, in bytes."""
        return self._pair(primals).plan(*primals)

    def explain(self, *primals: Any) -> Explanation:
        """How the reverse function comes by each value that it reads; without primals, of the newest specialisation."""
        return self._pair(primals).explain(*primals) if primals else self._current().explain()

    def save(self, path: str | Path) -> Path:
        """Write both functions to a file that can be imported without srcad; it needs NumPy and Numba."""
        return self._current().save(path)

    @property
    def forward(self) -> SweepFunction:
        """Takes the flat arguments of `f`; returns the flat results, then what is saved, in one tuple."""
        return SweepFunction(self, "forward")

    @property
    def reverse(self) -> SweepFunction:
        """Takes what it reads of the flat arguments, what was saved, and a cotangent for each float of the result.

        Returns the gradients. What it is given stays as it is. The arguments must be those that `forward` was given.
        """
        return SweepFunction(self, "reverse")

    def __repr__(self) -> str:
        wrt = "" if self._argnums is None else f" with respect to {', '.join(self._parameters.wrt(self._argnums))}"
        return f"<srcad: vjp of {self.__name__}{wrt}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:  # a decorated function
            return str(self.__qualname__)
        return Vjp, (self.__wrapped__, self._argnums, self._has_aux, self.options)

    def _pair(self, primals: tuple[Any, ...]) -> _Pair:
        """The derivative for so many primals."""
        count = len(primals)
        if count not in self._of:
            self._parameters.values(primals, {})  # raises an error for a wrong number of them
        self._newest = self._of_count(count)
        return self._newest

    def _of_count(self, count: int) -> _Pair:
        """Each primal is differentiated, unless `argnums` says which."""
        if count not in self._of:
            if not count and self._argnums is None:
                fail("S207", f"{self.__name__} is called without primals: there is nothing to differentiate")
            argnums = tuple(range(count)) if self._argnums is None else self._argnums
            wrt = self._parameters.wrt(argnums)
            self._of[count] = _Pair(self.__wrapped__, Request("vjp", wrt, False, self._has_aux, self.options))
        return self._of[count]

    def _current(self) -> _Pair:
        return self._newest or self._of_count(len(self._parameters.positional))


class SweepFunction:
    """One of the two functions of a vjp, on flat arguments."""

    def __init__(self, vjp: Vjp, which: Literal["forward", "reverse"]) -> None:
        self._vjp = vjp
        self._which: Literal["forward", "reverse"] = which

    @property
    def source(self) -> str:
        """The text of this function, of the newest specialisation."""
        return self._vjp._current().current().text_of(self._which)

    def source_for(self, *primals: Any) -> str:
        """The text of this function for these primals. Nothing is compiled."""
        return self._vjp._pair(primals).one(*primals).text_of(self._which)

    def save(self, path: str | Path) -> Path:
        """Write this function and the other one to a file, as `Vjp.save`."""
        return self._vjp.save(path)

    @property
    def compiled(self) -> Callable[..., Any]:
        """The newest specialisation as a Numba dispatcher on flat arguments, callable from other compiled code."""
        return self._vjp._current().current().checked_functions()[self._which]

    def __repr__(self) -> str:
        return f"<srcad: {self._which} function of {self._vjp!r}>"


class _Pair(Derivative):
    """A derivative whose specialisations are pairs of functions."""

    _kind = PairSpecialisation

    def one(self, *primals: Any) -> PairSpecialisation:
        found = self.specialisation(*primals)
        assert isinstance(found, PairSpecialisation)
        return found

    def current(self) -> PairSpecialisation:
        found = self._current()
        assert isinstance(found, PairSpecialisation)
        return found

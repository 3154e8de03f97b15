"""`Derivative`: a function made from another, by the compiler, one specialisation for each kind of arguments."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from srcad.backend.files import write_whole
from srcad.call.attempts import Attempts
from srcad.call.buffers import flat_buffers, split
from srcad.call.described import Described, described
from srcad.call.examples import example_values
from srcad.call.leaves import leaf_key
from srcad.call.parameters import Parameters
from srcad.call.plan import Plan
from srcad.call.specialisation import Specialisation
from srcad.call.usage import WORDS, called_like, usage
from srcad.call.zeros import warn_of_zeros
from srcad.errors import fail
from srcad.options import Options
from srcad.request import Request
from srcad.tree import flatten


class Derivative:
    """The gradient of `f` (or its value and gradient, or `f` itself, compiled), called with f's arguments.

    `.source` is the text of the newest specialisation; `.source_for(*args)` that for given arguments;
    `.plan(*args)` is the memory that such a call keeps for its reverse sweep;
    `.compiled` the Numba dispatcher on flat arguments; `.save(path)` writes the text to a file.
    """

    _request: Request

    def __init__(self, function: Callable[..., Any], request: Request) -> None:
        if isinstance(function, Derivative) and function._request.mode != "primal":
            why = "Derivatives of derivatives are not there yet."
            advice = "take differences of the gradient; or write the first derivative out, and differentiate that."
            fail("S101", f"{function!r} is itself a derivative", None, why, advice)
        self.__wrapped__ = function
        self._parameters = Parameters.of(function)
        inner = getattr(self._parameters.function, "__name__", "function")
        self.__name__: str = getattr(function, "__name__", inner)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__module__ = getattr(function, "__module__", __name__)
        self.__doc__ = usage(self.__name__, request, getattr(function, "__doc__", None))
        self.__signature__ = called_like(function, request)
        if request.mode == "primal":
            self.__srcad_primal__ = function
        self._request = request
        self._made: dict[object, list[Specialisation]] = {}
        self._newest: Specialisation | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._request.mode == "adjoint":
            return self._adjoint(args, kwargs)
        leaves, spec = flatten(self._parameters.values(args, kwargs))
        for one in self._made.get((spec, *map(leaf_key, leaves)), ()):
            if one.fits(leaves):
                return one.run(leaves)
        return self._specialise(args, kwargs).run(leaves)

    def _adjoint(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs, given = split(self._parameters, args, kwargs)
        values = self._parameters.values(args, kwargs)
        buffers = flat_buffers(self._parameters, self._request.wrt, values, given)
        return self.specialisation(*args, **kwargs).run(flatten(values)[0], buffers)

    # ---- the text ------------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """The text of the newest specialisation; before any call, of the types the annotations give."""
        return self._current().text

    def source_for(self, *args: Any, **kwargs: Any) -> str:
        """The text for these arguments. Nothing is compiled."""
        return self.specialisation(*args, **kwargs).text

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """The memory that a call with these arguments keeps from its forward sweep for its reverse sweep, in bytes.

        Nothing is compiled, and the function is not run: this is for asking before a large call. `.saved` lists the
        arrays and numbers; `.bytes` is the sum of what is known. Buffers of an `adjoint` may be left out.
        """
        if self._request.mode == "adjoint":
            args, kwargs, _ = split(self._parameters, args, kwargs)
        return self.specialisation(*args, **kwargs).plan(flatten(self._parameters.values(args, kwargs))[0])

    @property
    def compiled(self) -> Callable[..., Any]:
        """The newest specialisation as a Numba dispatcher on flat arguments, callable from other compiled code."""
        return self._current().compiled()

    def save(self, path: str | Path) -> Path:
        """Write the text to a file, ready to be imported; it needs NumPy and Numba, not srcad."""
        target = Path(path)
        for name, text in self.files(self._current(), target.name):
            write_whole(target.parent / name, text)
        return target

    def files(self, one: Specialisation, file_name: str) -> list[tuple[str, str]]:
        """The files that `save` and `srcad build` write, as (name, text), the module first."""
        from srcad.digest import recorded
        from srcad.ship import shipped

        (name, text), *helpers = shipped(one.generated, self._request.options, file_name)
        return [(name, recorded(text, self.digest(one.arguments))), *helpers]

    def digest(self, arguments: Described) -> str:
        """Of everything the text for these arguments is made from, but for srcad itself."""
        from srcad.digest import primal_digest, text_digest

        types = [(leaf.name, leaf.type, leaf.differentiated) for leaf in arguments.leaves]
        return text_digest(f"{primal_digest(self.__wrapped__)} {self._request} {types}")

    def described(self, *args: Any, **kwargs: Any) -> Described:
        """The structure and the types of arguments."""
        values = self._parameters.values(args, kwargs)
        chosen = [self._parameters.argument(name, values).positions for name in self._request.wrt]
        return described(self._parameters.names, values, [position for one in chosen for position in one])

    def example_values(self) -> tuple[Any, ...]:
        """Arguments of the types that the annotations give."""
        return example_values(self._parameters)

    def specialisation(self, *args: Any, **kwargs: Any) -> Specialisation:
        """What a call with these arguments would run."""
        leaves, spec = flatten(self._parameters.values(args, kwargs))
        for one in self._made.get((spec, *map(leaf_key, leaves)), ()):
            if one.fits(leaves):
                return one
        return self._specialise(args, kwargs)

    @property
    def options(self) -> Options:
        return self._request.options

    def __repr__(self) -> str:
        wrt = f" with respect to {', '.join(self._request.wrt)}" if self._request.wrt else ""
        return f"<srcad: {WORDS[self._request.mode]} of {self.__name__}{wrt}>"

    def _repr_html_(self) -> str:
        code = f"<pre><code class='language-python'>{html.escape(self.source)}</code></pre>"
        return f"<p>{html.escape(repr(self))}</p>{code}"

    def __reduce__(self) -> str | tuple[Any, ...]:
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:  # a decorated function: it is what goes by the name of the one inside
            return str(self.__qualname__)
        return Derivative, (self.__wrapped__, self._request)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A derivative made in a class body is a method, as its function is."""
        from types import MethodType

        return self if instance is None else MethodType(self, instance)

    # ---- making --------------------------------------------------------------------------------

    def _current(self) -> Specialisation:
        if self._newest is None:
            return self.specialisation(*self.example_values())
        return self._newest

    def _specialise(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Specialisation:
        parameters, request = self._parameters, self._request
        values = parameters.values(args, kwargs)
        leaves, spec = flatten(values)
        made, arguments = Attempts(parameters, values, leaves, request).made()
        warn_of_zeros(made)
        one = Specialisation(made, arguments, values, parameters, request)
        self._made.setdefault((spec, *map(leaf_key, leaves)), []).append(one)
        self._newest = one
        return one

"""A specialisation of a vjp: its forward function is called, and the pullback keeps what the reverse function reads.

What is kept of the arguments is copied, since a user may write into them before the pullback is called. Of an array
whose shape alone is read, a view is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from srcad.compiler.generate import Generated
from srcad.dispatch.cotangents import CotangentStructure
from srcad.dispatch.derivative_result import gradient_builder
from srcad.dispatch.leaf_conversion import gradient_conversion
from srcad.dispatch.loaded_function import called_from_python, joined, load_function
from srcad.dispatch.pullback import Pullback
from srcad.dispatch.result_structure import result_builder
from srcad.dispatch.signature import Parameters
from srcad.dispatch.specialisation import Specialisation, both_texts
from srcad.frontend.values.abstract_values import Seq
from srcad.ir.types import Array, Type

Which = Literal["forward", "reverse"]


class PairSpecialisation(Specialisation):
    """The two functions of a vjp for the types of one call."""

    def _conversion(self, leaves: list[Any], values: Sequence[Any], parameters: Parameters) -> Callable[[Any], Any]:
        result, pair = self.generated.result, self.generated.pair
        assert pair is not None
        output = result.items[0] if self._request.has_aux and isinstance(result, Seq) else result
        self._pair = pair
        self._cotangents = CotangentStructure(output, self.is_compiled)
        gradients = gradient_builder(self.arguments, leaves, values, parameters, self._request, gradient_conversion)
        several = len(pair.reverse.results) > 1
        self._gradients = gradients if several else lambda one: gradients((one,))
        types = self.generated.lowered.function.types
        self._keep = [(at, _kept(types[self.names[at]], at in pair.contents)) for at in pair.reads]
        self._reverse_call: list[Callable[..., Any]] = []
        self._checked_pair: dict[Which, Callable[..., Any]] = {}
        return result_builder(result)

    def run(self, leaves: list[Any], more: Sequence[Any] = ()) -> Any:
        """The value, the pullback and, with `has_aux`, what the function returns beside the value."""
        flat = self._checked(leaves)
        returned = self._called(flat)
        count = len(self.generated.lowered.function.results)
        if count == 1 and not self._pair.saved:
            returned = (returned,)
        kept = [flat[at] if keep is None else keep(flat[at]) for at, keep in self._keep]
        kept += returned[count:]
        shapes = self._cotangents.shapes(returned)
        name = self.generated.source.name
        pullback = Pullback(name, self._reverse, kept, self._cotangents, shapes, self._gradients)
        value = self.finish(returned[:count])
        return (value[0], pullback, value[1]) if self._request.has_aux else (value, pullback)

    def _reverse(self, flat: list[Any]) -> Any:
        """What the reverse function returns."""
        if not self._reverse_call:
            function = getattr(self.module, self._pair.reverse.name)
            if self.is_compiled:
                from srcad.backend.numba import compilation

                compilation.prepare(function, flat)
            call = called_from_python(function, self.is_compiled)
            self._reverse_call.append(self._watched(call, self.generated, self._request, 1))
        try:
            return self._reverse_call[0](*flat)
        except Exception as error:
            raise joined(error) from None

    def text_of(self, which: Which) -> str:
        """The text of one of the two functions, and of those that it calls."""
        return self.generated.text_of(which == "reverse")

    def checked_functions(self) -> dict[Which, Callable[..., Any]]:
        """Both functions on flat arguments, with a check of their types, for direct calls by the user."""
        if not self._checked_pair:
            text = both_texts if self.is_compiled else Generated.code
            made = self.for_weakest_types(text).generated
            asking = made.machine_text(asks=True) if self.is_compiled else made.text(asks=True)
            module, forward = load_function(made, asking, self._request.options)
            self._checked_pair = {"forward": forward, "reverse": getattr(module, self._pair.reverse.name)}
        return self._checked_pair


def _kept(known: Type, contents: bool) -> Callable[[Any], Any] | None:
    """How an argument is kept: None where it is a value."""
    if not isinstance(known, Array):
        return None
    return (lambda array: array.copy(order="K")) if contents else (lambda array: array.view())

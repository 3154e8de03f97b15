"""A specialisation: one generated function with its calling convention, guards and argument checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import itemgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.compiler.generate import Generated
from srcad.dispatch.argument_types import AbstractArguments
from srcad.dispatch.call_guards import CallGuards
from srcad.dispatch.derivative_result import derivative_result
from srcad.dispatch.device_calls import DeviceCall, loaded_program, refuse_overlap
from srcad.dispatch.inactive_values import InactivePart
from srcad.dispatch.leaf_conversion import argument_conversion
from srcad.dispatch.loaded_function import (
    LoadedFunction,
    as_compiled,
    called_from_python,
    compiles,
    joined,
    load_function,
)
from srcad.dispatch.memory_checks import Check, check_overlap, check_written, overlap_pairs
from srcad.dispatch.memory_plan import Plan, memory_planner, refuse_above
from srcad.dispatch.pytree import flatten
from srcad.dispatch.signature import Parameters
from srcad.dispatch.weaker_types import Steps, Weakest, weakened, weakened_arguments
from srcad.errors import SrcadError, fail
from srcad.ir.types import Array
from srcad.request import Request

if TYPE_CHECKING:
    from srcad.compiler.shipment import Shipment

Call = Callable[..., Any]


class Specialisation:
    """The generated text, the function loaded from it, and the conversions of leaves to arguments and of results.

    `make` generates the function for other (weaker) types of the arguments. `watched` gives the call that is made
    instead of one.
    """

    def __init__(
        self,
        generated: Generated,
        arguments: AbstractArguments,
        values: Sequence[Any],
        parameters: Parameters,
        request: Request,
        make: Callable[[AbstractArguments], Generated],
        watched: Callable[..., Call] = lambda call, *_: call,
    ) -> None:
        self.generated = generated
        self.inactive: InactivePart | None = None
        """What Python computes before each call."""
        self._make = make
        self._watched = watched
        self._checked_function: Callable[..., Any] | None = None
        self.arguments = arguments
        self._request = request
        self.is_compiled = compiles(request.options)
        leaves, _ = flatten(tuple(values))
        by_name = {leaf.name: leaf for leaf in arguments.leaves}
        order = [param.name for param in generated.lowered.function.params]
        flat_leaves = [by_name[name] for name in order if name in by_name]
        self._positions = [leaf.position for leaf in flat_leaves]
        self._select = _leaf_selector(self._positions)
        self.names = order
        self._convert = [
            (at, change)
            for at, leaf in enumerate(flat_leaves)
            if (change := argument_conversion(leaves[leaf.position], leaf.differentiated, self.is_compiled)) is not None
        ]
        self._captures = generated.lowered.captures
        self._guards = CallGuards.of(generated.lowered, arguments, order, self._positions)
        types = generated.lowered.function.types
        arrays = [at for at, name in enumerate(order) if isinstance(types[name], Array)]
        self._overlaps = overlap_pairs(order, generated.written | generated.lowered.kept_apart, arrays)
        self._written = [at for at in arrays if order[at] in generated.written]
        is_copied = request.mode not in ("primal", "adjoint")
        self._checks: list[Check] = [check_written(order, self._written, is_copied)] if self._written else []
        if self._overlaps:
            self._checks.append(check_overlap(order, self._overlaps))
        if request.options.max_tape is not None:
            self._checks.append(self._check_tape)
        self._planner: Callable[[Sequence[Any]], Plan] | None = None
        self.finish = self._conversion(leaves, values, parameters)
        self._loaded_function: list[LoadedFunction] = []
        self._ready = False
        self._program: list[Callable[..., Any]] = []

    @cached_property
    def text(self) -> str:
        """What a person reads."""
        return self.generated.whole_text()

    def fits(self, leaves: Sequence[Any]) -> bool:
        """Whether the guards hold: constants, outer constants, types of captured variables, lengths, integers."""
        return self._guards.hold(leaves)

    def run(self, leaves: list[Any], more: Sequence[Any] = ()) -> Any:
        """Call the function. `more` follows the leaves and the captured values: the adjoint buffers."""
        flat = self._checked(leaves)
        flat += more
        return self.finish(self._called(flat))

    def run_on_device(self, call: DeviceCall, leaves: list[Any], more: Sequence[Any] = ()) -> Any:
        """Call the program for arrays of a device, for which arrays stand among the leaves and in `more`."""
        flat = self.flat(leaves)
        of_leaves = len(self._positions)
        given = [
            *map(call.on_device, flat[:of_leaves]),
            *map(call.copied, flat[of_leaves:]),
            *map(call.on_device, more),
        ]
        self._refuse_device_overlap(given, len(more) if self.is_procedure or self._request.mode == "adjoint" else 0)
        if not self._program:
            self._program.append(as_compiled(loaded_program(self.generated)))
        try:
            return call.result(self.finish(self._program[0](*given, stream=call.stream)))
        except SrcadError:
            raise
        except Exception as error:
            raise joined(error) from None

    def _refuse_device_overlap(self, given: Sequence[Any], buffers: int) -> None:
        params = self.generated.function.params
        for at in self._written:
            refuse_overlap([(self.names[at], given[at])], [0])
        for one, other in self._overlaps:
            refuse_overlap([(self.names[at], given[at]) for at in (one, other)], [0])
        arrays = [(p.name, value) for p, value in zip(params, given, strict=False) if hasattr(value, "shape")]
        names = {p.name for p in params[len(given) - buffers :]}
        refuse_overlap(arrays, [at for at, (name, _) in enumerate(arrays) if name in names])

    def _checked(self, leaves: list[Any]) -> list[Any]:
        """The flat arguments; raises what is against them."""
        flat = self.flat(leaves)
        for check in self._checks:
            check(flat)
        return flat

    def _called(self, flat: list[Any]) -> Any:
        """What the generated function returns."""
        if not self._ready:
            self._prepare(flat)
        try:
            return self._loaded_function[0].call(*flat)
        except Exception as error:
            raise joined(error) from None

    def _conversion(self, leaves: list[Any], values: Sequence[Any], parameters: Parameters) -> Callable[[Any], Any]:
        """The conversion of the return value of the generated function to that of the derivative."""
        return derivative_result(self.generated, self.arguments, leaves, values, parameters, self._request)

    @property
    def writes(self) -> frozenset[int]:
        """The positions of the leaves into whose memory the function writes."""
        return frozenset(self._positions[at] for at in self._written if at < len(self._positions))

    @property
    def tells_apart(self) -> bool:
        """Whether it matters that no list, dict or object is found at two places of the arguments."""
        return self.generated.lowered.tells_apart

    @property
    def is_procedure(self) -> bool:
        """Whether the function returns nothing: what it computes, it writes into its arguments."""
        return not self.generated.lowered.function.results

    def flat(self, leaves: list[Any]) -> list[Any]:
        """The leaves and the captured values as flat arguments of the generated function."""
        flat = self._select(leaves)
        for at, change in self._convert:
            flat[at] = change(flat[at])
        for captured in self._captures:
            flat += captured.leaves()
        return flat

    def plan(self, leaves: list[Any]) -> Plan:
        """The tape memory of a call with these leaves. Nothing is compiled, the function is not run."""
        return self._plan(self.flat(leaves))

    def _plan(self, flat: Sequence[Any]) -> Plan:
        if self._planner is None:
            self._planner = memory_planner(self.generated)
        return self._planner(flat)

    @property
    def module(self) -> ModuleType:
        """The module of the text that is executed."""
        return self._load().module

    def compiled(self) -> Callable[..., Any]:
        """The function on flat arguments, loaded if it was not called yet. It does not check their types."""
        return self._load().function

    def for_weakest_types(self, text: Callable[[Generated], str] = Generated.code) -> Weakest:
        """The function with the same text for the weakest types: those that its file has to check."""
        return weakened_arguments(self.generated, self.arguments, self._make, text)

    def weakened(self, steps: Steps) -> Generated:
        """The function for the types after these steps, which were found before for the weakest types."""
        return self._make(weakened(self.arguments, steps)) if steps else self.generated

    def shipment(self) -> Shipment:
        """What the files that `save` and `srcad build` write are made of."""
        from srcad.compiler.shipment import Shipment

        if self._request.options.target == "cuda":
            why = "A file has the function for the CPU, and its compiled form."
            fail("S310", 'nothing is saved with target="cuda"', None, why, "leave target out, or save .source.")
        weakest = self.for_weakest_types()
        with_form = self.generated.pair is None
        return Shipment(weakest.generated, self._request.options, with_form=with_form, weakened_by=weakest.steps)

    def checked_function(self) -> Callable[..., Any]:
        """The function on flat arguments with a check of their types, for direct calls by the user."""
        if self._checked_function is None:
            generated = self.for_weakest_types(both_texts if self.is_compiled else Generated.code).generated
            text = generated.machine_text(asks=True) if self.is_compiled else generated.text(asks=True)
            _, checked = load_function(generated, text, self._request.options)
            if self.is_compiled:  # a derivative of it is made from the readable text
                path = cache_files.store(self.generated.name, generated.text(asks=True), keep=False)
                checked.__srcad_primal__ = getattr(load(path), generated.function.name)  # type: ignore[attr-defined]
            self._checked_function = checked
        return self._checked_function

    def _prepare(self, flat: list[Any]) -> None:
        function = self.compiled()
        if self.is_compiled:
            from srcad.backend.numba import compilation

            compilation.prepare(function, flat)
        self._ready = True

    def _load(self) -> LoadedFunction:
        """Load the text; if several threads do, all use what the first has loaded."""
        if not self._loaded_function:
            text = self.generated.machine_text() if self.is_compiled else self.generated.text()
            module, function = load_function(self.generated, text, self._request.options)
            call = self._watched(called_from_python(function, self.is_compiled), self.generated, self._request)
            self._loaded_function.append(LoadedFunction(module, function, call))
        return self._loaded_function[0]

    def device_function(self) -> Callable[..., Any]:
        """The function as one for CUDA's device code. S520 to S523 where there is none, S501 where Numba refuses it."""
        from srcad.backend.cuda import compilation

        weakest = self.for_weakest_types(Generated.machine_code).generated
        compilation.refuse_unchecked(weakest.takes, [one.name for one in self._captures])
        path = cache_files.store(weakest.name, weakest.machine_text(), keep=False)
        return compilation.device_function(getattr(load(path), weakest.function.name), weakest.takes)

    def _check_tape(self, flat: Sequence[Any]) -> None:
        """S314 before anything is compiled or run, where the tape is known to exceed `max_tape`."""
        most = self._request.options.max_tape
        assert most is not None
        refuse_above(most, self.generated.name, self._plan(flat))


def both_texts(generated: Generated) -> str:
    return generated.code() + generated.machine_code()


def _leaf_selector(positions: list[int]) -> Callable[[list[Any]], list[Any]]:
    if positions == list(range(len(positions))):
        count = len(positions)
        return lambda leaves: leaves[:count]
    if len(positions) == 1:
        (only,) = positions
        return lambda leaves: [leaves[only]]
    pick = itemgetter(*positions)
    return lambda leaves: list(pick(leaves))

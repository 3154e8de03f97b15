"""A specialisation: one generated function with its calling convention, guards and argument checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.compiler.generate import Generated
from srcad.dispatch.argument_types import AbstractArguments
from srcad.dispatch.device_calls import DeviceCall, loaded_program, refuse_overlap
from srcad.dispatch.inactive_values import InactivePart
from srcad.dispatch.leaf_conversion import (
    argument_conversion,
    gradient_conversion,
    jacobian_conversion,
    leaf_type_key,
    overlaps_itself,
)
from srcad.dispatch.memory_plan import Plan, memory_planner, refuse_above
from srcad.dispatch.pytree import flatten, is_leaf, unflatten
from srcad.dispatch.result_structure import Rebuild, result_builder
from srcad.dispatch.signature import Argument, Parameters
from srcad.dispatch.weaker_types import Steps, Weakest, weakened, weakened_arguments
from srcad.errors import SrcadError, fail
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Seq, map_structure
from srcad.frontend.values.abstract_values import leaves as output_leaves
from srcad.ir.types import Array, Scalar, Symbol, is_float
from srcad.request import Request

if TYPE_CHECKING:
    from srcad.compiler.shipment import Shipment

Call = Callable[..., Any]


@dataclass(frozen=True)
class LoadedFunction:
    module: ModuleType
    function: Callable[..., Any]
    call: Callable[..., Any]
    """The function as srcad calls it: uncompiled, without floating-point warnings."""


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
        self.is_compiled = request.options.target == "cpu" and not _is_disabled()
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
        self._guards = generated.lowered.guards
        self._capture_keys = self._keys_of_captures()
        self._lengths = [(order.index(name), axis, length) for name, axis, length in generated.lowered.lengths]
        self._elements = [(order.index(name), values) for name, values in generated.lowered.elements]
        self._fitted = generated.lowered.fitted
        apart = generated.written | generated.lowered.kept_apart
        self._overlaps = _overlap_pairs(order, apart, generated.lowered.function.types)
        types = generated.lowered.function.types
        self._written = [at for at, n in enumerate(order) if n in generated.written and isinstance(types[n], Array)]
        self._checks: list[Callable[[list[Any]], None]] = [self._check_written] if self._written else []
        if self._overlaps:
            self._checks.append(self._check_overlap)
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
        for position, value in self.arguments.known:
            if leaves[position] != value:
                return False
        for guard in self._guards:
            now = guard.read()
            if now is not guard.value and not _equal(now, guard.value):
                return False
        if self._captures and self._keys_of_captures() != self._capture_keys:
            return False
        if not self._lengths and not self._fitted and not self._elements:
            return True
        flat = [*self._select(list(leaves)), *(leaf for captured in self._captures for leaf in captured.leaves())]

        def size(symbol: Symbol) -> int:
            value = flat[self.names.index(symbol.name)]
            return int(value if symbol.axis is None else value.shape[symbol.axis])

        fit = all(size(s) == d.const + sum(c * size(term) for term, c in d.terms) for s, d in self._fitted)
        fit = fit and all(flat[at].shape[axis] == length for at, axis, length in self._lengths)
        return fit and all(np.array_equal(flat[at], values) for at, values in self._elements)

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
        return _result_conversion(self.generated, self.arguments, leaves, values, parameters, self._request)

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

    def _plan(self, flat: list[Any]) -> Plan:
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
            _, checked = self._loaded(
                generated.machine_text(asks=True) if self.is_compiled else generated.text(asks=True)
            )
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
            module, function = self._loaded(
                self.generated.machine_text() if self.is_compiled else self.generated.text()
            )
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

    def _loaded(self, text: str) -> tuple[ModuleType, Callable[..., Any]]:
        options = self._request.options
        if options.target == "cuda":
            why = 'With target="cuda" it takes arrays that are on the device, or it is called in kernels of your own.'
            advice = (
                "pass arrays of CuPy, PyTorch or numba.cuda; call what .device(*args) gives, in a kernel;\n"
                "or leave target out."
            )
            fail("S523", f"{self.generated.name} is called on the host", None, why, advice)
        versions = _versions() if self.is_compiled else ()
        path = cache_files.store(
            self.generated.name, text, repr(options), *versions, keep=self.is_compiled and options.cache
        )
        module = load(path)
        name = self.generated.function.name
        function: Callable[..., Any] = getattr(module, name)
        if self.is_compiled:
            from srcad.backend.numba import compilation

            layouts = self.generated.layouts
            with _compiling:  # a function that calls itself is one object
                for own, one in list(vars(module).items()):
                    if inspect.isfunction(one) and one.__module__ == module.__name__:
                        setattr(module, own, compilation.compiled(one, options, layouts.get(own, ())))
            function = getattr(module, name)
        return module, function

    def _keys_of_captures(self) -> list[object]:
        keys: list[object] = []
        for captured in self._captures:
            leaves, spec = flatten(captured.read())
            keys.append((spec, *map(leaf_type_key, leaves)))
        return keys

    def _check_tape(self, flat: list[Any]) -> None:
        """S314 before anything is compiled or run, where the tape is known to exceed `max_tape`."""
        most = self._request.options.max_tape
        assert most is not None
        refuse_above(most, self.generated.name, self._plan(flat))

    def _check_written(self, flat: list[Any]) -> None:
        for at in self._written:
            name, array = self.names[at], flat[at]
            if not array.flags.writeable:
                if self._request.mode in ("primal", "adjoint"):  # the other modes copy the array
                    fail("S317", f"{name} is read-only, and is written to", None, None, f"pass {name}.copy().")
            elif not array.flags.forc and overlaps_itself(array):
                fail(
                    "S308",
                    f"{name} may overlap itself in memory",
                    why="It is written to, which would change more than one of its elements.",
                    advice=f"pass {name}.copy().",
                )

    def _check_overlap(self, flat: list[Any]) -> None:
        for one, other in self._overlaps:
            a, b = flat[one], flat[other]
            if np.may_share_memory(a, b) and np.shares_memory(a, b):
                fail(
                    "S308",
                    f"{self.names[one]} and {self.names[other]} overlap in memory",
                    why=f"{self.names[one]} is written to, which would change {self.names[other]} too.",
                    advice=f"pass {self.names[other]}.copy().",
                )


_compiling = Lock()


def both_texts(generated: Generated) -> str:
    return generated.code() + generated.machine_code()


def joined(error: Exception) -> Exception:
    """The error with one message: compiled code raises it with the parts.

    >>> joined(IndexError("index ", 3, " of an axis of length ", 2))
    IndexError('index 3 of an axis of length 2')
    """
    if len(error.args) > 1 and all(type(part) in (str, int) for part in error.args):
        return type(error)("".join(map(str, error.args)))
    return error


def _is_disabled() -> bool:
    from srcad.backend.numba import compilation

    return compilation.disabled()


def called_from_python(function: Callable[..., Any], compiles: bool) -> Callable[..., Any]:
    """The loaded function as a call of the user's runs it."""
    if not compiles:
        return as_compiled(function)
    from srcad.backend.numba import compilation

    return compilation.callable_at_once(function)


def as_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without warnings for 1/0, which is inf as in compiled code: float defaults become np.float64."""
    given = function.__defaults__ or ()
    function.__defaults__ = tuple(np.float64(value) if type(value) is float else value for value in given)

    def called(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return called


def _leaf_selector(positions: list[int]) -> Callable[[list[Any]], list[Any]]:
    if positions == list(range(len(positions))):
        count = len(positions)
        return lambda leaves: leaves[:count]
    if len(positions) == 1:
        (only,) = positions
        return lambda leaves: [leaves[only]]
    pick = itemgetter(*positions)
    return lambda leaves: list(pick(leaves))


def _overlap_pairs(names: list[str], written: frozenset[str], types: Any) -> list[tuple[int, int]]:
    arrays = [at for at, name in enumerate(names) if hasattr(types.get(name), "dims")]
    return [
        (one, other)
        for one in arrays
        if names[one] in written
        for other in arrays
        if other != one and not (names[other] in written and other < one)
    ]


def _equal(now: object, before: object) -> bool:
    try:
        return type(now) is type(before) and bool(now == before)
    except Exception:  # a comparison defined by the user may raise anything
        return False


def _versions() -> tuple[str, ...]:
    from srcad.backend.numba.cache_key import versions

    return versions()


def _result_conversion(
    generated: Generated,
    arguments: AbstractArguments,
    leaves: list[Any],
    values: Sequence[Any],
    parameters: Parameters,
    request: Request,
) -> Callable[[Any], Any]:
    """The conversion of the return value of the generated function to that of the derivative."""
    count = len(generated.lowered.function.results)
    rebuild = result_builder(generated.result)
    if request.mode == "primal":
        if count == 0:
            return lambda flat: rebuild(())
        return (lambda flat: rebuild((flat,))) if count == 1 else rebuild
    if request.is_forward:
        return _with_tangents(generated.result, count, request)
    if request.mode == "adjoint":
        return _scalar_gradients(arguments, leaves, [parameters.argument(name, values) for name in request.wrt])
    outputs = list(output_leaves(generated.result))
    many = request.mode == "jacobian" and isinstance(outputs[0].type, Array)
    back = jacobian_conversion if many else gradient_conversion
    gradients = gradient_builder(arguments, leaves, values, parameters, request, back)
    if request.mode == "jacobian":
        return _jacobian_rows(gradients, result_builder(generated.result, lambda _: None), len(outputs))
    value_count = count if request.keep_value else 0
    total = value_count + sum(leaf.differentiated for leaf in arguments.leaves)

    def finish(flat: Any) -> Any:
        if total == 1:
            flat = (flat,)
        gradient = gradients(flat[value_count:])
        if not value_count:
            return gradient
        value = rebuild(flat[:value_count])
        if request.mode == "grad":
            return gradient, value[1]
        return value, gradient

    return finish


def _with_tangents(result: Abstract, count: int, request: Request) -> Callable[[Any], Any]:
    """The outputs, and their tangents in the same structure: None in the place of what is no float."""
    has_aux = request.has_aux
    moving = result.items[0] if has_aux and isinstance(result, Seq) else result
    rebuild, of_tangents = result_builder(result), result_builder(_floats_alone(moving))
    count = count if request.mode == "jvp" else 0
    total = count + sum(is_float(leaf.type) for leaf in output_leaves(moving))

    def finish(flat: Any) -> Any:
        flat = (flat,) if total == 1 else () if total == 0 else flat
        if request.mode == "tangent":
            return of_tangents(flat)
        value, tangent = rebuild(flat[:count]), of_tangents(flat[count:])
        return (value[0], tangent, value[1]) if has_aux else (value, tangent)

    return finish


def _floats_alone(value: Abstract) -> Abstract:
    """The structure with None in the place of what is no float."""
    if isinstance(value, Leaf):
        return value if is_float(value.type) else Constant(None)
    return Constant(None) if isinstance(value, Constant) else map_structure(value, _floats_alone)


def _jacobian_rows(gradients: Callable[[Any], Any], rebuild: Rebuild, count: int) -> Callable[[Any], Any]:
    """The structure of outputs with the gradient of each; the flat values are ordered by output."""

    def finish(flat: Any) -> Any:
        flat = flat if isinstance(flat, tuple) else (flat,)
        each = len(flat) // count
        return rebuild([gradients(flat[at * each : (at + 1) * each]) for at in range(count)])

    return finish


def _scalar_gradients(
    arguments: AbstractArguments, leaves: list[Any], chosen: Sequence[Argument]
) -> Callable[[Any], Any]:
    """In procedure style only the gradients of scalars are returned: None, one, or a tuple."""
    active = [leaf for one in chosen for leaf in arguments.leaves if leaf.position in one.positions]
    scalars = [leaf for leaf in active if isinstance(leaf.type, Scalar)]
    converts = [gradient_conversion(leaves[leaf.position]) for leaf in scalars]
    if not converts:
        return lambda flat: None
    if len(converts) == 1:
        return lambda flat: converts[0](flat)
    return lambda flat: tuple(convert(one) for convert, one in zip(converts, flat, strict=True))


def gradient_builder(
    arguments: AbstractArguments,
    leaves: list[Any],
    values: Sequence[Any],
    parameters: Parameters,
    request: Request,
    back: Callable[[Any], Callable[[Any], Any]],
) -> Callable[[Sequence[Any]], Any]:
    converts = {leaf.position: back(leaves[leaf.position]) for leaf in arguments.leaves if leaf.differentiated}
    chosen = [parameters.argument(name, values) for name in request.wrt]
    if request.single and is_leaf(chosen[0].value):
        (only,) = converts.values()
        return lambda flat: only(flat[0])
    # flat gradients are in the order of `wrt`, leaf by leaf
    order = [(flatten(one.value)[1], [converts.get(position) for position in one.positions]) for one in chosen]

    def build(flat: Sequence[Any]) -> Any:
        gradients = iter(flat)
        rebuilt = []
        for spec, changes in order:
            rebuilt.append(unflatten(spec, [None if change is None else change(next(gradients)) for change in changes]))
        return rebuilt[0] if request.single else tuple(rebuilt)

    return build

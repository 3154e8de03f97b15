"""One generated function, ready to be called with the leaves of arguments of one kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import ModuleType
from typing import Any

import numpy as np

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.backend.python.module_text import unasked_name
from srcad.compiler.pipeline import Generated
from srcad.dispatch.argument_types import AbstractArguments
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
from srcad.dispatch.weaker_types import weakened_arguments
from srcad.errors import fail
from srcad.frontend.values.abstract_values import leaves as output_leaves
from srcad.frontend.values.describe import flatten as flatten_captured
from srcad.ir.types import Array, Scalar
from srcad.request import Request


@dataclass(frozen=True)
class _Loaded:
    module: ModuleType
    function: Callable[..., Any]
    call: Callable[..., Any]
    """The function, as we call it."""


class Specialisation:
    """The text, the function made of it, and the way from leaves to results."""

    def __init__(
        self,
        made: Generated,
        arguments: AbstractArguments,
        values: Sequence[Any],
        parameters: Parameters,
        request: Request,
        make: Callable[[AbstractArguments], Generated],
    ) -> None:
        self.generated = made
        self._make = make
        self._asking: Callable[..., Any] | None = None
        self.arguments = arguments
        self.text = made.text()
        self._request = request
        self._compiles = request.options.target == "cpu" and not _disabled()
        leaves, _ = flatten(tuple(values))
        by_name = {leaf.name: leaf for leaf in arguments.leaves}
        order = [param.name for param in made.lowered.function.params]
        own = [by_name[name] for name in order if name in by_name]
        self._positions = [leaf.position for leaf in own]
        self._pick = _picker(self._positions)
        self._names = order
        self._convert = [
            (at, change)
            for at, leaf in enumerate(own)
            if (change := argument_conversion(leaves[leaf.position], leaf.differentiated, self._compiles)) is not None
        ]
        self._captures = [(capture.read, capture.fixed) for capture in made.lowered.captures]
        self._guards = made.lowered.guards
        self._capture_keys = self._keys_of_captures()
        self._overlaps = _pairs(order, made.written, made.lowered.function.types)
        types = made.lowered.function.types
        self._written = [at for at, n in enumerate(order) if n in made.written and isinstance(types[n], Array)]
        self._checks: list[Callable[[list[Any]], None]] = [self._check_written] if self._written else []
        if self._overlaps:
            self._checks.append(self._check_overlap)
        if request.options.max_tape is not None:
            self._checks.append(self._check_tape)
        self._planned: Callable[[Sequence[Any]], Plan] | None = None
        self._finish = _finisher(made, arguments, leaves, values, parameters, request)
        self._first: list[_Loaded] = []
        self._ready = False

    def fits(self, leaves: Sequence[Any]) -> bool:
        """Whether what the text took as known is so still: values of arguments, and the kinds of what is captured."""
        for position, value in self.arguments.known:
            if leaves[position] != value:
                return False
        for guard in self._guards:
            now = guard.read()
            if now is not guard.value and not _equal(now, guard.value):
                return False
        return not self._captures or self._keys_of_captures() == self._capture_keys

    def run(self, leaves: list[Any], more: Sequence[Any] = ()) -> Any:
        """Call the function. `more` follows the leaves and what is captured: the adjoint buffers."""
        flat = self._flat(leaves)
        for check in self._checks:
            check(flat)
        flat += more
        if not self._ready:
            self._prepare(flat)
        try:
            found = self._first[0].call(*flat)
        except Exception as error:
            raise joined(error) from None
        return self._finish(found)

    def _flat(self, leaves: list[Any]) -> list[Any]:
        """The leaves and what is captured, as the generated function takes them."""
        flat = self._pick(leaves)
        for at, change in self._convert:
            flat[at] = change(flat[at])
        for read, fixed in self._captures:
            flat += flatten_captured(read(), fixed)
        return flat

    def plan(self, leaves: list[Any]) -> Plan:
        """What a call with these leaves keeps for its reverse sweep. Nothing is compiled, the function is not run."""
        return self._plan(self._flat(leaves))

    def _plan(self, flat: list[Any]) -> Plan:
        if self._planned is None:
            self._planned = memory_planner(self.generated)
        return self._planned(flat)

    @property
    def module(self) -> ModuleType:
        """The module of the text that runs."""
        return self._load().module

    def compiled(self) -> Callable[..., Any]:
        """The function on flat arguments, made if it was not called yet. It relies on the types of these."""
        return self._load().function

    def relied_on(self, text: Callable[[Generated], str] = Generated.code) -> Generated:
        """The same text, made for the weakest types that give it: what its file has to ask for."""
        return weakened_arguments(self.generated, self.arguments, self._make, text)

    def asking(self) -> Callable[..., Any]:
        """The function on flat arguments for those who call it themselves: it refuses types it was not made for."""
        if self._asking is None:
            made = self.relied_on(_all_code if self._compiles else Generated.code)
            _, asking = self._loaded(made.machine_text(asks=True) if self._compiles else made.text(asks=True))
            if self._compiles:  # who differentiates it reads what people read
                path = cache_files.store(self.generated.name, made.text(asks=True), keep=False)
                asking.__srcad_primal__ = getattr(load(path), made.function.name)  # type: ignore[attr-defined]
            self._asking = asking
        return self._asking

    def _prepare(self, flat: list[Any]) -> None:
        function = self.compiled()
        if self._compiles:
            from srcad.backend.numba import compilation

            compilation.prepare(function, flat)
        self._ready = True

    def _load(self) -> _Loaded:
        """Of several threads that load the text, all go by what the first has loaded."""
        if not self._first:
            module, function = self._loaded(self.generated.machine_text() if self._compiles else self.text)
            self._first.append(_Loaded(module, function, function if self._compiles else _as_compiled(function)))
        return self._first[0]

    def _loaded(self, text: str) -> tuple[ModuleType, Callable[..., Any]]:
        options = self._request.options
        versions = _versions() if self._compiles else ()
        path = cache_files.store(
            self.generated.name, text, repr(options), *versions, keep=self._compiles and options.cache
        )
        module = load(path)
        name = self.generated.function.name
        function: Callable[..., Any] = getattr(module, name)
        if self._compiles:
            from srcad.backend.numba import compilation

            inner = unasked_name(self.generated.function)
            if inspect.isfunction(one := vars(module).get(inner)):
                setattr(module, inner, compilation.compiled(one, options))
            function = compilation.compiled(function, options)
        return module, function

    def _keys_of_captures(self) -> list[object]:
        keys: list[object] = []
        for read, _ in self._captures:
            leaves, spec = flatten(read())
            keys.append((spec, *map(leaf_type_key, leaves)))
        return keys

    def _check_tape(self, flat: list[Any]) -> None:
        """Before anything is compiled or run: what is known to keep more than the user allows is refused."""
        most = self._request.options.max_tape
        assert most is not None
        refuse_above(most, self.generated.name, self._plan(flat))

    def _check_written(self, flat: list[Any]) -> None:
        for at in self._written:
            name, array = self._names[at], flat[at]
            if not array.flags.writeable:
                if self._request.mode in ("primal", "adjoint"):  # the others work on a copy
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
                    f"{self._names[one]} and {self._names[other]} overlap in memory",
                    why=f"{self._names[one]} is written to, which would change {self._names[other]} too.",
                    advice=f"pass {self._names[other]}.copy().",
                )


def _all_code(made: Generated) -> str:
    return made.code() + made.machine_code()


def joined(error: Exception) -> Exception:
    """The error with one message: compiled code gives the parts of it."""
    if len(error.args) > 1 and all(type(part) in (str, int) for part in error.args):
        return type(error)("".join(map(str, error.args)))
    return error


def _disabled() -> bool:
    from srcad.backend.numba import compilation

    return compilation.disabled()


def _as_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Like compiled code, it says nothing of 1/0, which is inf: the adjoint of the result is a number of NumPy's."""
    given = function.__defaults__ or ()
    function.__defaults__ = tuple(np.float64(value) if type(value) is float else value for value in given)

    def called(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return called


def _picker(positions: list[int]) -> Callable[[list[Any]], list[Any]]:
    if positions == list(range(len(positions))):
        count = len(positions)
        return lambda leaves: leaves[:count]
    if len(positions) == 1:
        (only,) = positions
        return lambda leaves: [leaves[only]]
    pick = itemgetter(*positions)
    return lambda leaves: list(pick(leaves))


def _pairs(names: list[str], written: frozenset[str], types: Any) -> list[tuple[int, int]]:
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
    except Exception:  # a comparison of the user's may do anything
        return False


def _versions() -> tuple[str, ...]:
    from srcad.backend.numba.cache_key import versions

    return versions()


def _finisher(
    made: Generated,
    arguments: AbstractArguments,
    leaves: list[Any],
    values: Sequence[Any],
    parameters: Parameters,
    request: Request,
) -> Callable[[Any], Any]:
    """From what the generated function returns to what the caller gets."""
    count = len(made.lowered.function.results)
    rebuild = result_builder(made.result)
    if request.mode == "primal":
        if count == 0:
            return lambda flat: rebuild(())
        return (lambda flat: rebuild((flat,))) if count == 1 else rebuild
    if request.mode == "adjoint":
        return _numbers(arguments, leaves, [parameters.argument(name, values) for name in request.wrt])
    outputs = list(output_leaves(made.result))
    many = request.mode == "jacobian" and isinstance(outputs[0].type, Array)
    back = jacobian_conversion if many else gradient_conversion
    gradients = _gradient_builder(arguments, leaves, values, parameters, request, back)
    if request.mode == "jacobian":
        return _rows(gradients, result_builder(made.result, lambda _: None), len(outputs))
    kept = count if request.keep_value else 0
    total = kept + sum(leaf.differentiated for leaf in arguments.leaves)

    def finish(flat: Any) -> Any:
        if total == 1:
            flat = (flat,)
        gradient = gradients(flat[kept:])
        if not kept:
            return gradient
        value = rebuild(flat[:kept])
        if request.mode == "grad":
            return gradient, value[1]
        return value, gradient

    return finish


def _rows(gradients: Callable[[Any], Any], rebuild: Rebuild, count: int) -> Callable[[Any], Any]:
    """The gradient of each output in its place. Flat, they come one output after another."""

    def finish(flat: Any) -> Any:
        flat = flat if isinstance(flat, tuple) else (flat,)
        each = len(flat) // count
        return rebuild([gradients(flat[at * each : (at + 1) * each]) for at in range(count)])

    return finish


def _numbers(arguments: AbstractArguments, leaves: list[Any], chosen: Sequence[Argument]) -> Callable[[Any], Any]:
    """In procedure style only the gradients of numbers are returned: nothing, one, or a tuple."""
    active = [leaf for one in chosen for leaf in arguments.leaves if leaf.position in one.positions]
    scalars = [leaf for leaf in active if isinstance(leaf.type, Scalar)]
    converts = [gradient_conversion(leaves[leaf.position]) for leaf in scalars]
    if not converts:
        return lambda flat: None
    if len(converts) == 1:
        return lambda flat: converts[0](flat)
    return lambda flat: tuple(convert(one) for convert, one in zip(converts, flat, strict=True))


def _gradient_builder(
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
    # flat gradients come in the order of `wrt`, leaf by leaf
    order = [(flatten(one.value)[1], [converts.get(position) for position in one.positions]) for one in chosen]

    def build(flat: Sequence[Any]) -> Any:
        gradients = iter(flat)
        made = []
        for spec, changes in order:
            made.append(unflatten(spec, [None if change is None else change(next(gradients)) for change in changes]))
        return made[0] if request.single else tuple(made)

    return build

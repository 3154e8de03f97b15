"""`Derivative`: the callable that specialises a derivative on the types of its arguments, and caches it."""

from __future__ import annotations

import html
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from optree import PyTreeSpec

from srcad.compiler.generate import Generated
from srcad.compiler.zero_derivatives import warn_of_zeros
from srcad.dispatch.adjoint_buffers import flat_buffers, split
from srcad.dispatch.argument_types import AbstractArguments
from srcad.dispatch.batches import Batched
from srcad.dispatch.call_help import SUFFIXES, WORDS, call_help, call_signature
from srcad.dispatch.calling_function import calling_function
from srcad.dispatch.device_calls import DeviceCall, has_device_arrays
from srcad.dispatch.example_arguments import Example, example
from srcad.dispatch.inactive_values import InactivePart
from srcad.dispatch.jacobian_choice import forward_is_better
from srcad.dispatch.leaf_conversion import leaf_type_key
from srcad.dispatch.memory_plan import Plan
from srcad.dispatch.pytree import flatten, unflatten
from srcad.dispatch.raised_errors import raised_in_python
from srcad.dispatch.repeated_arguments import refuse_repeated
from srcad.dispatch.scipy_function import ScipyFunction
from srcad.dispatch.signature import Parameters
from srcad.dispatch.specialisation import Specialisation
from srcad.dispatch.tangent_arguments import TangentArguments, float_positions, tangents_of
from srcad.dispatch.value_specialisation import BY_VALUE, ValueSpecialisation
from srcad.errors import SrcadError, UnsupportedError, fail
from srcad.frontend.source.carried_texts import texts_to_carry
from srcad.frontend.source.source_text import Text, carried
from srcad.inspection.explanation import Explanation, explanation
from srcad.inspection.finite_calls import checking_call, copied, readable_text
from srcad.inspection.graph.dependence_graph import DependenceGraph, dependence_graph
from srcad.inspection.page.rendering import compact
from srcad.inspection.profile import Profile, profile
from srcad.inspection.trace import Trace, trace
from srcad.options import Options
from srcad.request import Differentiation, Request
from srcad.rules.registry import CHANGES

_MOST = 100
"""Arguments by position, of a function with a star-parameter."""


def _unpickled(function: Callable[..., Any], request: Request, texts: tuple[Text, ...]) -> Derivative:
    carried.update(dict.fromkeys(texts))
    return Derivative(function, request)


class Derivative:
    """The gradient of `f` (or its value and gradient, or `f` itself, compiled), called with f's arguments.

    `.source` is the text of the newest specialisation; `.source_for(*args)` that for given arguments;
    `.plan(*args)` is the tape memory of such a call; `.compiled` the Numba dispatcher on flat arguments;
    `.save(path)` writes the text to a file.

    >>> import srcad
    >>> gradient = srcad.grad(lambda x: x * x, target="python")
    >>> gradient, gradient(3.0)
    (<srcad: gradient of <lambda> with respect to x>, 6.0)
    """

    _request: Request
    _kind: type[Specialisation] = Specialisation

    def __init__(self, function: Callable[..., Any], request: Request) -> None:
        self.__wrapped__ = function
        self._parameters = Parameters.of(function)
        inner = getattr(self._parameters.function, "__name__", "function")
        self.__name__: str = (
            function._name_as_function if isinstance(function, Derivative) else (getattr(function, "__name__", inner))
        )
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__module__ = getattr(function, "__module__", __name__)
        self.__doc__ = call_help(self.__name__, request, getattr(function, "__doc__", None))
        self.__signature__ = call_signature(function, request)
        self._request = request
        if request.is_called:
            self._parameters = Parameters.of(self.__srcad_primal__)
        if request.options.max_tape is not None and request.mode in ("tangent", "columns", "hessian"):
            why = "Such a derivative runs the text of another, whose arrays are its own."
            fail(
                "S310", f"max_tape of a {WORDS[request.mode]}", None, why, "ask for it with srcad.grad of the function."
            )
        self._rules = CHANGES[0]
        self._specialisations: dict[object, list[Specialisation]] = {}
        self._finding = threading.RLock()
        self._inactive: dict[object, InactivePart] = {}
        """What Python computes before a call, for the structures that have such a part."""
        self._newest: Specialisation | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._request.options.target == "cuda" and has_device_arrays((args, kwargs)):
            return self._on_device(args, kwargs)
        if self._request.mode == "adjoint":
            return self._adjoint(args, kwargs)
        if self._request.is_forward:
            return self._directional(*args, **kwargs)
        values = self._parameters.values(args, kwargs)
        leaves, spec = flatten(values)
        one = self._made((spec, *map(leaf_type_key, leaves)), leaves) or self._specialise(args, kwargs)
        return self._run(one, values, leaves)

    def _run(self, one: Specialisation, values: Sequence[Any], leaves: list[Any], more: Sequence[Any] = ()) -> Any:
        if one.tells_apart:
            refuse_repeated(self._parameters.names, values)
        if not one.generated.lowered.rewords:
            return one.run(leaves, more)
        try:
            return one.run(leaves, more)
        except SrcadError:
            raise
        except Exception as error:
            caught = error
        if one.inactive is not None:  # what Python has computed is not computed again
            raise one.inactive.raised_by_rest(values) or caught
        raise raised_in_python(self._parameters, values) or caught

    def of_leaves(self, leaves: list[Any], spec: PyTreeSpec) -> Any:
        """The same as `self(*leaves)`, of a gradient whose arguments are not nested; `spec` is their structure."""
        one = self._made((spec, *map(leaf_type_key, leaves)), leaves) or self._specialise(tuple(leaves), {})
        return one.run(leaves)

    def _made(self, key: tuple[object, ...], leaves: list[Any]) -> Specialisation | None:
        """The specialisation that has been made for these leaves; none from before a rule was added."""
        if self._rules != CHANGES[0]:
            self._rules = CHANGES[0]
            self._specialisations.clear()
            self._inactive.clear()
        if self._inactive and (part := self._inactive.get(key)) is not None:
            part.run(unflatten(cast(PyTreeSpec, key[0]), leaves))
        for one in self._specialisations.get(key, ()):
            if one.fits(leaves):
                return one
        return None

    def _adjoint(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs, given = split(self._parameters, args, kwargs)
        values = self._parameters.values(args, kwargs)
        buffers = flat_buffers(self._parameters, self._request.wrt, values, given)
        return self._run(self.specialisation(*args, **kwargs), values, flatten(values)[0], buffers)

    def _on_device(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call with arrays that are on a device."""
        call, more = DeviceCall(args, kwargs, self._request), []
        if self._request.is_forward:
            found = tangents_of(self._parameters, *call.args, **call.kwargs)
            one, leaves = self._along(found, call.args[0])
            return one.run_on_device(call, leaves, call.tangents(found.given, found.flat))
        if self._request.mode == "adjoint":
            args, kwargs, _ = split(self._parameters, args, kwargs)
        given = self._parameters.values(args, kwargs)
        args, kwargs = call.args, call.kwargs
        if self._request.mode == "adjoint":
            args, kwargs, buffers = split(self._parameters, args, kwargs)
            more = flat_buffers(self._parameters, self._request.wrt, self._parameters.values(args, kwargs), buffers)
        values = self._parameters.values(args, kwargs)
        one = self.specialisation(*args, **kwargs)
        if one.tells_apart:
            refuse_repeated(self._parameters.names, given)
        return one.run_on_device(call, flatten(values)[0], more)

    def _directional(self, primals: Any, tangents: Any) -> Any:
        found = tangents_of(self._parameters, primals, tangents)
        one, leaves = self._along(found, primals)
        return self._run(one, found.values, leaves, found.flat)

    def _along(self, found: TangentArguments, primals: Any) -> tuple[Specialisation, list[Any]]:
        """The specialisation for these arguments and tangents, and the leaves of the arguments."""
        leaves, spec = flatten(found.values)
        one = self._made((spec, found.positions, *map(leaf_type_key, leaves)), leaves)
        one = one or self._specialise(tuple(primals), {}, positions=found.positions)
        if one.is_procedure:
            found.refuse_unwritable(leaves, one.names)
        return one, leaves

    # ---- in other functions --------------------------------------------------------------------

    @cached_property
    def __srcad_primal__(self) -> Callable[..., Any]:
        """What is read where this is to be differentiated, or compiled: a function with a source."""
        if self._request.mode == "primal":
            return self.__wrapped__
        wrt = ", ".join(self._request.wrt)
        summary = f"The {WORDS[self._request.mode]} of {self.__name__}" + (f" with respect to {wrt}." if wrt else ".")
        return calling_function(self._name_as_function, summary, self.__signature__, self)

    @property
    def __srcad_derivative__(self) -> tuple[Differentiation, Callable[..., Any]] | None:
        """What is read where a function calls this: what is asked for, and of which function."""
        request, parameters = self._request, self._parameters
        if request.mode == "primal":
            return None
        if request.is_forward:
            return Differentiation(request.mode, 0, request.has_aux, request.options), self.__wrapped__
        places = tuple(name if name in parameters.names else parameters.place(name, _MOST) for name in request.wrt)
        argnums = places[0] if request.single else places
        asked = Differentiation(request.mode, argnums, request.has_aux, request.options, request.either)
        return asked, self.__wrapped__

    @property
    def _name_as_function(self) -> str:
        name = self.__name__ if self.__name__.isidentifier() else "lambda_"
        return name if self._request.mode == "primal" else f"{name}_{SUFFIXES.get(self._request.mode, 'grad')}"

    def along(self, positions: tuple[int, ...], args: tuple[Any, ...]) -> Specialisation:
        """In forward mode, the specialisation for these arguments and tangents of the leaves at these positions."""
        leaves, spec = flatten(self._parameters.values(args, {}))
        one = self._made((spec, positions, *map(leaf_type_key, leaves)), leaves)
        return one or self._specialise(args, {}, positions=positions)

    @cached_property
    def scipy(self) -> ScipyFunction:
        """The function and its gradient as `scipy.optimize.minimize` takes them: `minimize(df.scipy, x0, jac=True)`.

        Of a gradient, with its value or not; others have none (S310). `df.scipy.like(params)` is for nested parameters.
        """
        mode = self._request.mode
        if mode not in ("grad", "value_and_grad"):
            advice = "take srcad.grad of the function."
            fail("S310", f"a {WORDS[mode]} has no function for SciPy", None, "It takes a value and a gradient.", advice)
        request = replace(self._request, mode="value_and_grad")
        both = self if mode == "value_and_grad" else Derivative(self.__wrapped__, request)
        return ScipyFunction(both, self._parameters, request)

    def batched(self, in_axes: Any = 0) -> Batched:
        """The same function of many samples, along a new first axis of its results: a compiled loop, on threads.

        Samples that write into what all share are computed in their order.

        `in_axes` says along which axis of each argument the samples are, None where all have the same: a number for all
        arguments, or a tuple with one for each, or dicts, lists and tuples of them, as of `jax.vmap`.

            values, gradients = srcad.value_and_grad(loss).batched(in_axes=(None, 0, 0))(params, xs, ys)
        """
        options, first = self._request.options, self
        if options.target == "cuda":  # what the results look like is asked of the host
            first = Derivative(self.__wrapped__, replace(self._request, options=replace(options, target="python")))
        request = Request("primal", (), True, False, replace(options, parallel=False))
        names = tuple(name for name in self._parameters.names if name in self._parameters.positional)
        return Batched(self, self._name_as_function, names, in_axes, lambda loop: Derivative(loop, request), first)

    # ---- the text ------------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """The text of the newest specialisation; before any call, that for the types in the annotations."""
        return self._current().text

    def source_for(self, *args: Any, **kwargs: Any) -> str:
        """The text for these arguments. Nothing is compiled."""
        return self.specialisation(*args, **kwargs).text

    def device_source(self, *args: Any, **kwargs: Any) -> str:
        """With `target="cuda"`, the text that runs where arrays are on the device: kernels, and what launches them.

        For these arguments, which may be on the host; without any, for those in the annotations. Buffers of an
        `adjoint` may be left out. Nothing is compiled. Raises S527 for what a device cannot do.

        >>> import numpy as np
        >>> import srcad
        >>> def energy(x):
        ...     return np.sum(x * x)
        >>> text = srcad.grad(energy, target="cuda").device_source(np.ones(9))
        >>> print(text[text.index("@cuda.jit\\ndef d_x") :])
        @cuda.jit
        def d_x_kernel(x, d_x, d_result):
            for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
                d_x[i] = 2.0 * x[i] * d_result
        <BLANKLINE>
        <BLANKLINE>
        def energy_grad(x, d_result=1.0, stream=0):
            d_x = cuda.device_array(x.shape[0], stream=stream)
            d_x_kernel[blocks_of(x.shape[0]), THREADS, stream](x, d_x, d_result)
            return d_x
        <BLANKLINE>
        """
        if self._request.options.target != "cuda":
            fail("S310", 'a text for the device needs target="cuda"', advice='write target="cuda" where it is made.')
        return self._chosen(args, kwargs).generated.program_text()

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """The memory that a call with these arguments saves in its forward sweep for its reverse sweep, in bytes.

        Nothing is compiled, and the function is not run, but for what Python computes before a call: this is a
        prediction for a large call. `.saved` lists the arrays and scalars; `.bytes` is the sum of the known sizes.
        Buffers of an `adjoint` may be left out.
        """
        if self._request.mode == "adjoint":
            args, kwargs, _ = split(self._parameters, args, kwargs)
        return self.specialisation(*args, **kwargs).plan(flatten(self._parameters.values(args, kwargs))[0])

    def trace(self, *args: Any, **kwargs: Any) -> Trace:
        """The adjoint of every intermediate value in a call with these arguments, by name and iteration.

        The readable text is run by Python, not compiled; the arguments are not modified. In the reverse sweep of a
        loop an adjoint is assigned once or more in each iteration: each value is listed, with the line that it is of.
        """
        one, flat = self._flat(args, kwargs)
        return trace(readable_text(one.generated), one.generated.adjoints, flat)

    def profile(self, *args: Any, **kwargs: Any) -> Profile:
        """The share of each line of the generated text in the time of a call with these arguments.

        The readable text is run by Python, once, not compiled; the arguments are not modified. Python's time for a line
        in a loop over elements says little of the compiled one; for operations on large arrays the two are alike.
        """
        one, flat = self._flat(args, kwargs)
        return profile(readable_text(one.generated), flat)

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """Why the gradient of each parameter is what it is, and how the reverse sweep comes by each value it reads.

        For these arguments; without any, of the newest specialisation. Nothing is compiled, the function is not run.
        """
        return explanation(self._chosen(args, kwargs).generated)

    def graph(self, *args: Any, **kwargs: Any) -> DependenceGraph:
        """What the variables of the function depend on, and where a derivative passes; printed, it is DOT.

        For these arguments; without any, of the newest specialisation. Nothing is compiled, the function is not run.
        """
        return dependence_graph(self._chosen(args, kwargs).generated)

    @property
    def compiled(self) -> Callable[..., Any]:
        """The newest specialisation as a Numba dispatcher on flat arguments, callable from other compiled code."""
        return self._current().checked_function()

    def device(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """With `target="cuda"`, the device function for kernels of your own: a dispatcher of `cuda.jit(device=True)`.

        For arguments of the types of these; without any, of those in the annotations. Buffers of an `adjoint` may be
        left out. It takes flat arguments, as `.source` lists them; a cotangent of the result is 1 where it is left out.
        Numbers are returned, gradients of arrays are added to buffers. What it reads from outside, it has as it is now.
        Raises S520 to S522 for what device code cannot do, S523 where no GPU is found.
        """
        if self._request.options.target != "cuda":
            fail("S310", 'a device function needs target="cuda"', advice='write target="cuda" where it is made.')
        return self._chosen(args, kwargs).device_function()

    def save(self, path: str | Path) -> Path:
        """Write the text to a file that can be imported without srcad; it needs NumPy and Numba.

        Its compiled form is written into the folder `_machine` beside it, where it runs as fast as the derivative.
        The function in it takes flat arguments. It raises TypeError for types that the text was not made for.
        """
        target = Path(path)
        self._current().shipment().write(target)
        return target

    def example(self) -> Example:
        """Arguments of the types in the annotations; S316 where these do not determine them."""
        return example(self.__wrapped__, self._parameters)

    def specialise_for(self, given: Example) -> Specialisation:
        """The specialisation for arguments of the types of an example."""
        values = self._parameters.values(given.args, given.kwargs)
        chosen = [self._parameters.wrt(name)[0] for name in sorted(given.invented)]
        positions = {name: self._parameters.argument(name, values).positions for name in chosen}
        invented = frozenset(position for one in positions.values() for position in one)
        try:
            return self._specialise(given.args, given.kwargs, invented)
        except UnsupportedError as error:
            leaves = flatten(values)[0]
            names = [n for n, found in positions.items() if any(isinstance(leaves[at], int) for at in found)]
            if not names or not {problem.code for problem in error.problems} & BY_VALUE:
                raise
            which = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
            fail(
                "S316",
                f"nobody has said what {which} of {self.__name__} is, on which the text depends",
                why=f"{error.problems[0].message}: the type does not say enough.",
                advice="call the gradient, or source_for(*args), once, with the value that is meant;\n"
                "give it as the default; or give examples = to the entry of [tool.srcad].",
            )

    def specialisation(self, *args: Any, **kwargs: Any) -> Specialisation:
        """The specialisation that a call with these arguments runs."""
        if self._request.options.target == "cuda" and has_device_arrays((args, kwargs)):
            call = DeviceCall(args, kwargs, self._request)
            args, kwargs = call.args, call.kwargs
        values = self._parameters.values(args, kwargs)
        leaves, spec = flatten(values)
        key: tuple[object, ...] = (spec, *map(leaf_type_key, leaves))
        if self._request.is_forward:
            key = (spec, float_positions(self._parameters, values), *map(leaf_type_key, leaves))
        return self._made(key, leaves) or self._specialise(args, kwargs)

    @property
    def has_python_part(self) -> bool:
        """Whether Python computes a part of the function, before a call, for some of the types of calls so far."""
        return bool(self._inactive)

    @property
    def options(self) -> Options:
        return self._request.options

    def __repr__(self) -> str:
        wrt = f" with respect to {', '.join(self._request.wrt)}" if self._request.wrt else ""
        return f"<srcad: {WORDS[self._request.mode]} of {self.__name__}{wrt}>"

    def _repr_html_(self) -> str:
        words = f"<p>{html.escape(repr(self))}</p>"
        try:
            return words + compact(self._current().generated)
        except SrcadError as error:
            return f"{words}<pre>{html.escape(str(error))}</pre>"
        except Exception:  # a later call makes a text, or raises the error
            return words

    def __reduce__(self) -> str | tuple[Any, ...]:
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:  # a decorated function: the module attribute of this name is the derivative itself
            return str(self.__qualname__)
        return _unpickled, (self.__wrapped__, self._request, texts_to_carry(self._parameters.function))

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A derivative defined in a class body is a method, like its function."""
        from types import MethodType

        return self if instance is None else MethodType(self, instance)

    # ---- specialisation ------------------------------------------------------------------------

    def _flat(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Specialisation, list[Any]]:
        """The specialisation of a call, and copies of the flat arguments of its text."""
        given: list[Any] = []
        if self._request.mode == "adjoint":
            args, kwargs, given = split(self._parameters, args, kwargs)
        values = self._parameters.values(args, kwargs)
        one = self.specialisation(*args, **kwargs)
        flat = one.flat(flatten(values)[0])
        if self._request.mode == "adjoint":
            flat += flat_buffers(self._parameters, self._request.wrt, values, given)
        return one, copied(flat)

    def _chosen(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Specialisation:
        """The specialisation for these arguments, buffers of an adjoint left out or not; without any, the newest."""
        if self._request.mode == "adjoint":
            args, kwargs, _ = split(self._parameters, args, kwargs)
        return self.specialisation(*args, **kwargs) if args or kwargs else self._current()

    def _current(self) -> Specialisation:
        if self._newest is None:
            return self.specialise_for(self.example())
        return self._newest

    def _without_inactive(
        self, key: object, specialiser: ValueSpecialisation, error: SrcadError
    ) -> tuple[Generated, AbstractArguments, ValueSpecialisation]:
        """One thread finds what Python is to compute before a call; another computes it, and uses what was found."""
        with self._finding:
            known = self._inactive.get(key)
            if known is None:
                try:
                    made, arguments, specialiser = specialiser.without_inactive(error)
                except SrcadError as refused:
                    made, arguments, specialiser = specialiser.taken_apart(refused)
                if specialiser.inactive is not None:  # else all of it is compiled
                    self._inactive[key] = specialiser.inactive
                return made, arguments, specialiser
            if known is specialiser.inactive:
                raise error
        known.run(specialiser.values)
        specialiser = replace(specialiser, inactive=known)
        return (*specialiser.generate_for_call(), specialiser)

    def _specialise(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        invented: frozenset[int] = frozenset(),
        positions: tuple[int, ...] | None = None,
    ) -> Specialisation:
        parameters, request = self._parameters, self._request
        if request.is_called:
            request = replace(request, mode="primal")
        values = parameters.values(args, kwargs)
        leaves, spec = flatten(values)
        key: tuple[object, ...] = (spec, *map(leaf_type_key, leaves))
        if request.either and forward_is_better(parameters, values, leaves, request):
            columns = Derivative(self.__wrapped__, replace(request, mode="columns", either=False))
            one = columns._specialise(args, kwargs, invented)
            for part in columns._inactive.values():
                self._inactive[key] = part
            self._specialisations.setdefault(key, []).append(one)
            self._newest = one
            return one
        if request.is_forward:
            request = replace(
                request, positions=float_positions(parameters, values) if positions is None else positions
            )
            key = (spec, request.positions, *map(leaf_type_key, leaves))
        known = self._inactive.get(key)
        specialiser = ValueSpecialisation(parameters, values, leaves, request, invented, known)
        fault = None
        try:
            made, arguments = specialiser.generate_for_call()
        except SrcadError as error:
            fault = error
        if fault is not None and request.options.target == "cuda":  # Python has no elements of arrays of a device
            raise fault
        if fault is not None:  # here, since what Python computes may raise errors of its own
            made, arguments, specialiser = self._without_inactive(key, specialiser, fault)
        warn_of_zeros(made.steps, made.lowered.function)
        one = self._kind(made, arguments, values, parameters, request, specialiser.generate_for, checking_call)
        one.inactive = specialiser.inactive
        existing = self._specialisations.setdefault(key, [])
        # another thread may have made the same specialisation meanwhile: only one is compiled
        chosen = next((other for other in existing if other.fits(leaves)), one)
        if chosen is one:
            existing.append(one)
        self._newest = chosen
        return chosen

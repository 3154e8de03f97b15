"""Specialisation on argument values: integers and bools become compile-time constants where types do not suffice.

An axis, a `keepdims` or the index of a layer determines the generated code. Where lowering fails because such a value
is unknown, it is tried again with the integers and bools of the call as constants; then each that was not needed
becomes a parameter again.

>>> import numpy as np
>>> import srcad
>>> gradient = srcad.grad(lambda x, axis: np.sum(np.max(x, axis=axis)), target="python")
>>> gradient.specialisation(np.ones((2, 3)), 1).arguments.known
((1, 1),)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
from typing import Any

import gast
import numpy as np

from srcad.compiler.generate import Generated, generate
from srcad.dispatch.argument_types import AbstractArguments, abstract_arguments
from srcad.dispatch.inactive_callees import separable, with_calls_inlined
from srcad.dispatch.inactive_search import CODES, Search
from srcad.dispatch.inactive_values import InactivePart
from srcad.dispatch.leaf_conversion import is_float
from srcad.dispatch.pytree import flatten
from srcad.dispatch.signature import Parameters
from srcad.errors import SrcadError, UnsupportedError, fail, not_left_to_python
from srcad.frontend.source.read import DERIVATIVE_OF, Source, read, read_as, span
from srcad.frontend.syntax.activity import Activity
from srcad.frontend.syntax.control_exits import NEXT, RAISE, exits, may_go_on
from srcad.request import Request

BY_VALUE = frozenset({"S113", "S114", "S123", "S125"})
_BY_LENGTH = frozenset({"S113", "S114", "S119", "S123", "S125", "S126", "S129"})
_BY_BOOL = frozenset({"S119", "S127"})
_MAX_TRIALS = 8
_MOST_PARTS = 100
"""Parts of a function that are left to Python."""


@dataclass(frozen=True, eq=False)
class ValueSpecialisation:
    parameters: Parameters
    values: tuple[Any, ...]
    leaves: Sequence[Any]
    request: Request
    invented: frozenset[int] = frozenset()
    """Leaves, by position, of which only the type is given: their values cannot be constants."""
    inactive: InactivePart | None = None
    """What Python computes before each call; the function is the rest."""
    whole: Source | None = None
    """The function, where calls in it are written out."""
    inner: Any = None
    """The function that is split, where a derivative of it is called."""
    apart: bool = False
    """Loops over arrays that cannot stay loops are unrolled, for as many items as there are in this call."""
    compiles_tries: bool = False
    """A `try` is compiled though nothing differentiated is in it: Python cannot execute it."""

    def without_inactive(self, error: SrcadError) -> tuple[Generated, AbstractArguments, ValueSpecialisation]:
        """The function for this call, of what is left where Python computes before what is inactive.

        With it what generates it for other types. Raises the error, which it was to avoid, where that cannot be.
        """
        if not {problem.code for problem in error.problems} & CODES:
            raise error
        source = read(self.parameters.function)
        names = self.parameters.names
        of = source.globals.get(DERIVATIVE_OF)
        inner = of if isinstance(of, FunctionType) else None
        if inner is not None:  # a derivative is called: it is the function of that which is split
            source = read(inner)
            if tuple(one.id for one in source.tree.args.args) != names:
                raise error
        values = dict(zip(names, self.values, strict=True))
        wrt = self._differentiated()
        last = error
        whole = separable(with_calls_inlined(source, values, wrt), values, wrt) if wrt else source
        if whole is not source:
            try:
                replace(self, whole=whole, inner=inner).generate_for_call()
            except SrcadError as another:
                last = another
        search = Search(whole, names, self.values, wrt, is_inner=inner is not None)
        if self.invented:
            reason = "only the types of the arguments are known, and it has to be run: call it once, or give examples"
            raise not_left_to_python(error, reason if search.why_not(error) else None)
        for _ in range(_MOST_PARTS if wrt and search.is_hopeful else 0):
            part = search.extended(last)
            if part is None:
                break
            try:
                rest = replace(self, inactive=part, inner=inner)
                return (*rest.generate_for_call(), rest)
            except SrcadError as another:
                last = another
        if self._inactive_try() is not None:
            anyhow = replace(self, compiles_tries=True)
            try:
                return (*anyhow.generate_for_call(), anyhow)
            except SrcadError as another:
                raise not_left_to_python(another, search.fault) from None
        raise not_left_to_python(error, search.why_not(last))

    def taken_apart(self, error: SrcadError) -> tuple[Generated, AbstractArguments, ValueSpecialisation]:
        """The function for this call, with loops over arrays unrolled: then lists have items of any kind.

        Raises the error, which it was to avoid, where that is no help.
        """
        if self.invented or not {problem.code for problem in error.problems} & _BY_LENGTH:
            raise error
        try:
            unrolled = replace(self, apart=True)
            return (*unrolled.generate_for_call(), unrolled)
        except SrcadError:
            raise error from None

    def _differentiated(self) -> list[str]:
        """The parameters with floats that are differentiated."""
        names = self.parameters.names
        asked = {name.partition("[")[0] for name in self.request.wrt} or set(names)
        moving = self.request.positions
        if moving is not None:
            at = {name: self.parameters.argument(name, self.values).positions for name in names}
            asked = {name for name in asked if not set(moving).isdisjoint(at[name])}
        values = dict(zip(names, self.values, strict=True))
        return [name for name, value in values.items() if name in asked and any(map(is_float, flatten(value)[0]))]

    def _inactive_try(self) -> gast.Try | gast.With | None:
        """A `try` that goes on after an error, with nothing in it that is differentiated: Python has more errors.

        One that a `continue` leaves is no part by itself: it is compiled.
        """
        if self.compiles_tries or self.invented or self.inner is not None:
            return None
        source = self._source
        tries = [one for one in gast.walk(source.tree) if may_go_on(one) and exits([one]) <= {NEXT, RAISE}]
        wrt = self._differentiated() if tries else []
        activity = Activity(source.tree, wrt) if wrt else None
        for one in tries if activity is not None else ():
            if activity is not None and not (activity.is_under_active(one) or activity.is_active(one)):
                return one
        return None

    @property
    def _source(self) -> Source:
        if self.inactive is not None:
            return self.inactive.source
        return self.whole or read(self.parameters.function)

    def generate_for_call(self) -> tuple[Generated, AbstractArguments]:
        read(self.parameters.function)  # raises S101 for a function without source
        left = self._inactive_try()
        if left is not None:
            fail("S103", "try with nothing in it that is differentiated", span(self._source, left))
        try:
            # a device function has no parameters for what it reads from outside
            return self._attempt(fixed=self.request.options.target == "cuda")
        except UnsupportedError as error:
            codes = {problem.code for problem in error.problems}
            found = self._with_constants(codes)
            if found is None:
                self._refuse_integers(error)
                raise
            return found

    def _refuse_integers(self, error: UnsupportedError) -> None:
        """S301 where the cause of the error is that an integer of the call is a float, to be differentiated."""
        parameters, active = self.parameters, self._active()
        integers = {at for at in active if isinstance(self.leaves[at], int | np.integer)}
        if not integers:
            return
        whole = abstract_arguments(parameters.names, self.values, active, len(parameters.fixed))
        one = [leaf.place for leaf in whole.leaves if leaf.position in integers]
        as_given = abstract_arguments(parameters.names, self.values, set(active) - integers, len(parameters.fixed))
        zero_d = frozenset(leaf.name for leaf in as_given.leaves if leaf.zero_d)
        try:
            generate(parameters.function, as_given.arguments, (), replace(self.request, mode="primal"), False, zero_d)
        except SrcadError:
            return
        are = "is an integer" if len(one) == 1 else "are integers"
        problem = error.problems[0]
        fail(
            "S301",
            f"{' and '.join(one)} {are}, and you differentiate with respect to {'it' if len(one) == 1 else 'them'}",
            problem.span,
            f"What is differentiated is a number (float64): {problem.message}.",
            "name other arguments in argnums.",
        )

    def _with_constants(self, codes: set[str]) -> tuple[Generated, AbstractArguments] | None:
        # with none chosen, a variable from outside may be what must be constant
        if codes & BY_VALUE or (self.apart and codes & _BY_BOOL):
            chosen = self._candidates(bool | np.bool_ | int | np.integer)
        elif codes & _BY_BOOL:
            chosen = self._candidates(bool | np.bool_)
        else:
            return None
        try:
            found, fixed = self._attempt(chosen, True), True
        except SrcadError as error:
            if codes & BY_VALUE and not {problem.code for problem in error.problems} & BY_VALUE:
                raise  # with all values constant, this error is the cause
            return None
        without = self._try(chosen, False)
        if without is not None:
            found, fixed = without, False
        if len(chosen) <= _MAX_TRIALS:
            for position in tuple(chosen):
                fewer = [other for other in chosen if other != position]
                without = self._try(fewer, fixed)
                if without is not None:
                    found, chosen = without, fewer
        return found

    def _candidates(self, kinds: Any) -> list[int]:
        parameters = self.parameters
        whole = abstract_arguments(parameters.names, self.values, self._active(), len(parameters.fixed))
        others = {leaf.position for leaf in whole.leaves if not leaf.differentiated}
        return [at for at, leaf in enumerate(self.leaves) if at in others - self.invented and isinstance(leaf, kinds)]

    def _try(self, constants: Collection[int], fixed: bool) -> tuple[Generated, AbstractArguments] | None:
        try:
            return self._attempt(constants, fixed)
        except SrcadError:
            return None

    def _attempt(self, constants: Collection[int] = (), fixed: bool = False) -> tuple[Generated, AbstractArguments]:
        parameters = self.parameters
        arguments = abstract_arguments(
            parameters.names, self.values, self._active(), len(parameters.fixed), constants, self.invented
        )
        arguments = replace(arguments, fixed=fixed)
        return self.generate_for(arguments), arguments

    def generate_for(self, arguments: AbstractArguments) -> Generated:
        """Generate the function for arguments of these types."""
        request = self.request
        name_at = {leaf.position: leaf.name for leaf in arguments.leaves}
        wrt = tuple(name_at[position] for position in self._active() if position in name_at)
        if request.wrt and not wrt:
            missing = [name for name in request.wrt if self.parameters.argument(name, self.values).value is None]
            kind = "float" if request.mode == "vjp" else "number"
            what = f"{missing[0]} is None" if missing else f"{', '.join(request.wrt)} has no {kind} in it"
            fail("S207", f"{what}: there is nothing to differentiate with respect to")
        zero_d = frozenset(leaf.name for leaf in arguments.leaves if leaf.zero_d)
        source = self.whole if self.inactive is None else self.inactive.source
        made_of = (arguments.arguments, wrt, request, arguments.fixed, zero_d)
        shapes, elements = arguments.shapes, arguments.elements
        of_call = partial(generate, shapes=shapes, integers=arguments.integers, apart=self.apart, elements=elements)
        function = self.parameters.function
        if self.inner is None or source is None:
            return of_call(function, *made_of, source=source)
        own = replace(read(function), python=source.python)
        with read_as(self.inner, source):
            return of_call(function, *made_of, source=own)

    def _active(self) -> list[int]:
        """The positions of the leaves to differentiate with respect to, in the order of `argnums`."""
        if self.request.positions is not None:
            return list(self.request.positions)
        found = [self.parameters.argument(name, self.values) for name in self.request.wrt]
        positions = [position for argument in found for position in argument.positions]
        if self.request.mode == "vjp":  # of what is whole, a pullback gives None
            return [at for at in positions if is_float(self.leaves[at])]
        return positions

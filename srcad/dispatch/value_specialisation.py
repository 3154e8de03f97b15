"""What is generated for one call: with every number a parameter, or with a few integers taken as they are.

An axis, a `keepdims` or the name of a weight decides what the text looks like. Where lowering stops because such a
value is not known, it is tried again with the integers and bools of the call as constants; then each that was not
needed becomes a parameter again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from srcad.compiler.pipeline import Generated, generate
from srcad.dispatch.argument_types import AbstractArguments, abstract_arguments
from srcad.dispatch.signature import Parameters
from srcad.errors import SrcadError, UnsupportedError, fail
from srcad.frontend.source.read import read
from srcad.request import Request

BY_VALUE = frozenset({"S113", "S114", "S123", "S125"})
_BY_BOOL = frozenset({"S119", "S127"})
_MANY = 8


@dataclass(frozen=True, eq=False)
class ValueSpecialisation:
    parameters: Parameters
    values: tuple[Any, ...]
    leaves: Sequence[Any]
    request: Request
    invented: frozenset[int] = frozenset()
    """Leaves, by position, of which only the type is meant: their values cannot be taken as they are."""

    def made(self) -> tuple[Generated, AbstractArguments]:
        read(self.parameters.function)  # says of a function without source that it has none
        try:
            return self._attempt()
        except UnsupportedError as error:
            codes = {problem.code for problem in error.problems}
            found = self._with_known(codes)
            if found is None:
                raise
            return found

    def _with_known(self, codes: set[str]) -> tuple[Generated, AbstractArguments] | None:
        if codes & BY_VALUE:
            chosen = self._candidates(bool | np.bool_ | int | np.integer)
            least = 0  # what is read from outside may be what has to be known
        elif codes & _BY_BOOL:
            chosen = self._candidates(bool | np.bool_)
            least = 1
        else:
            return None
        if len(chosen) < least:
            return None
        try:
            found, fixed = self._attempt(chosen, True), True
        except SrcadError as error:
            if codes & BY_VALUE and not {problem.code for problem in error.problems} & BY_VALUE:
                raise  # with every value known, this is what is wrong
            return None
        without = self._try(chosen, False)
        if without is not None:
            found, fixed = without, False
        if len(chosen) <= _MANY:
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

    def _try(self, known: Collection[int], fixed: bool) -> tuple[Generated, AbstractArguments] | None:
        try:
            return self._attempt(known, fixed)
        except SrcadError:
            return None

    def _attempt(self, known: Collection[int] = (), fixed: bool = False) -> tuple[Generated, AbstractArguments]:
        parameters = self.parameters
        arguments = abstract_arguments(parameters.names, self.values, self._active(), len(parameters.fixed), known)
        arguments = replace(arguments, fixed=fixed)
        return self.made_for(arguments), arguments

    def made_for(self, arguments: AbstractArguments) -> Generated:
        """The function for arguments of these types."""
        request = self.request
        name_at = {leaf.position: leaf.name for leaf in arguments.leaves}
        wrt = tuple(name_at[position] for position in self._active() if position in name_at)
        if request.wrt and not wrt:
            missing = [name for name in request.wrt if self.parameters.argument(name, self.values).value is None]
            what = f"{missing[0]} is None" if missing else f"{', '.join(request.wrt)} has no number in it"
            fail("S207", f"{what}: there is nothing to differentiate with respect to")
        zero_d = frozenset(leaf.name for leaf in arguments.leaves if leaf.zero_d)
        return generate(self.parameters.function, arguments.arguments, wrt, request, arguments.fixed, zero_d)

    def _active(self) -> list[int]:
        """The positions of the leaves to differentiate with respect to, in the order of `argnums`."""
        found = [self.parameters.argument(name, self.values) for name in self.request.wrt]
        return [position for argument in found for position in argument.positions]

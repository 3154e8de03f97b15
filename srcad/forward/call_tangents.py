"""The tangent of a call that stays a call: a call of the function that returns its tangents, too.

>>> import numpy as np
>>> import srcad
>>> __name__ = "user_module"
>>> def power(x, n):
...     return np.exp(x) if n == 0 else x * power(x, n - 1)
>>> along = srcad.jvp(lambda x: power(x, 3), target="python")
>>> along((0.0,), (1.0,))
(0.0, 0.0)
>>> print(along.source[along.source.index("def") :].rstrip())
def power_jvp(x, n, t_x):
    if n == 0:
        exp = np.exp(x)
        t_choice = exp * t_x
    else:
        value, t_value = power_jvp(x, n - 1, t_x)
        exp = x * value
        t_choice = value * t_x + x * t_value
    return exp, t_choice
<BLANKLINE>
<BLANKLINE>
def lambda__jvp(x, t_x):
    value, t_value = power_jvp(x, 3, t_x)
    return value, t_value
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from srcad.analysis.memory.may_alias import may_alias
from srcad.errors import fail
from srcad.ir.called import Called, callee_of, type_of_call
from srcad.ir.names import base
from srcad.ir.nodes import Assign, Atom, Const, Effect, Expr, Function, Op, Var
from srcad.ir.traversal import walk
from srcad.ir.types import Array, ListOf, Scalar, Type
from srcad.typing.builder import Builder

Known = TypeVar("Known", bound=Type)


@dataclass(frozen=True)
class TangentCall:
    """The function with tangents, as it is called: with those of the parameters `wrt` after its own arguments."""

    called: Called
    wrt: tuple[int, ...]
    results: tuple[int, ...]
    """Those whose tangents it returns, after its own results."""
    writes_items: bool = False
    """Whether it writes to arrays that it takes from lists that it is given."""


TangentOf = Callable[[str, tuple[int, ...], tuple[int, ...]], TangentCall | None]
"""By the name of a function, the parameters that have tangents, and the results that need them; None where there is
nothing to return and nothing that the function changes."""


def tangent_type(t: Known) -> Known:
    """The type of the tangent of a value of this type: that of a number says nothing of its value."""
    return replace(t, dim=None, weak=False) if isinstance(t, Scalar) else t


class Tangents(Protocol):
    """The tangents of the caller."""

    def of(self, expr: Expr) -> Atom | None: ...

    def name(self, target: str, value: Expr) -> Var: ...


class CallTangents:
    def __init__(
        self,
        f: Function,
        builder: Builder,
        moving: Container[str],
        tangents: Tangents,
        tangent_of: TangentOf | None,
    ) -> None:
        self.builder = builder
        self.moving = moving
        self.tangents = tangents
        self.tangent_of = tangent_of
        self._shared = may_alias(f.body, f.types)
        self._results: dict[str, dict[int, str]] = {}
        for stmt in walk(f.body):
            match stmt:
                case Assign(target, Op("result", (Var(of),), ((_, int(at)),))):
                    self._results.setdefault(of, {})[at] = target
        self._places: dict[tuple[str, int], int] = {}
        """Where, among what a call returns, the tangents of its results are."""

    def call(self, target: str | None, call: Op) -> None:
        """Emit `target = call`, with the tangents of the arguments and of the results."""
        builder, callee = self.builder, callee_of(call)
        single = len(callee.results) == 1
        own = {0: target} if single and target is not None else self._results.get(target or "", {})
        wrt = tuple(k for k, a in enumerate(call.args) if k not in callee.constant and self.tangents.of(a) is not None)
        results = tuple(at for at, name in sorted(own.items()) if name in self.moving)
        found = None
        if wrt:
            assert self.tangent_of is not None
            found = self.tangent_of(callee.name, wrt, results)
        if found is None:
            builder.emit(Assign(target, call, builder.span) if target is not None else Effect(call, builder.span))
            return
        self._refuse_overlap(callee, call, found.writes_items)
        args = (*call.args, *(self._argument(callee, call, at) for at in found.wrt))
        value = Op("call", args, (("callee", found.called),))
        if target is None:
            builder.emit(Effect(value, builder.span))
        elif not found.results:
            builder.emit(Assign(target, value, builder.span))
        else:
            given = [builder.typeof(a) for a in args]
            every = builder.fresh("%results", type_of_call(found.called, given, "results")).name if single else target
            builder.types[every] = type_of_call(found.called, given, every)
            builder.emit(Assign(every, value, builder.span))
            self._places |= {(every, at): len(callee.results) + k for k, at in enumerate(found.results)}
            if single:
                builder.emit(Assign(target, Op("result", (Var(every),), (("at", 0),)), builder.span))
                self.result(target, every, 0)

    def result(self, target: str, results: str, at: int) -> None:
        """Name the tangent of `target`, which is one of the results of a call."""
        place = self._places.get((results, at))
        if place is not None:
            self.tangents.name(target, Op("result", (Var(results),), (("at", place),)))

    def _refuse_overlap(self, callee: Called, call: Op, writes_items: bool) -> None:
        """S401 where the function changes an array that another argument may be, too.

        It is made for arguments that have nothing in common: a tangent reads its arguments after the statement.
        """
        given = {at: a.name for at, a in enumerate(call.args) if isinstance(a, Var) and self._shared.has_memory(a.name)}
        for at in callee.changes:
            if isinstance(callee.params[at][1], ListOf) and not writes_items:
                continue
            for other, name in given.items():
                if other != at and self._shared.class_of(name) == self._shared.class_of(given[at]):
                    first, second = (base(callee.params[k][0]) for k in (at, other))
                    what = f"{callee.name} changes {first}, which may be in the same memory as {second}"
                    why = "Its tangent would read what the function has changed."
                    fail("S401", what, self.builder.span, why, f"give it a copy of one: {second}.copy().")

    def _argument(self, callee: Called, call: Op, at: int) -> Atom:
        """The tangent of an argument, in the layout that the function takes."""
        found = self.tangents.of(call.args[at])
        if found is None:
            return Const(0.0)  # a number, which has a tangent in other calls
        taken, own = callee.params[at][1], self.builder.typeof(found)
        if not isinstance(taken, Array) or not isinstance(own, Array) or taken.layout in ("A", own.layout):
            return found
        if at in callee.changes or taken.layout != "C":
            what = f"{callee.name} changes an array, and the tangent of that is laid out in another order"
            fail("S115", what, self.builder.span, None, "give it a copy in the order of C.")
        return self.builder.op("np.ascontiguousarray", found)

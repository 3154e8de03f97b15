"""Lengths that agree: what every call that returns has checked of the shapes of its arguments holds from the start.

`u * v` after a loop asks for equal lengths. Asked before the loop, they are one length in all of the function: nothing
in it may broadcast, and nothing in its gradient has to find out. A function that would raise several errors may then
raise another of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from srcad.analysis.integers.residual_conditions import equalities
from srcad.analysis.values.effects import has_effect
from srcad.compiler.fitted_lengths import in_full, with_lengths
from srcad.frontend.values.abstract_values import Abstract
from srcad.ir.nodes import Assign, Block, Effect, Expr, Function, Op, Stmt
from srcad.ir.runtime_checks import Check, check, check_of
from srcad.ir.traversal import CHANGES_FIRST_ARGUMENT, names, walk
from srcad.ir.types import Array, Dim, Symbol, Type, dim
from srcad.typing.builder import Builder
from srcad.typing.typeof import linear_value


@dataclass(frozen=True)
class AgreedLengths:
    """Axes of arguments that are equally long in all calls that return, and the checks that say so."""

    equal: Mapping[Symbol, Symbol]
    """For an axis, the one that stands for it."""
    checks: tuple[tuple[Check, Effect], ...]
    """Each on shapes of parameters alone, with the statement that it was."""

    def arguments(self, given: Mapping[str, Abstract]) -> dict[str, Abstract]:
        """The arguments, with one length for those that are equal."""
        equal = {axis: dim(standing) for axis, standing in self.equal.items()}
        return {name: with_lengths(value, equal) for name, value in given.items()}

    def at_the_start(self, f: Function) -> Function:
        """The function with the checks before all else."""
        builder = Builder.resume(f)
        # not derived: by the types that the parameters have here they say nothing
        with builder.block() as first:
            for found, stmt in self.checks:
                builder.span = stmt.span
                condition = builder.flat(found.condition)
                message = [part if isinstance(part, str) else builder.flat(part) for part in found.message]
                builder.emit(check(condition, found.error, message, stmt.span, derived=False))
        return builder.built(replace(f, body=(*first, *f.body)))


def agreed_lengths(f: Function) -> AgreedLengths | None:
    """What the checks of a function in normal form say that every call passes; None where that is nothing.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def total(x, y):
    ...     s = np.sum(x)
    ...     return s + np.dot(x, y)
    >>> found = agreed_lengths(normal_form(total, np.ones(20), np.ones(20)))
    >>> sorted((a.name, b.name) for a, b in found.equal.items())
    [('x', 'x'), ('y', 'x')]
    """
    values = {stmt.target: stmt.value for stmt in walk(f.body) if isinstance(stmt, Assign)}
    given = {p.name for p in f.params if isinstance(f.types[p.name], Array)}
    groups: dict[Symbol, set[Symbol]] = {}
    checks: list[tuple[Check, Effect]] = []
    for found, stmt in _unconditional(f.body):
        expanded = replace(
            found,
            condition=in_full(found.condition, values, f.types),
            message=tuple(p if isinstance(p, str) else in_full(p, values, f.types) for p in found.message),
        )
        parts = (expanded.condition, *(p for p in expanded.message if not isinstance(p, str)))
        pairs = [pair for a, b in equalities(expanded.condition) if (pair := _symbols(a, b, f.types, given))]
        if not pairs or not all(names(e) <= given for e in parts):
            continue
        checks.append((expanded, stmt))
        for a, b in pairs:
            joined = groups.get(a, {a}) | groups.get(b, {b})
            groups |= dict.fromkeys(joined, joined)
    if not checks:
        return None
    return AgreedLengths({one: _standing(f, group) for one, group in groups.items()}, tuple(checks))


def may_broadcast(f: Function) -> int:
    """How many operations find out at run time whether they broadcast."""
    values = {stmt.target: stmt.value for stmt in walk(f.body) if isinstance(stmt, Assign)}
    checks = (found for stmt in walk(f.body) if (found := check_of(stmt)) is not None)
    return sum(_has_choice(in_full(one.condition, values, f.types), True) for one in checks)


def _has_choice(e: Expr, truth: bool) -> bool:
    """Whether the condition has this truth value for one of several reasons: lengths are equal, or one of them is 1."""
    match e:
        case Op("not", (inner,)):
            return _has_choice(inner, not truth)
        case Op("and" | "or" as prim, parts):
            return (prim == "or") == truth or any(_has_choice(part, truth) for part in parts)
    return False


def _standing(f: Function, group: set[Symbol]) -> Symbol:
    """The axis of the first parameter, with what is known of any."""
    order = [p.name for p in f.params]
    first = min(group, key=lambda s: (order.index(s.name), s.axis))
    least = any(s.at_least_nine for s in group)
    return replace(first, not_one=any(s.not_one for s in group), at_least_nine=least)


def _unconditional(body: Block) -> Iterator[tuple[Check, Effect]]:
    """The checks that each call comes to, before it does anything that one can see."""
    for stmt in body:
        found = check_of(stmt)
        if found is not None and isinstance(stmt, Effect):
            yield found, stmt
        elif any(map(_can_be_seen, walk((stmt,)))):
            return


def _can_be_seen(stmt: Stmt) -> bool:
    """Whether others see its effect: not that of items that are put into a list of the function, or taken from it."""
    value = stmt.call if isinstance(stmt, Effect) else stmt.value if isinstance(stmt, Assign) else None
    return has_effect(stmt) and not (isinstance(value, Op) and value.prim in CHANGES_FIRST_ARGUMENT)


def _symbols(a: Expr, b: Expr, types: Mapping[str, Type], given: set[str]) -> tuple[Symbol, Symbol] | None:
    """The axes of parameters, if these are their lengths."""
    match linear_value(a, types), linear_value(b, types):
        case Dim(((Symbol(axis=int()) as one, 1),), 0), Dim(((Symbol(axis=int()) as other, 1),), 0):
            return (one, other) if one != other and {one.name, other.name} <= given else None
    return None

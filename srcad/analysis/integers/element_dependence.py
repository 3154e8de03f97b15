"""Dependence test of two element accesses, sequential form: whether two iterations may access the same element.

Indices and bounds that are affine in counters and loop-invariant names give a system of linear constraints
(`is_satisfiable`). Nothing is known of any other index, so that it may be of any element.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from srcad.analysis.integers.fourier_motzkin import LinearForm, difference, is_satisfiable, linear_form
from srcad.ir.nodes import Const, Expr, For, Op, Var
from srcad.ir.traversal import defined, names
from srcad.ir.types import Scalar, Type

PRIMED = "'"
"""Marks the counters of the second of two iterations."""


def is_int64(known: Type | None) -> bool:
    return isinstance(known, Scalar) and known.dtype == "int64"


def affine_index(expr: Expr, types: Mapping[str, Type]) -> LinearForm | None:
    """An integer expression as a linear form over the names in it, and over lengths; None where it is not affine."""
    match expr:
        case Const(value) if type(value) is int:
            return linear_form(value, ())
        case Var(name) if is_int64(types.get(name)):
            return linear_form(0, [(name, 1)])
        case Op("shape", (Var(name),), static):
            return linear_form(0, [(f"{name}[{dict(static)['axis']}]", 1)])
        case Op("len", (Var(name),)):
            return linear_form(0, [(f"{name}[0]", 1)])
        case Op("neg", (a,)):
            one = affine_index(a, types)
            return None if one is None else difference(linear_form(0, ()), one)
        case Op("+" | "-" as op, (a, b)):
            one, other = affine_index(a, types), affine_index(b, types)
            if one is None or other is None:
                return None
            return difference(one, other if op == "-" else difference(linear_form(0, ()), other))
        case Op("*", (Const(int(by)), a)) | Op("*", (a, Const(int(by)))):
            one = affine_index(a, types)
            return None if one is None else linear_form(one[0] * by, ((n, c * by) for n, c in one[1]))
    return None


def index_bounds(loop: For, types: Mapping[str, Type]) -> list[LinearForm]:
    """The constraints on the counter in every iteration; none where the loop itself changes it or its bounds."""
    if loop.index in defined(loop.body) or names(loop.start) & defined((loop,)) or names(loop.stop) & defined((loop,)):
        return []
    start, stop, this = (
        affine_index(loop.start, types),
        affine_index(loop.stop, types),
        linear_form(0, [(loop.index, 1)]),
    )
    match loop.step:
        case Const(1):
            low, high = start, stop
        case Const(-1):
            low, high = (None if bound is None else linear_form(bound[0] + 1, bound[1]) for bound in (stop, start))
        case _:
            return []
    facts = [] if low is None else [difference(this, low)]
    return facts if high is None else [*facts, difference(high, this, -1)]


@dataclass(frozen=True)
class ElementAccess:
    """An element, by its indices; None for an index that is not affine, or may be negative."""

    items: tuple[LinearForm | None, ...]
    facts: tuple[LinearForm, ...]
    """The constraints on the counters where it is accessed."""
    written: tuple[LinearForm | None, ...] = field(default=(), compare=False)
    """The affine indices, also those that may be negative (count from the end)."""

    def moves(self, index: str) -> bool:
        """Whether the element may depend on the counter."""
        return any(item is None or index in dict(item[1]) for item in self.written)

    def steps(self, index: str, last: int) -> bool:
        """Whether the stride of the counter is larger than one element: `last` is the contiguous axis."""
        coefficients = [None if item is None else dict(item[1]).get(index, 0) for item in self.written]
        if not coefficients:
            return False
        end = coefficients.pop(last)
        return any(c != 0 for c in coefficients) or end is None or abs(end) > 1


def element_access(
    items: Sequence[Expr], facts: Iterable[LinearForm], types: Mapping[str, Type], known: frozenset[str]
) -> ElementAccess:
    """The element at these indices; `known` are the names that the forms may contain."""
    here = tuple(facts)
    forms = tuple(affine_index(item, types) if names(item) <= known else None for item in items)
    # a negative index counts from the end
    sure = tuple(None if f is None or is_satisfiable([difference(linear_form(-1, ()), f), *here]) else f for f in forms)
    return ElementAccess(sure, here, forms)


def may_be_same_element(
    one: ElementAccess, other: ElementAccess, moving: frozenset[str], order: Iterable[LinearForm]
) -> bool:
    """Whether two accesses, the second in another iteration, may be of the same element.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Array, dim
    >>> types = {"x": Array("float64", (dim(9),)), "i": Scalar("int64")}
    >>> (loop,) = parse('''
    ... for i in range(8):
    ...     x[i] = 2.0 * x[i + 1]
    ... ''')
    >>> (store,) = loop.body
    >>> counters, bounds = frozenset({"i"}), index_bounds(loop, types)
    >>> target = element_access(store.index, bounds, types, counters)
    >>> source = element_access(store.value.args[1].args[1:], bounds, types, counters)
    >>> may_be_same_element(source, target, counters, same_iteration("i"))
    False
    >>> may_be_same_element(source, target, counters, [iteration_before("i", loop.step)])
    True

    `moving` are the counters that differ between the iterations, `order` the constraints on the two iterations, with
    the counters of the second marked.
    """
    constraints = [*one.facts, *(primed(f, moving) for f in other.facts), *order]
    if len(one.items) == len(other.items):
        for a, b in zip(one.items, other.items, strict=True):
            if a is not None and b is not None:
                b = primed(b, moving)
                constraints += [difference(a, b), difference(b, a)]
    return is_satisfiable(constraints)


def primed(f: LinearForm, moving: frozenset[str]) -> LinearForm:
    """The form in the second of two iterations."""
    return linear_form(f[0], ((n + PRIMED if n in moving else n, c) for n, c in f[1]))


def iteration_before(index: str, step: Expr, at_least: int = 1) -> LinearForm:
    """The constraint that the first of two iterations precedes the second, by so many iterations at least."""
    first, second = linear_form(0, [(index, 1)]), linear_form(0, [(index + PRIMED, 1)])
    return difference(second, first, -at_least) if step == Const(1) else difference(first, second, -at_least)


def same_iteration(index: str) -> list[LinearForm]:
    first, second = linear_form(0, [(index, 1)]), linear_form(0, [(index + PRIMED, 1)])
    return [difference(first, second), difference(second, first)]

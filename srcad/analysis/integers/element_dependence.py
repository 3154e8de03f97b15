"""Dependence test of two element accesses, sequential form: whether two iterations may access the same element.

Indices and bounds that are affine in counters and loop-invariant names give a system of linear constraints
(`is_satisfiable`). Nothing is known of any other index, so that it may be of any element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from srcad.analysis.integers.constraint_solver import is_satisfiable
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Const, Expr, For, Op, Var
from srcad.ir.traversal import defined, names
from srcad.ir.types import Dim, Scalar, Type

PRIMED = "'"
"""Marks the counters of the second of two iterations."""


def is_int64(known: Type | None) -> bool:
    return isinstance(known, Scalar) and known.dtype == "int64"


def affine_index(expr: Expr, types: Mapping[str, Type]) -> LinearForm[str] | None:
    """An integer expression as a linear form over the names in it, and over lengths; None where it is not affine."""
    match expr:
        case Const(value) if type(value) is int:
            return LinearForm.constant(value)
        case Var(name) if is_int64(types.get(name)):
            return LinearForm.unknown(name)
        case Op("shape", (Var(name),), static):
            return LinearForm.unknown(f"{name}[{dict(static)['axis']}]")
        case Op("len", (Var(name),)):
            return LinearForm.unknown(f"{name}[0]")
        case Op("neg", (a,)):
            one = affine_index(a, types)
            return None if one is None else -one
        case Op("+" | "-" as op, (a, b)):
            one, other = affine_index(a, types), affine_index(b, types)
            if one is None or other is None:
                return None
            return one + other if op == "+" else one - other
        case Op("*", (Const(int(by)), a)) | Op("*", (a, Const(int(by)))):
            one = affine_index(a, types)
            return None if one is None else one * by
    return None


def index_bounds(loop: For, types: Mapping[str, Type]) -> list[LinearForm[str]]:
    """The constraints on the counter in every iteration; none where the loop itself changes it or its bounds."""
    if loop.index in defined(loop.body) or names(loop.start) & defined((loop,)) or names(loop.stop) & defined((loop,)):
        return []
    start, stop = affine_index(loop.start, types), affine_index(loop.stop, types)
    this = LinearForm.unknown(loop.index)
    match loop.step:
        case Const(1):
            low, high = start, stop
        case Const(-1):
            low, high = (None if bound is None else bound + 1 for bound in (stop, start))
        case _:
            return []
    facts = [] if low is None else [this - low]
    return facts if high is None else [*facts, high - this - 1]


@dataclass(frozen=True)
class ElementAccess:
    """An element, by its indices; None for an index that is not affine, or may be negative."""

    items: tuple[LinearForm[str] | None, ...]
    facts: tuple[LinearForm[str], ...]
    """The constraints on the counters where it is accessed."""
    written: tuple[LinearForm[str] | None, ...] = field(default=(), compare=False)
    """The affine indices, also those that may be negative (count from the end)."""

    def moves(self, index: str) -> bool:
        """Whether the element may depend on the counter."""
        return any(item is None or item.coefficient(index) for item in self.written)

    def steps(self, index: str, last: int) -> bool:
        """Whether the stride of the counter is larger than one element: `last` is the contiguous axis."""
        coefficients = [None if item is None else item.coefficient(index) for item in self.written]
        if not coefficients:
            return False
        end = coefficients.pop(last)
        return any(c != 0 for c in coefficients) or end is None or abs(end) > 1


def element_access(
    items: Sequence[Expr], facts: Iterable[LinearForm[str]], types: Mapping[str, Type], known: frozenset[str]
) -> ElementAccess:
    """The element at these indices; `known` are the names that the forms may contain."""
    here = tuple(facts)
    forms = tuple(affine_index(item, types) if names(item) <= known else None for item in items)
    # a negative index counts from the end
    sure = tuple(None if f is None or is_satisfiable([-f - 1, *here]) else f for f in forms)
    return ElementAccess(sure, here, forms)


def may_be_same_element(
    one: ElementAccess, other: ElementAccess, moving: frozenset[str], order: Iterable[LinearForm[str]]
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
                constraints += [a - b, b - a]
    return is_satisfiable(constraints)


def surely_apart(one: Sequence[Expr], other: Sequence[Expr], value: Callable[[Expr], Dim | None]) -> bool:
    """Whether two elements of one array are certainly different: along some axis their indices differ by a constant.

    The indices are evaluated at one point of the program; `value` gives an index as a form, or None. A negative index
    counts from the end, so that -1 may be 2: both must be non-negative, or both negative.

    >>> from srcad.ir.types import dim
    >>> values = lambda e: dim(e.value) if isinstance(e, Const) else None
    >>> surely_apart((Var("i"), Const(0)), (Var("j"), Const(1)), values)
    True
    >>> surely_apart((Const(-1),), (Const(2),), values), surely_apart((Const(-1),), (Const(-2),), values)
    (False, True)
    """
    for a, b in zip(one, other, strict=True):
        x, y = value(a), value(b)
        if x is None or y is None or (x - y).terms or (x - y).const == 0:
            continue
        if (x.is_index and y.is_index) or (_is_negative(x) and _is_negative(y)):
            return True
    return False


def _is_negative(value: Dim) -> bool:
    greatest = value.bound(True)
    return greatest is not None and (-greatest - 1).is_nonnegative


def primed(f: LinearForm[str], moving: frozenset[str]) -> LinearForm[str]:
    """The form in the second of two iterations."""
    return LinearForm.of(((n + PRIMED if n in moving else n, c) for n, c in f.terms), f.const)


def iteration_before(index: str, step: Expr, at_least: int = 1) -> LinearForm[str]:
    """The constraint that the first of two iterations precedes the second, by so many iterations at least."""
    first, second = LinearForm.unknown(index), LinearForm.unknown(index + PRIMED)
    return (second - first if step == Const(1) else first - second) - at_least


def same_iteration(index: str) -> list[LinearForm[str]]:
    first, second = LinearForm.unknown(index), LinearForm.unknown(index + PRIMED)
    return [first - second, second - first]

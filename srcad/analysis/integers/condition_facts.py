"""Facts implied by a branch condition: linear constraints on integers, where it is true and where it is false."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srcad.analysis.integers.value_ranges import Form, ValueRanges
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Const, Expr, Join, Op, Var


@dataclass(frozen=True)
class Truth:
    """A conjunction: forms that are at least 0, and names of bools with their values.

    It is equivalent to the condition (or to its negation), not only implied by it.
    """

    forms: tuple[Form, ...] = ()
    bools: tuple[tuple[str, bool], ...] = ()

    def __add__(self, other: Truth) -> Truth:
        return Truth((*self.forms, *other.forms), (*self.bools, *other.bools))


Both = tuple[Truth, Truth]
"""The facts where a condition is true, and those where it is false."""


def facts_of_atom(expr: Expr, known: Mapping[str, Both]) -> Both:
    """The facts of a condition that is a name or a constant; `known` are those of names."""
    match expr:
        case Var(name):
            return known.get(name) or (Truth((), ((name, True),)), Truth((), ((name, False),)))
        case Const(value):
            never = Truth((LinearForm.constant(-1),))
            return (Truth(), never) if value else (never, Truth())
    raise ValueError(f"no atom: {expr}")


def facts_of_value(target: str, value: Expr, now: ValueRanges, known: Mapping[str, Both]) -> Both:
    """The facts of the bool `target = value`.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Scalar
    >>> now = ValueRanges({"i": Scalar("int64"), "n": Scalar("int64")})
    >>> (test,) = parse("test = i < n")
    >>> where_true, where_false = facts_of_value(test.target, test.value, now, {})
    >>> i, n = now.value(Var("i")), now.value(Var("n"))
    >>> where_true.forms == (n - i - 1,), where_false.forms == (i - n,)
    (True, True)
    """
    itself = Truth((), ((target, True),)), Truth((), ((target, False),))
    match value:
        case Op("not" | "~", (a,)):
            return facts_of_atom(a, known)[::-1]
        case Op("and" | "&", (a, b)):
            return facts_of_atom(a, known)[0] + facts_of_atom(b, known)[0], itself[1]
        case Op("or" | "|", (a, b)):
            return itself[0], facts_of_atom(a, known)[1] + facts_of_atom(b, known)[1]
        case Op("<" | "<=" | ">" | ">=" | "==" | "!=" as prim, (a, b)) if now.is_int64(a) and now.is_int64(b):
            difference = now.value(b) - now.value(a)
            less, at_most = Truth((difference - 1,)), Truth((difference,))
            more, at_least = Truth((-difference - 1,)), Truth((-difference,))
            equal = at_most + at_least
            return {
                "<": (less, at_least),
                "<=": (at_most, more),
                ">": (more, at_most),
                ">=": (at_least, less),
                "==": (equal, itself[1]),
                "!=": (itself[0], equal),
            }[prim]
    return itself


def facts_of_join(join: Join, cond: Both, known: Mapping[str, Both]) -> Both:
    """The facts of a join of bools: lowering writes `a and b` as an `if` that gives b where a is true, else False."""
    itself = Truth((), ((join.target, True),)), Truth((), ((join.target, False),))
    match join.then, join.orelse:
        case other, Const(False) if isinstance(other, Var | Const):
            return cond[0] + facts_of_atom(other, known)[0], itself[1]
        case Const(True), other if isinstance(other, Var | Const):
            return itself[0], cond[1] + facts_of_atom(other, known)[1]
        case other, Const(True) if isinstance(other, Var | Const):  # not a or b
            return itself[0], cond[0] + facts_of_atom(other, known)[1]
        case Const(False), other if isinstance(other, Var | Const):  # not a and b
            return cond[1] + facts_of_atom(other, known)[0], itself[1]
    return itself

"""Partial evaluation of conditions on lengths: what remains to be checked at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from srcad.ir.nodes import Const, Expr, Op
from srcad.ir.types import Dim

Lengths = Callable[[Expr], "Dim | None"]
"""An integer as a linear form, the same for all integers that are known to be equal."""


def residual_condition(e: Expr, value: Lengths) -> Expr:
    """The condition without the parts whose truth is known; a constant where the truth of all of it is.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.printer import expr_text
    >>> from srcad.ir.types import dim, Symbol
    >>> lengths = {"n": dim(Symbol("x", 0, not_one=True)), "m": dim(Symbol("x", 0, not_one=True)), "k": dim(3)}
    >>> def value(e):
    ...     return dim(e.value) if isinstance(e, Const) else lengths[e.name]
    >>> n, m, k = Var("n"), Var("m"), Var("k")
    >>> residual_condition(Op("or", (Op("==", (n, m)), Op("==", (n, k)))), value)
    Const(value=True)
    >>> expr_text(residual_condition(Op("or", (Op("==", (n, Const(1))), Op("==", (n, k)))), value))
    'n == k'
    """
    match e:
        case Op("and" | "or" as prim, (a, b)):
            left, right = residual_condition(a, value), residual_condition(b, value)
            ends, passes = Const(prim == "or"), Const(prim == "and")
            if ends in (left, right):
                return ends
            return right if left == passes else left if right == passes else Op(prim, (left, right))
        case Op("==" | "!=" | ">" as prim, (a, b)):
            x, y = value(a), value(b)
            known = None if x is None or y is None else _known(prim, x, y)
            return e if known is None else Const(known)
        case Op("not", (inner,)):
            match residual_condition(inner, value):
                case Const(bool(truth)):
                    return Const(not truth)
                case other:
                    return Op("not", (other,))
    return e


def equalities(e: Expr, truth: bool = True) -> Iterator[tuple[Expr, Expr]]:
    """The integers that are equal where the condition has this truth value."""
    match e:
        case Op("not", (inner,)):
            yield from equalities(inner, not truth)
        case Op("and" | "or" as prim, (a, b)) if (prim == "and") == truth:
            yield from equalities(a, truth)
            yield from equalities(b, truth)
        case Op("==" | "!=" as prim, (a, b)) if (prim == "==") == truth:
            yield a, b


def _known(prim: str, a: Dim, b: Dim) -> bool | None:
    difference = a - b
    if not difference.terms:
        less = b if difference.const > 0 else a
        if difference.const and not less.is_nonnegative:
            return None  # an empty `x` is as long as `x[1:]`: a length is never negative, even if its form is
        return {"==": difference.const == 0, "!=": difference.const != 0}.get(prim, difference.const > 0)
    if prim == ">":
        return True if (difference - 1).is_nonnegative else None
    differ = (a.is_one and b.is_not_one) or (b.is_one and a.is_not_one) or (difference - 1).is_nonnegative
    return (prim == "!=") if differ else None

"""Definite assignment analysis: names that are unbound on some paths get a run-time flag, checked where they are read.

`if n > 0: b = x` leaves `b` bound where `n > 0` was true. That truth value is a variable of its own under a hidden
name, joined and carried like any other, and a read of `b` raises an error where it is false, as Python does. There is
no flag where all paths bind the name, and no check where the path conditions imply that it is bound.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n):
...     if n > 0:
...         b = x
...     return b
>>> print(text(normal_form(f, 1.0, 1)))  # doctest: +ELLIPSIS
f(x: float64, n: int64):
    %test.0 = n > 0
    b.1 = if %test.0:
        yield x
    else:
        yield undefined
    check(%test.0, derived=True, error='UnboundLocalError', ...)
    return b.1
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import gast

from srcad.frontend.values.abstract_values import UNBOUND, Abstract, Leaf
from srcad.frontend.values.context import Context, Frame, State
from srcad.ir.nodes import Expr, Op, Var
from srcad.ir.runtime_checks import negated

_FLAG = "%has_"


def set_bound(ctx: Context, name: str) -> None:
    """The name has just been assigned."""
    if _FLAG + name in ctx.frame.names:
        ctx.frame.names[_FLAG + name] = ctx.constant(True)


def set_flag(ctx: Context, name: str, flag: Leaf) -> None:
    """The name is bound where the flag is true."""
    ctx.frame.names[_FLAG + name] = flag


def as_flag(name: str, flag: Leaf) -> dict[str, Abstract]:
    """The hidden name for whether the name is bound, with the flag."""
    return {_FLAG + name: flag}


def set_unbound(ctx: Context, name: str) -> None:
    """The name has just been deleted."""
    if _FLAG + name in ctx.frame.names:
        ctx.frame.names[_FLAG + name] = ctx.constant(False)


def check_bound(ctx: Context, frame: Frame, name: str) -> None:
    """Emit the check that a name of that frame is bound where it is read, unless that is known."""
    flag = frame.names.get(_FLAG + name)
    if not isinstance(flag, Leaf) or flag.static is True or frame.library or name not in _source_names(frame.origin):
        return
    check_flag(ctx, frame, name, flag)
    frame.names[_FLAG + name] = ctx.constant(True)


def check_flag(ctx: Context, frame: Frame, name: str, flag: Leaf) -> None:
    """Emit the check of the flag of a name of that frame, unless the path conditions imply it."""
    if not is_implied(ctx, flag.atom):
        is_local = frame is ctx.frame
        text = "local variable '{}' where it is not associated with a value"
        text = text if is_local else "free variable '{}' where it is not associated with a value in enclosing scope"
        ctx.builder.check(
            flag.atom, "UnboundLocalError" if is_local else "NameError", "cannot access " + text.format(name)
        )


def may_be_unbound(ctx: Context, node: Any) -> bool:
    """Whether evaluating the expression may need a check that a name is bound."""
    return any(
        isinstance(part, gast.Name) and _FLAG + part.id in ctx.frame.names
        and ctx.frame.names[_FLAG + part.id] != ctx.constant(True)
        for part in gast.walk(node)
    )  # fmt: skip


def flags_of_partly_bound(ctx: Context, names: Collection[str]) -> list[str]:
    """The flags of those names of a loop that are or may be unbound before it."""
    found = []
    for name in names:
        flag = ctx.frame.names.get(_FLAG + name)
        if flag is None and ctx.frame.names.get(name, UNBOUND) is UNBOUND:
            ctx.frame.names[_FLAG + name] = flag = ctx.constant(False)
        if isinstance(flag, Leaf) and flag.static is not True:
            found.append(_FLAG + name)
    return found


def bound_flag(names: Mapping[str, Abstract], name: str) -> Abstract | None:
    """The flag that says whether the name is bound; None where it surely is."""
    return names.get(_FLAG + name)


def name_of_flag(flag: str) -> str:
    """The name that a flag belongs to."""
    return flag.removeprefix(_FLAG)


def join_bound_flags(
    ctx: Context, cond: Expr, a: dict[str, Abstract], b: dict[str, Abstract]
) -> Iterator[tuple[str, Abstract]]:
    """The flags after two paths of names that one path alone binds: the condition itself. Others become joins."""
    for name in {**a, **b}:
        if name.startswith(_FLAG):
            continue
        left, right = (_flag_of(ctx, names, name) for names in (a, b))
        if (left.static, right.static) == (True, False):
            yield _FLAG + name, ctx.leaf(cond)  # type: ignore[arg-type]
        elif (left.static, right.static) == (False, True):
            yield _FLAG + name, ctx.leaf(ctx.builder.op("not", cond))
        else:
            a.setdefault(_FLAG + name, left)
            b.setdefault(_FLAG + name, right)


def with_bound_flags(ctx: Context, states: Sequence[State]) -> list[State]:
    """The states, each with a flag for every name that is not bound in all of them."""
    names = {name for state in states for name in state.names if not name.startswith(_FLAG)}
    some = [
        name
        for name in names
        if any(_FLAG + name in state.names for state in states)
        or len({state.names.get(name, UNBOUND) is UNBOUND for state in states}) == 2
    ]
    return [
        State({**state.names, **{_FLAG + name: _flag_of(ctx, state.names, name) for name in sorted(some)}}, state.heap)
        for state in states
    ]


def record_implications(ctx: Context, cond: Expr, a: State, b: State, names: dict[str, Abstract]) -> None:
    """Record for each joined flag the path condition that implies it."""
    for name, flag in names.items():
        if name.startswith(_FLAG) and isinstance(flag, Leaf) and isinstance(flag.atom, Var):
            left, right = (state.names.get(name) == ctx.constant(True) for state in (a, b))
            if left != right:
                ctx.builder.implied[flag.atom] = cond if left else Op("not", (cond,))


def _flag_of(ctx: Context, names: dict[str, Abstract], name: str) -> Leaf:
    flag = names.get(_FLAG + name)
    return flag if isinstance(flag, Leaf) else ctx.constant(names.get(name, UNBOUND) is not UNBOUND)


# ---- path conditions ---------------------------------------------------------------------------


def is_implied(ctx: Context, flag: Expr) -> bool:
    """Whether the path conditions imply that a condition holds."""
    implied_conditions = {fact for cond in ctx.path_conditions for fact in _implied_conditions(_expanded(ctx, cond))}
    return _expanded(ctx, flag) in implied_conditions or (
        flag in ctx.builder.implied and _expanded(ctx, ctx.builder.implied[flag]) in implied_conditions
    )


def _implied_conditions(cond: Expr) -> Iterator[Expr]:
    """The conditions that a condition implies."""
    yield cond
    match cond:
        case Op("and", (a, b)):
            yield from _implied_conditions(a)
            yield from _implied_conditions(b)
        case Op("not", (Op("or" | "not"),)):
            yield from _implied_conditions(negated(cond.args[0]))


def _expanded(ctx: Context, expr: Expr) -> Expr:
    """A condition with the definitions of its temporaries substituted."""
    return ctx.builder.defining_expr(expr, 6)


@lru_cache(maxsize=256)
def _source_names(tree: Any) -> frozenset[str]:
    """The names in the source of the function; others were added by the rewriting."""
    return frozenset(node.id for node in gast.walk(tree) if isinstance(node, gast.Name))

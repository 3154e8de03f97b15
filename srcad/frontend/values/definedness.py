"""Names that some paths give no value: whether they have one is a number of its own, asked where they are read.

`if n > 0: b = x` leaves `b` bound where `n > 0` was true. That truth goes beside `b` under a hidden name, joined and
carried like any other, and a read of `b` raises an error where it is false, as Python does. There is no such name
where all paths give a value, and no question where the conditions around the read answer it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import gast

from srcad.frontend.values.abstract_values import UNBOUND, Abstract, Leaf
from srcad.frontend.values.context import Context, Frame, State
from srcad.ir.nodes import Atom, Expr, Op, Var
from srcad.ir.runtime_checks import negated

_HAS = "%has_"


def now_bound(ctx: Context, name: str) -> None:
    """The name has just been given a value."""
    if _HAS + name in ctx.frame.names:
        ctx.frame.names[_HAS + name] = ctx.constant(True)


def ask(ctx: Context, frame: Frame, name: str) -> None:
    """The name of that frame is read: an error where it has no value."""
    has = frame.names.get(_HAS + name)
    if not isinstance(has, Leaf) or has.static is True or frame.library or name not in _written(frame.origin):
        return
    if not _follows(ctx, has.atom):
        inner = frame is ctx.frame
        text = "local variable '{}' where it is not associated with a value"
        text = text if inner else "free variable '{}' where it is not associated with a value in enclosing scope"
        ctx.builder.check(has.atom, "UnboundLocalError" if inner else "NameError", "cannot access " + text.format(name))
    frame.names[_HAS + name] = ctx.constant(True)


def may_be_unbound(ctx: Context, node: Any) -> bool:
    """Whether reading the expression may ask whether a name has a value."""
    return any(
        isinstance(part, gast.Name) and _HAS + part.id in ctx.frame.names
        and ctx.frame.names[_HAS + part.id] != ctx.constant(True)
        for part in gast.walk(node)
    )  # fmt: skip


def partly_bound(ctx: Context, names: Collection[str]) -> list[str]:
    """Hidden names for those of a loop's names that have no value, or may have none, before it."""
    found = []
    for name in names:
        has = ctx.frame.names.get(_HAS + name)
        if has is None and ctx.frame.names.get(name, UNBOUND) is UNBOUND:
            ctx.frame.names[_HAS + name] = has = ctx.constant(False)
        if isinstance(has, Leaf) and has.static is not True:
            found.append(_HAS + name)
    return found


def whether_bound(names: Mapping[str, Abstract], name: str) -> Abstract | None:
    """The number that says whether the name has a value; None where that is sure."""
    return names.get(_HAS + name)


def variable(hidden: str) -> str:
    """The name that a hidden one is about."""
    return hidden.removeprefix(_HAS)


def both(ctx: Context, cond: Expr, a: dict[str, Abstract], b: dict[str, Abstract]) -> Iterator[tuple[str, Abstract]]:
    """The hidden names after two paths, where they are no joins: bound by one path alone."""
    for name in {**a, **b}:
        if name.startswith(_HAS):
            continue
        left, right = (_has(ctx, names, name) for names in (a, b))
        if (left.static, right.static) == (True, False):
            yield _HAS + name, ctx.leaf(cond)  # type: ignore[arg-type]
        elif (left.static, right.static) == (False, True):
            yield _HAS + name, ctx.leaf(ctx.builder.op("not", cond))
        else:
            a.setdefault(_HAS + name, left)
            b.setdefault(_HAS + name, right)


def met(ctx: Context, cond: Expr, a: State, b: State, names: dict[str, Abstract]) -> None:
    """Note of the hidden names that are joined by which path each is surely true."""
    for name, has in names.items():
        if name.startswith(_HAS) and isinstance(has, Leaf) and isinstance(has.atom, Var):
            left, right = (state.names.get(name) == ctx.constant(True) for state in (a, b))
            if left != right:
                ctx.builder.implied[has.atom] = cond if left else Op("not", (cond,))


def _has(ctx: Context, names: dict[str, Abstract], name: str) -> Leaf:
    known = names.get(_HAS + name)
    return known if isinstance(known, Leaf) else ctx.constant(names.get(name, UNBOUND) is not UNBOUND)


# ---- what the conditions around say ------------------------------------------------------------


def _follows(ctx: Context, has: Atom) -> bool:
    facts = {fact for cond in ctx.facts for fact in _facts(_plain(ctx, cond))}
    return _plain(ctx, has) in facts or (has in ctx.builder.implied and _plain(ctx, ctx.builder.implied[has]) in facts)


def _facts(cond: Expr) -> Iterator[Expr]:
    """What holds where the condition does."""
    yield cond
    match cond:
        case Op("and", (a, b)):
            yield from _facts(a)
            yield from _facts(b)
        case Op("not", (Op("or" | "not"),)):
            yield from _facts(negated(cond.args[0]))


def _plain(ctx: Context, expr: Expr) -> Expr:
    """A condition on the names of numbers, with what was computed on the way put in."""
    return ctx.builder.defining_expr(expr, 6)


@lru_cache(maxsize=256)
def _written(tree: Any) -> frozenset[str]:
    """The names that the function was written with; others are of the rewriting."""
    return frozenset(node.id for node in gast.walk(tree) if isinstance(node, gast.Name))

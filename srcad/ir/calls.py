"""The functions that a function calls, and their replacement.

>>> from srcad.ir.called import Called
>>> from srcad.ir.nodes import Assign, Var
>>> half = Called("half", (("x", Scalar("float64")),), (Scalar("float64"),))
>>> f = Function("f", (), (Assign("y", Op("call", (Var("x"),), (("callee", half),))),), (), {})
>>> callees(f)
{'half': <half>}
>>> callees(with_callees(f, lambda one: replace(one, name="halved")))
{'halved': <halved>}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from srcad.ir.called import Called, callee_of
from srcad.ir.nodes import Expr, Function, Op
from srcad.ir.traversal import map_expr, ops, own_exprs, rewrite, walk
from srcad.ir.types import Scalar as Scalar


def callees(f: Function) -> dict[str, Called]:
    """The functions that a function calls, by name, in the order of the first calls."""
    found = (callee_of(op) for stmt in walk(f.body) for e in own_exprs(stmt) for op in ops(e) if op.prim == "call")
    return {one.name: one for one in found}


def with_callees(f: Function, change: Callable[[Called], Called]) -> Function:
    """The function with what it calls replaced."""

    def part(e: Expr) -> Expr:
        if not isinstance(e, Op) or e.prim != "call":
            return e
        return Op("call", e.args, (("callee", change(callee_of(e))),))

    if not callees(f):
        return f
    return replace(f, body=tuple(rewrite(s, lambda e: map_expr(e, part)) for s in f.body))


def recursive(functions: Iterable[Function]) -> frozenset[str]:
    """The names of the functions that call themselves, directly or through others."""
    direct = {f.name: set(callees(f)) for f in functions}
    return frozenset(name for name in direct if name in _reached(direct, name))


def reaching(functions: Iterable[Function], wanted: Iterable[str]) -> frozenset[str]:
    """The names of the functions that are wanted, and of those that call such, directly or through others."""
    direct = {f.name: set(callees(f)) for f in functions}
    goals = set(wanted)
    return frozenset(name for name in direct if name in goals or goals & _reached(direct, name))


def _reached(direct: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = [*direct[start]]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += direct.get(name, ())
    return found

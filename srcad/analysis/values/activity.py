"""Activity analysis: names that are varied (depend on a differentiated input) and useful (a result depends on them)."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.ir.called import callee_of
from srcad.ir.nodes import Assign, Effect, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import CHANGES_ARRAY, changed_operands, reads, walk
from srcad.ir.types import Array, has_floats
from srcad.rules.primitives import PRIMITIVES


def active_names(f: Function, wrt: Iterable[str], results: Iterable[Expr]) -> frozenset[str]:
    """The active names of a function in normal form: floating-point names that are both varied and useful.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> def scaled(x, n):
    ...     scale = float(n)
    ...     y = np.sin(x)
    ...     return y * scale
    >>> f = normal_form(scaled, 1.0, 2)
    >>> print(text(f))
    scaled(x: float64, n: int64):
        %scale.0 = float(n)
        %y.0 = np.sin(x)
        %product.0 = %y.0 * %scale.0
        return %product.0
    >>> sorted(active_names(f, {"x"}, f.results))
    ['%product.0', '%y.0', 'x']

    Flow-insensitive: both closures ignore the order of statements, which is conservative (a name may be reported
    active that is not, never the reverse). An array that is stored into is varied, and useful, as a whole; so is
    everything that may alias it.
    """
    edges = flows(f)
    floats = {name for name, t in f.types.items() if has_floats(t)}
    varied = reached(set(wrt), edges, floats)
    wanted = {name for e in results for name in reads(e)}
    useful = reached(wanted, [(b, a) for a, b in edges], floats)
    return frozenset(varied & useful & floats)


def flows(f: Function) -> list[tuple[str, str]]:
    """The edges (from, to) along which a derivative can flow through the statements of the function."""
    return [edge for stmt in walk(f.body) for edge in flows_of(f, stmt)]


def reached(start: set[str], edges: list[tuple[str, str]], floats: set[str]) -> set[str]:
    """The names among `floats` that are reached from `start`."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    found: set[str] = set()
    pending = [name for name in start if name in floats]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        pending += [n for n in after.get(name, ()) if n in floats and n not in found]
    return found


def flows_of(f: Function, stmt: Stmt) -> list[tuple[str, str]]:
    """The edges (from, to) along which a derivative can flow through one statement."""
    match stmt:
        case Assign(target, value):
            pairs = [(name, target) for name in _differentiable_reads(value)]
            base = root(value)
            if isinstance(value, Op) and value.prim == "call":
                pairs += _into_changed(value)
            # a store through a view reaches its base array
            return pairs + ([(target, base)] if base is not None and isinstance(f.types[target], Array) else [])
        case Store(base, _, value):
            name = root(base)
            assert name is not None
            return [(n, name) for n in reads(value)]
        case If(joins=joins):
            return [(n, j.target) for j in joins for e in (j.then, j.orelse) for n in reads(e)]
        case For(carried=carried) | While(carried=carried):
            into = [(n, t) for c in carried for e in (c.init, c.next) for n in reads(e) for t in (c.arg, c.result)]
            return into
        case Effect(Op("append" | "list.append", (Var(items), Var(item)))):
            return [(item, items)]
        case Effect(Op(prim, (Var(array), Var(value), *_))) if prim in CHANGES_ARRAY:
            return [(value, array)]
        case Effect(Op("call") as call):
            return _into_changed(call)
        case _:
            return []


def _into_changed(call: Op) -> list[tuple[str, str]]:
    """The edges into the arrays and lists that a call modifies."""
    changed = [name for e in changed_operands(call) if (name := root(e)) is not None]
    return [(name, target) for name in _differentiable_reads(call) for target in changed]


def _differentiable_reads(value: Expr) -> list[str]:
    match value:
        case Op("call", args):
            constant = callee_of(value).constant
            return [n for at, a in enumerate(args) if at not in constant for n in reads(a)]
        case Op("list.item" | "list.pop", (items, *_)):
            return list(reads(items))
        case Op(prim, args):
            if not PRIMITIVES[prim].differentiable:
                return []
            return [n for at, a in enumerate(args) if at not in PRIMITIVES[prim].steps for n in reads(a)]
        case Var(name):
            return [name]
        case _:
            return []

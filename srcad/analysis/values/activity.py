"""Which names carry derivatives: they vary with an input that is differentiated, and a result depends on them."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.ir.nodes import Assign, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import reads, walk
from srcad.ir.types import Array, is_float
from srcad.rules.primitives import PRIMITIVES


def active_names(f: Function, wrt: Iterable[str], results: Iterable[Expr]) -> frozenset[str]:
    """The active names of a function in normal form.

    Both directions are closed over the whole function without regard to order, which errs only towards active.
    Arrays that are written into vary, and matter, as a whole; so does everything that may share their memory.
    """
    edges = flows(f)
    floats = {name for name, t in f.types.items() if is_float(t)}
    varied = _closure(set(wrt), edges, floats)
    wanted = {name for e in results for name in reads(e)}
    useful = _closure(wanted, [(b, a) for a, b in edges], floats)
    return frozenset(varied & useful & floats)


def flows(f: Function) -> list[tuple[str, str]]:
    """(from, to) for each way a derivative can take through a statement of the function."""
    return [edge for stmt in walk(f.body) for edge in _flows(f, stmt)]


def _closure(start: set[str], edges: list[tuple[str, str]], floats: set[str]) -> set[str]:
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    reached: set[str] = set()
    pending = [name for name in start if name in floats]
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        reached.add(name)
        pending += [n for n in after.get(name, ()) if n in floats and n not in reached]
    return reached


def _flows(f: Function, stmt: Stmt) -> list[tuple[str, str]]:
    """(from, to) for each way a derivative can take through one statement."""
    match stmt:
        case Assign(target, value):
            pairs = [(name, target) for name in _differentiable_reads(value)]
            base = root(value)
            # what is stored through a view reaches the array it looks into
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
        case _:
            return []


def _differentiable_reads(value: Expr) -> list[str]:
    match value:
        case Op(prim, args):
            if not PRIMITIVES[prim].differentiable:
                return []
            return [n for at, a in enumerate(args) if at not in PRIMITIVES[prim].steps for n in reads(a)]
        case Var(name):
            return [name]
        case _:
            return []

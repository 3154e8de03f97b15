"""Which outputs depend on an input in steps only: through comparisons, roundings, positions, and nothing smooth.

Such an output has the derivative 0 wherever it has one, and 0 is what reverse mode gives. That is right of the
program as written, and seldom what is meant by it: a root that is found by bisection moves with its equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from srcad.analysis.values.activity import flows
from srcad.analysis.values.control_dependence import controlling_names, with_control_dependence
from srcad.ir.nodes import Assign, Comment, Effect, Expr, For, Function, If, Op, Slice, Span, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import own_stores, reads
from srcad.ir.types import Array, is_float
from srcad.rules.traits import SHAPE_READS


@dataclass(frozen=True)
class StepInput:
    """An output, and an input that it depends on in steps only."""

    output: str
    input: str
    places: tuple[Span, ...]
    """The lines where the dependence ceases to be smooth, in their order."""


def step_inputs(f: Function, wrt: Iterable[str], outputs: Mapping[str, Expr]) -> tuple[StepInput, ...]:
    """The pairs of an output and a parameter where every path from one to the other goes through a step.

    Outputs are given by what they are called. Order is not regarded, which errs towards "smooth". What is not used
    at all, or only asked for its shape, is in no pair; nor is what goes through `stop_gradient`: it has no derivative
    because the user says so.
    """
    edges = [edge for stmt, around in with_control_dependence(f.body) for edge in _depends(f, stmt, around)]
    smooth = {(a, b) for a, b in flows(f) if is_float(f.types[a]) and is_float(f.types[b])}
    forward, backward = _after(smooth), _after((b, a) for a, b, _ in edges)
    found = []
    for name in wrt:
        varied = _reached({name}, forward)
        for output, value in outputs.items():
            wanted = set(reads(value))
            if wanted & varied:
                continue
            useful = _reached(wanted, backward)
            places = {span for a, b, span in edges if a in varied and b in useful and b not in varied and span}
            if places:
                found.append(StepInput(output, name, tuple(sorted(places, key=lambda s: (s.file, s.line, s.column)))))
    return tuple(found)


def _after(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    return after


def _reached(start: set[str], after: Mapping[str, list[str]]) -> set[str]:
    reached: set[str] = set()
    pending = list(start)
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += after.get(name, ())
    return reached


def _depends(f: Function, stmt: Stmt, around: frozenset[str]) -> list[tuple[str, str, Span | None]]:
    """(from, to, where) for each way in which a value depends on another, smoothly or not."""
    span = None if isinstance(stmt, Comment) else stmt.span
    pairs: list[tuple[str, str]] = []
    match stmt:
        case Assign(target, value):
            pairs += [(n, target) for n in _values_read(value)]
            base = root(value)
            # what is stored through a view reaches the array it looks into
            pairs += [(target, base)] if base is not None and isinstance(f.types[target], Array) else []
        case Store(_, index, value):
            read = {n for e in (*index, value) for n in _values_read(e)}
            pairs += [(n, base) for base in own_stores(stmt) for n in read | around]
        case If(joins=joins):
            pairs += [(n, j.target) for j in joins for e in (j.then, j.orelse) for n in reads(e)]
            pairs += [(n, j.target) for j in joins for n in controlling_names(stmt)]
        case For(carried=carried) | While(carried=carried):
            pairs += [(n, t) for c in carried for e in (c.init, c.next) for n in reads(e) for t in (c.arg, c.result)]
            pairs += [(n, c.result) for c in carried for n in controlling_names(stmt)]
            pairs += [(n, stmt.index) for n in controlling_names(stmt)] if isinstance(stmt, For) else []
        case Effect(call):
            pairs += [(n, base) for base in own_stores(stmt) for n in {*_values_read(call), *around}]
        case _:
            pass
    return [(a, b, span) for a, b in pairs]


def _values_read(expr: Expr) -> list[str]:
    """The names whose values an expression reads: not those it only asks for their shape."""
    match expr:
        case Var(name):
            return [name]
        case Op(prim) if prim in SHAPE_READS or prim == "stop_gradient":
            return []
        case Op("np.full_like", (_, value)):
            return _values_read(value)
        case Op(_, args):
            return [n for arg in args for n in _values_read(arg)]
        case Slice(lower, upper, step):
            return [n for part in (lower, upper, step) if part is not None for n in _values_read(part)]
        case _:
            return []

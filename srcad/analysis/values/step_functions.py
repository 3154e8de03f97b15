"""Step functions: outputs that depend on an input only through comparisons, roundings and positions, never smoothly.

Such an output is piecewise constant in the input: its derivative is 0 wherever it exists, and 0 is what reverse mode
returns. That is correct for the program as written, and seldom what its author means: a root that is found by bisection
moves with its equation. So the caller is warned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from srcad.analysis.values.activity import flows
from srcad.analysis.values.control_dependence import controlling_names, with_control_dependence
from srcad.ir.called import callee_of
from srcad.ir.nodes import Assign, Comment, Effect, Expr, For, Function, If, Op, Slice, Span, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import own_stores, reads
from srcad.ir.types import Array, has_floats
from srcad.rules.traits import SHAPE_READS


@dataclass(frozen=True)
class StepInput:
    """An output, and an input that it is a step function of."""

    output: str
    input: str
    spans: tuple[Span, ...]
    """Where the dependence ceases to be smooth, in source order."""


def step_inputs(f: Function, wrt: Iterable[str], outputs: Mapping[str, Expr]) -> tuple[StepInput, ...]:
    """The pairs of an output and a parameter where every data or control dependence between them has a step in it.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> __name__ = "__main__"  # a user's function: what srcad itself defines has no spans of its own
    >>> def snap(x, height):
    ...     return np.round(x) * height
    >>> f = normal_form(snap, 1.4, 2.0)
    >>> for pair in step_inputs(f, ["x", "height"], {"result": f.results[0]}):
    ...     print(pair.output, "of", pair.input, [span.text.strip() for span in pair.spans])
    result of x ['return np.round(x) * height']

    `outputs` maps the names that a message uses to values. Flow-insensitive, which errs towards "smooth". A parameter
    that is not used, or only queried for its shape, is in no pair; nor is one that is used through `stop_gradient`
    only, which the user asked for.
    """
    edges = [edge for stmt, around in with_control_dependence(f.body) for edge in _dependences(f, stmt, around)]
    smooth = {(a, b) for a, b in flows(f) if has_floats(f.types[a]) and has_floats(f.types[b])}
    forward, backward = _successors(smooth), _successors((b, a) for a, b, _ in edges)
    pairs = []
    for name in wrt:
        varied = _reached({name}, forward)
        for output, value in outputs.items():
            wanted = set(reads(value))
            if wanted & varied:
                continue
            useful = _reached(wanted, backward)
            spans = {span for a, b, span in edges if a in varied and b in useful and b not in varied and span}
            if spans:
                pairs.append(StepInput(output, name, tuple(sorted(spans, key=lambda s: (s.file, s.line, s.column)))))
    return tuple(pairs)


def _successors(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    successors: dict[str, list[str]] = {}
    for a, b in edges:
        successors.setdefault(a, []).append(b)
    return successors


def _reached(start: set[str], successors: Mapping[str, list[str]]) -> set[str]:
    reached: set[str] = set()
    pending = list(start)
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += successors.get(name, ())
    return reached


def _dependences(f: Function, stmt: Stmt, controlling: frozenset[str]) -> list[tuple[str, str, Span | None]]:
    """The edges (from, to, span) along which a value depends on another, smoothly or not, by data or by control."""
    span = None if isinstance(stmt, Comment) else stmt.span
    pairs: list[tuple[str, str]] = []
    match stmt:
        case Assign(target, value):
            pairs += [(n, target) for n in _values_read(value)]
            base = root(value)
            # a store through a view reaches its base array
            pairs += [(target, base)] if base is not None and isinstance(f.types[target], Array) else []
        case Store(_, index, value):
            read = {n for e in (*index, value) for n in _values_read(e)}
            pairs += [(n, base) for base in own_stores(stmt) for n in read | controlling]
        case If(joins=joins):
            pairs += [(n, j.target) for j in joins for e in (j.then, j.orelse) for n in reads(e)]
            pairs += [(n, j.target) for j in joins for n in controlling_names(stmt)]
        case For(carried=carried) | While(carried=carried):
            pairs += [(n, t) for c in carried for e in (c.init, c.next) for n in reads(e) for t in (c.arg, c.result)]
            pairs += [(n, c.result) for c in carried for n in controlling_names(stmt)]
            pairs += [(n, stmt.index) for n in controlling_names(stmt)] if isinstance(stmt, For) else []
        case Effect(call):
            pairs += [(n, base) for base in own_stores(stmt) for n in {*_values_read(call), *controlling}]
        case _:
            pass
    return [(a, b, span) for a, b in pairs]


def _values_read(expr: Expr) -> list[str]:
    """The names whose values an expression reads: not those that it only queries for their shape."""
    match expr:
        case Var(name):
            return [name]
        case Op(prim) if prim in SHAPE_READS or prim == "stop_gradient":
            return []
        case Op("np.full_like", (_, value)):
            return _values_read(value)
        case Op("call", args):
            called = callee_of(expr)
            unread = called.constant - called.by_steps
            return [n for at, arg in enumerate(args) if at not in unread for n in _values_read(arg)]
        case Op(_, args):
            return [n for arg in args for n in _values_read(arg)]
        case Slice(lower, upper, step):
            return [n for part in (lower, upper, step) if part is not None for n in _values_read(part)]
        case _:
            return []

"""Lengths that fit: arrays that end where the slices of them end, in the call that a function is generated for.

`x[1 : n + 1]` has n items where x is long enough, which no type says: without it all that is computed from it may
broadcast, and each operation asks. In a call with `len(x) == n + 1` that is the length of x, which the text then asks
for at its start, and which is a guard of the specialisation: another call gets another text.

In the same way a loop with `u[1:-1] -= h[1:] - h[:-1]` asks whether u has one item more than h, if it has an iteration.
In a call in which that holds it is known of all of the function.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from srcad.analysis.integers.residual_conditions import equalities
from srcad.frontend.values.abstract_values import Abstract, Leaf, map_structure
from srcad.ir.length_exprs import linear_expression, shape_query
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Block, Const, Expr, For, Function, Op, Slice, Stmt, Store, Var, While
from srcad.ir.printer import expr_text
from srcad.ir.runtime_checks import check, check_of
from srcad.ir.traversal import map_expr, ops, own_exprs, place, walk
from srcad.ir.types import Array, Dim, Scalar, Symbol, Type, dim
from srcad.rules.traits import CONDITIONS, SHAPE_ARITHMETIC
from srcad.typing.builder import Builder
from srcad.typing.slices import UNKNOWN, Bound, slice_dim
from srcad.typing.typeof import linear_value, typeof

Sizes = Mapping[tuple[str, int | None], int]
"""The lengths of arrays in a call, by name and axis, and its integers, by name and None."""


@dataclass(frozen=True)
class FittedLengths:
    """Axes and integers of a call in terms of others."""

    equal: Mapping[Symbol, Dim]

    def arguments(self, given: Mapping[str, Abstract]) -> dict[str, Abstract]:
        """The arguments, with these lengths."""
        return {name: with_lengths(value, self.equal) for name, value in given.items()}

    def at_the_start(self, f: Function) -> Function:
        """The function with a check of each before all else."""
        builder = Builder.resume(f)
        with builder.block() as first:
            for symbol, length in self.equal.items():
                own, its = shape_query(symbol), linear_expression(length, shape_query)
                same = builder.op("==", builder.flat(own), builder.flat(its))
                message = f"this is for calls in which {_spelled(dim(symbol))} is {_spelled(length)}"
                # not derived: by the types that the parameters have here it says nothing
                builder.emit(check(same, "ValueError", (message,), f.span, derived=False))
        return builder.built(replace(f, body=(*first, *f.body)))


def with_lengths(value: Abstract, equal: Mapping[Symbol, Dim]) -> Abstract:
    """An argument whose lengths, and integers, are written in terms of others."""
    if not isinstance(value, Leaf):
        return map_structure(value, lambda part: with_lengths(part, equal))
    match value.type:
        case Array(dims=dims):
            return replace(value, type=replace(value.type, dims=tuple(_substituted(d, equal) for d in dims)))
        case Scalar(dim=Dim() as known):
            return replace(value, type=replace(value.type, dim=_substituted(known, equal)))
    return value


def fitted_lengths(f: Function, sizes: Sizes) -> FittedLengths | None:
    """The lengths of arguments that slices reach to, in a call of these sizes; None where there is none.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def total(x, n):
    ...     return np.sum(x[1 : n + 1] * x[:n])
    >>> f = normal_form(total, np.ones(4), 3)
    >>> found = fitted_lengths(f, {("x", 0): 4, ("n", None): 3})
    >>> [(s.name, d == dim(Symbol("x", 0, not_one=True)) - 1) for s, d in found.equal.items()]
    [('n', True)]
    >>> fitted_lengths(f, {("x", 0): 5, ("n", None): 3}) is None
    True
    """
    ends: dict[Symbol, list[Dim]] = {}
    for axis, end in _open_ends(f):
        ends.setdefault(axis, []).append(end)
    reached = [(dim(axis), max(several, key=lambda d: _value(d, sizes)), axis) for axis, several in ends.items()]
    equal: dict[Symbol, Dim] = {}
    at: Symbol | None
    for one, other, at in (*reached, *((a, b, None) for a, b in lengths_asked_in_loops(f))):
        if _value(one, sizes) != _value(other, sizes) or _value(one, sizes) == -sys.maxsize:
            continue  # it is longer, or cut, or no call says how long it is
        difference = _substituted(one - other, equal)
        solved = _solved(difference, at)
        if solved is not None:
            symbol, length = solved
            equal = {s: d.with_value(symbol, length) for s, d in equal.items()} | {symbol: length}
    return FittedLengths(equal) if equal else None


def lengths_asked_in_loops(f: Function) -> list[tuple[Dim, Dim]]:
    """The lengths of parameters that each iteration of a loop asks to be equal, where slices of unlike arrays meet.

    In a loop with `u[1:-1] -= h[1:]` these are `u.shape[0] - 2` and `h.shape[0] - 1`. Lengths of whole arrays alone are
    left to the checks: to know them saves little.
    """
    known = set(_of_parameters(f))
    values = {stmt.target: stmt.value for stmt in walk(f.body) if isinstance(stmt, Assign)}
    found: dict[tuple[Dim, Dim], None] = {}
    for asked in filter(None, map(check_of, _of_each_iteration(f.body))):
        for a, b in equalities(in_full(asked.condition, values, f.types)):
            match linear_value(a, f.types), linear_value(b, f.types):
                case Dim((_, *_)) as one, Dim((_, *_)) as other if one != other:
                    symbols = _symbols(one - other)
                    if known.issuperset(symbols) and all(symbol.axis is not None for symbol in symbols):
                        found[one, other] = None
    return list(found) if any(one.const != other.const for one, other in found) else []


def _of_each_iteration(block: Block) -> Iterator[Stmt]:
    """The statements that each iteration of a loop comes to, if it is not left before."""
    for stmt in block:
        if isinstance(stmt, For | While):
            yield from stmt.body
            yield from _of_each_iteration(stmt.body)


def in_full(e: Expr, values: Mapping[str, Expr], types: Mapping[str, Type]) -> Expr:
    """A condition in terms of the shapes of parameters, as far as it is one."""

    def one(part: Expr) -> Expr:
        match part:
            case Var(name) if is_temporary(name) and isinstance(value := values.get(name), Op):
                if isinstance(types.get(name), Scalar) and value.prim in CONDITIONS | SHAPE_ARITHMETIC:
                    return in_full(value, values, types)
            case Op("shape" | "len"):
                match linear_value(part, types):
                    case Dim(((Symbol(axis=int()) as symbol, 1),), 0):
                        return shape_query(symbol)
        return part

    return map_expr(e, one)


def _open_ends(f: Function) -> Iterator[tuple[Symbol, Dim]]:
    """The axes of parameters that are sliced, and where the slices end, where their lengths are not known."""
    known = set(_of_parameters(f))

    def bound(e: Expr | None) -> Bound:
        return None if e is None else linear_value(e, f.types) or UNKNOWN

    for op in _accesses(f):
        base = typeof(op.args[0], f.types)
        if not isinstance(base, Array):
            continue
        items = [item for item in op.args[1:] if item != Const(None)]
        for length, item in zip(base.dims, items, strict=False):
            if isinstance(item, Slice):
                lower, upper, step = bound(item.lower), bound(item.upper), bound(item.step)
                match length, upper:
                    case Dim(((axis, 1),), 0), Dim((_, *_)) if axis in known and known.issuperset(_symbols(upper)):
                        if slice_dim(length, lower, upper, step) is None:
                            yield axis, upper


def _accesses(f: Function) -> Iterator[Op]:
    for stmt in walk(f.body):
        exprs = (*own_exprs(stmt), place(stmt)) if isinstance(stmt, Store) else own_exprs(stmt)
        yield from (op for expr in exprs for op in ops(expr) if op.prim == "index")


def _of_parameters(f: Function) -> Iterator[Symbol]:
    """The lengths and integers that the parameters have."""
    for p in f.params:
        match f.types[p.name]:
            case Array(dims=dims):
                yield from (s for d in dims for s in _symbols(d) if s.name == p.name)
            case Scalar(dim=Dim(((Symbol(name, None) as symbol, 1),), 0)) if name == p.name:
                yield symbol


def _symbols(d: Dim) -> list[Symbol]:
    return [symbol for symbol, _ in d.terms]


def _value(d: Dim, sizes: Sizes) -> int:
    """The value in the call; least where it is not known."""
    if not all((s.name, s.axis) in sizes for s in _symbols(d)):
        return -sys.maxsize
    return d.const + sum(c * sizes[s.name, s.axis] for s, c in d.terms)


def _substituted(d: Dim, equal: Mapping[Symbol, Dim]) -> Dim:
    return d.replaced(lambda symbol: equal.get(symbol, dim(symbol)))


def _solved(zero: Dim, axis: Symbol | None) -> tuple[Symbol, Dim] | None:
    """An integer, or else a length, that a form which is 0 gives; this one rather than another, as a sum of lengths."""
    for symbol, coefficient in sorted(zero.terms, key=lambda term: (term[0].axis is not None, term[0] != axis)):
        if abs(coefficient) == 1:
            rest = (zero - dim(symbol) * coefficient) * -coefficient
            if symbol.axis is None or rest.is_nonnegative:
                return symbol, rest
    return None


def _spelled(d: Dim) -> str:
    """A length as people write it."""
    spelled = linear_expression(d, lambda s: Var(s.name if s.axis is None else f"{s.name}.shape[{s.axis}]"))
    return expr_text(spelled).strip("()")

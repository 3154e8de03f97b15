"""How much work the iterations of a loop are, as an expression of lengths that is evaluated before the loop."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.loops.concurrent_iterations import is_of_lengths
from srcad.analysis.values.duplication_cost import operation_cost
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.length_exprs import minus, plus
from srcad.ir.nodes import Block, Const, Expr, For, If, Op, Slice, Stmt, Var, While
from srcad.ir.traversal import blocks, defined, names, ops, own_exprs, replace_names
from srcad.ir.types import Array, Type
from srcad.rules.traits import having
from srcad.typing.typeof import typeof

LEAST_WORK = 50_000
"""In cycles, about: below it, one thread is done before the others have begun."""
_UNKNOWN_TRIPS = 8
_COSTLY = 20
_OF_MATRICES = having(lambda p: p.kind == "linalg")


def work(loop: For, types: Mapping[str, Type]) -> Expr:
    """About how many cycles the loop takes. Of inner loops whose bounds contain the index, the middle one counts.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.printer import expr_text
    >>> (loop,) = parse('''
    ... for i in range(n):
    ...     for j in range(i):
    ...         y[i] += np.exp(x[j])
    ... ''')
    >>> expr_text(work(loop, {}))
    'n * (1 + ((n // 2) * 22))'
    """
    loop = ascending_loop(loop)
    return product(minus(loop.stop, loop.start), _work(loop.body, loop, types))


def is_enough(cycles: Expr) -> Expr:
    """The condition that so much work is worth more than one thread."""
    return Op(">", (cycles, Const(LEAST_WORK)))


def _work(block: Block, around: For, types: Mapping[str, Type]) -> Expr:
    whole: Expr = Const(sum(map(_cycles, block)))
    for stmt in block:
        for op in (op for e in own_exprs(stmt) for op in ops(e) if op.prim in _OF_MATRICES):
            whole = plus(whole, _cycles_of_matrices(op, around, types))
        if isinstance(stmt, For | If | While):
            inner: Expr = Const(0)
            for one in blocks(stmt):
                inner = plus(inner, _work(one, around, types))
            whole = plus(whole, product(_trips(stmt, around), inner))
    return whole


def _trips(stmt: Stmt, around: For) -> Expr:
    """How many times a block of the statement runs, from what is known before the loop around it."""
    if isinstance(stmt, If):
        return Const(1)
    if not isinstance(stmt, For) or stmt.step not in (Const(1), Const(-1)):
        return Const(_UNKNOWN_TRIPS)
    loop = ascending_loop(stmt)
    trips = minus(loop.stop, loop.start)
    if names(trips) & defined(around.body) or not is_of_lengths(trips):
        return Const(_UNKNOWN_TRIPS)
    middle = Op("//", (plus(around.start, around.stop), Const(2)))
    return replace_names(trips, {around.index: middle})


def _cycles(stmt: Stmt) -> int:
    return 1 + sum(
        _COSTLY if (cost := operation_cost(op.prim)) is None else cost for e in own_exprs(stmt) for op in ops(e)
    )


def _cycles_of_matrices(op: Op, around: For, types: Mapping[str, Type]) -> Expr:
    """Of a product of matrices, or a call of LAPACK."""
    changed = defined(around.body)
    first, last = (_lengths(arg, changed, types) for arg in (op.args[0], op.args[-1]))
    cycles: Expr = Const(1)
    for length in (*first, *(last[1:] if op.prim == "@" else first[-1:])):
        cycles = product(cycles, length)
    return cycles


def _lengths(array: Expr, changed: frozenset[str], types: Mapping[str, Type]) -> list[Expr]:
    """The lengths of the axes, as expressions of what is known before the loop."""
    kind = typeof(array, types)
    dims = kind.dims if isinstance(kind, Array) else ()
    match array:
        case Var(name) if name not in changed:
            return [Op("shape", (array,), (("axis", axis),)) for axis in range(len(dims))]
        case Op("index", (base, *items)) if not any(isinstance(i, Slice) or i == Const(None) for i in items):
            return _lengths(base, changed, types)[len(items) :]
        case Op("np.transpose", (base,)) if len(dims) == 2:
            return _lengths(base, changed, types)[::-1]
    return [Const(_UNKNOWN_TRIPS if length.terms else length.const) for length in dims]


def product(a: Expr, b: Expr) -> Expr:
    match a, b:
        case (Const(int(x)), Const(int(y))):
            return Const(x * y)
        case (Const(0), _) | (_, Const(0)):
            return Const(0)
        case (Const(1), other) | (other, Const(1)):
            return other
    return Op("*", (a, b))

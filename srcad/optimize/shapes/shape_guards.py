"""Checks that a length is the number it has to be; those that every first turn of a loop makes can be made before it.

In `y = y + h * np.array([a, b, c])`, `y` has three elements, or the statement is an error: NumPy's, which the loops
that it becomes have to raise themselves. Asked before the loop, where it is entered at all, the answer holds for every
turn, and `y` is three numbers from its first turn to its last.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from srcad.ir.nodes import Block, Const, Effect, Expr, For, If, Op, Stmt, Var
from srcad.ir.runtime_checks import check
from srcad.ir.traversal import ops
from srcad.ir.types import Array, Dim, Symbol, Type, dim
from srcad.rules.traits import SHAPE_ARITHMETIC


@dataclass(frozen=True)
class ShapeGuard:
    """That an axis of an array is of a certain length. `symbol` is what the length is called in types."""

    array: str
    axis: int
    length: int
    symbol: Symbol
    under: tuple[tuple[Dim, Expr], ...] = ()
    """Only if these loops have a turn as well: how far they go, and that as a condition."""

    def check(self) -> Stmt:
        length = Op("shape", (Var(self.array),), (("axis", self.axis),))
        stmt: Stmt = shape_guard(Op("==", (length, Const(self.length))))
        for _, runs in reversed(self.under):
            stmt = If(runs, (stmt,), ())
        return stmt


def shape_guard(equal: Expr) -> Effect:
    """The check that lengths are what they have to be."""
    match equal:
        case Op("==", (Const() as length, other)):
            equal = Op("==", (other, length))
    return check(equal, "ValueError", ("operands could not be broadcast together",))


def nonempty_condition(loop: For) -> Expr | None:
    """Whether the loop has a turn; None where that is not easily said.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.printer import expr_text
    >>> (loop,) = parse('''
    ... for t in range(n - 1, -1, -1):
    ...     pass
    ... ''')
    >>> expr_text(nonempty_condition(loop))
    '-1 < (n - 1)'
    """
    simple = all(op.prim in SHAPE_ARITHMETIC for e in (loop.start, loop.stop) for op in ops(e))
    match loop.step:
        case Const(int(step)) if step and simple:
            return Op("<", (loop.start, loop.stop) if step > 0 else (loop.stop, loop.start))
    return None


def guard_of(stmt: Stmt, types: Mapping[str, Type]) -> ShapeGuard | None:
    """What is known after the statement, where it is such a check."""
    match stmt:
        case Effect(Op("check", (Op("==", (Op("shape", (Var(name),), static), Const(int(length)))), *_))) if isinstance(
            known := types.get(name), Array
        ):
            axis = dict(static)["axis"]
            assert isinstance(axis, int)
            match known.dims[axis]:
                case Dim(((symbol, 1),), 0):
                    return ShapeGuard(name, axis, length, symbol)
    return None


def first_iteration_guards(body: Block, params: Container[str], types: Mapping[str, Type]) -> list[ShapeGuard]:
    """What every first turn of a loop with that body asks of the lengths of arguments, and may be asked before it.

    What goes by a length of an argument in its type is as long as the argument was, at any time.
    """
    found: dict[Symbol, ShapeGuard] = {}
    for asked in _always(body, types):
        name, axis = asked.symbol.name, asked.symbol.axis
        known = types.get(name)
        if name in params and axis is not None and isinstance(known, Array) and known.dims[axis] == dim(asked.symbol):
            found.setdefault(asked.symbol, ShapeGuard(name, axis, asked.length, asked.symbol))
    return list(found.values())


def _always(body: Block, types: Mapping[str, Type]) -> Iterator[ShapeGuard]:
    """What a turn asks whichever way it takes."""
    for stmt in body:
        asked = guard_of(stmt, types)
        if asked is not None:
            yield asked
        elif isinstance(stmt, If):
            others = {(o.symbol, o.length) for o in _always(stmt.orelse, types)}
            yield from (one for one in _always(stmt.then, types) if (one.symbol, one.length) in others)

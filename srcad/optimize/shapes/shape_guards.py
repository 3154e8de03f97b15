"""Shape guards: checks that a length has the constant value it must have, hoisted out of loops where possible.

In `y = y + h * np.array([a, b, c])`, `y` has three elements, or NumPy raises an error, which the loops that replace the
statement have to raise themselves. A guard that every first iteration of a loop executes is hoisted before the loop,
under the condition that it has an iteration. It then holds in every iteration, and `y` can be three scalars throughout.
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
    """That an axis of an array has a certain length. `symbol` is the symbol of the length in types."""

    array: str
    axis: int
    length: int
    symbol: Symbol
    under: tuple[tuple[Dim, Expr], ...] = ()
    """Only if these loops have an iteration as well: their extents, and the conditions for it."""

    def check(self) -> Stmt:
        length = Op("shape", (Var(self.array),), (("axis", self.axis),))
        stmt: Stmt = shape_guard(Op("==", (length, Const(self.length))))
        for _, nonempty in reversed(self.under):
            stmt = If(nonempty, (stmt,), ())
        return stmt


def shape_guard(equal: Expr) -> Effect:
    """The run-time check of an equality of lengths."""
    match equal:
        case Op("==", (Const() as length, other)):
            equal = Op("==", (other, length))
    return check(equal, "ValueError", ("operands could not be broadcast together",))


def nonempty_condition(loop: For) -> Expr | None:
    """The condition that the loop has an iteration; None where the bounds are no simple expressions.

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
    """The guard that the statement is; None for other statements."""
    match stmt:
        case Effect(Op("check", (Op("==", (Op("shape", (Var(name),), static), Const(int(length)))), *_))) if isinstance(
            kind := types.get(name), Array
        ):
            axis = dict(static)["axis"]
            assert isinstance(axis, int)
            match kind.dims[axis]:
                case Dim(((symbol, 1),), 0):
                    return ShapeGuard(name, axis, length, symbol)
    return None


def first_iteration_guards(body: Block, params: Container[str], types: Mapping[str, Type]) -> list[ShapeGuard]:
    """The guards on lengths of parameters that every first iteration executes; they may be hoisted before the loop.

    >>> types = {"y": Array("float64", (dim(Symbol("y", 0)),))}
    >>> check = ShapeGuard("y", 0, 3, Symbol("y", 0)).check()
    >>> [(g.array, g.length) for g in first_iteration_guards((If(Var("c"), (check,), (check,)),), {"y"}, types)]
    [('y', 3)]
    >>> first_iteration_guards((If(Var("c"), (check,), ()),), {"y"}, types)
    []

    A length that is the length of a parameter in its type has the value that it had on entry, at any time.
    """
    found: dict[Symbol, ShapeGuard] = {}
    for guard in _on_every_path(body, types):
        name, axis = guard.symbol.name, guard.symbol.axis
        kind = types.get(name)
        if name in params and axis is not None and isinstance(kind, Array) and kind.dims[axis] == dim(guard.symbol):
            found.setdefault(guard.symbol, ShapeGuard(name, axis, guard.length, guard.symbol))
    return list(found.values())


def _on_every_path(body: Block, types: Mapping[str, Type]) -> Iterator[ShapeGuard]:
    """The guards that an iteration executes on every path."""
    for stmt in body:
        guard = guard_of(stmt, types)
        if guard is not None:
            yield guard
        elif isinstance(stmt, If):
            others = {(o.symbol, o.length) for o in _on_every_path(stmt.orelse, types)}
            yield from (one for one in _on_every_path(stmt.then, types) if (one.symbol, one.length) in others)

"""Tape slots: how the values of one point of the primal are saved and read, as code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srcad.ir.nodes import Block, Expr, If, Stmt


@dataclass(frozen=True)
class Growth:
    """The growth of an array with a row per iteration. All that are declared together grow together."""

    full: Expr
    """Whether the capacity is exhausted."""
    grow: Stmt


def capacity_check(growths: Sequence[Growth]) -> Block:
    """The capacity check at the start of an iteration.

    >>> from srcad.ir.nodes import Op, Var
    >>> from srcad.ir.notation import parse, show
    >>> (grow,) = parse("h = np.resize(h, 2 * size(h))")
    >>> print(show(capacity_check([Growth(Op("==", (Var("turns"), Op("size", (Var("h"),)))), grow)])))
    if turns == size(h):
        h = np.resize(h, 2 * size(h))
    """
    return (If(growths[0].full, tuple(one.grow for one in growths), ()),) if growths else ()


@dataclass(frozen=True)
class TapeSlot:
    """How to save one value per execution of a point of the primal."""

    name: str
    declare: Block
    """Statements before the outermost loop around the point."""
    push: Callable[[Expr], Block]
    """Statements that save the value of an expression."""
    position: Block
    """In the reverse sweep, before the value is read."""
    read: Expr
    about: str
    """Its size, in words."""
    by_reference: bool = False
    """Whether it stores a reference to the array, not a copy."""
    grows: Growth | None = None
    """Its growth, where each iteration of the outermost loop begins with a capacity check."""

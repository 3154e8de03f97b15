"""Perfect loop nests over the elements of arrays: what a statement on full arrays is lowered to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.nodes import Block, Const, Expr, For, Op, Stmt, Store, Var
from srcad.ir.traversal import names, own_exprs, subexpressions
from srcad.ir.types import Dim


@dataclass(frozen=True)
class LoopNest(For):
    """The outermost loop of a perfect nest whose iterations are independent.

    `lengths` are those of the axes, in the order of the loops. The counter of an axis has the same name in all nests of
    a function, so that statements of two nests use equal expressions for the same element.
    """

    lengths: tuple[Dim, ...] = ()
    facts: LengthFacts = field(default=NOTHING, compare=False)
    """What is known of lengths at the nest."""


def loop_nest(
    counters: tuple[str, ...],
    extents: tuple[Expr, ...],
    lengths: tuple[Dim, ...],
    body: Block,
    facts: LengthFacts = NOTHING,
) -> LoopNest:
    """The nest, with the first counter outermost.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> body = parse("y[i, j] = 2.0 * x[i, j]")
    >>> nest = loop_nest(("i", "j"), (Var("n"), Const(3)), (dim(Symbol("n", None)), dim(3)), body)
    >>> print(show((nest,)))
    for i in range(n):
        for j in range(3):
            y[i, j] = 2.0 * x[i, j]
    >>> list(read_elements(body[0]))
    [('x', (Var(name='i'), Var(name='j')))]
    """
    for counter, extent in reversed(list(zip(counters[1:], extents[1:], strict=True))):
        body = (For(counter, Const(0), extent, Const(1), body),)
    return LoopNest(counters[0], Const(0), extents[0], Const(1), body, lengths=lengths, facts=facts)


def indices_of(loops: LoopNest) -> tuple[str, ...]:
    return tuple(loop.index for loop in _levels(loops))


def extents_of(loops: LoopNest) -> tuple[Expr, ...]:
    return tuple(loop.stop for loop in _levels(loops))


def body_of(loops: LoopNest) -> Block:
    """The innermost body: the statements for one element."""
    *_, innermost = _levels(loops)
    return innermost.body


def with_body(loops: LoopNest, body: Block) -> LoopNest:
    return loop_nest(indices_of(loops), extents_of(loops), loops.lengths, body, loops.facts)


def _levels(loops: LoopNest) -> Iterator[For]:
    loop: For = loops
    yield loop
    for _ in loops.lengths[1:]:
        (inner,) = loop.body
        assert isinstance(inner, For)
        loop = inner
        yield loop


Element = tuple[str, tuple[Expr, ...]]
"""An element of an array: the name of the array, and the indices."""


def element(base: str, index: tuple[Expr, ...]) -> Op:
    return Op("index", (Var(base), *index))


def read_elements(stmt: Stmt) -> Iterator[Element]:
    """The elements that a statement of the body reads; that of an update `op=` included."""
    exprs = (*stmt.index, stmt.value) if isinstance(stmt, Store) else own_exprs(stmt)
    for expr in exprs:
        for part in subexpressions(expr):
            match part:
                case Op("index", (Var(base), *index)):
                    yield base, tuple(index)
    if isinstance(stmt, Store) and stmt.op is not None:
        yield from written_elements(stmt)


def written_elements(stmt: Stmt) -> Iterator[Element]:
    match stmt:
        case Store(Var(base), index):
            yield base, index


def is_injective(index: tuple[Expr, ...], counters: tuple[str, ...]) -> bool:
    """Whether different iterations access different elements at this index: all counters are in it."""
    return frozenset(counters) <= frozenset().union(*map(names, index))

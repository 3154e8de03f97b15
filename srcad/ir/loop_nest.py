"""A nest of loops over the elements of arrays: what a statement on whole arrays becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from srcad.ir.nodes import Block, Const, Expr, For, Op, Stmt, Store, Var
from srcad.ir.traversal import names, own_exprs, subexpressions
from srcad.ir.types import Dim, Symbol


@dataclass(frozen=True)
class LoopNest(For):
    """Loops one inside the other, over independent elements; it is the outermost of them.

    `lengths` are those of the axes, in the order of the loops. Each axis has a counter of its own name, the same in
    all nests of a function, so that statements of two nests speak of the same element in the same words.
    """

    lengths: tuple[Dim, ...] = ()
    equal: Mapping[Symbol, Dim] = field(default_factory=dict, compare=False)
    """The lengths known to be equal where the nest stands."""


def loop_nest(
    counters: tuple[str, ...],
    extents: tuple[Expr, ...],
    lengths: tuple[Dim, ...],
    body: Block,
    equal: Mapping[Symbol, Dim],
) -> LoopNest:
    """The loops, the first counter outermost."""
    for counter, extent in reversed(list(zip(counters[1:], extents[1:], strict=True))):
        body = (For(counter, Const(0), extent, Const(1), body),)
    return LoopNest(counters[0], Const(0), extents[0], Const(1), body, lengths=lengths, equal=equal)


def indices_of(loops: LoopNest) -> tuple[str, ...]:
    return tuple(loop.index for loop in _levels(loops))


def extents_of(loops: LoopNest) -> tuple[Expr, ...]:
    return tuple(loop.stop for loop in _levels(loops))


def body_of(loops: LoopNest) -> Block:
    """What is done for each element."""
    *_, innermost = _levels(loops)
    return innermost.body


def with_body(loops: LoopNest, body: Block) -> LoopNest:
    return loop_nest(indices_of(loops), extents_of(loops), loops.lengths, body, loops.equal)


def _levels(loops: LoopNest) -> Iterator[For]:
    loop: For = loops
    yield loop
    for _ in loops.lengths[1:]:
        (inner,) = loop.body
        assert isinstance(inner, For)
        loop = inner
        yield loop


Element = tuple[str, tuple[Expr, ...]]
"""A place in an array: its name and the indices."""


def element(base: str, index: tuple[Expr, ...]) -> Op:
    return Op("index", (Var(base), *index))


def read_elements(stmt: Stmt) -> Iterator[Element]:
    """The elements that a statement of a nest's body reads, the one it updates included."""
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
    """Whether every turn has an element of its own at this index."""
    return frozenset(counters) <= frozenset().union(*map(names, index))

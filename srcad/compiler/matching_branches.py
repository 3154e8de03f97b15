"""Branches of a forward sweep, each with those of the reverse sweep that run where it ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, Block, Expr, If, Op, Stmt
from srcad.ir.traversal import block_reads, blocks, defined, names, stmt_writes, with_blocks
from srcad.ir.types import Scalar, Type

_OPPOSITE = {"==": "!=", "!=": "=="}
_OF_INTEGERS = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""For a float that is NaN both are false."""


@dataclass(frozen=True)
class BranchPair:
    """Branch `side` of the `if` at a position of the forward sweep, and such of the reverse sweep."""

    at: int
    side: int
    reverse: tuple[tuple[int, int], ...]


def matching_branches(
    forward: Block, reverse: Block, types: Mapping[str, Type], later: AbstractSet[str] = frozenset()
) -> Iterator[BranchPair]:
    """The pairs on the first level of both; `later` are the names that the forward sweep writes after its block.

    >>> from srcad.ir.notation import parse
    >>> forward = parse("if n == 0:\\n    y = x\\nelse:\\n    y = np.exp(x)")
    >>> reverse = parse("if n != 0:\\n    d = y * d")
    >>> list(matching_branches(forward, reverse, {"n": Scalar("int64")}))
    [BranchPair(at=0, side=1, reverse=((0, 0),))]
    """
    for at, stmt in enumerate(forward):
        if not isinstance(stmt, If) or not is_pure(stmt.cond):
            continue
        asked = names(stmt.cond)
        if asked & (later | defined(forward[at:])) or not all(isinstance(types.get(n), Scalar) for n in asked):
            continue
        last = {n: s for s in forward[:at] for n in stmt_writes(s)}
        found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for position, other in enumerate(reverse):
            if isinstance(other, If) and other.cond == stmt.cond:
                found[0].append((position, 0))
                found[1].append((position, 1))
            elif isinstance(other, If) and other.cond == negated(stmt.cond, types):
                found[0].append((position, 1))
                found[1].append((position, 0))
            if any(last.get(n) != other for n in asked & stmt_writes(other)):
                break  # it has another value from here on
        for side in (0, 1):
            if blocks(stmt)[side] and any(blocks(reverse[t])[s] for t, s in found[side]):
                yield BranchPair(at, side, tuple((t, s) for t, s in found[side] if blocks(reverse[t])[s]))


def negated(cond: Expr, types: Mapping[str, Type]) -> Expr | None:
    """The condition that holds where this one does not."""
    match cond:
        case Op("not", (inner,)):
            return inner
        case Op(prim, args, static) if prim in _OPPOSITE:
            return Op(_OPPOSITE[prim], args, static)
        case Op(prim, (a, b), static) if prim in _OF_INTEGERS and _is_integer(a, types) and _is_integer(b, types):
            return Op(_OF_INTEGERS[prim], (a, b), static)
    return Op("not", (cond,))


def _is_integer(e: Expr, types: Mapping[str, Type]) -> bool:
    found = [types.get(n) for n in names(e)]
    whole = all(isinstance(t, Scalar) and t.dtype == "int64" for t in found)
    return whole and all(part.prim in ("+", "-", "*", "//", "%", "neg") for part in _ops(e))


def _ops(e: Expr) -> list[Op]:
    return [] if not isinstance(e, Op) else [e, *(op for arg in e.args for op in _ops(arg))]


def written_inside(name: str, block: Block, pair: BranchPair) -> bool:
    """Whether the name is written in the branch of the forward sweep, and nowhere else but for a value that is not
    read."""
    outside = (*block[: pair.at], with_blocks(block[pair.at], [(), ()]), *block[pair.at + 1 :])
    for at, stmt in enumerate(block):
        is_dead = at < pair.at and isinstance(stmt, Assign) and name not in block_reads(outside)
        if at != pair.at and name in stmt_writes(stmt) and not is_dead:
            return False
    (other,) = (b for side, b in enumerate(blocks(block[pair.at])) if side != pair.side)
    return name not in defined(other)


def read_inside(name: str, block: Block, pair: BranchPair) -> bool:
    """Whether the name is read, or written, in the branches of the reverse sweep alone."""
    inside = dict(pair.reverse)
    for at, stmt in enumerate(block):
        outer: tuple[Stmt, ...] = (stmt,)
        if at in inside:
            outer = (with_blocks(stmt, [() if s == inside[at] else b for s, b in enumerate(blocks(stmt))]),)
        if name in block_reads(outer) | defined(outer):
            return False
    return True


def in_branch(block: Block, at: int, side: int, change: Block) -> Block:
    """The block with another branch."""
    stmt = block[at]
    changed = with_blocks(stmt, [change if s == side else b for s, b in enumerate(blocks(stmt))])
    return (*block[:at], changed, *block[at + 1 :])

"""How control can leave a piece of syntax tree: the analysis below `single_exit`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gast

NEXT = "next"
RETURN = "return"
BREAK = "break"
CONTINUE = "continue"
RAISE = "raise"


def exits(body: Sequence[gast.stmt]) -> frozenset[str]:
    """The ways out of a block: `NEXT` for its end, and the others by the statement that does it.

    >>> body = gast.parse("while x: break\\nif x: return\\nelse: raise E").body
    >>> sorted(exits(body))
    ['raise', 'return']
    """
    left: set[str] = set()
    for statement in body:
        ways = _exits(statement)
        left |= ways - {NEXT}
        if NEXT not in ways:
            return frozenset(left)
    return frozenset(left | {NEXT})


def _exits(statement: gast.stmt) -> frozenset[str]:
    match statement:
        case gast.Return():
            return frozenset({RETURN})
        case gast.Break():
            return frozenset({BREAK})
        case gast.Continue():
            return frozenset({CONTINUE})
        case gast.Raise():
            return frozenset({RAISE})
        case gast.If():
            return exits(statement.body) | exits(statement.orelse)
        case gast.For() | gast.While():
            inside = exits(statement.body)
            ways = inside & {RETURN, RAISE}
            if not endless(statement):
                ways |= exits(statement.orelse)
            return ways | {NEXT} if BREAK in inside else ways
        case _:
            return frozenset({NEXT})


def endless(statement: gast.For | gast.While) -> bool:
    """Whether a loop's own head never ends it, as in `while True`."""
    match statement:
        case gast.While(test=gast.Constant(value=value)):
            return bool(value)
        case _:
            return False


def reachable(body: Sequence[gast.stmt]) -> list[gast.stmt]:
    """A block up to the first statement after which control never goes on."""
    for at, statement in enumerate(body):
        if NEXT not in _exits(statement):
            return list(body[: at + 1])
    return list(body)


def returns(body: Sequence[gast.stmt]) -> Iterator[gast.Return]:
    """The reachable `return`s of a block, in the order of the text."""
    for statement in reachable(body):
        match statement:
            case gast.Return():
                yield statement
            case gast.If() | gast.For() | gast.While():
                yield from returns(statement.body)
                yield from returns(statement.orelse)

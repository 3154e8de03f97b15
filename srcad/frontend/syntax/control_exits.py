"""Control-flow analysis of a syntax tree: the ways in which control can leave a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gast

NEXT = "next"
RETURN = "return"
BREAK = "break"
CONTINUE = "continue"
RAISE = "raise"


def exits(body: Sequence[gast.stmt]) -> frozenset[str]:
    """The exits of a block: `NEXT` for its end, the others named by the statement that takes them.

    >>> body = gast.parse("while x: break\\nif x: return\\nelse: raise E").body
    >>> sorted(exits(body))
    ['raise', 'return']
    """
    found: set[str] = set()
    for statement in body:
        ways = _exits(statement)
        found |= ways - {NEXT}
        if NEXT not in ways:
            return frozenset(found)
    return frozenset(found | {NEXT})


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
        case gast.With():
            suppressing = as_try(statement)
            return exits(statement.body) if suppressing is None else _exits(suppressing)
        case gast.Try():
            ways = exits([*statement.body, *statement.orelse])
            return ways if raises_only(statement) else ways.union(*(exits(one.body) for one in statement.handlers))
        case gast.For() | gast.While():
            inner_exits = exits(statement.body)
            ways = inner_exits & {RETURN, RAISE}
            if not endless(statement):
                ways |= exits(statement.orelse)
            return ways | {NEXT} if BREAK in inner_exits else ways
        case _:
            return frozenset({NEXT})


def as_try(statement: gast.With) -> gast.Try | None:
    """`with suppress(...)` as a `try`, with the function in the attribute `suppresses`; None for any other `with`.

    >>> print(gast.unparse(as_try(gast.parse("with suppress(A, B): c()").body[0])).strip())
    try:
        c()
    except (A, B):
        pass
    """
    item, *others = statement.items
    match item.context_expr:
        case gast.Call(func=gast.Name(id="suppress") | gast.Attribute(attr="suppress") as function, args=errors):
            body = (
                [gast.copy_location(gast.With(others, statement.body, None), statement)] if others else statement.body
            )
            caught = gast.copy_location(gast.Tuple(errors, gast.Load()), item.context_expr)
            nothing = gast.copy_location(gast.Pass(), statement)
            handler = gast.copy_location(gast.ExceptHandler(caught, None, [nothing]), statement)
            made = gast.copy_location(gast.Try(body, [handler], [], []), statement)
            made.suppresses = function
            return made
    return None


def raises_only(statement: gast.Try) -> bool:
    """Whether no error that is caught leads to anything but an error, and what comes at last does not leave.

    >>> texts = ("try: a()\\nexcept E: raise F", "try: a()\\nexcept E: b = 1", "try: a()\\nfinally: b()")
    >>> [raises_only(gast.parse(text).body[0]) for text in texts]
    [True, False, True]
    """
    ways = [exits(handler.body) for handler in statement.handlers]
    return all(way == {RAISE} for way in ways) and not contains_exit(statement.finalbody)


def may_go_on(node: gast.AST) -> bool:
    """Whether a node is a statement that catches errors and goes on."""
    match node:
        case gast.Try():
            return not raises_only(node)
        case gast.With():
            return as_try(node) is not None
        case _:
            return False


def endless(statement: gast.For | gast.While) -> bool:
    """Whether the head of a loop never terminates it, as in `while True`.

    >>> [endless(gast.parse(text).body[0]) for text in ("while True: pass", "while x: pass")]
    [True, False]
    """
    match statement:
        case gast.While(test=gast.Constant(value=value)):
            return bool(value)
        case _:
            return False


def reachable(body: Sequence[gast.stmt]) -> list[gast.stmt]:
    """A block up to the first statement after which no other is reachable.

    >>> len(reachable(gast.parse("a = 1\\nraise E\\nb = 2").body))
    2
    """
    for at, statement in enumerate(body):
        if NEXT not in _exits(statement):
            return list(body[: at + 1])
    return list(body)


def returns(body: Sequence[gast.stmt]) -> Iterator[gast.Return]:
    """The reachable `return` statements of a block, in the order of the text."""
    for statement in reachable(body):
        match statement:
            case gast.Return():
                yield statement
            case gast.If() | gast.For() | gast.While():
                yield from returns(statement.body)
                yield from returns(statement.orelse)
            case gast.With():
                yield from returns(statement.body)
            case gast.Try():
                for block in ([*statement.body, *statement.orelse], *(one.body for one in statement.handlers)):
                    yield from returns(block)


def contains_exit(body: Sequence[gast.stmt]) -> bool:
    """Whether a `return`, `break` or `continue` stands in a block, wherever it leads.

    >>> contains_exit(gast.parse("for v in x: break").body), contains_exit(gast.parse("a = 1").body)
    (True, False)
    """
    return any(isinstance(node, gast.Return | gast.Break | gast.Continue) for stmt in body for node in gast.walk(stmt))

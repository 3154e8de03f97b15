"""The tape of a recursion: a stack that calls are given, on which they save what their adjoints take from it.

How deep a recursion is, only the run knows. So a function that calls itself saves on a stack that it is given, and its
adjoint takes from it, in the opposite order. In the reversal such calls have no more arguments than the others. Once
both sweeps are written down, each gets the stack as its last argument, which it changes: so no pass may leave one out,
do one twice, or change their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from srcad.errors import Restart
from srcad.ir.called import Called, callee_of
from srcad.ir.calls import callees
from srcad.ir.nodes import Assign, Block, Expr, For, Function, If, Op, Param, Stmt, Var, While
from srcad.ir.traversal import children, map_expr, names, own_exprs, own_writes, rewrite, section_start, walk
from srcad.ir.types import ListOf, Scalar, Type
from srcad.reverse.adjoint.call_adjoints import AdjointCall
from srcad.rules.traits import LAZY
from srcad.typing.builder import Builder

TAPE: Type = ListOf(Scalar("float64"))
"""Of the tape while it is one name for all that is saved; which lists it consists of is known at the end."""


class NotTaped(Restart):
    """What a call saves cannot be taken from the tape in the opposite order: the recursion runs again instead."""


def takes_tape(f: Function) -> bool:
    """Whether the function calls any that saves on a tape, or reads one."""
    return any(one.taped for one in callees(f).values())


def with_tape(f: Function, is_given: bool) -> Function:
    """The function, whose calls have the tape as their last argument: its own last parameter, or made by itself."""
    builder = Builder.resume(f)
    tape = builder.fresh("saved", TAPE)

    def called(one: Called) -> Called:
        return replace(one, params=(*one.params, ("saved", TAPE)), changes=(*one.changes, len(one.params)))

    def part(e: Expr) -> Expr:
        if not isinstance(e, Op) or e.prim != "call" or not callee_of(e).taped:
            return e
        return Op("call", (*e.args, tape), (("callee", called(callee_of(e))),))

    body = tuple(rewrite(s, lambda e: map_expr(e, part)) for s in f.body)
    params = f.params
    if is_given:
        params = (*params, Param(tape.name, "saved"))
    else:
        at = section_start(body, "forward") + 1
        body = (*body[:at], Assign(tape.name, Op("list.new")), *body[at:])
    return builder.built(replace(f, params=params, body=body))


def values_of_primal(f: Function, block: Block) -> Callable[[Expr], bool]:
    """Which expressions of a reverse sweep are floats of the primal, that no adjoint is in.

    They must have the bits that they had in the forward sweep: a test that goes the other way, here or in a function
    that is called, takes from the tape what another one has put there.
    """
    adjoints = set(f.adjoints)
    statements = list(walk(block))
    while True:
        read = [s for s in statements if adjoints & {n for e in own_exprs(s) for n in names(e)}]
        more = {n for s in read for n in own_writes(s)} - adjoints
        if not more:
            break
        adjoints |= more

    def is_of_primal(e: Expr) -> bool:
        used = names(e)
        return not used & adjoints and any(f.types.get(n) != Scalar("int64") for n in used)

    return is_of_primal


# ---- what is saved is what is taken ---------------------------------------------------------------------------------

_Shape = tuple[object, ...]
_Token = tuple[int, _Shape]
"""1 and what is put on the stack, or -1 and what is taken from it."""


class _Unbalanced(Exception):
    pass


def is_balanced(block: Block, tape: str = "") -> bool:
    """Whether all that the statements put on the tape is taken from it again, in the opposite order.

    >>> from srcad.ir.notation import parse
    >>> is_balanced(parse("list.append(saved, x)\\nfor i in range(n):\\n    x = list.pop(saved)"), "saved")
    False
    >>> is_balanced(parse('''
    ... list.append(saved, x)
    ... if c:
    ...     for i in range(n):
    ...         list.append(saved, y)
    ... if c:
    ...     for i in range(n - 1, -1, -1):
    ...         y = list.pop(saved)
    ... x = list.pop(saved)
    ... '''), "saved")
    True
    """
    try:
        return not _Stack(tape).of_block(block)
    except _Unbalanced:
        return False


class _Stack:
    def __init__(self, tape: str) -> None:
        self.tape = Var(tape)

    def of_block(self, block: Iterable[Stmt]) -> list[_Token]:
        """What is left of what a block puts on the tape and takes from it."""
        return _reduced(token for stmt in block for token in self._of_statement(stmt))

    def _of_statement(self, stmt: Stmt) -> Iterator[_Token]:
        for e in own_exprs(stmt):
            yield from self._of_expression(e)
        match stmt:
            case If(then=then, orelse=orelse):
                yield from _either(self.of_block(then), self.of_block(orelse))
            case For(body=body):
                yield from _repeated(self.of_block(body))
            case While(test=test, body=body):
                if self.of_block(test):
                    raise _Unbalanced  # the test runs once more than the iterations
                yield from _repeated(self.of_block(body))

    def _of_expression(self, e: Expr) -> Iterator[_Token]:
        if isinstance(e, Op) and e.prim in LAZY:
            first, *rest = e.args
            yield from self._of_expression(first)
            then, *orelse = [_reduced(self._of_expression(arg)) for arg in rest]
            yield from _either(then, orelse[0] if orelse else [])
            return
        for child in children(e):
            yield from self._of_expression(child)
        match e:
            case Op("list.append", (self.tape, _)):
                yield 1, ("item",)
            case Op("list.pop", (self.tape,)):
                yield -1, ("item",)
            case Op("call") if (called := callee_of(e)).taped:
                adjoint = called.reversal.called if isinstance(called.reversal, AdjointCall) else called
                yield 1 if adjoint is not called else -1, ("call", adjoint.name)


def _reduced(found: Iterable[_Token]) -> list[_Token]:
    left: list[_Token] = []
    for sign, shape in found:
        if sign < 0 and left and left[-1] == (1, shape):
            left.pop()
        else:
            left.append((sign, shape))
    return left


def _sign(found: Iterable[_Token]) -> int:
    signs = {sign for sign, _ in found}
    if len(signs) > 1:
        raise _Unbalanced
    return signs.pop() if signs else 0


def _shapes(found: list[_Token]) -> tuple[_Shape, ...]:
    """In the order in which they are put on the tape."""
    shapes = tuple(shape for _, shape in found)
    return shapes if _sign(found) > 0 else shapes[::-1]


def _either(then: list[_Token], orelse: list[_Token]) -> Iterator[_Token]:
    sign = _sign([*then, *orelse])
    if sign:
        # which of the two is written first differs from one sweep to the other
        yield sign, ("either", *sorted((_shapes(then), _shapes(orelse)), key=repr))


def _repeated(found: list[_Token]) -> Iterator[_Token]:
    sign = _sign(found)
    if sign:
        yield sign, ("repeated", _shapes(found))

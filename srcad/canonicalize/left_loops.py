"""What a loop that is left early hands to its next iteration: only what it has where it is not left.

A `return x` in a loop binds a result, and leaves the loop: no iteration begins with that result. Without this, x would
be two names for one array in all iterations after the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.ir.nodes import Assign, Block, Carry, Const, Expr, For, Function, If, Join, Op, Stmt, Undef, Var, While
from srcad.ir.traversal import blocks, own_exprs, reads, replace_names, substitute, walk, with_blocks


def settle_left_loops(f: Function) -> Function:
    """A carried value that is undefined before the loop, and bound only where it is left, is undefined in the loop.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "__main__"  # a user's function
    >>> def doubled(x, n):
    ...     for i in range(n):
    ...         x = 2.0 * x
    ...         if x > 9.0:
    ...             return x
    ...     return 0.0
    >>> shown = text(settle_left_loops(normal_form(doubled, 1.0, 3))).splitlines()
    >>> print("\\n".join(shown[5:10]))
            returned.3, result.2 = if %test.2:
                returned.2 = True
                yield returned.2, x.1
            else:
                yield returned.1, undefined
    """
    body = _Settling(f).block(f.body)
    return f if body is f.body else replace(f, body=body)


class _Settling:
    def __init__(self, f: Function) -> None:
        self.values: dict[str, Expr] = {}
        self.joins: dict[str, tuple[If, Join]] = {}
        self.results: dict[str, tuple[For | While, Carry]] = {}
        for stmt in walk(f.body):
            match stmt:
                case Assign(target, value):
                    self.values[target] = value
                case If(joins=joins):
                    self.joins |= {join.target: (stmt, join) for join in joins}
                case For(carried=carried) | While(carried=carried):
                    self.results |= {carry.result: (stmt, carry) for carry in carried}

    def block(self, block: Block) -> Block:
        new = tuple(map(self.statement, block))
        return block if all(a is b for a, b in zip(new, block, strict=True)) else new

    def statement(self, stmt: Stmt) -> Stmt:
        if isinstance(stmt, For | While):
            stmt = self._settled(stmt)
        return with_blocks(stmt, map(self.block, blocks(stmt)))

    def _settled(self, loop: For | While) -> For | While:
        flags = [loop.exit] if isinstance(loop, For) else list(self._flags(loop, loop.cond))
        never = {
            carry.arg
            for carry in loop.carried
            if isinstance(carry.init, Undef)
            and any(flag is not None and self._where_not(flag, carry.next) == Var(carry.arg) for flag in flags)
            and _is_only_passed_on(loop, carry.arg)
        }
        if not never:
            return loop
        undefined = dict.fromkeys(never, Undef())
        new = with_blocks(loop, [substitute(block, undefined) for block in blocks(loop)])
        assert isinstance(new, For | While)
        return replace(new, carried=tuple(replace(c, next=replace_names(c.next, undefined)) for c in loop.carried))

    def _flags(self, loop: While, cond: Expr) -> Iterator[Expr]:
        """The values at the end of an iteration that are false where another one follows."""
        ends: Mapping[str, Expr] = {carry.arg: carry.next for carry in loop.carried}
        match self.values.get(cond.name) if isinstance(cond, Var) else cond:
            case Op("and", (a, b)):
                yield from self._flags(loop, a)
                yield from self._flags(loop, b)
            case Op("not", (Var(name),)) if name in ends:
                yield ends[name]

    def _where_not(self, flag: Expr, value: Expr) -> Expr:
        """What a value is where a flag is false."""
        if not isinstance(flag, Var) or not isinstance(value, Var):
            return value
        if flag.name in self.joins and value.name in self.joins:
            (branch, one), (other, two) = self.joins[flag.name], self.joins[value.name]
            if branch is other:
                sides = [(one.then, two.then), (one.orelse, two.orelse)]
                found = {self._where_not(*side) for side in sides if not self._is_true(side[0])}
                return found.pop() if len(found) == 1 else value
        if flag.name in self.results and value.name in self.results:
            (loop, first), (another, second) = self.results[flag.name], self.results[value.name]
            if loop is another and self._where_not(first.next, second.next) == Var(second.arg):
                return second.init
        return value

    def _is_true(self, value: Expr) -> bool:
        return (self.values.get(value.name) if isinstance(value, Var) else value) == Const(True)


def _is_only_passed_on(loop: For | While, name: str) -> bool:
    """Whether nothing computes with the name in the loop."""
    for stmt in walk(tuple(inner for block in blocks(loop) for inner in block)):
        match stmt:
            case If(cond):
                used = reads(cond)
            case For(start=start, stop=stop, step=step, exit=left):
                used = tuple(n for e in (start, stop, step, left) if e is not None for n in reads(e))
            case While(cond=cond):
                used = reads(cond)
            case _:
                used = tuple(n for e in own_exprs(stmt) for n in reads(e))
        if name in used:
            return False
    return True

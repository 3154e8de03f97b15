"""Loop-invariant code motion of checks at the start of iterations: what the first one asks is asked before the loop.

A loop that raises no error runs on threads.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.analysis.memory.memory_queries import MemoryQueries
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, For, Function, If, Stmt, Store
from srcad.ir.result_memory import root
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import blocks, defined, names, own_exprs, walk, with_blocks
from srcad.optimize.shapes.shape_guards import nonempty_condition


def hoist_leading_checks(f: Function) -> Function:
    """Ask before a loop what the first iteration asks before it does anything.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.runtime_checks import check
    >>> (loop,) = parse('''
    ... for i in range(n):
    ...     k = 2 * i
    ...     y[k] = x[i]
    ... ''')
    >>> from srcad.ir.nodes import Op, Var
    >>> from srcad.ir.types import Scalar
    >>> types = dict.fromkeys("nmik", Scalar("int64"))
    >>> asks = check(Op("==", (Var("n"), Var("m"))), "ValueError", ("n and m differ",))
    >>> loop = replace(loop, body=(loop.body[0], asks, loop.body[1]))
    >>> print(show(hoist_leading_checks(Function("f", (), (loop,), (), types)).body))
    if 0 < n:
        check(n == m, derived=False, error='ValueError', texts=('n and m differ',))
    for i in range(n):
        k = 2 * i
        y[k] = x[i]
    """
    return replace(f, body=_Hoisting(f).block(f.body))


class _Hoisting:
    def __init__(self, f: Function) -> None:
        self.types = f.types
        self.memory = MemoryQueries(f)

    def block(self, block: Block) -> Block:
        found: list[Stmt] = []
        for stmt in block:
            stmt = with_blocks(stmt, [self.block(b) for b in blocks(stmt)])
            nonempty = nonempty_condition(stmt) if isinstance(stmt, For) else None
            if isinstance(stmt, For) and nonempty is not None:
                checks, stmt = self._split(stmt)
                if checks:
                    found.append(If(nonempty, checks, ()))
            found.append(stmt)
        return tuple(found)

    def _split(self, loop: For) -> tuple[Block, For]:
        """The checks that are the same in each iteration and come before all that shows, and the loop without them."""
        changed = defined((loop,))
        checks: list[Stmt] = []
        kept: list[Stmt] = []
        for at, stmt in enumerate(loop.body):
            if is_check(stmt) and not any(names(e) & changed or memory_reads(e, self.types) for e in own_exprs(stmt)):
                checks.append(stmt)
            elif all(map(self._is_silent, walk((stmt,)))):
                kept.append(stmt)
            else:
                return tuple(checks), replace(loop, body=(*kept, *loop.body[at:]))
        return tuple(checks), replace(loop, body=tuple(kept))

    def _is_silent(self, stmt: Stmt) -> bool:
        """Whether nobody sees that it has run, if an error is raised after it."""
        match stmt:
            case Assign() | AugAssign() | Comment() | If() | For():
                return all(map(is_pure, own_exprs(stmt)))
            case Store(base):
                array = root(base)
                return array is not None and self.memory.is_local(array) and all(map(is_pure, own_exprs(stmt)))
        return False

"""Loop reversal: parallel loops of the reverse sweep run upward, in the direction of the hardware prefetcher."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.loops.parallel_loops import is_parallel
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.memory_queries import MemoryQueries, may_alias_in
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.nodes import Block, Const, For, Function, Stmt
from srcad.ir.traversal import defined, with_blocks
from srcad.optimize.memory.array_contraction import inner_blocks


def reverse_descending_loops(f: Function) -> Function:
    """Replace `range(b - 1, a - 1, -1)` by `range(a, b)` where the iterations are independent.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Dim, Scalar
    >>> types = dict.fromkeys(("d_u", "d_v"), Array("float64", (Dim((), 99),))) | {"i": Scalar("int64")}
    >>> print(show(reverse_descending_loops(Function("f", (), parse('''
    ... for i in range(n - 2, 0, -1):
    ...     d_u[i] = 2.0 * d_v[i]
    ... for i in range(n - 2, 0, -1):
    ...     d_u[i] = 2.0 * d_u[i + 1]
    ... '''), (), types)).body))
    for i in range(1, n - 1, 1):
        d_u[i] = 2.0 * d_v[i]
    for i in range(n - 2, 0, -1):
        d_u[i] = 2.0 * d_u[i + 1]
    """
    return replace(f, body=_LoopReversal(f).block(f.body, ()))


class _LoopReversal:
    def __init__(self, f: Function) -> None:
        self.types = f.types
        self.memory = MemoryQueries(f)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(self._stmt(stmt, (*path, at)) for at, stmt in enumerate(block))

    def _stmt(self, stmt: Stmt, path: Path) -> Stmt:
        if isinstance(stmt, For):
            new = ascending_loop(stmt) if stmt.step == Const(-1) and self._is_reversible(stmt, path) else stmt
            return replace(new, body=self.block(stmt.body, (*path, "body")))
        return with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)])

    def _is_reversible(self, loop: For, path: Path) -> bool:
        if not is_parallel(loop, self.types, str.__eq__):
            return False
        if not is_parallel(loop, self.types, may_alias_in(self.memory.aliases_at(path))):
            return False
        return not defined((loop,)) & self.memory.liveness.live_after((*path, "head"))

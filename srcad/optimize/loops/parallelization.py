"""Parallelisation: outer loops whose iterations may run at once run on threads."""

from __future__ import annotations

import re
from dataclasses import replace

from srcad.analysis.loops.concurrent_iterations import Concurrency
from srcad.analysis.memory.liveness import Path
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.length_exprs import minus
from srcad.ir.loop_nest import LoopNest
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, Block, Comment, Const, Expr, For, Function, If, Op, Stmt, Var
from srcad.ir.runtime_checks import negated
from srcad.ir.traversal import defined, rename, replace_names, walk, with_blocks
from srcad.ir.types import Scalar, Type
from srcad.optimize.loops.blocked_loops import in_blocks, work_of_sums
from srcad.optimize.loops.check_fission import Fission
from srcad.optimize.loops.concurrent_loops import ConcurrentLoops
from srcad.optimize.loops.work_estimate import is_enough, work
from srcad.optimize.memory.array_contraction import inner_blocks


def parallelize(f: Function) -> Function:
    """Run outer loops on threads, where their iterations may run at once and there is work enough.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0)),))
    >>> types = {"x": x, "y": x, "s": Scalar("float64"), "t": Scalar("float64"), "i": Scalar("int64")}
    >>> types["n"] = Scalar("int64")
    >>> body = parse('''
    ... s = 0.0
    ... for i in range(n):
    ...     t = np.exp(x[i])
    ...     y[i] = t
    ...     s += t
    ... ''')
    >>> params = tuple(Param(name, name) for name in "xyn")
    >>> print(show(parallelize(Function("f", params, body, (Var("s"),), types)).body))
    s = 0.0
    if (0 < n) and ((n * 24) > 50000):
        # s: a sum for each block, added in their order
        blocks = min(n, 64)
        s_of = np.empty(blocks)
        for block in prange(blocks):
            s_here = 0.0
            for i1 in range((block * n) // blocks, ((block + 1) * n) // blocks, 1):
                t1 = np.exp(x[i1])
                y[i1] = t1
                s_here += t1
            s_of[block] = s_here
        for block1 in range(blocks):
            s += s_of[block1]
    else:
        for i in range(n):
            t = np.exp(x[i])
            y[i] = t
            s += t

    Where iterations are of unequal length (bounds of an inner loop contain the index), a block has each 64th of them.
    """
    changed = _Parallelization(f)
    body = changed.block(f.body, ())
    if not any(isinstance(stmt, For) and stmt.parallel for stmt in walk(body)):
        return replace(f, body=body, types=changed.types)
    # in the code for threads Numba calls the second value of `y` also `y_2`
    numbered = {name: f"{name}_" for name in sorted(defined(body)) if re.search(r"_\d+$", name)}
    new = {name: fresh_name(wanted, changed.types[name], changed.types) for name, wanted in numbered.items()}
    results = tuple(replace_names(e, {name: Var(other) for name, other in new.items()}) for e in f.results)
    return replace(f, body=rename(body, new), results=results, types=changed.types)


class _Parallelization:
    def __init__(self, f: Function) -> None:
        self.types: dict[str, Type] = dict(f.types)
        self.loops = ConcurrentLoops(f)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(new for at, stmt in enumerate(block) for new in self._stmt(stmt, (*path, at)))

    def _stmt(self, stmt: Stmt, path: Path) -> Block:
        why: Block = ()
        if isinstance(stmt, For):
            found = self._on_threads(stmt, path)
            if not isinstance(found, str):
                return found
            why = (Comment(f"on one thread: {found}"),)
        if isinstance(stmt, LoopNest):
            return (*why, stmt)
        return (
            *why,
            with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)]),
        )

    def _on_threads(self, loop: For, path: Path) -> Block | str:
        """The loop on threads where there is work enough, which depends on lengths alone; or why it may not be."""
        parts = self.loops.split(loop, path)
        left = loop if parts is None else parts.loop
        found = self.loops.concurrency(left, path)
        if isinstance(found, str):
            return found
        if found.fallible and parts is not None:
            return "an iteration may raise errors of two kinds"
        asked = () if parts is None else self._asked(parts)
        pays, filled = self._pays(left, found), self._filled(found)
        if not found.fallible:
            return (If(pays, (*asked, *in_blocks(left, found, filled, self.types)), (loop,)),)
        ended = fresh_name("ended", Scalar("bool"), self.types)
        tried = in_blocks(left, found, filled, self.types, ended)
        return Assign(ended, Const(False)), If(pays, tried, ()), If(negated(Var(ended)), (loop,), ())

    def _pays(self, loop: For, found: Concurrency) -> Expr:
        """Whether there is work enough for two blocks, and no array is of a negative length."""
        loop = ascending_loop(loop)
        cycles = minus(work(loop, self.types), work_of_sums(found, self.types, 2))
        pays = Op("and", (Op("<", (loop.start, loop.stop)), is_enough(cycles)))
        for length in found.lengths:
            pays = Op("and", (pays, Op(">=", (length, Const(0)))))
        return pays

    def _filled(self, found: Concurrency) -> dict[str, str]:
        """What allocates an array like that of before the loop, for those of which each block has its own."""
        return {name: "np.zeros" if self.loops.is_zeros(name) else "np.empty" for name in found.private}

    def _asked(self, parts: Fission) -> Block:
        """The checks: where they differ between iterations, threads count those that fail, and one raises the error."""
        checks = parts.own_checks(self.types)
        count = fresh_name("failed", Scalar("int64"), self.types)
        failed = fresh_name("fails", Scalar("bool"), self.types)
        counting = parts.counting(count, failed)
        if counting is None:
            return (checks,)
        own = tuple(sorted(defined(counting.body) - {count}))
        counted = in_blocks(counting, Concurrency(scalars=(count,), arrays=(), own=own, private=()), {}, self.types)
        return (Assign(count, Const(0)), *counted, If(Op(">", (Var(count), Const(0))), (checks,), ()))

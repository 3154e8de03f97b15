"""Loops of the reverse sweep whose turns do not wait for one another run upward, as memory is read ahead."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from srcad.analyses.dataflow import Liveness, Path, liveness
from srcad.analyses.independent import independent
from srcad.ir.nodes import Block, Const, For, Function, Stmt
from srcad.ir.walk import defined, names, with_blocks
from srcad.simplify.holders import Pairs, held_in_loops
from srcad.simplify.shifts import upward
from srcad.tune.contract import inner_blocks


def ascending(f: Function) -> Function:
    """The function with `range(a, b)` for `range(b - 1, a - 1, -1)` where the order does not show.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Dim, Scalar
    >>> types = dict.fromkeys(("d_u", "d_v"), Array("float64", (Dim((), 99),))) | {"i": Scalar("int64")}
    >>> print(show(ascending(Function("f", (), parse('''
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
    return replace(f, body=_Ascending(f).block(f.body, ()))


class _Ascending:
    def __init__(self, f: Function) -> None:
        self.f = f
        self.params = frozenset(p.name for p in f.params)

    @cached_property
    def held(self) -> dict[Path, Pairs]:
        return dict(held_in_loops(self.f.body, self.f.types, self.params))

    @cached_property
    def live(self) -> Liveness:
        kept = frozenset(n for e in self.f.results for n in names(e))
        return liveness(self.f.body, self.f.types, kept, self.params, all_stays=True)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(self._stmt(stmt, (*path, at)) for at, stmt in enumerate(block))

    def _stmt(self, stmt: Stmt, path: Path) -> Stmt:
        if isinstance(stmt, For):
            turned = upward(stmt) if stmt.step == Const(-1) and self._may_turn(stmt, path) else stmt
            return replace(turned, body=self.block(stmt.body, (*path, "body")))
        return with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)])

    def _may_turn(self, loop: For, path: Path) -> bool:
        def meet(a: str, b: str) -> bool:
            pairs = self.held[path]
            return a == b or (a, b) in pairs or (b, a) in pairs

        if not independent(loop, self.f.types, str.__eq__) or not independent(loop, self.f.types, meet):
            return False
        return not defined((loop,)) & self.live.live_after((*path, "head"))

"""An array made anew in every turn of a loop, and read in that turn only, is made once, before the loop."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.ir.loop_nest import LoopNest
from srcad.ir.nodes import Assign, Block, Const, Expr, For, Function, Op, Stmt, Store, Var, While
from srcad.ir.traversal import names, ops, own_writes, stmt_writes, walk, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.optimize.memory.array_contraction import inner_blocks, nests_as_steps
from srcad.rules.traits import having

_MADE = having(lambda p: p.lengths_from == 0 and p.contents in ("zeros", "uninitialised"))
# not `len`, which of a list may change from one iteration to the next without an assignment
_COUNTING = frozenset({"shape", "select", "+", "-", "*", ">"})


def hoist_allocations(f: Function) -> Function:
    """The function with `np.empty` before the loops it stood in, where each turn may use the same memory.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0)),))
    >>> body = parse('''
    ... for t in range(n):
    ...     y = np.zeros(x.shape[0])
    ...     y[0] = x[t]
    ...     total += y[0]
    ... '''.replace("x.shape[0]", "shape(x, axis=0)"))
    >>> types = {"x": x, "y": x, "n": Scalar("int64"), "t": Scalar("int64"), "total": Scalar("float64")}
    >>> params = (Param("x", "x"), Param("n", "n"), Param("total", "total"))
    >>> print(show(hoist_allocations(Function("f", params, body, (Var("total"),), types)).body))
    y = np.empty(shape(x, axis=0))
    for t in range(n):
        y[...] = 0.0
        y[0] = x[t]
        total += y[0]

    No other name may stand for the array, in this turn or after it: not an item of a list, not a carried value.
    """
    params = frozenset(p.name for p in f.params)
    kept = frozenset(n for e in f.results for n in names(e))
    live = liveness(nests_as_steps(f.body), f.types, kept, params, all_stays=True)
    return replace(f, body=_Buffers(f, live, params).block(f.body, ()))


class _Buffers:
    def __init__(self, f: Function, live: Liveness, params: frozenset[str]) -> None:
        self._types = f.types
        self._live = live
        self._params = params
        self._written = Counter(params) + Counter(n for s in walk(f.body) for n in own_writes(s))

    def block(self, block: Block, path: Path) -> Block:
        found: list[Stmt] = []
        for k, stmt in enumerate(block):
            here: Path = (*path, k)
            if not isinstance(stmt, LoopNest):
                stmt = with_blocks(stmt, [self.block(b, (*here, name)) for name, b in inner_blocks(stmt)])
            if isinstance(stmt, For | While) and not isinstance(stmt, LoopNest):
                entry = (*here, "range" if isinstance(stmt, For) else "start")
                before, stmt = self._lifted(stmt, self._live.live_after(entry))
                found += before
            found.append(stmt)
        return tuple(found)

    def _lifted(self, loop: For | While, entering: frozenset[str]) -> tuple[list[Stmt], Stmt]:
        """What stands before the loop now, and the loop."""
        before: list[Stmt] = []
        fixed = set(stmt_writes(loop))
        body: list[Stmt] = []
        for stmt in loop.body:
            match stmt:
                case Assign(target, value) if self._is_count(target, value, fixed):
                    before.append(stmt)
                    fixed.discard(target)
                case _:
                    body.append(stmt)
        made: dict[str, Op] = {}
        for stmt in body:
            match stmt:
                case Assign(target, Op(prim, extents) as value) if prim in _MADE and target not in made:
                    if not fixed & set().union(*map(names, extents)) and self._is_buffer(target, value, loop, entering):
                        made[target] = value
                        before.append(Assign(target, replace(value, prim="np.empty")))
        new: list[Stmt] = []
        for stmt in body:
            match stmt:
                case Assign(target, Op(prim)) if target in made:
                    if prim == "np.zeros":
                        known = self._types[target]
                        zero = 0.0 if isinstance(known, Array) and known.dtype.startswith("float") else 0
                        new.append(Store(Var(target), (), Const(zero)))
                case _:
                    new.append(stmt)
        return before, replace(loop, body=tuple(new))

    def _is_count(self, name: str, value: Expr, fixed: set[str]) -> bool:
        """Whether a length is the same in every turn."""
        known = self._types.get(name)
        counting = isinstance(value, Op) and all(op.prim in _COUNTING for op in ops(value))
        once = self._written[name] == 1 and isinstance(known, Scalar) and known.dtype == "int64"
        return once and counting and not names(value) & fixed

    def _is_buffer(self, name: str, made: Op, loop: For | While, entering: frozenset[str]) -> bool:
        known = self._types.get(name)
        if not isinstance(known, Array) or name in entering or name in self._params:
            return False
        if self._live.shared.aliases(name) > {name}:
            return False
        top = {id(s) for s in loop.body}
        return all(
            id(s) in top and isinstance(s.value, Op) and s.value.prim in _MADE and s.value.args == made.args
            for s in walk((loop,))
            if isinstance(s, Assign) and s.target == name
        )

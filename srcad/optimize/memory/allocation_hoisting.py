"""Loop-invariant code motion of allocations: an array private to an iteration is allocated once, before the loop."""

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
    """Move `np.empty` before the loops around it, where all iterations may use the same memory.

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

    The array must not have an alias, in the iteration or after it: no item of a list, no loop-carried value. Iterations
    that run at once share no memory.
    """
    params = frozenset(p.name for p in f.params)
    results = frozenset(n for e in f.results for n in names(e))
    live = liveness(nests_as_steps(f.body), f.types, results, params, all_stays=True)
    return replace(f, body=_Hoisting(f, live, params).block(f.body, ()))


def _runs_at_once(loop: For | While) -> bool:
    return isinstance(loop, For) and loop.parallel


class _Hoisting:
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
            if isinstance(stmt, For | While) and not isinstance(stmt, LoopNest) and not _runs_at_once(stmt):
                entry = (*here, "range" if isinstance(stmt, For) else "start")
                before, stmt = self._hoisted(stmt, self._live.live_after(entry))
                found += before
            found.append(stmt)
        return tuple(found)

    def _hoisted(self, loop: For | While, entering: frozenset[str]) -> tuple[list[Stmt], Stmt]:
        """The hoisted statements, and the loop that is left."""
        before: list[Stmt] = []
        changed = set(stmt_writes(loop))
        body: list[Stmt] = []
        for stmt in loop.body:
            match stmt:
                case Assign(target, value) if self._is_invariant_length(target, value, changed):
                    before.append(stmt)
                    changed.discard(target)
                case _:
                    body.append(stmt)
        allocated: dict[str, Op] = {}
        for stmt in body:
            match stmt:
                case Assign(target, Op(prim, extents) as value) if prim in _MADE and target not in allocated:
                    if not changed & set().union(*map(names, extents)) and self._is_private_array(
                        target, value, loop, entering
                    ):
                        allocated[target] = value
                        before.append(Assign(target, replace(value, prim="np.empty")))
        new: list[Stmt] = []
        for stmt in body:
            match stmt:
                case Assign(target, Op(prim)) if target in allocated:
                    if prim == "np.zeros":
                        kind = self._types[target]
                        zero = 0.0 if isinstance(kind, Array) and kind.dtype.startswith("float") else 0
                        new.append(Store(Var(target), (), Const(zero)))
                case _:
                    new.append(stmt)
        return before, replace(loop, body=tuple(new))

    def _is_invariant_length(self, name: str, value: Expr, changed: set[str]) -> bool:
        """Whether the assignment computes a loop-invariant length."""
        kind = self._types.get(name)
        counting = isinstance(value, Op) and all(op.prim in _COUNTING for op in ops(value))
        once = self._written[name] == 1 and isinstance(kind, Scalar) and kind.dtype == "int64"
        return once and counting and not names(value) & changed

    def _is_private_array(self, name: str, allocation: Op, loop: For | While, entering: frozenset[str]) -> bool:
        kind = self._types.get(name)
        if not isinstance(kind, Array) or name in entering or name in self._params:
            return False
        if self._live.shared.aliases(name) > {name}:
            return False
        top = {id(s) for s in loop.body}
        return all(
            id(s) in top and isinstance(s.value, Op) and s.value.prim in _MADE and s.value.args == allocation.args
            for s in walk((loop,))
            if isinstance(s, Assign) and s.target == name
        )

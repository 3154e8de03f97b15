"""Shape guards of the first iteration of a loop are hoisted before it, under the condition that it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from srcad.analysis.shapes.implied_equalities import implied_equalities
from srcad.analysis.shapes.shape_environment import ShapeEnvironment
from srcad.ir.nodes import Block, Const, Expr, For, Function, If, Stmt
from srcad.ir.traversal import block_reads, defined, names
from srcad.ir.types import Array, Dim, Symbol, dim
from srcad.optimize.shapes.shape_guards import ShapeGuard, first_iteration_guards, nonempty_condition
from srcad.typing.typeof import typeof


class GuardHoisting:
    """The loops of a function, while `lower_block` rewrites their bodies with the facts of `shapes`.

    `lower_scalar` lowers the exit condition of a loop, with the statements that it appends before.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> symbol = Symbol("y", 0)
    >>> f = Function("f", (Param("y", "y"),), (), (), {"y": Array("float64", (dim(symbol),))})
    >>> guard = ShapeGuard("y", 0, 3, symbol).check()
    >>> (loop,) = parse('''
    ... for t in range(n):
    ...     y[0] = y[2]
    ... ''')
    >>> shapes = ShapeEnvironment(f.types, frozenset("y"))
    >>> def lower(block):
    ...     return block if shapes.representative(dim(symbol)) == dim(3) else (guard, *block)
    >>> loops = GuardHoisting(f, shapes, lower, lambda expr, before: expr)
    >>> print(show((loops.loop(loop),)))  # doctest: +ELLIPSIS
    if 0 < n:
        check(shape(y, axis=0) == 3, derived=False, error='ValueError', ...)
        for t in range(n):
            y[0] = y[2]
    """

    def __init__(
        self,
        f: Function,
        shapes: ShapeEnvironment,
        lower_block: Callable[[Block], Block],
        lower_scalar: Callable[[Expr, list[Stmt]], Expr],
    ) -> None:
        self._shapes = shapes
        self._lower_block = lower_block
        self._lower_scalar = lower_scalar
        self._declared = f.types
        self.guards: dict[Dim, tuple[ShapeGuard, ...]] = {}
        """By loop extent, the guards that hold if a loop of that extent has an iteration."""
        self._params = frozenset(p.name for p in f.params)
        self._depth = 0
        """The number of enclosing loops."""
        self._guarded_loops: list[tuple[Stmt, Dim, Expr, list[ShapeGuard]]] = []
        """The loops with hoisted guards: the statement, its extent, its condition, the guards."""

    def guards_of(self, stmt: Stmt) -> list[Stmt]:
        """What a check in a loop shows of the lengths of parameters, as guards, which can be hoisted."""
        found = []
        for pair in implied_equalities(stmt, lambda e: typeof(e, self._shapes.types)) if self._depth else ():
            for one, other in (pair, pair[::-1]):
                match self._shapes.representative(one), self._shapes.representative(other):
                    case Dim(((Symbol(name, int(axis)) as symbol, 1),), 0), Dim((), length) if name in self._params:
                        found.append(ShapeGuard(name, axis, length, symbol).check())
        return found

    def loop(self, loop: For) -> Stmt:
        """The lowered loop; guards of its first iteration are hoisted into an `if` around it."""
        nonempty, extent = nonempty_condition(loop), self._extent(loop)
        symbols = self._symbols_in(loop.body)
        inherited = () if nonempty is None or extent is None else self.guards.get(extent, ())
        found: list[ShapeGuard] = []
        for guard in inherited:
            if guard.symbol in symbols and not any(_implies(other, guard) for other in found):
                found.append(guard)
        facts, before = self._shapes.snapshot(), self.guards
        changed = {loop.index, *defined(loop.body)}
        entering = self._shapes.at(changed)
        constant = self._shapes.constant_shapes(changed)
        while True:
            self._shapes.types.update(entering)
            for guard in found:
                if not guard.under:
                    self._shapes.assume_equal(dim(guard.symbol), dim(guard.length))
                else:
                    ((inner, _),) = guard.under
                    self.guards = {**self.guards, inner: (*self.guards.get(inner, ()), replace(guard, under=()))}
            new = self._iterations(loop)
            after = self._shapes.constant_shapes(changed)
            self._shapes.restore(facts)
            self.guards = before
            guards = (*first_iteration_guards(new.body, self._params, self._declared), *self._inner_guards(new))
            more = [a for a in dict.fromkeys(guards) if not any(_implies(b, a) for b in found)]
            if nonempty is None or not found + more:
                return new
            if not more:
                break
            found += more
        # the guards hold if there was an iteration
        self._shapes.join(changed, constant, after)
        guarded = If(nonempty, (*(guard.check() for guard in found), new), ())
        if extent is not None:
            self.guards = {**before, extent: (*before.get(extent, ()), *(g for g in found if g not in inherited))}
            self._guarded_loops.append((guarded, extent, nonempty, found))
        return guarded

    def _inner_guards(self, loop: For) -> Iterator[ShapeGuard]:
        """Guards of inner loops, under their conditions, which can be evaluated before this loop."""
        changed = {loop.index, *defined(loop.body)}
        for stmt in loop.body:
            for guarded, extent, nonempty, found in self._guarded_loops:
                if guarded is stmt and not names(nonempty) & changed:
                    yield from (replace(guard, under=((extent, nonempty),)) for guard in found if not guard.under)

    def _symbols_in(self, body: Block) -> set[Symbol]:
        kinds = (self._declared.get(name) for name in block_reads(body))
        return {s for kind in kinds if isinstance(kind, Array) for d in kind.dims for s, _ in d.terms}

    def _extent(self, loop: For) -> Dim | None:
        """The extent of the loop, from start to stop: it is positive if there is an iteration."""
        start, stop = self._shapes.linear_form(loop.start), self._shapes.linear_form(loop.stop)
        if start is None or stop is None or loop.step not in (Const(1), Const(-1)):
            return None
        return stop - start if loop.step == Const(1) else start - stop

    def _iterations(self, loop: For) -> For:
        def iteration() -> For:
            self._shapes.enter_iteration(loop)
            self._depth += 1
            body = self._lower_block(loop.body)
            self._depth -= 1
            exit_condition = loop.exit
            if exit_condition is not None:
                more: list[Stmt] = []
                exit_condition = self._lower_scalar(exit_condition, more)
                body += tuple(more)
            return replace(loop, body=body, exit=exit_condition)

        return self._shapes.iterations({loop.index, *defined(loop.body)}, iteration)


def _implies(one: ShapeGuard, other: ShapeGuard) -> bool:
    """Whether one guard implies the other."""
    if one.symbol != other.symbol or not one.under:
        return one.symbol == other.symbol
    # the extent of an inner loop has another symbol in each iteration of the loop around; its condition is the same
    pairs = zip(one.under, other.under, strict=False)
    return len(one.under) == len(other.under) and all(a == b or m == n for (a, m), (b, n) in pairs)

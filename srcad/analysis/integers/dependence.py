"""Dependence test, normal form: whether a later access of an array can be of the same element as an earlier one.

Where the index items and the loop bounds are affine in loop counters and loop-invariant integers, that is a system of
linear constraints (`is_satisfiable`): `A[i, j]` stored for k < i <= j and `A[i, k]` read for k < j < i are never of the
same element in that order, which is why an LU factorisation in place saves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srcad.analysis.integers.constraint_solver import is_satisfiable
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Const, Expr, For, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Dim, Scalar, Type
from srcad.typing.typeof import linear_value


class _Side:
    """One of the two accesses: its own names for the variables of its iteration, and the constraints on them."""

    def __init__(self, mark: str, region: Region, shared: Sequence[Region], owner: DependenceTest) -> None:
        self.mark = mark
        self.owner = owner
        # what is defined inside the outermost loop whose iterations may differ has two values
        self.moving = frozenset(r for r in region.enclosing if shared and shared[0] in set(r.enclosing))
        self.facts: list[LinearForm[str]] = []
        self.seen: set[str] = set()

    def form(self, d: Dim) -> LinearForm[str]:
        for symbol, _ in d.terms:
            self._learn(symbol.name, symbol.axis)
        return LinearForm.of(((self._name(s.name, s.axis), c) for s, c in d.terms), d.const)

    def value(self, e: Expr) -> LinearForm[str] | None:
        known = linear_value(e, self.owner.types)
        return None if known is None else self.form(known)

    def counter(self, turn: Region) -> LinearForm[str] | None:
        """The counter of a loop with a monotonic counter; None of a `while`."""
        node = turn.owner
        return self.value(Var(node.index)) if isinstance(node, For) else None

    def _name(self, name: str, axis: int | None) -> str:
        definition = self.owner.regions.definitions.get(name)
        moves = axis is None and (definition is None or definition.region in self.moving)
        shown = name if axis is None else f"{name}[{axis}]"
        return f"{self.mark} {shown}" if moves else shown

    def _learn(self, name: str, axis: int | None) -> None:
        """Add the constraints on a symbol: a length is not negative, a counter lies in its range."""
        key = f"{name} {axis}"
        if key in self.seen:
            return
        self.seen.add(key)
        this = LinearForm.unknown(self._name(name, axis))
        if axis is not None:
            self.facts.append(this)
            return
        definition = self.owner.regions.definitions.get(name)
        node = definition.node if definition is not None else None
        if not isinstance(node, For) or node.index != name or not isinstance(node.step, Const):
            return
        start, stop, step = self.value(node.start), self.value(node.stop), node.step.value
        assert isinstance(step, int)
        first, last = (start, stop) if step > 0 else (stop, start)
        if first is not None:
            self.facts.append(this - first - (0 if step > 0 else 1))
        if last is not None:
            self.facts.append(last - this - (1 if step > 0 else 0))
        self._learn_range(name, this)

    def _learn_range(self, name: str, this: LinearForm[str]) -> None:
        """Add the constraints by the type of a counter, which bounds those bounds of its range that are variables."""
        t = self.owner.types.get(name)
        if not isinstance(t, Scalar) or t.dim is None or len(t.dim.terms) != 1:
            return
        symbol = t.dim.terms[0][0]
        low = [] if symbol.low is None else [this - self.form(symbol.low)]
        high = [] if symbol.high is None else [self.form(symbol.high) - this - 1]
        self.facts += [fact for fact in (*low, *high) if fact not in self.facts]


class DependenceTest:
    """The test, with a memo, for the regions of one function.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.nodes import Store
    >>> from srcad.ir.regions import regions
    >>> def shift(x, n):
    ...     for i in range(1, n):
    ...         x[i - 1] = 2.0 * x[i]
    ...     return x
    >>> f = normal_form(shift, np.ones(3), 3)
    >>> tree = regions(f)
    >>> (body,) = (region for region in tree if isinstance(region.owner, For))
    >>> (store,) = (stmt for stmt in body.stmts if isinstance(stmt, Store))
    >>> test = DependenceTest(tree, f.types)
    >>> read, stored = [Var(body.owner.index)], store.index
    >>> test.can_meet(body, read, body, stored, [body], True)  # the next iteration overwrites what was read
    True
    >>> test.can_meet(body, stored, body, read, [body], True)  # no later one reads what was stored
    False
    """

    def __init__(self, regions: Regions, types: Mapping[str, Type]) -> None:
        self.regions = regions
        self.types = types
        self._known: dict[object, bool] = {}

    def can_meet(
        self,
        read: Region,
        reads: Sequence[Expr] | None,
        store: Region,
        stores: Sequence[Expr] | None,
        shared: Sequence[Region],
        same_turn: bool,
    ) -> bool:
        """Whether the second access may run after the first, and be of the same element.

        `reads` and `stores` are their index items; `shared` the common loops whose iterations may differ, outermost
        first; `same_turn` says whether the second runs after the first within one iteration of them all.
        """
        # the key has the shared loops: they depend on the lifetime of the memory, not on the two accesses alone
        question = (read, _items(reads), store, _items(stores), tuple(shared), same_turn)
        if question not in self._known:
            self._known[question] = self._can_meet(read, reads, store, stores, shared, same_turn)
        return self._known[question]

    def _can_meet(
        self,
        read: Region,
        reads: Sequence[Expr] | None,
        store: Region,
        stores: Sequence[Expr] | None,
        shared: Sequence[Region],
        same_turn: bool,
    ) -> bool:
        first, then = _Side("first", read, shared, self), _Side("then", store, shared, self)
        common: list[LinearForm[str]] = []
        for one, other in zip(reads or (), stores or (), strict=False):
            a, b = self._place(one, first), self._place(other, then)
            if a is not None and b is not None:
                common += [a - b, b - a]
        if not common:
            return bool(shared) or same_turn
        for turn in shared:
            a, b, step = first.counter(turn), then.counter(turn), _step(turn)
            if a is None or b is None or step is None:
                return True  # the order of the iterations is not known: assume any later one
            later = (b - a if step > 0 else a - b) - 1
            if is_satisfiable([*common, later, *first.facts, *then.facts]):
                return True
            common += [a - b, b - a]
        return same_turn and is_satisfiable([*common, *first.facts, *then.facts])

    def inside(self, item: Expr, length: Dim, region: Region) -> bool:
        """Whether an index item is certainly within an axis of that length, anywhere in the region."""
        side = _Side("", region, (), self)
        place = side.value(item)
        if place is None:
            return False
        below, beyond = -place - 1, place - side.form(length)
        return not any(is_satisfiable([outside, *side.facts]) for outside in (below, beyond))

    def _place(self, item: Expr, side: _Side) -> LinearForm[str] | None:
        """The index item as a form; None where it may be negative (counts from the end), or is not affine."""
        place = side.value(item)
        if place is None:
            return None
        return None if is_satisfiable([-place - 1, *side.facts]) else place


def _items(items: Sequence[Expr] | None) -> tuple[Expr, ...] | None:
    return None if items is None else tuple(items)


def _step(turn: Region) -> int | None:
    owner = turn.owner
    if not isinstance(owner, For) or not isinstance(owner.step, Const):
        return None
    return owner.step.value if isinstance(owner.step.value, int) else None

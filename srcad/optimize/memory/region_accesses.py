"""How a region accesses memory: which elements may be scalars while it runs, and what for.

A region is a loop with all its iterations, or one iteration. An element is an array and an index whose value is the
same throughout the region. It may be a scalar if every access to memory that may alias it is of that element, or is of
another one for certain, or if nothing in the region stores there.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from srcad.analysis.integers.element_accesses import LoopAccesses
from srcad.analysis.integers.element_dependence import index_bounds, may_be_same_element, surely_apart
from srcad.analysis.memory.may_alias import MayAlias
from srcad.ir.linear import LinearForm
from srcad.ir.loop_nest import Element
from srcad.ir.nodes import Const, Effect, Expr, For, Op, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import blocks, children, defined, names, own_exprs, own_stores
from srcad.ir.types import Array, Dim, Scalar, Type, dim
from srcad.optimize.memory.element_promotion import Use
from srcad.rules.traits import LAZY, RING, SHAPE_QUERIES

_MAX_ELEMENTS = 16
"""Elements of one array; beyond that, there are too few registers."""


Facts = tuple[LinearForm[str], ...]
"""The constraints on the counters of loops."""


@dataclass(frozen=True)
class _Point:
    certain: bool
    """The region gets here, if it runs at all."""
    facts: Facts
    counters: frozenset[str]


def _counter(loop: For) -> frozenset[str]:
    return frozenset() if loop.index in defined(loop.body) else frozenset({loop.index})


class RegionAccesses:
    """The memory accesses of a region, in the order in which it makes them.

    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse
    >>> types = {**dict.fromkeys("uvw", Array("float64", (dim(9),))), **dict.fromkeys("it", Scalar("int64"))}
    >>> (loop,) = parse('''
    ... for i in range(9):
    ...     u[i] = w[t]
    ...     v[t] += u[i]
    ... ''')
    >>> shared = may_alias((loop,), types)
    >>> {base: use for (base, _), use in RegionAccesses.of_loop(loop, types, shared).uses().items()}
    {'w': 'read', 'v': 'written'}
    >>> [base for base, _ in RegionAccesses.of_iteration(loop, types, shared).stored_before_read()]
    ['u']
    """

    def __init__(
        self,
        loop: For,
        types: Mapping[str, Type],
        shared: MayAlias,
        changed: frozenset[str],
        around: Facts = (),
    ) -> None:
        self._types = types
        self._shared = shared
        self._changed = changed
        """The names that the region assigns."""
        self._forms = LoopAccesses(types, shared, changed)
        self._facts = (*around, *index_bounds(loop, types))
        self._certain: dict[Element, bool] = {}
        """The elements with a fixed index, and whether the region is certain to access them, if it runs at all."""
        self._stored_first: dict[Element, bool] = {}
        self._stored_elements: set[Element] = set()
        self._moving: dict[str, list[tuple[tuple[Expr, ...], _Point]]] = {}
        """The elements of an array whose index the region changes."""
        self._otherwise: set[str] = set()
        """Arrays (and lists) that are also accessed otherwise."""
        self._stored: set[str] = set()
        self._checked = False
        """What follows is guarded by a check: before the region, the element may not exist."""
        self._not_added: set[str] = set()
        """Arrays with accesses other than reassociable additions to elements."""
        point = _Point(True, self._facts, _counter(loop))
        for stmt in loop.body:
            self._stmt(stmt, point)
        if loop.exit is not None:
            self._expr(loop.exit, point)

    @classmethod
    def of_loop(cls, loop: For, types: Mapping[str, Type], shared: MayAlias, around: Facts = ()) -> RegionAccesses:
        """Those of all iterations; the bounds of the loop are evaluated before. `around`: of the loops around it."""
        return cls(loop, types, shared, defined((loop,)), around)

    @classmethod
    def of_iteration(cls, loop: For, types: Mapping[str, Type], shared: MayAlias) -> RegionAccesses:
        """Those of one iteration."""
        return cls(loop, types, shared, defined(loop.body))

    # ---- the walk ----------------------------------------------------------------------------

    def _stmt(self, stmt: Stmt, point: _Point) -> None:
        point = replace(point, certain=point.certain and not self._checked)
        self._checked |= is_check(stmt)
        self._stored |= {n for n in own_stores(stmt) if self._shared.has_memory(n)}
        match stmt:
            case Store():
                self._store(stmt, point)
            case _:
                own = replace(point, certain=point.certain and not isinstance(stmt, Effect))
                for e in own_exprs(stmt):
                    self._expr(e, own)
        inside = replace(point, certain=False)
        if isinstance(stmt, For):
            bounds = index_bounds(stmt, self._types)
            inside = _Point(False, (*point.facts, *bounds), point.counters | _counter(stmt))
        for block in blocks(stmt):
            for inner in block:
                self._stmt(inner, inside)

    def _store(self, stmt: Store, point: _Point) -> None:
        base, exprs = root(stmt.base), (*stmt.index, stmt.value)
        assert base is not None
        if not stmt.free or stmt.op not in ("+", "-"):
            self._not_added.add(base)
        overwrites = stmt.op is None and not any(base in names(e) for e in exprs)
        if not self._element(Op("index", (stmt.base, *stmt.index)), point, overwrites):
            if not isinstance(stmt.base, Var):
                self._expr(stmt.base, point)
            self._otherwise.add(base)
        self._stored_elements.add((base, stmt.index))
        for e in exprs:
            self._expr(e, point)

    def _expr(self, expr: Expr, point: _Point) -> None:
        match expr:
            case Op(prim, (Var(),)) if prim in SHAPE_QUERIES:
                return
            case Op("index", (Var(base), *items)) if self._element(expr, point, False):
                self._not_added.add(base)
                for item in items:
                    self._expr(item, point)
                return
            case Op(prim, (first, *rest)) if prim in LAZY:
                self._expr(first, point)
                for part in rest:
                    self._expr(part, replace(point, certain=False))
                return
            case Var(name) if self._shared.has_memory(name):
                self._otherwise.add(name)
                self._not_added.add(name)
        for part in children(expr):
            self._expr(part, point)

    def _element(self, access: Op, point: _Point, overwrites: bool) -> bool:
        """Record an access to one element; whether it is one."""
        base, *items = access.args
        if not isinstance(base, Var) or base.name in self._changed or not self._forms.is_element(base.name, items):
            return False
        key = base.name, tuple(items)
        if all(map(self._is_fixed, items)):
            self._stored_first.setdefault(key, point.certain and overwrites)
            self._certain[key] = self._certain.get(key, False) or point.certain
        else:
            self._moving.setdefault(base.name, []).append((tuple(items), point))
        return True

    def _is_fixed(self, item: Expr) -> bool:
        match item:
            case Const(value):
                return type(value) is int
            case Var(name):
                kind = self._types.get(name)
                return name not in self._changed and isinstance(kind, Scalar) and kind.dtype == "int64"
            case Op(prim, args) if prim in RING:
                return all(map(self._is_fixed, args))
        return False

    # ---- what follows from it ----------------------------------------------------------------

    def uses(self, dtypes: Container[str] = ("float64",)) -> dict[Element, Use]:
        """The elements to promote in the region, each of which exists before it, if it runs at all.

        What is stored to must have one of the `dtypes`: a scalar of Python is no float32, and rounds less often.
        """
        stored = {self._shared.class_of(n) for n in self._stored}
        found: dict[Element, Use] = {}
        for base, elements in self._by_array():
            certain = [one for one in elements if self._certain[one]]
            if len(certain) > _MAX_ELEMENTS:
                continue
            if self._shared.class_of(base) in stored:
                if self._dtype(base) not in dtypes:
                    continue
                if self._are_alone(base, elements):
                    found |= {one: "written" if one in self._stored_elements else "read" for one in elements}
                elif self._only_added_to(base):
                    found.update(dict.fromkeys(certain, "added"))
            elif stored:
                found.update(dict.fromkeys(certain, "read"))
        return {one: found[one] for one in self._certain if one in found}

    def stored_before_read(self) -> dict[Element, None]:
        """The elements that the region stores to before it reads them, of arrays it accesses at such elements only."""
        return {
            one: None
            for base, elements in self._by_array()
            if len(elements) <= _MAX_ELEMENTS
            and base not in self._moving
            and all(self._stored_first[one] for one in elements)
            and self._are_alone(base, elements)
            for one in elements
        }

    def _by_array(self) -> Iterator[tuple[str, list[Element]]]:
        for base in dict.fromkeys(base for base, _ in self._certain):
            yield base, [one for one in self._certain if one[0] == base]

    def _are_alone(self, base: str, elements: list[Element]) -> bool:
        """Whether the region accesses that memory at these elements only, each of which is memory of its own."""
        aliases = self._shared.aliases(base) | {base}
        return (
            not self._otherwise & aliases
            and not any(other != base and other in aliases for other in (*self._moving, *(b for b, _ in self._certain)))
            and all(self._certain[one] for one in elements)
            and all(surely_apart(one, other, _constant) for (_, one), (_, other) in combinations(elements, 2))
            and not any(self._may_be_moving(one) for one in elements)
        )

    def _may_be_moving(self, one: Element) -> bool:
        """Whether an access with an index that changes may be of this element."""
        base, index = one
        here = self._forms.element(base, index, self._facts, frozenset())
        return any(
            may_be_same_element(here, self._forms.element(base, items, at.facts, at.counters), self._changed, ())
            for items, at in self._moving.get(base, ())
        )

    def _only_added_to(self, base: str) -> bool:
        """Whether the region does nothing but add adjoints to that memory, an order-independent sum."""
        return not self._not_added & (self._shared.aliases(base) | {base})

    def _dtype(self, base: str) -> str:
        kind = self._types[base]
        assert isinstance(kind, Array)
        return kind.dtype


def _constant(item: Expr) -> Dim | None:
    """The value of a constant index. Not the type of a name, which does not say which of its values it has here."""
    return dim(item.value) if isinstance(item, Const) and isinstance(item.value, int) else None

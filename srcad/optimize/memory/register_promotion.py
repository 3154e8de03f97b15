"""Elements that every turn of a loop reads or adds to are numbers while the loop runs.

The machine has to write what is stored, and to read again what a store may have changed: it does not know which
arrays share memory. We do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from srcad.analysis.integers.element_dependence import surely_apart
from srcad.analysis.memory.may_alias import MayAlias
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Const, Effect, Expr, For, If, Op, Slice, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import blocks, children, defined, own_exprs, own_stores, rewrite, with_blocks
from srcad.ir.types import Array, Dim, Scalar, Type, dim
from srcad.optimize.shapes.shape_guards import nonempty_condition
from srcad.rules.traits import LAZY, RING, SHAPE_QUERIES
from srcad.typing.typeof import typeof

_MOST = 16
"""Elements of one array; beyond, there are no registers for them."""
_Index = tuple[Expr, ...]


def promote_loop_invariant_elements(loop: For, types: dict[str, Type], shared: MayAlias) -> Stmt:
    """The loop with such elements as numbers, or as it is; `types` gets the types of the numbers.

    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> (loop,) = parse('''
    ... for j in range(i, n):
    ...     d[i, 0] += a[j] * w[i]
    ...     d[i, 1] += a[j]
    ... ''')
    >>> types = {"d": Array("float64", (dim(4), dim(2))), **dict.fromkeys("aw", Array("float64", (dim(4),)))}
    >>> types.update(dict.fromkeys("ijn", Scalar("int64")))
    >>> print(show((promote_loop_invariant_elements(loop, types, may_alias((loop,), types)),)))
    if i < n:
        d_total = d[i, 0]
        w_here = w[i]
        d_total1 = d[i, 1]
        for j in range(i, n, 1):
            d_total += a[j] * w_here
            d_total1 += a[j]
        d[i, 0] = d_total
        d[i, 1] = d_total1

    A loop without turns must not even read an element, there may be none; so it is for what only some turns do.
    """
    runs = nonempty_condition(loop)
    if runs is None:
        return loop
    met = _Met(types, shared, defined((loop,)))
    for stmt in loop.body:
        met.stmt(stmt, True)
    if loop.exit is not None:
        met.expr(loop.exit, True)
    before: list[Stmt] = []
    after: list[Stmt] = []
    numbers: dict[tuple[str, _Index], str] = {}
    for (base, index), use in met.numbers().items():
        kind = types[base]
        assert isinstance(kind, Array)
        number = fresh_name(f"{base}_here" if use == "read" else f"{base}_total", Scalar(kind.dtype), types)
        numbers[base, index] = number
        before.append(Assign(number, Const(0.0) if use == "added" else Op("index", (Var(base), *index))))
        if use != "read":
            op, free = ("+", True) if use == "added" else (None, False)
            after.append(Store(Var(base), index, Var(number), op, free=free))
    return If(runs, (*before, _with_numbers(loop, numbers, types), *after), ()) if before else loop


@dataclass
class _Met:
    """What a loop does to memory."""

    types: Mapping[str, Type]
    shared: MayAlias
    changed: frozenset[str]
    always: dict[tuple[str, _Index], bool] = field(default_factory=dict)
    """Elements that are the same in every turn, and whether every turn reads or writes them."""
    otherwise: set[str] = field(default_factory=set)
    """Arrays (and lists) that are met in another way as well."""
    stored: set[str] = field(default_factory=set)
    checked: bool = False
    """What comes now is behind a check: before the loop, an element may not even be there."""
    not_added: set[str] = field(default_factory=set)
    """Arrays of which more happens than that something is added to elements, in whatever order."""

    def stmt(self, stmt: Stmt, top: bool) -> None:
        top = top and not self.checked
        self.checked |= is_check(stmt)
        self.stored |= {n for n in own_stores(stmt) if self.shared.has_memory(n)}
        match stmt:
            case Store(base, index, value):
                place = Op("index", (base, *index))
                if not stmt.free or stmt.op not in ("+", "-"):
                    self.not_added |= {name for name in (root(base),) if name is not None}
                if not self._place(place, top):
                    if not isinstance(base, Var):
                        self.expr(base, top)
                    self.otherwise |= {name for name in (root(base),) if name is not None}
                for e in (*index, value):
                    self.expr(e, top)
            case _:
                for e in own_exprs(stmt):
                    self.expr(e, top and not isinstance(stmt, Effect))
        for block in blocks(stmt):
            for inner in block:
                self.stmt(inner, False)

    def expr(self, expr: Expr, top: bool) -> None:
        match expr:
            case Op(prim, (Var(),)) if prim in SHAPE_QUERIES:
                return
            case Op("index", (Var(base), *items)) if self._place(expr, top):
                self.not_added.add(base)
                for item in items:
                    self.expr(item, top)
                return
            case Op(prim, (first, *rest)) if prim in LAZY:
                self.expr(first, top)
                for part in rest:
                    self.expr(part, False)
                return
            case Var(name) if self.shared.has_memory(name):
                self.otherwise.add(name)
                self.not_added.add(name)
        for part in children(expr):
            self.expr(part, top)

    def _place(self, place: Op, top: bool) -> bool:
        """Note an element that is the same in every turn."""
        base, *index = place.args
        if not isinstance(base, Var) or base.name in self.changed:
            return False
        kind = self.types.get(base.name)
        if not isinstance(kind, Array) or kind.rank != len(index) or not all(map(self._is_fixed, index)):
            return False
        key = base.name, tuple(index)
        self.always[key] = self.always.get(key, False) or top
        return True

    def _is_fixed(self, item: Expr) -> bool:
        match item:
            case Const(value):
                return type(value) is int
            case Var(name):
                known = self.types.get(name)
                return name not in self.changed and isinstance(known, Scalar) and known.dtype == "int64"
            case Op(prim, args) if prim in RING:
                return all(map(self._is_fixed, args))
        return False

    def numbers(self) -> dict[tuple[str, _Index], str]:
        """The elements that may be scalars: only read, written back after the loop, or added up from zero."""
        stored = {self.shared.class_of(n) for n in self.stored}
        bases: dict[str, list[_Index]] = {}
        for base, index in self.always:
            bases.setdefault(base, []).append(index)
        found: dict[tuple[str, _Index], str] = {}
        for base, places in bases.items():
            surely = [index for index in places if self.always[base, index]]
            if len(surely) > _MOST:
                continue
            if self.shared.class_of(base) in stored:
                if self._alone(base, places):
                    found.update({(base, index): "kept" for index in places})
                elif self._only_added_to(base):
                    found.update({(base, index): "added" for index in surely})
            elif stored:
                found.update({(base, index): "read" for index in surely})
        return {key: found[key] for key in self.always if key in found}

    def _alone(self, base: str, places: list[_Index]) -> bool:
        """Whether the loop meets that memory at these places only, each of which is one element."""
        mine = self.shared.aliases(base) | {base}
        return (
            _is_double(self.types[base])
            and not self.otherwise & mine
            and not any(other != base and other in mine for other, _ in self.always)
            and all(self.always[base, index] for index in places)
            and all(surely_apart(one, other, _constant) for one, other in combinations(places, 2))
        )

    def _only_added_to(self, base: str) -> bool:
        """Whether nothing but additions of adjoints meets that memory: which comes first is all one."""
        return _is_double(self.types[base]) and not self.not_added & (self.shared.aliases(base) | {base})


def _is_double(kind: Type) -> bool:
    return isinstance(kind, Array) and kind.dtype == "float64"


def always_evaluated(expr: Expr) -> Iterator[Op]:
    """The operations that are done whenever the expression is evaluated."""
    match expr:
        case Op(prim, (first, *_)) if prim in LAZY:
            yield from always_evaluated(first)
        case Op():
            yield expr
            for part in children(expr):
                yield from always_evaluated(part)


def _constant(item: Expr) -> Dim | None:
    """The value of an index that is a literal: types tell no more here, they are those of a name at all times."""
    return dim(item.value) if isinstance(item, Const) and isinstance(item.value, int) else None


def _with_numbers(loop: For, numbers: Mapping[tuple[str, _Index], str], types: Mapping[str, Type]) -> For:
    def number(expr: Expr) -> Expr:
        match expr:
            case Op("index", (Var(base), *index)) if (base, tuple(index)) in numbers:
                return Var(numbers[base, tuple(index)])
            case Op(prim, args, static):
                return Op(prim, tuple(map(number, args)), static)
            case Slice(lower, upper, step):
                return Slice(*(None if e is None else number(e) for e in (lower, upper, step)))
        return expr

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(base), index, value, op, _, free) if (base, index) in numbers:
                target = numbers[base, index]
                if op is None:
                    value = number(value)
                    whole = typeof(value, types) == Scalar("float64")
                    return Assign(target, value if whole else Op("float", (value,)))
                return AugAssign(target, op, number(value), free=free)
        inner = [tuple(map(one, b)) for b in blocks(stmt)]
        bare = with_blocks(stmt, [() for _ in inner])
        return with_blocks(rewrite(bare, number), inner)

    new = one(loop)
    assert isinstance(new, For)
    return new

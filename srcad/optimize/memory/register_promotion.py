"""Register promotion: elements that every iteration of a loop reads or adds to live in scalars while it runs.

LLVM has to write every store, and to reload what a store may have changed: it does not know which arrays alias. We do.
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

_MAX_ELEMENTS = 16
"""Elements of one array; beyond that, there are too few registers."""
_Index = tuple[Expr, ...]


def promote_loop_invariant_elements(loop: For, types: dict[str, Type], shared: MayAlias) -> Stmt:
    """The loop with its invariant elements in scalars, or unchanged; the types of the scalars are added to `types`.

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

    A loop without iterations must not even read an element, which may not exist; the same holds for accesses that only
    some iterations execute.
    """
    nonempty = nonempty_condition(loop)
    if nonempty is None:
        return loop
    use_of_memory = _LoopMemoryUse(types, shared, defined((loop,)))
    for stmt in loop.body:
        use_of_memory.stmt(stmt, True)
    if loop.exit is not None:
        use_of_memory.expr(loop.exit, True)
    before: list[Stmt] = []
    after: list[Stmt] = []
    scalars: dict[tuple[str, _Index], str] = {}
    for (base, index), use in use_of_memory.promoted().items():
        kind = types[base]
        assert isinstance(kind, Array)
        scalar = fresh_name(f"{base}_here" if use == "read" else f"{base}_total", Scalar(kind.dtype), types)
        scalars[base, index] = scalar
        before.append(Assign(scalar, Const(0.0) if use == "added" else Op("index", (Var(base), *index))))
        if use != "read":
            op, free = ("+", True) if use == "added" else (None, False)
            after.append(Store(Var(base), index, Var(scalar), op, free=free))
    return If(nonempty, (*before, _with_scalars(loop, scalars, types), *after), ()) if before else loop


@dataclass
class _LoopMemoryUse:
    """The memory accesses of a loop."""

    types: Mapping[str, Type]
    shared: MayAlias
    changed: frozenset[str]
    every_iteration: dict[tuple[str, _Index], bool] = field(default_factory=dict)
    """Elements with a loop-invariant index, and whether every iteration reads or writes them."""
    otherwise: set[str] = field(default_factory=set)
    """Arrays (and lists) that are also accessed otherwise."""
    stored: set[str] = field(default_factory=set)
    checked: bool = False
    """What follows is guarded by a check: before the loop, the element may not exist."""
    not_added: set[str] = field(default_factory=set)
    """Arrays with accesses other than reassociable additions to elements."""

    def stmt(self, stmt: Stmt, unconditional_here: bool) -> None:
        unconditional_here = unconditional_here and not self.checked
        self.checked |= is_check(stmt)
        self.stored |= {n for n in own_stores(stmt) if self.shared.has_memory(n)}
        match stmt:
            case Store(base, index, value):
                element = Op("index", (base, *index))
                if not stmt.free or stmt.op not in ("+", "-"):
                    self.not_added |= {name for name in (root(base),) if name is not None}
                if not self._record_element(element, unconditional_here):
                    if not isinstance(base, Var):
                        self.expr(base, unconditional_here)
                    self.otherwise |= {name for name in (root(base),) if name is not None}
                for e in (*index, value):
                    self.expr(e, unconditional_here)
            case _:
                for e in own_exprs(stmt):
                    self.expr(e, unconditional_here and not isinstance(stmt, Effect))
        for block in blocks(stmt):
            for inner in block:
                self.stmt(inner, False)

    def expr(self, expr: Expr, unconditional_here: bool) -> None:
        match expr:
            case Op(prim, (Var(),)) if prim in SHAPE_QUERIES:
                return
            case Op("index", (Var(base), *items)) if self._record_element(expr, unconditional_here):
                self.not_added.add(base)
                for item in items:
                    self.expr(item, unconditional_here)
                return
            case Op(prim, (first, *rest)) if prim in LAZY:
                self.expr(first, unconditional_here)
                for part in rest:
                    self.expr(part, False)
                return
            case Var(name) if self.shared.has_memory(name):
                self.otherwise.add(name)
                self.not_added.add(name)
        for part in children(expr):
            self.expr(part, unconditional_here)

    def _record_element(self, element: Op, unconditional_here: bool) -> bool:
        """Record an element whose index is loop-invariant; whether it is one."""
        base, *index = element.args
        if not isinstance(base, Var) or base.name in self.changed:
            return False
        kind = self.types.get(base.name)
        if not isinstance(kind, Array) or kind.rank != len(index) or not all(map(self._is_invariant, index)):
            return False
        key = base.name, tuple(index)
        self.every_iteration[key] = self.every_iteration.get(key, False) or unconditional_here
        return True

    def _is_invariant(self, item: Expr) -> bool:
        match item:
            case Const(value):
                return type(value) is int
            case Var(name):
                kind = self.types.get(name)
                return name not in self.changed and isinstance(kind, Scalar) and kind.dtype == "int64"
            case Op(prim, args) if prim in RING:
                return all(map(self._is_invariant, args))
        return False

    def promoted(self) -> dict[tuple[str, _Index], str]:
        """The elements to promote, and how: read only, written back after the loop, or accumulated from zero."""
        stored = {self.shared.class_of(n) for n in self.stored}
        bases: dict[str, list[_Index]] = {}
        for base, index in self.every_iteration:
            bases.setdefault(base, []).append(index)
        found: dict[tuple[str, _Index], str] = {}
        for base, indices in bases.items():
            unconditional = [index for index in indices if self.every_iteration[base, index]]
            if len(unconditional) > _MAX_ELEMENTS:
                continue
            if self.shared.class_of(base) in stored:
                if self._is_accessed_only_at(base, indices):
                    found.update({(base, index): "written" for index in indices})
                elif self._only_added_to(base):
                    found.update({(base, index): "added" for index in unconditional})
            elif stored:
                found.update({(base, index): "read" for index in unconditional})
        return {key: found[key] for key in self.every_iteration if key in found}

    def _is_accessed_only_at(self, base: str, indices: list[_Index]) -> bool:
        """Whether the loop accesses that memory at these indices only, which are elements of its own each."""
        aliases = self.shared.aliases(base) | {base}
        return (
            _is_double(self.types[base])
            and not self.otherwise & aliases
            and not any(other != base and other in aliases for other, _ in self.every_iteration)
            and all(self.every_iteration[base, index] for index in indices)
            and all(surely_apart(one, other, _constant) for one, other in combinations(indices, 2))
        )

    def _only_added_to(self, base: str) -> bool:
        """Whether the loop does nothing but add adjoints to that memory, an order-independent sum."""
        return _is_double(self.types[base]) and not self.not_added & (self.shared.aliases(base) | {base})


def _is_double(kind: Type) -> bool:
    return isinstance(kind, Array) and kind.dtype == "float64"


def always_evaluated(expr: Expr) -> Iterator[Op]:
    """The operations that are evaluated unconditionally, whenever the expression is."""
    match expr:
        case Op(prim, (first, *_)) if prim in LAZY:
            yield from always_evaluated(first)
        case Op():
            yield expr
            for part in children(expr):
                yield from always_evaluated(part)


def _constant(item: Expr) -> Dim | None:
    """The value of a constant index. Not the type of a name, which does not say which of its values it has here."""
    return dim(item.value) if isinstance(item, Const) and isinstance(item.value, int) else None


def _with_scalars(loop: For, scalars: Mapping[tuple[str, _Index], str], types: Mapping[str, Type]) -> For:
    def promote(expr: Expr) -> Expr:
        match expr:
            case Op("index", (Var(base), *index)) if (base, tuple(index)) in scalars:
                return Var(scalars[base, tuple(index)])
            case Op(prim, args, static):
                return Op(prim, tuple(map(promote, args)), static)
            case Slice(lower, upper, step):
                return Slice(*(None if e is None else promote(e) for e in (lower, upper, step)))
        return expr

    def rewritten(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(base), index, value, op, _, free) if (base, index) in scalars:
                target = scalars[base, index]
                if op is None:
                    value = promote(value)
                    is_float = typeof(value, types) == Scalar("float64")
                    return Assign(target, value if is_float else Op("float", (value,)))
                return AugAssign(target, op, promote(value), free=free)
        inner = [tuple(map(rewritten, b)) for b in blocks(stmt)]
        bare = with_blocks(stmt, [() for _ in inner])
        return with_blocks(rewrite(bare, promote), inner)

    new = rewritten(loop)
    assert isinstance(new, For)
    return new

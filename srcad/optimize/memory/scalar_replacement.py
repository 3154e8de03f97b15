"""Scalar replacement of aggregates (SROA): small arrays with constant indices in a loop become scalars.

`y = y + h * np.array([a, b, c])` in a loop of a million iterations allocates arrays in every iteration and reloads
their elements; three scalars stay in registers. `scalar_replacement_candidates` finds the arrays for which the
replacement cannot be observed, this pass rewrites.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.memory.liveness import Path, liveness
from srcad.analysis.shapes.implied_equalities import implied_equalities
from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.loop_nest import LoopNest
from srcad.ir.names import fresh_name
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import roots
from srcad.ir.traversal import blocks, names, own_exprs, own_stores, reads, rewrite, rewrite_own, walk, with_blocks
from srcad.ir.types import Array, Dim, Scalar, Type
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.optimize.memory.element_maps import (
    ConstantIndex,
    all_indices,
    constant_index,
    element_map,
    index_of,
    size_of,
)
from srcad.optimize.memory.element_promotion import update
from srcad.optimize.memory.scalar_replacement_candidates import (
    OutsideUses,
    PromotionPlan,
    assigned_or_aliased,
    promotion_plan,
)
from srcad.rules.traits import ALLOCATIONS, SHAPE_QUERIES, having
from srcad.typing.typeof import typeof

_ONES = having(lambda p: p.contents == "ones")


def replace_small_arrays(f: Function) -> Function:
    """Replace arrays in loops whose accesses all have constant indices by one scalar an element.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> body = parse('''
    ... y = np.zeros(2)
    ... for t in range(n):
    ...     new = np.empty(2)
    ...     new[0] = y[1]
    ...     new[1] = y[0] + h
    ...     y = new
    ... ''')
    >>> types = {**dict.fromkeys(("y", "new"), Array("float64", (dim(2),))), "h": Scalar("float64")}
    >>> f = Function("f", (Param("n", "n"), Param("h", "h")), body, (Var("y"),), types)
    >>> print(show(replace_small_arrays(f).body))
    y = np.zeros(2)
    y_0 = y[0]
    y_1 = y[1]
    for t in range(n):
        new_0 = y_1
        new_1 = y_0 + h
        y_0 = new_0
        y_1 = new_1
    y = np.empty(2)
    y[0] = y_0
    y[1] = y_1
    """
    depth = 0
    while any(size_of(t, NOTHING) or isinstance(t, Array) for t in f.types.values()) and _has_depth(f.body, depth):
        work = _Level(f)
        body = work.block(f.body, (), NOTHING, frozenset(p.name for p in f.params), frozenset(), depth)
        if body != f.body:
            results = {n for e in f.results for n in names(e)}
            body = remove_dead_code(body, results, work.types, [p.name for p in f.params])
            f = replace(f, body=body, types=work.types)
        depth += 1
    return f


def _has_depth(block: Block, depth: int) -> bool:
    for stmt in block:
        if isinstance(stmt, For | While):
            if depth == 0 or any(_has_depth(b, depth - 1) for b in blocks(stmt)):
                return True
        elif any(_has_depth(b, depth) for b in blocks(stmt)):
            return True
    return False


class _Level:
    """All loops of one nesting depth."""

    def __init__(self, f: Function) -> None:
        params = frozenset(p.name for p in f.params)
        results = frozenset(n for e in f.results for n in names(e))
        self.types = dict(f.types)
        self._params = params
        self._live = liveness(f.body, f.types, results, params, all_stays=True)
        self._results = results
        self._uses_of_function = _uses(*f.body) + Counter(n for e in f.results for n in reads(e))
        self._body = f.body

    def block(
        self,
        block: Block,
        path: Path,
        facts: LengthFacts,
        before: frozenset[str],
        unaliased: frozenset[str],
        depth: int,
    ) -> Block:
        found: list[Stmt] = []
        for k, stmt in enumerate(block):
            here: Path = (*path, k)
            if isinstance(stmt, For | While) and depth == 0:
                found += self._loop(stmt, here, facts, before, unaliased)
            elif blocks(stmt) and not isinstance(stmt, LoopNest):
                below = depth - isinstance(stmt, For | While)
                inside = unaliased - assigned_or_aliased((stmt,)) if isinstance(stmt, For | While) else unaliased
                new = [self.block(b, (*here, name), facts, before, inside, below) for name, b in inner_blocks(stmt)]
                found.append(with_blocks(stmt, new))
            else:
                found.append(stmt)
            if isinstance(stmt, Effect):
                equal = implied_equalities(stmt, lambda e: typeof(e, self.types))
                facts = facts.with_equal(*equal).restricted(self._is_of_params)
            before |= _definitely_assigned(stmt)
            unaliased -= assigned_or_aliased((stmt,))
            if isinstance(stmt, Assign) and not roots(stmt.value):
                unaliased |= {stmt.target}
        return tuple(found)

    def _is_of_params(self, d: Dim) -> bool:
        """Whether the length is one at any time: under the same symbol, others may differ between iterations."""
        return all(s.name in self._params for s, _ in d.terms)

    def _loop(
        self, loop: For | While, path: Path, facts: LengthFacts, before: frozenset[str], unaliased: frozenset[str]
    ) -> list[Stmt]:
        read = frozenset(self._uses_of_function - _uses(loop))
        changed = frozenset(_stored_after(self._body, path, loop)) | self._results
        outside = OutsideUses(before, unaliased, read, changed, self._params)
        found = promotion_plan(loop, path, facts, self.types, self._live, outside)
        if not found.sizes:
            return [loop]
        return _ScalarRewriting(found, facts, self.types).loop(loop)


def _uses(*block: Stmt) -> Counter[str]:
    """How many uses each name has."""
    return Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))


def _stored(*block: Stmt) -> Counter[str]:
    """How many stores into each name there are."""
    return Counter(n for s in walk(block) for n in own_stores(s))


def _stored_after(block: Block, path: Path, loop: For | While) -> Counter[str]:
    """What is stored into after a loop at `path`, or before it in a later iteration of a loop around it."""
    at, *inner = path
    assert isinstance(at, int)
    found = _stored(*block[at + 1 :])
    if not inner:
        return found
    around = block[at]
    if isinstance(around, For | While):
        return found + (_stored(around) - _stored(loop))
    name, *below = inner
    return found + _stored_after(dict(inner_blocks(around))[str(name)], tuple(below), loop)


def _definitely_assigned(stmt: Stmt) -> frozenset[str]:
    """What is definitely assigned after the statement."""
    match stmt:
        case Assign(target):
            return frozenset({target})
        case If(_, then, orelse):
            one, other = (frozenset[str]().union(*map(_definitely_assigned, b)) for b in (then, orelse))
            return one & other
        case While(test=test):
            return frozenset[str]().union(*map(_definitely_assigned, test))
    return frozenset()


class _ScalarRewriting:
    """A loop with scalars for the arrays of the plan; the types of the scalars are added to `types`."""

    def __init__(self, plan: PromotionPlan, facts: LengthFacts, types: dict[str, Type]) -> None:
        self._plan = plan
        self._facts = facts
        self._types = types
        self._names: dict[str, dict[ConstantIndex, str]] = {}
        self._stored: set[str] = set()
        for name, size in plan.sizes.items():
            kind = types[name]
            assert isinstance(kind, Array)
            self._names[name] = {
                at: fresh_name("_".join((name, *map(str, at))), Scalar(kind.dtype), self._types)
                for at in all_indices(size)
            }

    def loop(self, loop: For | While) -> list[Stmt]:
        before: list[Stmt] = []
        after: list[Stmt] = []
        new = self._inside(loop)
        for name in self._plan.loaded:
            before += [Assign(scalar, _element(name, at)) for at, scalar in self._names[name].items()]
        for name in self._plan.rebuilt:
            after += self._built(name, name)
        for name in self._plan.written_back:
            stored = [(at, scalar) for at, scalar in self._names[name].items() if scalar in self._stored]
            after += [Store(Var(name), tuple(map(Const, at)), Var(scalar)) for at, scalar in stored]
        return [*before, new, *after]

    def _built(self, name: str, target: str) -> list[Stmt]:
        """Build an array of the scalars."""
        return [
            Assign(target, self._empty(name)),
            *(Store(Var(target), tuple(map(Const, at)), Var(scalar)) for at, scalar in self._names[name].items()),
        ]

    def _empty(self, name: str, prim: str = "np.empty") -> Op:
        kind = self._types[name]
        assert isinstance(kind, Array)
        static = () if kind.dtype == "float64" else (("dtype", kind.dtype),)
        return Op(prim, tuple(map(Const, self._plan.sizes[name])), static)

    # ---- statements --------------------------------------------------------------------------

    def _block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt))

    def _inside(self, stmt: Stmt) -> Stmt:
        """A statement with blocks: its own expressions read elements only, no full array."""
        inner = [self._block(b) for b in blocks(stmt)]
        return rewrite_own(stmt, lambda e: self._expr(e, None), inner)

    def _stmt(self, stmt: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        match stmt:
            case Assign(target, value) if target in self._names:
                return self._assigned(target, value)
            case AugAssign(target, op, value, _, free) if target in self._names:
                return self._assigned_elements(target, op, value, free)
            case Store(Var(name), index, value, op, _, free) if name in self._names:
                at = constant_index(index, self._plan.sizes[name])
                if at is None:
                    return self._assigned_elements(name, op, value, free)
                return [self._set(name, at, op, self._expr(value, None), free)]
            case Store(value=Var(name), op=op, free=free) if name in self._names:
                view = element_map(index_of(stmt), self._types, self._facts, reading=False)
                if view is not None and list(view.index) == list(self._names[name]):
                    places = {at: tuple(self._expr(e, None) for e in index) for at, index in view.index.items()}
                    return [
                        Store(Var(view.base), places[at], Var(scalar), op, free=free)
                        for at, scalar in self._names[name].items()
                    ]
        if blocks(stmt):
            return [self._inside(stmt)]
        new = rewrite(stmt, lambda e: self._expr(e, before))
        return [*before, new]

    def _assigned(self, target: str, value: Expr) -> list[Stmt]:
        elements = self._names[target]
        if isinstance(value, Op) and value.prim in ALLOCATIONS:
            return [self._set(target, at, None, Const(1.0 if value.prim in _ONES else 0.0)) for at in elements]
        read = element_map(value, self._types, self._facts)
        if read is not None:
            return [
                self._set(target, at, None, self._expr(_element(read.base, read.index[at]), None)) for at in elements
            ]
        before: list[Stmt] = []
        name = fresh_name(f"{target}_made", self._types[target], self._types)
        new = self._expr(value, before)
        return [*before, Assign(name, new), *(self._set(target, at, None, _element(name, at)) for at in elements)]

    def _assigned_elements(self, name: str, op: str | None, value: Expr, free: bool) -> list[Stmt]:
        """`x[:] op= value`, where the value is a scalar or a replaced array."""
        if isinstance(value, Var) and value.name in self._names:
            other = self._names[value.name]
            return [self._set(name, at, op, Var(other[at]), free) for at in self._names[name]]
        before: list[Stmt] = []
        value = self._expr(value, None)
        if not isinstance(value, Const):
            kind = typeof(value, self._types)
            assert isinstance(kind, Scalar)
            scalar = fresh_name(f"{name}_all", kind, self._types)
            before.append(Assign(scalar, value))
            value = Var(scalar)
        return [*before, *(self._set(name, at, op, value, free) for at in self._names[name])]

    def _set(self, name: str, at: ConstantIndex, op: str | None, value: Expr, free: bool = False) -> Stmt:
        scalar = self._names[name][at]
        self._stored.add(scalar)
        return update(scalar, op, value, self._types, free)

    # ---- expressions -------------------------------------------------------------------------

    def _expr(self, expr: Expr, before: list[Stmt] | None) -> Expr:
        """The expression on scalars; replaced arrays that are read in full are built from them `before`."""
        match expr:
            case Op("index", (Var(name), *items)) if name in self._names:
                at = constant_index(tuple(items), self._plan.sizes[name])
                assert at is not None
                return Var(self._names[name][at])
            case Op(prim, (Var(name), *_), static) if name in self._names and prim in SHAPE_QUERIES:
                size = self._plan.sizes[name]
                axis = dict(static).get("axis", 0)
                assert isinstance(axis, int)
                return Const(len(self._names[name]) if prim == "size" else size[axis])
            case Op(prim, (Var(name), *rest)) if name in self._names and prim in ALLOCATIONS and not rest:
                return self._empty(name, prim.removesuffix("_like"))
            case Var(name) if name in self._names:
                assert before is not None
                array = fresh_name(f"{name}_now", self._types[name], self._types)
                before += self._built(name, array)
                return Var(array)
            case Op(prim, args, static):
                return Op(prim, tuple(self._expr(arg, before) for arg in args), static)
            case Slice(lower, upper, step):
                return Slice(*(None if e is None else self._expr(e, before) for e in (lower, upper, step)))
        return expr


def _element(name: str, at: tuple[int | Expr, ...]) -> Op:
    return Op("index", (Var(name), *(Const(k) if isinstance(k, int) else k for k in at)))

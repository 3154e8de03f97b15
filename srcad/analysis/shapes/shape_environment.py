"""The shape environment: flow-sensitive types and shape facts during a walk over a function in sequential form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from typing import TypeVar

from srcad.analysis.shapes.implied_equalities import implied_equalities
from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.nodes import Const, Expr, For, Op, Stmt, Var
from srcad.ir.traversal import names
from srcad.ir.types import Array, Dim, ListOf, Scalar, Symbol, Type, dim, unknown
from srcad.typing.typeof import linear_value, typeof

_Result = TypeVar("_Result")
Shapes = dict[str, tuple[Dim, ...]]
Snapshot = tuple[LengthFacts, dict[Dim, Var], int]


class ShapeEnvironment:
    """Facts hold for the rest of a block: there a length, a linear form of symbols, has one value.

    The length of a loop-carried array may have another value in each iteration, under the same symbol. So at the start
    of a loop, at the end of an iteration and after the loop, only facts about lengths of parameters remain.

    >>> from srcad.ir.notation import parse
    >>> a, b = dim(Symbol("a", 0)), dim(Symbol("b", 0))
    >>> types = {n: Array("float64", (d,)) for n, d in (("a", a), ("b", b), ("y", dim(Symbol("?y", 0))))}
    >>> shapes = ShapeEnvironment(types, frozenset())
    >>> shapes.assume_equal(a, b)
    >>> shapes.representative(a) == shapes.representative(b)
    True
    >>> (stmt,) = parse("y = a[1:] + 1.0")
    >>> shapes.assign(stmt.target, stmt.value)
    >>> shapes.types["y"].dims == (a - 1,)
    True
    """

    def __init__(self, declared: Mapping[str, Type], params: frozenset[str]) -> None:
        self._declared = declared
        self._params = params
        self.types: dict[str, Type] = {name: _with_fresh_symbols(t) for name, t in declared.items()}
        self.facts = NOTHING
        """What is known of lengths at this point, beside the types."""
        self.extents: dict[str, tuple[Expr, ...]] = {}
        """The lengths of arrays that the lowered code allocates."""
        self._named: dict[Dim, Var] = {}
        """The variables that have a length as their value."""
        self._boundaries = 0
        """How many iteration boundaries the walk has passed."""
        self._versions: dict[str, int] = {}

    def declared(self, name: str) -> Type | None:
        """The flow-insensitive type of the name."""
        return self._declared.get(name, self.types.get(name))

    def declare(self, name: str, type: Type) -> None:
        """A new name of this type."""
        self.types[name] = _with_fresh_symbols(type)

    def version(self, name: str) -> int:
        """A number that grows with each assignment of the name: while it stays, the name has the same value."""
        return self._versions.get(name, 0)

    # ---- flow-sensitive types ----------------------------------------------------------------

    def assign(self, target: str, value: Expr) -> None:
        """The transfer function of `target = value`."""
        found = self._list_item_type(value) or self._allocation_type(value) or typeof(value, self.types)
        old = self._declared.get(target, self.types.get(target))
        self._begin_version(target)
        match old, found:
            case Array(dtype, dims, layout), Array(_, new) if len(new) == len(dims):
                self.types[target] = Array(dtype, new, layout)
            case Scalar("int64"), Scalar("int64"):
                self.types[target] = found
            case Array() | Scalar() | ListOf(), _:
                self.types[target] = _with_fresh_symbols(old)

    def forget(self, changed: Iterable[str]) -> None:
        """These names may have any value of their types."""
        for name in changed:
            self._begin_version(name)
            declared = self._declared.get(name)
            if declared is not None:
                self.types[name] = _with_fresh_symbols(declared)

    def enter_iteration(self, loop: For) -> None:
        """The start of an iteration: the index lies between the bounds of the loop."""
        symbol = Symbol(unknown(), None)
        start, stop = self.linear_form(loop.start), self.linear_form(loop.stop)
        if loop.step == Const(1):
            symbol = replace(symbol, low=start, high=stop)
        elif loop.step == Const(-1):
            symbol = replace(symbol, low=None if stop is None else stop + 1, high=None if start is None else start + 1)
        self.types[loop.index] = Scalar("int64", dim(symbol))

    def linear_form(self, expr: Expr) -> Dim | None:
        """The value of an integer as a linear form."""
        return linear_value(expr, self.types)

    def _begin_version(self, name: str) -> None:
        self._versions[name] = self.version(name) + 1
        self.extents.pop(name, None)
        for other in [k for k, lengths in self.extents.items() if any(name in names(e) for e in lengths)]:
            del self.extents[other]

    def _list_item_type(self, value: Expr) -> Type | None:
        """The type of a list item: items may differ in lengths, under the same symbol."""
        match value:
            case Op("list.pop" | "list.item" | "index", (Var(name), *_)):
                kind = self.types.get(name)
                item = kind.item if isinstance(kind, ListOf) else None
                if isinstance(item, Array):
                    return replace(item, dims=tuple(self._item_length(d) for d in item.dims))
        return None

    def _allocation_type(self, value: Expr) -> Type | None:
        """The type of an allocation: `max(n - 2, 0)` is the length of a slice of `n - 2` elements, cut at 0."""
        match value:
            case Op("np.empty" | "np.zeros" | "np.ones", extents):
                kind = typeof(value, self.types)
                if isinstance(kind, Array) and len(extents) == kind.rank:
                    dims = zip(extents, kind.dims, strict=True)
                    return replace(kind, dims=tuple(self._clamped_length(e) or d for e, d in dims))
        return None

    def _clamped_length(self, extent: Expr) -> Dim | None:
        match extent:
            case Op("max", (inner, Const(0))) | Op("max", (Const(0), inner)):
                length = self.linear_form(inner)
                return length if length is None or length.terms else dim(max(length.const, 0))
        return None

    def _item_length(self, d: Dim) -> Dim:
        if all(s.name in self._params for s, _ in d.terms):
            return d
        return dim(Symbol(unknown(), None, d.is_not_one))

    # ---- lengths -----------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The facts at this point, for `restore` where a tentative lowering is given up or a block ends."""
        return self.facts, dict(self._named), self._boundaries

    def restore(self, facts: Snapshot) -> None:
        self.facts, named, boundaries = facts
        self._named = dict(named)
        if boundaries != self._boundaries:
            self._forget_varying_lengths()

    def pass_iteration_boundary(self) -> None:
        """An iteration begins or ends, or the loop ends."""
        self._boundaries += 1
        self._forget_varying_lengths()

    def _forget_varying_lengths(self) -> None:
        """Drop facts about lengths that are not those of parameters: they may have changed."""
        self.facts = self.facts.restricted(self._is_invariant)
        self._named = {d: name for d, name in self._named.items() if self._is_invariant(d)}

    def _is_invariant(self, d: Dim) -> bool:
        return all(s.name in self._params for s, _ in d.terms)

    def is_shape_of_parameter(self, symbol: Symbol) -> bool:
        """Whether the symbol is the length of an axis that a parameter has at this point."""
        kind = self.types.get(symbol.name)
        if symbol.name not in self._params or not isinstance(kind, Array) or symbol.axis is None:
            return False
        return kind.dims[symbol.axis] == dim(symbol)

    def named_length(self, d: Dim) -> Var | None:
        """A variable that has this length as its value."""
        return self._named.get(d)

    def name_length(self, d: Dim, name: Var) -> None:
        """From here on the variable has this length as its value."""
        self._named[d] = name

    def representative(self, d: Dim) -> Dim:
        """The representative of all lengths that are equal to this one."""
        return self.facts.representative(d)

    def learn(self, stmt: Stmt) -> None:
        """The statement has completed: the lengths that it needs to be equal are so from here on.

        >>> from srcad.ir.notation import parse
        >>> a, b = dim(Symbol("a", 0)), dim(Symbol("b", 0))
        >>> shapes = ShapeEnvironment({"a": Array("float64", (a,)), "b": Array("float64", (b,))}, frozenset("ab"))
        >>> (stmt,) = parse("check(shape(a, axis=0) == shape(b, axis=0))")
        >>> shapes.learn(stmt)
        >>> shapes.representative(a) == shapes.representative(b)
        True
        """
        self.facts = self.facts.with_equal(*implied_equalities(stmt, lambda e: typeof(e, self.types)))

    def unknown_length(self) -> Dim:
        """A length under a fresh symbol."""
        return dim(Symbol(unknown(), None))

    def assume_equal(self, a: Dim, b: Dim) -> None:
        """From here on the two lengths are equal."""
        self.facts = self.facts.with_equal((a, b))

    # ---- joins -------------------------------------------------------------------------------

    def branches(
        self, changed: Set[str], then: Callable[[], _Result], orelse: Callable[[], _Result]
    ) -> tuple[_Result, _Result]:
        """Walk over both branches of an `if`, which assign `changed`; afterwards what holds on both paths."""
        before = self.at(changed)
        one = then()
        constant = self.constant_shapes(changed)
        self.forget(changed)
        self.types.update(before)
        other = orelse()
        self.join(changed, constant, self.constant_shapes(changed))
        return one, other

    def iterations(self, changed: Set[str], iteration: Callable[[], _Result]) -> _Result:
        """Walk over the body of a loop, which assigns `changed`, under its invariants: a fixpoint.

        What is invariant are constant shapes that no iteration changes.
        """
        constant = self.constant_shapes(changed)
        while True:
            self.forget(changed)
            self._refine(constant)
            self.pass_iteration_boundary()
            result = iteration()
            self.pass_iteration_boundary()
            after = self.constant_shapes(changed)
            invariant = self.join(changed, constant, after)
            if invariant == constant:
                return result
            constant = invariant

    def join(self, changed: Set[str], one: Shapes, other: Shapes) -> Shapes:
        """Two paths meet that have assigned `changed`: what constant shapes remain."""
        both = {name: dims for name, dims in other.items() if one.get(name) == dims}
        self.forget(changed)
        self._refine(both)
        return both

    def at(self, several: Set[str]) -> dict[str, Type]:
        """The types of these names at this point."""
        return {name: self.types[name] for name in several if name in self.types}

    def constant_shapes(self, changed: Set[str]) -> Shapes:
        """The shapes that are constant at this point but not in the flow-insensitive type."""
        found: Shapes = {}
        for name in changed:
            kind, declared = self.types.get(name), self._declared.get(name)
            if isinstance(kind, Array) and isinstance(declared, Array) and any(d.terms for d in declared.dims):
                constant = tuple(map(self.representative, kind.dims))
                if not any(d.terms for d in constant):
                    found[name] = constant
        return found

    def _refine(self, constant: Shapes) -> None:
        for name, dims in constant.items():
            kind = self.types[name]
            assert isinstance(kind, Array)
            self.types[name] = replace(kind, dims=dims)


def _with_fresh_symbols(kind: Type) -> Type:
    """The type with fresh symbols for its unknown lengths."""
    match kind:
        case Array(dtype, dims, layout) if any(s.name.startswith("?") for d in dims for s, _ in d.terms):
            fresh = (
                dim(Symbol(unknown(), None, d.is_not_one)) if any(s.name.startswith("?") for s, _ in d.terms) else d
                for d in dims
            )
            return Array(dtype, tuple(fresh), layout)
        case _:
            return kind

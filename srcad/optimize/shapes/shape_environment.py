"""The shape environment: flow-sensitive types and shape equalities during a walk over a function, and fresh names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from srcad.analysis.memory.memory_queries import MemoryQueries
from srcad.ir.names import unused_name
from srcad.ir.nodes import Assign, Const, Expr, For, Function, Op, Stmt, Var
from srcad.ir.traversal import names, own_exprs, own_writes, reads, walk
from srcad.ir.types import Array, Dim, ListOf, Scalar, Symbol, Type, dim, unknown
from srcad.typing.typeof import linear_value, typeof

Facts = tuple[dict[Symbol, Dim], dict[Dim, Var], int]
_INDICES = ("i", "j", "k", "l", "m", "n")


class ShapeEnvironment:
    """Facts hold for the rest of a block: there a length, a linear form of symbols, has one value.

    The length of a loop-carried array may have another value in each iteration, under the same symbol. So at the start
    of a loop, at the end of an iteration and after the loop, only facts about lengths of parameters remain.

    >>> from srcad.ir.notation import parse
    >>> a, b = dim(Symbol("a", 0)), dim(Symbol("b", 0))
    >>> types = {n: Array("float64", (d,)) for n, d in (("a", a), ("b", b), ("y", dim(Symbol("?y", 0))))}
    >>> shapes = ShapeEnvironment(Function("f", (), (), (), types))
    >>> shapes.assume_equal(a, b)
    >>> shapes.representative(a) == shapes.representative(b)
    True
    >>> (stmt,) = parse("y = a[1:] + 1.0")
    >>> shapes.assign(stmt.target, stmt.value)
    >>> shapes.types["y"].dims == (a - 1,)
    True
    """

    def __init__(self, f: Function) -> None:
        self._declared = f.types
        self._params = frozenset(p.name for p in f.params)
        self._memory = MemoryQueries(f)
        self._bound: dict[str, str] = {}
        """Must-aliases: names bound to an array, with the fresh name under which it was allocated."""
        self._equal: dict[Symbol, Dim] = {}
        taken = {n for s in walk(f.body) for e in own_exprs(s) for n in reads(e)} | self._params | {f.name}
        taken |= {n for s in walk(f.body) for n in own_writes(s)} | set(f.types)
        self._taken = taken
        self.indices = tuple(self.unused_name(name) for name in _INDICES)
        self.types: dict[str, Type] = {name: _with_fresh_symbols(t) for name, t in f.types.items()}
        self.extents: dict[str, tuple[Expr, ...]] = {}
        """The lengths of arrays that the lowered code allocates."""
        self._extents: dict[Dim, Var] = {}
        self._boundaries = 0
        """How many iteration boundaries the walk has passed."""

    # ---- names -------------------------------------------------------------------------------

    def unused_name(self, wanted: str) -> str:
        name = unused_name(wanted, self._taken)
        self._taken.add(name)
        return name

    def fresh_name(self, wanted: str, type: Type, memory: str | None = None) -> str:
        """A fresh name with a type; `memory` is the name of an array that it is a view of."""
        name = self.unused_name(wanted)
        self.types[name] = _with_fresh_symbols(type)
        if memory is not None:
            self._memory.define_alias(name, memory)
        return name

    def alias_class(self, name: str) -> str:
        """The alias class of the name: one name for all that may alias."""
        return self._memory.class_of(name)

    def bind(self, target: str, source: str) -> None:
        """`target = source`, where the source is a fresh name: from here on they must alias."""
        self._memory.define_alias(source, target)
        self._bound[target] = source

    def must_alias(self, a: str, b: str) -> bool:
        """Whether two names must alias, being equal or just bound to each other."""
        return a == b or self._bound.get(a) == b or a == self._bound.get(b)

    def loads(self, expr: Expr) -> frozenset[str]:
        """The alias classes that the evaluation of the expression reads."""
        return self._memory.reads(expr)

    def declared(self, name: str) -> Type | None:
        """The flow-insensitive type of the name."""
        return self._declared.get(name, self.types.get(name))

    # ---- flow-sensitive types ----------------------------------------------------------------

    def assign(self, target: str, value: Expr) -> None:
        """The transfer function of `target = value`."""
        found = self._list_item_type(value) or self._allocation_type(value) or typeof(value, self.types)
        old = self._declared.get(target, self.types.get(target))
        self._forget_aliases(target)
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
            self._forget_aliases(name)
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

    def _forget_aliases(self, name: str) -> None:
        self.extents.pop(name, None)
        self._bound.pop(name, None)
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
        kind = typeof(value, self.types)
        match kind, value:
            case Array(dims=dims), Op("np.empty" | "np.zeros" | "np.ones", extents) if len(extents) == len(dims):
                return replace(
                    kind, dims=tuple(self._clamped_length(e) or d for e, d in zip(extents, dims, strict=True))
                )
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

    @property
    def equalities(self) -> dict[Symbol, Dim]:
        return dict(self._equal)

    def snapshot(self) -> Facts:
        """The facts at this point, for `restore` where a tentative lowering is given up or a block ends."""
        return dict(self._equal), dict(self._extents), self._boundaries

    def restore(self, facts: Facts) -> None:
        equal, extents, boundaries = facts
        self._equal, self._extents = dict(equal), dict(extents)
        if boundaries != self._boundaries:
            self._forget_varying_lengths()

    def pass_iteration_boundary(self) -> None:
        """An iteration begins or ends, or the loop ends."""
        self._boundaries += 1
        self._forget_varying_lengths()

    def _forget_varying_lengths(self) -> None:
        """Drop facts about lengths that are not those of parameters: they may have changed."""
        self._equal = {s: d for s, d in self._equal.items() if self._is_invariant(dim(s)) and self._is_invariant(d)}
        self._extents = {d: name for d, name in self._extents.items() if self._is_invariant(d)}

    def _is_invariant(self, d: Dim) -> bool:
        return all(s.name in self._params for s, _ in d.terms)

    def nonnegative_extent(self, length: Dim, extent: Expr, before: list[Stmt]) -> Expr:
        """An expression for the length that is never negative, as `n - 2` is for an array that is too short."""
        if not length.terms:
            return Const(max(length.const, 0))
        if length.is_nonnegative or isinstance(extent, Var) or (isinstance(extent, Op) and extent.prim == "shape"):
            return extent
        if length not in self._extents:
            name = self.fresh_name("length", Scalar("int64", length))
            before.append(Assign(name, Op("select", (Op(">", (extent, Const(0))), extent, Const(0)))))
            self._extents[length] = Var(name)
        return self._extents[length]

    def representative(self, d: Dim) -> Dim:
        """The representative of all lengths that are equal to this one."""
        return representative(d, self._equal)

    def unknown_length(self) -> Dim:
        """A length under a fresh symbol."""
        return dim(Symbol(unknown(), None))

    def assume_equal(self, a: Dim, b: Dim) -> None:
        """From here on the two lengths are equal."""
        a, b = self.representative(a), self.representative(b)
        match a, b:
            # a form that may be negative stands for length 0 then, so equal lengths need not be equal forms
            case Dim(((x, 1),), c), Dim(((y, 1),), d) if x != y and c == d and (c == 0 or (a.is_index and b.is_index)):
                self._equal[x] = dim(y)
            case (Dim(((x, 1),), 0), Dim((), _) as constant) | (Dim((), _) as constant, Dim(((x, 1),), 0)):
                self._equal[x] = constant


def representative(d: Dim, equal: Mapping[Symbol, Dim]) -> Dim:
    """The representative of a length in its class under the equalities."""
    if not any(s in equal for s, _ in d.terms):
        return d

    def root(symbol: Symbol) -> Dim:
        found = dim(symbol)
        while found.terms and found.terms[0][0] in equal:
            found = equal[found.terms[0][0]]
        return found

    return d.replaced(root)


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

"""What is known at a point of the walk over a function: types as they are there, lengths shown equal, free names."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import replace

from srcad import runtime, vector_math
from srcad.analysis.memory.memory_queries import MemoryQueries
from srcad.ir.nodes import Assign, Const, Expr, For, Function, Op, Stmt, Var
from srcad.ir.traversal import names, own_exprs, own_writes, reads, walk
from srcad.ir.types import Array, Dim, ListOf, Scalar, Symbol, Type, dim, unknown
from srcad.typing.typeof import linear_value, typeof

Facts = tuple[dict[Symbol, Dim], dict[Dim, Var], int]
_COUNTERS = ("i", "j", "k", "l", "m", "n")


class ShapeEnvironment:
    """Facts hold for the rest of a block: a length, said as a form of symbols, is one number there.

    The length of an array that a loop carries round is another number in each turn, called by one symbol. So where
    a loop begins, where its turn ends and where it has ended only what goes by the lengths of arguments is still known.
    """

    def __init__(self, f: Function) -> None:
        self._declared = f.types
        self._params = frozenset(p.name for p in f.params)
        self._memory = MemoryQueries(f)
        self._given: dict[str, str] = {}
        """Names that have just been given an array under the name it was made under."""
        self._equal: dict[Symbol, Dim] = {}
        taken = {n for s in walk(f.body) for e in own_exprs(s) for n in reads(e)} | self._params | {f.name}
        taken |= {n for s in walk(f.body) for n in own_writes(s)} | set(f.types)
        self._taken = taken | {*keyword.kwlist, *dir(builtins), "np", "math", *vars(runtime), *vars(vector_math)}
        self.counters = tuple(self.free(name) for name in _COUNTERS)
        self.types: dict[str, Type] = {name: _refreshed(t) for name, t in f.types.items()}
        self.extents: dict[str, tuple[Expr, ...]] = {}
        """The lengths of arrays that were made here."""
        self._counted: dict[Dim, Var] = {}
        self._loops = 0
        """How often a loop has begun or ended."""

    # ---- names -------------------------------------------------------------------------------

    def free(self, wanted: str) -> str:
        name, k = wanted, 0
        while name in self._taken:
            k += 1
            name = f"{wanted}{k}"
        self._taken.add(name)
        return name

    def fresh_name(self, wanted: str, type: Type, memory: str | None = None) -> str:
        """A new name; `memory` is the name of an array that it is a view of."""
        name = self.free(wanted)
        self.types[name] = _refreshed(type)
        if memory is not None:
            self._memory.define_alias(name, memory)
        return name

    def memory(self, name: str) -> str:
        """One name that stands for all that may share memory with this one."""
        return self._memory.class_of(name)

    def define(self, target: str, made: str) -> None:
        """`target = made`, a new name: from here on they are one array. Before, the target was another."""
        self._memory.define_alias(made, target)
        self._given[target] = made

    def same(self, a: str, b: str) -> bool:
        """Whether two names surely are of one array, one of them perhaps as it has just been given."""
        return a == b or self._given.get(a) == b or a == self._given.get(b)

    def loads(self, expr: Expr) -> frozenset[str]:
        """The memory (by `memory`) that is read when the expression is evaluated."""
        return self._memory.reads(expr)

    def declared(self, name: str) -> Type | None:
        """The type that the name has at all times."""
        return self._declared.get(name, self.types.get(name))

    # ---- types along the way -----------------------------------------------------------------

    def assign(self, target: str, value: Expr) -> None:
        """`target = value` has happened."""
        found = self._read_from_list(value) or self._made(value) or typeof(value, self.types)
        old = self._declared.get(target, self.types.get(target))
        self._drop(target)
        match old, found:
            case Array(dtype, dims, layout), Array(_, new) if len(new) == len(dims):
                self.types[target] = Array(dtype, new, layout)
            case Scalar("int64"), Scalar("int64"):
                self.types[target] = found
            case Array() | Scalar() | ListOf(), _:
                self.types[target] = _refreshed(old)

    def forget(self, changed: Iterable[str]) -> None:
        """These names may have been given any value."""
        for name in changed:
            self._drop(name)
            declared = self._declared.get(name)
            if declared is not None:
                self.types[name] = _refreshed(declared)

    def turn(self, loop: For) -> None:
        """A turn of the loop begins."""
        symbol = Symbol(unknown(), None)
        start, stop = self.number(loop.start), self.number(loop.stop)
        if loop.step == Const(1):
            symbol = replace(symbol, low=start, high=stop)
        elif loop.step == Const(-1):
            symbol = replace(symbol, low=None if stop is None else stop + 1, high=None if start is None else start + 1)
        self.types[loop.index] = Scalar("int64", dim(symbol))

    def number(self, expr: Expr) -> Dim | None:
        """The value of an integer as a linear form."""
        return linear_value(expr, self.types)

    def _drop(self, name: str) -> None:
        self.extents.pop(name, None)
        self._given.pop(name, None)
        for other in [k for k, lengths in self.extents.items() if any(name in names(e) for e in lengths)]:
            del self.extents[other]

    def _read_from_list(self, value: Expr) -> Type | None:
        """The items of a list may differ in lengths that go by the same symbol."""
        match value:
            case Op("list.pop" | "list.item" | "index", (Var(name), *_)):
                known = self.types.get(name)
                item = known.item if isinstance(known, ListOf) else None
                if isinstance(item, Array):
                    return replace(item, dims=tuple(self._own(d) for d in item.dims))
        return None

    def _made(self, value: Expr) -> Type | None:
        """An array of `max(n - 2, 0)` items is as long as a slice of `n - 2`, which is never shorter than 0."""
        known = typeof(value, self.types)
        match known, value:
            case Array(dims=dims), Op("np.empty" | "np.zeros" | "np.ones", extents) if len(extents) == len(dims):
                return replace(known, dims=tuple(self._cut(e) or d for e, d in zip(extents, dims, strict=True)))
        return None

    def _cut(self, extent: Expr) -> Dim | None:
        match extent:
            case Op("max", (inner, Const(0))) | Op("max", (Const(0), inner)):
                length = self.number(inner)
                return length if length is None or length.terms else dim(max(length.const, 0))
        return None

    def _own(self, d: Dim) -> Dim:
        if all(s.name in self._params for s, _ in d.terms):
            return d
        return dim(Symbol(unknown(), None, d.is_not_one))

    # ---- lengths -----------------------------------------------------------------------------

    @property
    def equal(self) -> dict[Symbol, Dim]:
        return dict(self._equal)

    def snapshot(self) -> Facts:
        """What is known of lengths here, to come back to where what was said of them is not said after all."""
        return dict(self._equal), dict(self._counted), self._loops

    def restore(self, facts: Facts) -> None:
        equal, counted, loops = facts
        self._equal, self._counted = dict(equal), dict(counted)
        if loops != self._loops:
            self._forget_lengths()

    def boundary(self) -> None:
        """A turn of a loop begins, or the loop has ended."""
        self._loops += 1
        self._forget_lengths()

    def _forget_lengths(self) -> None:
        """What arrays have for lengths that are no arguments may have changed."""
        self._equal = {s: d for s, d in self._equal.items() if self._lasts(dim(s)) and self._lasts(d)}
        self._counted = {d: name for d, name in self._counted.items() if self._lasts(d)}

    def _lasts(self, d: Dim) -> bool:
        return all(s.name in self._params for s, _ in d.terms)

    def count(self, length: Dim, extent: Expr, before: list[Stmt]) -> Expr:
        """The length, never negative, as `n - 2` is for an array that is too short."""
        if not length.terms:
            return Const(max(length.const, 0))
        if length.is_nonnegative or isinstance(extent, Var) or (isinstance(extent, Op) and extent.prim == "shape"):
            return extent
        if length not in self._counted:
            name = self.fresh_name("length", Scalar("int64", length))
            before.append(Assign(name, Op("select", (Op(">", (extent, Const(0))), extent, Const(0)))))
            self._counted[length] = Var(name)
        return self._counted[length]

    def length(self, d: Dim) -> Dim:
        """The same for all lengths that are known to be equal."""
        return representative(d, self._equal)

    def any_length(self) -> Dim:
        """A length of which nothing is known."""
        return dim(Symbol(unknown(), None))

    def assume_equal(self, a: Dim, b: Dim) -> None:
        """Two lengths were seen to be equal."""
        a, b = self.length(a), self.length(b)
        match a, b:
            # what may be below zero is the length 0 then, whatever it is the length of a part of
            case Dim(((x, 1),), c), Dim(((y, 1),), d) if x != y and c == d and (c == 0 or (a.is_index and b.is_index)):
                self._equal[x] = dim(y)
            case (Dim(((x, 1),), 0), Dim((), _) as number) | (Dim((), _) as number, Dim(((x, 1),), 0)):
                self._equal[x] = number


def representative(d: Dim, equal: Mapping[Symbol, Dim]) -> Dim:
    """One of the lengths that are equal to this one, the same for all of them."""
    if not any(s in equal for s, _ in d.terms):
        return d

    def first(symbol: Symbol) -> Dim:
        known = dim(symbol)
        while known.terms and known.terms[0][0] in equal:
            known = equal[known.terms[0][0]]
        return known

    return d.replaced(first)


def _refreshed(known: Type) -> Type:
    """The type with lengths that are not known, which are those of no other array or time."""
    match known:
        case Array(dtype, dims, layout) if any(s.name.startswith("?") for d in dims for s, _ in d.terms):
            fresh = (
                dim(Symbol(unknown(), None, d.is_not_one)) if any(s.name.startswith("?") for s, _ in d.terms) else d
                for d in dims
            )
            return Array(dtype, tuple(fresh), layout)
        case _:
            return known

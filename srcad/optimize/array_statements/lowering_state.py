"""What the lowering of array statements knows at a point: shapes, which names share memory, and which are free."""

from __future__ import annotations

from srcad.analysis.memory.memory_queries import MemoryQueries
from srcad.analysis.shapes.shape_environment import ShapeEnvironment
from srcad.ir.length_exprs import linear_expression, shape_query
from srcad.ir.names import unused_name
from srcad.ir.nodes import Assign, Const, Expr, Function, Op, Stmt, Var
from srcad.ir.traversal import own_exprs, own_writes, reads, walk
from srcad.ir.types import Dim, Scalar, Type

_INDICES = ("i", "j", "k", "l", "m", "n")


class LoweringState:
    """The state of a walk over a function, to which the lowering adds names.

    >>> from srcad.ir.notation import parse
    >>> state = LoweringState(Function("f", (), parse("i = 1"), (), {"i": Scalar("int64")}))
    >>> state.fresh_name("new", Scalar("float64")), state.fresh_name("new", Scalar("float64")), state.indices[0]
    ('new', 'new1', 'i1')
    """

    def __init__(self, f: Function) -> None:
        params = frozenset(p.name for p in f.params)
        self.shapes = ShapeEnvironment(f.types, params)
        self._memory = MemoryQueries(f)
        self._bound: dict[str, tuple[str, int]] = {}
        """Must-aliases: names bound to an array, with the fresh name under which it was allocated, and since when."""
        taken = {n for s in walk(f.body) for e in own_exprs(s) for n in reads(e)} | params | {f.name}
        taken |= {n for s in walk(f.body) for n in own_writes(s)} | set(f.types)
        self._taken = taken
        self.indices = tuple(self.unused_name(name) for name in _INDICES)

    # ---- names -------------------------------------------------------------------------------

    def unused_name(self, wanted: str) -> str:
        name = unused_name(wanted, self._taken)
        self._taken.add(name)
        return name

    def fresh_name(self, wanted: str, type: Type, memory: str | None = None) -> str:
        """A fresh name with a type; `memory` is the name of an array that it is a view of."""
        name = self.unused_name(wanted)
        self.shapes.declare(name, type)
        if memory is not None:
            self._memory.define_alias(name, memory)
        return name

    def nonnegative_extent(self, length: Dim, extent: Expr, before: list[Stmt]) -> Expr:
        """An expression for the length that is never negative, as `n - 2` is for an array that is too short."""
        if not length.terms:
            return Const(max(length.const, 0))
        if length.is_nonnegative or isinstance(extent, Var) or (isinstance(extent, Op) and extent.prim == "shape"):
            return extent
        known = self.shapes.named_length(length)
        if known is None:
            known = Var(self.fresh_name("length", Scalar("int64", length)))
            before.append(Assign(known.name, Op("select", (Op(">", (extent, Const(0))), extent, Const(0)))))
            self.shapes.name_length(length, known)
        return known

    def spelled_extent(self, length: Dim, extent: Expr) -> Expr:
        """The length in terms of parameters, where it is one: nests over equal lengths then have equal loops."""
        length = self.shapes.representative(length)
        if not length.terms or not all(self.shapes.is_shape_of_parameter(symbol) for symbol, _ in length.terms):
            return extent
        return linear_expression(length, shape_query)

    # ---- memory ------------------------------------------------------------------------------

    def alias_class(self, name: str) -> str:
        """The alias class of the name: one name for all that may alias."""
        return self._memory.class_of(name)

    def bind(self, target: str, source: str) -> None:
        """`target = source`, where the source is a fresh name: from here on they must alias."""
        self._memory.define_alias(source, target)
        self._bound[target] = source, self.shapes.version(target)

    def must_alias(self, a: str, b: str) -> bool:
        """Whether two names must alias, being equal or just bound to each other."""
        return a == b or self._is_bound(a, b) or self._is_bound(b, a)

    def _is_bound(self, target: str, source: str) -> bool:
        return self._bound.get(target) == (source, self.shapes.version(target))

    def loads(self, expr: Expr) -> frozenset[str]:
        """The alias classes that the evaluation of the expression reads."""
        return self._memory.reads(expr)

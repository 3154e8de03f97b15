"""Phi construction: the joins of names and of the heap after a branch, a `Join` for each leaf that differs.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, flag):
...     y = 1
...     if flag:
...         y = x
...     return y
>>> print(text(normal_form(f, 2.0, True)))
f(x: float64, flag: bool):
    y.0 = 1
    y.3 = if flag:
        yield x
    else:
        y.2 = float(y.0)
        yield y.2
    return y.3
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    Closure,
    Constant,
    GeneratorValue,
    HeapObject,
    HeapRef,
    Leaf,
    Maybe,
    Method,
    Partial,
    RangeValue,
    Record,
    Seq,
    Site,
    Table,
    TypeConflict,
    Unbound,
    map_structure,
)
from srcad.frontend.values.context import Context, State
from srcad.frontend.values.definedness import bound_flag, join_bound_flags, record_implications
from srcad.ir.nodes import Assign, Const, Expr, If, Join, Op, Stmt, Undef, Var
from srcad.ir.traversal import defined
from srcad.ir.types import Scalar, Type
from srcad.typing.builder import Builder, described
from srcad.typing.join import forget_iteration_facts, join_types, rename_symbols

Key = str | int
"""A name, or the contents of a list or dict."""

Pairs = tuple[tuple[Any, Abstract], ...]
JoinValues = Callable[[Abstract, Abstract, str], Abstract]
JoinLeaves = Callable[[Leaf | Unbound, Leaf | Unbound, str], Abstract]


def base_of(leaf: Abstract, default: str = "%value") -> str:
    """The base of a leaf's name."""
    if isinstance(leaf, Leaf) and isinstance(leaf.atom, Var):
        return leaf.atom.name.rpartition(".")[0] or leaf.atom.name
    return default


def branch(
    ctx: Context, cond: Expr, then: Callable[[], Abstract], orelse: Callable[[], Abstract], base: str = "%choice"
) -> Abstract:
    """Emit an `If`; join the values of the branches, and every name that they bind."""
    builder = ctx.builder
    span, entry, frames = builder.span, ctx.snapshot(), ctx.frames
    with builder.block() as first, ctx.assuming(cond):
        value = ctx.narrowed(then())
        after_first = ctx.narrowed_state()
    first_raises, ctx.has_raised = ctx.has_raised, False
    ctx.restore(entry)
    with builder.block() as second, ctx.assuming(Op("not", (cond,))):
        other = ctx.narrowed(orelse())
        after_second = ctx.narrowed_state()
    second_raises, ctx.has_raised = ctx.has_raised, first_raises and ctx.has_raised
    joiner = _Joiner(ctx, cond, first, second, frames)
    if first_raises != second_raises:
        live, result = (after_second, other) if first_raises else (after_first, value)
        names, heap, result = joiner.only(live, result, second_raises)
        ctx.frame.names, ctx.heap = names, heap
    else:
        names, heap = joiner.states(after_first, after_second)
        result = joiner.values(value, other, base)
        ctx.frame.names, ctx.heap = names, heap | joiner.new
    builder.emit(If(cond, tuple(first), tuple(second), tuple(joiner.joins), span))
    return result


class _Joiner:
    def __init__(self, ctx: Context, cond: Expr, first: list[Stmt], second: list[Stmt], frames: int) -> None:
        self.ctx = ctx
        self.cond = cond
        self.first, self.second = first, second
        self.frames = frames
        self.joins: list[Join] = []
        self.new: dict[int, HeapObject] = {}
        self.heaps: tuple[dict[int, HeapObject], dict[int, HeapObject]] = ({}, {})
        self.known: dict[tuple[Expr, Expr, str], Leaf] = {}
        self.bound: tuple[Abstract | None, Abstract | None] = None, None
        """The bound flags of the name that is joined, on each path."""

    def only(
        self, live: State, result: Abstract, is_first: bool
    ) -> tuple[dict[str, Abstract], dict[int, HeapObject], Abstract]:
        """The state and the value after two paths of which the other one ends in an error."""
        builder = self.ctx.builder
        inside = defined(tuple(self.first if is_first else self.second))
        known: dict[str, Var] = {}

        def kept(value: Abstract) -> Abstract:
            if isinstance(value, HeapRef):
                return value
            if not isinstance(value, Leaf):
                return map_structure(value, kept)
            if not isinstance(value.atom, Var) or value.atom.name not in inside:
                return value
            name = value.atom.name
            if name not in known:
                kind = forget_iteration_facts(builder.typeof(value.atom), inside)
                known[name] = fresh_of(builder, base_of(value), kind)
                paths = (value.atom, Undef()) if is_first else (Undef(), value.atom)
                self.joins.append(Join(known[name].name, *paths))
                if self.ctx.is_undefined(value):
                    self.ctx.undefined.add(known[name].name)
            return self.ctx.leaf(known[name], value.static)

        names = {name: kept(value) for name, value in live.names.items()}
        heap = {}
        for ref, cells in live.heap.items():
            items = tuple(map(kept, cells.items))
            same = all(a is b for a, b in zip(items, cells.items, strict=True))
            heap[ref] = cells if same else replace(cells, items=items)
        return names, heap, kept(result)

    def states(self, a: State, b: State) -> tuple[dict[str, Abstract], dict[int, HeapObject]]:
        self.heaps = a.heap, b.heap
        heap: dict[int, HeapObject] = {}
        for ref in {**a.heap, **b.heap}:
            x, y = a.heap.get(ref), b.heap.get(ref)
            if x is not None and y is not None:
                heap[ref] = x if x is y else join_cells(x, y, "%item", self.values, self.ctx.sites_of(ref))
        names = dict(join_bound_flags(self.ctx, self.cond, a.names, b.names))
        for name in {**a.names, **b.names}:
            v, w = a.names.get(name, UNBOUND), b.names.get(name, UNBOUND)
            if name not in names:
                self.bound = bound_flag(a.names, name), bound_flag(b.names, name)
                names[name] = v if v is w else self.values(v, w, self.ctx.base(name))
        self.bound = None, None
        record_implications(self.ctx, self.cond, a, b, names)
        return names, heap

    def values(self, a: Abstract, b: Abstract, base: str) -> Abstract:
        match a, b:
            case HeapRef(kind=kind), HeapRef(kind=other) if a != b and kind == other and a.cls is b.cls:
                x, y = self.heaps[0][a.id], self.heaps[1][b.id]
                # both lists may have aliases, which a modification of the joined one would not reach
                cells = join_cells(x, y, base, self.values, self.ctx.sites_of(a.id, b.id))
                self.ctx.refs += 1
                self.new[self.ctx.refs] = replace(cells, shared=True, of=x.of | y.of | {a.id, b.id})
                return HeapRef(self.ctx.refs, kind, a.cls)
            case (HeapRef() as ref, Unbound()) | (Unbound(), HeapRef() as ref):
                heap = self.heaps[0] if isinstance(a, HeapRef) else self.heaps[1]
                if ref.id not in self.heaps[0] or ref.id not in self.heaps[1]:
                    cells = heap[ref.id]
                    items = tuple(self.joined_with_unbound(item, isinstance(a, HeapRef), base) for item in cells.items)
                    self.new[ref.id] = replace(cells, items=items)
                return ref
            case (Closure() | GeneratorValue() as made, Unbound()) | (
                Unbound(),
                Closure() | GeneratorValue() as made,
            ) if made.frame.serial > self.frames:
                return disagreement(base, "it is a function or generator made on one path only")
        return join_values(a, b, base, self.values, self.leaves)

    def joined_with_unbound(self, value: Abstract, first: bool, base: str) -> Abstract:
        return self.values(value, UNBOUND, base) if first else self.values(UNBOUND, value, base)

    def leaves(self, a: Leaf | Unbound, b: Leaf | Unbound, base: str) -> Abstract:
        builder = self.ctx.builder
        if isinstance(a, Leaf) and isinstance(b, Leaf) and a.atom == b.atom and type(a.static) is type(b.static):
            return a
        statics = [one.static for one in (a, b) if isinstance(one, Leaf)]
        if base == "%is_none" and statics == [True, False] and isinstance(self.cond, Var):
            return self.ctx.leaf(self.cond)
        if base == "%is_none" and statics == [False, True]:
            return self.ctx.leaf(builder.op("not", self.cond))
        kind = joined_kind(builder, a, b)
        if isinstance(kind, str):
            return disagreement(base, kind)
        if not isinstance(a, Leaf) or not isinstance(b, Leaf):
            # the symbols in its lengths may be defined on one path only
            kind = forget_iteration_facts(kind, defined(tuple(self.first if isinstance(a, Leaf) else self.second)))
        paths = ((a, self.first, self.bound[0]), (b, self.second, self.bound[1]))
        left, right = (_value_from_branch(builder, v, kind, block, bound) for v, block, bound in paths)
        key = (left, right, base)
        if key in self.known and not isinstance(left, Const) and not isinstance(right, Const):
            return self.known[key]
        target = fresh_of(builder, base, kind)
        self.joins.append(Join(target.name, left, right))
        if any(not isinstance(v, Leaf) or self.ctx.is_undefined(v) for v in (a, b)):
            self.ctx.undefined.add(target.name)
        joined = self.ctx.leaf(target)
        if (
            isinstance(a, Leaf)
            and isinstance(b, Leaf)
            and a.known
            and b.known
            and _are_same_constant(a.static, b.static)
        ):
            joined = self.ctx.leaf(target, a.static)
        self.known[key] = joined
        return joined


def _are_same_constant(a: object, b: object) -> bool:
    return type(a) is type(b) and a == b


def disagreement(base: str, reason: str) -> TypeConflict:
    """The conflict of a name that has different types on two paths."""
    name = base.lstrip("%")
    advice = "use another name for the second value, or start from a value of the final type (np.zeros of its shape)."
    if "None" in reason.split():
        advice = "give it a value of the same type on both; a path without return returns None."
    return TypeConflict(
        "S119",
        f"{name} does not have one type here",
        f"{reason[0].upper()}{reason[1:]}: compiled code needs one type.",
        advice,
    )


def joined_kind(builder: Builder, a: Leaf | Unbound, b: Leaf | Unbound) -> Type | str:
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        return join_types(builder.typeof(a.atom), builder.typeof(b.atom))
    present = a if isinstance(a, Leaf) else b
    assert isinstance(present, Leaf)
    return builder.typeof(present.atom)


def fresh_of(builder: Builder, base: str, kind: Type) -> Var:
    """A fresh name of a type."""
    target = builder.fresh(base, kind)
    builder.types[target.name] = rename_symbols(kind, target.name)
    return target


def _value_from_branch(
    builder: Builder, value: Leaf | Unbound, kind: Type, block: list[Stmt], bound: Abstract | None
) -> Expr:
    """The value from a branch, converted at the end of the branch if the joined dtype differs."""
    if not isinstance(value, Leaf):
        return Undef()
    with builder.block() as extra:
        atom = converted_if(builder, value, kind, bound)
    block.extend(extra)
    return atom


def converted_if(builder: Builder, value: Leaf, kind: Type, bound: Abstract | None) -> Expr:
    """The leaf converted to the dtype of `kind`, only where it is bound according to the flag `has`."""
    with builder.block() as conversion:
        atom = converted(builder, value, kind)
    if not conversion or not isinstance(bound, Leaf) or bound.static is True:
        for stmt in conversion:
            builder.emit(stmt)
        return atom
    if bound.static is False:
        return Undef()
    target = fresh_of(builder, base_of(value), kind)
    builder.emit(If(bound.atom, tuple(conversion), (), (Join(target.name, atom, Undef()),), builder.span))
    return target


def converted(builder: Builder, value: Leaf, kind: Type) -> Expr:
    """The leaf converted to the dtype of `kind`."""
    have, want = builder.typeof(value.atom), kind
    if not isinstance(have, Scalar) or not isinstance(want, Scalar) or have.dtype == want.dtype:
        return value.atom
    plain = {"bool": bool, "int64": int, "float64": float, "float32": float, "complex128": complex}.get(want.dtype)
    if (
        isinstance(value.atom, Const)
        and plain is not None
        and isinstance(value.atom.value, bool | int | float | complex)
    ):
        return Const(plain(value.atom.value))
    if want.dtype == "float32" and have.dtype == "float64":
        return value.atom
    prim = {"float64": "float", "float32": "float", "int64": "int"}.get(want.dtype)
    base = base_of(value)
    if prim is None:
        return builder.op("astype", value.atom, dtype=want.dtype)
    target = builder.fresh(base, want)
    builder.emit(Assign(target.name, Op(prim, (value.atom,)), builder.span))
    return target


def join_cells(
    a: HeapObject,
    b: HeapObject,
    base: str,
    values: Callable[[Abstract, Abstract, str], Abstract],
    sites: frozenset[Site],
) -> HeapObject:
    """The join of the contents of a list or dict that two paths have modified, or that two `sites` have made."""
    if a.at_run_time and b.at_run_time:
        reason = TypeConflict(
            "S125",
            "this list is one of two that grow and shrink at run time",
            "Which of the two is meant is known only at run time.",
            "use one list, under one name.",
        )
        return HeapObject((reason,))
    if a.cls is not None and a.cls is b.cls and set(a.keys or ()) == set(b.keys or ()):
        b = b.with_entries({name: b.entries[name] for name in a.keys or ()})
    if (
        a.keys != b.keys
        or len(a.items) != len(b.items)
        or a.grown != b.grown
        or a.cls is not b.cls
        or a.buffered != b.buffered
    ):
        reason = TypeConflict(
            "S125",
            "this list or dict does not have the same entries on all paths that lead here",
            "Its length is needed when compiling.",
            "write into an array made before: hs = np.empty((n, ...)), then hs[i] = h.",
            lists=sites,
        )
        return HeapObject((reason,), ("",) if a.keys is not None else None, cls=a.cls)
    items = tuple(x if x is y else values(x, y, base) for x, y in zip(a.items, b.items, strict=True))
    return HeapObject(items, a.keys, a.shared or b.shared, a.grown, a.full and b.full, a.of | b.of, a.cls, a.buffered)


def join_values(a: Abstract, b: Abstract, base: str, values: JoinValues, leaves: JoinLeaves) -> Abstract:
    """The join of two values: parts are joined by `values`, leaves by `leaves`."""

    def inner(x: Abstract, y: Abstract) -> Abstract:
        return x if x is y else values(x, y, base_of(x, base_of(y, base)))

    def pairs(x: Pairs, y: Pairs) -> Pairs:
        return tuple((k, inner(v, w)) for (k, v), (_, w) in zip(x, y, strict=True))

    def flag(x: Abstract, y: Abstract) -> Leaf | None:
        joined = leaves(x, y, "%is_none")  # type: ignore[arg-type]
        return joined if isinstance(joined, Leaf) else None

    match a, b:
        case (TypeConflict(), _):
            return a
        case (_, TypeConflict()):
            return b
        case (Maybe() | Constant(None) as x, Maybe() as y) | (Maybe() as x, Constant(None) as y):
            is_none = flag(_flag_of(x), _flag_of(y))
            if is_none is not None:
                return Maybe(inner(_value_of(x), _value_of(y)), is_none)
        case (
            (Constant(None), Leaf() | Seq() | Record() | HeapRef() | Maybe())
            | (
                Leaf() | Seq() | Record() | HeapRef() | Maybe(),
                Constant(None),
            )
            | (Maybe(), Leaf() | Seq() | Record() | HeapRef())
            | (Leaf() | Seq() | Record() | HeapRef(), Maybe())
        ):
            is_none = flag(_flag_of(a), _flag_of(b))
            joined = inner(_value_of(a), _value_of(b))
            if is_none is not None and not isinstance(joined, TypeConflict):
                return Maybe(joined, is_none)
        case (Leaf() | Unbound() as x, Leaf() as y) | (Leaf() as x, Unbound() as y):
            return leaves(x, y, base)
        case Unbound(), _:
            return map_structure(b, lambda part: inner(a, part))
        case _, Unbound():
            return map_structure(a, lambda part: inner(part, b))
        case Seq(x, kind), Seq(y, other) if kind == other and len(x) == len(y):
            return Seq(tuple(inner(v, w) for v, w in zip(x, y, strict=True)), kind)
        case Record(cls, f), Record(other_cls, g) if cls is other_cls:
            return Record(cls, pairs(f, g))
        case Partial(x, p, k), Partial(y, q, m) if len(p) == len(q) and [n for n, _ in k] == [n for n, _ in m]:
            args = tuple(inner(v, w) for v, w in zip(p, q, strict=True))
            return Partial(inner(x, y), args, pairs(k, m))
        case Method(x, name), Method(y, other) if name == other:
            return Method(inner(x, y), name)
        case RangeValue(), RangeValue():
            parts = [inner(x, y) for x, y in ((a.start, b.start), (a.stop, b.stop), (a.step, b.step))]
            if all(isinstance(part, Leaf) for part in parts):
                return RangeValue(*parts)  # type: ignore[arg-type]
        case Closure(tree, frame), Closure(other_tree, other_frame) if tree is other_tree and frame is other_frame:
            return Closure(tree, frame, pairs(a.defaults, b.defaults))
        case Constant(v), Constant(w) if v is w or (
            type(v) is type(w) and isinstance(v, str | slice | tuple) and v == w
        ):
            return a
        case Constant(str() as v), Constant(str() as w):
            return TypeConflict(
                "S119",
                "which of two texts it is, only a run knows",
                f"It is {v!r} on one path and {w!r} on the other.",
                "do on each path what the text decides, or ask the question again there.",
            )
    if a == b:
        return a
    return disagreement(base, f"it is {describe_value(a)} on one path and {describe_value(b)} on the other")


def _flag_of(value: Abstract) -> Leaf:
    """Whether a value is None."""
    if isinstance(value, Maybe):
        return value.is_none
    is_none = value == Constant(None)
    return Leaf(Const(is_none), Scalar("bool"), is_none)


def _value_of(value: Abstract) -> Abstract:
    """The value that there is, if it is not None."""
    return value.value if isinstance(value, Maybe) else UNBOUND if value == Constant(None) else value


def describe_value(value: Abstract) -> str:
    """What a value is, for messages."""
    match value:
        case Leaf():
            return described(value.type)
        case Table():
            return "a sequence of numbers"
        case Seq(items, kind):
            return f"a {kind} of {len(items)}"
        case Record(cls):
            return f"a {cls.__name__}"
        case HeapRef(cls=type() as cls):
            return f"a {cls.__name__}"
        case HeapRef(kind=kind):
            return f"a {kind}"
        case Constant(None):
            return "None"
        case Maybe(inner):
            return f"{describe_value(inner)} or None"
        case Constant(str()):
            return "a string"
        case Constant(v):
            return f"{getattr(v, '__name__', None) or 'an object of type ' + type(v).__name__}"
        case GeneratorValue():
            return "a generator"
        case Closure() | Partial() | Constant():
            return "a function"
        case _:
            return "something else"

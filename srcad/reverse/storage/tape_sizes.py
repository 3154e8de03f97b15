"""Tape sizes before the run: a program slice of the gradient, whose results are the lengths of what it saves.

The slice has the lengths of the parameters, the arithmetic on scalars that are given or follow from lengths, and the
branches that such scalars decide. It computes nothing with arrays: the lengths of one that the primal allocates follow
from its type. What depends on anything else (a scalar computed from arrays, the iteration of a loop) is not known.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.length_exprs import nonnegative_length
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, If, Op, Return, Slice, Stmt, Var, While
from srcad.ir.traversal import blocks, map_expr, own_writes, walk
from srcad.ir.types import ONE, Array, Dim, Scalar, Symbol, Type, dim
from srcad.reverse.storage.tape_report import TapeEntry
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import CONDITIONS, RING
from srcad.typing.join import join_types, rename_symbols
from srcad.typing.typeof import typeof

_TOTAL = RING | CONDITIONS | {"max"}
"""What can be computed even where the function would not: in a loop that runs no iteration."""

_ON_NUMBERS = frozenset(prim for prim, known in PRIMITIVES.items() if known.kind == "elementwise")


@dataclass(frozen=True)
class TapeSizes:
    """`function` takes the parameters of the gradient. It returns a tuple: for each of `names` a tuple, the lengths of
    an array allocated under this name, or None where the branch that allocates it is not taken. Of one that grows in a
    `for` with an early exit, they are those without the exit.
    """

    function: Function
    names: tuple[str, ...]
    unknown: frozenset[str]
    """Names of arrays with some length that is not known."""


def tape_sizes(
    f: Function,
    kept: Sequence[TapeEntry],
    params: Mapping[str, Type],
    written: Collection[str],
    every_branch: bool = False,
) -> TapeSizes:
    """The slice of `f`, which is in sequential form.

    `params` are the types of the primal's parameters, by their names in `f`; `written` are those it changes. Where
    `every_branch`, a branch that something unknown decides is taken to be taken: some thread of a kernel does.

    >>> import numpy as np
    >>> import srcad
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def iterate(h, n):
    ...     for t in range(n):
    ...         h = np.sin(h)
    ...     return h
    >>> sizes = srcad.grad(iterate, target="python").specialisation(1.0, 3).generated.sizes()
    >>> print(text(sizes.function))
    iterate_grad_sizes(h: float64, n: int64, d_result: float64):
        h_saved_shape = tuple(max(n, 0))
        return tuple(h_saved_shape)
    >>> sizes.names
    ('h_saved',)
    """
    arrays = [one for one in kept if isinstance(f.types[one.name], Array)]
    fixed = frozenset(one.name for one in arrays if not one.grows)
    growing = frozenset(one.name for one in arrays if one.grows)
    slicer = _Slicer(f, fixed, growing, params, written, every_branch)
    body = slicer.block(f.body, False)
    lengths = [Var(shape) for shape, _ in slicer.allocations]
    results = (Op("tuple", tuple(lengths)),)
    nothing = tuple(Assign(shape, Const(None)) for shape, _ in slicer.allocations)
    types = {**f.types, **slicer.known}
    sliced = remove_dead_code(
        (*slicer.preamble, *nothing, *body, Return(results)), (), types, [p.name for p in f.params]
    )
    function = replace(f, name=f"{f.name}_sizes", body=sliced, results=results, types=types)
    return TapeSizes(function, tuple(name for _, name in slicer.allocations), frozenset(slicer.unknown))


class _Slicer:
    """A forward walk over the text, with what is known at each point: the values of scalars, the lengths of arrays."""

    def __init__(
        self,
        f: Function,
        fixed: frozenset[str],
        growing: frozenset[str],
        params: Mapping[str, Type],
        written: Collection[str],
        every_branch: bool,
    ) -> None:
        self.f = f
        self.every_branch = every_branch
        self.fixed = fixed
        self.growing = growing
        self.rows: dict[str, tuple[Expr, ...]] = {}
        """The lengths of the rows of each growing array."""
        self.used_names = {p.name for p in f.params} | {n for s in walk(f.body) for n in own_writes(s)}
        self.preamble: list[Stmt] = []
        self.known: dict[str, Type] = {}
        self.types = ChainMap(self.known, {name: _bare(name, t) for name, t in f.types.items()})
        self.allocations: list[tuple[str, str]] = []
        """(the name of its lengths, its name), for each allocation of an array of the tape."""
        self.unknown: set[str] = set()
        self.pending: list[Stmt] = []
        """Lengths of slices, computed before the statement that needs them."""
        self.readable = {name for name in params if name not in written}
        for name, known in params.items():
            if isinstance(known, Array):
                self.known[name] = replace(
                    known, dims=tuple(self._length(name, i, d) for i, d in enumerate(known.dims))
                )
            elif isinstance(known, Scalar):
                self.known[name] = Scalar(known.dtype, _own_symbol(name, known.dtype))

    def _length(self, name: str, axis: int, known: Dim) -> Dim:
        if known.is_one:
            return ONE
        length = self._fresh(f"{name}_length_{axis}")
        self.preamble.append(Assign(length, Op("shape", (Var(name),), (("axis", axis),))))
        self.known[length] = Scalar("int64")
        return dim(Symbol(length, axis, True))

    def _fresh(self, name: str) -> str:
        while name in self.used_names:
            name += "_"
        self.used_names.add(name)
        return name

    # ---- statements ------------------------------------------------------------------------------

    def block(self, block: Block, in_loop: bool) -> Block:
        """The slice of a block, in the order of the text."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case Assign(target, value):
                    sliced = self._assigned(target, value, in_loop)
                case AugAssign(target, op, value) if isinstance(self.f.types.get(target), Scalar):
                    sliced = self._assigned(target, Op(op, (Var(target), value)), in_loop)
                case If(cond, then, orelse):
                    sliced = self._branch(stmt, self._scalar(cond, in_loop), then, orelse, in_loop)
                case For() | While():
                    limits = self._limits(stmt, in_loop) if isinstance(stmt, For) else ()
                    # one iteration represents all: what differs between them is not known in the loop, nor after it
                    changed = {n for s in walk((stmt,)) for n in own_writes(s)}
                    self._forget(changed)
                    sliced = (*limits, *(s for inner in blocks(stmt) for s in self.block(inner, True)))
                    self._forget(changed)
                case _:
                    continue
            out += (*self._flushed(), *sliced)
        return tuple(out)

    def _limits(self, loop: For, in_loop: bool) -> Block:
        """The lengths of what grows by a row per iteration, if the loop completes its range."""
        trip_count = self._scalar(Op("len", (Op("range", (loop.start, loop.stop, loop.step)),)), in_loop)
        grown = [one.target for s in loop.body if isinstance(s, If) for one in s.then if isinstance(one, Assign)]
        grown = [name for name in grown if name in self.rows]
        if trip_count is None or in_loop or loop.exit is None:
            return ()
        found = [(self._fresh(f"{name}_shape"), name) for name in grown]
        self.allocations += found
        return tuple(Assign(shape, Op("tuple", (trip_count, *self.rows[name]))) for shape, name in found)

    def _flushed(self) -> list[Stmt]:
        pending, self.pending = self.pending, []
        return pending

    def _branch(self, stmt: If, cond: Expr | None, then: Block, orelse: Block, in_loop: bool) -> Block:
        if cond is None and self.every_branch:
            pending, before = self._flushed(), dict(self.known)
            first = self.block(then, in_loop)
            self._replace_known(dict(before))
            second = self.block(orelse, in_loop)
            self._replace_known(before)
            self._forget({n for s in walk((stmt,)) for n in own_writes(s)})
            return (*pending, *first, *second)
        if cond is None:
            self.unknown |= self.fixed & {n for s in walk((stmt,)) for n in own_writes(s)}
            self._forget({n for s in walk((stmt,)) for n in own_writes(s)})
            return ()
        pending = self._flushed()
        before = dict(self.known)
        first = self.block(then, in_loop)
        after = self._replace_known(before)
        second = self.block(orelse, in_loop)
        self._replace_known(
            {name: joined for name, t in self.known.items() if (joined := _join(name, t, after.get(name)))}
        )
        return (*pending, If(cond, first, second))

    def _assigned(self, target: str, value: Expr, in_loop: bool) -> Block:
        out: list[Stmt] = []
        if target in self.fixed:
            lengths = self._lengths(value, in_loop)
            if lengths is None:
                self.unknown.add(target)
            else:
                shape = self._fresh(f"{target}_shape")
                self.allocations.append((shape, target))
                out.append(Assign(shape, Op("tuple", lengths)))
        elif target in self.growing and isinstance(value, Op) and value.prim == "np.empty":
            rows = self._scalars(value.args[1:], in_loop)
            if rows is not None:
                self.rows[target] = rows
        scalar, found = self._scalar(value, in_loop), self._typeof(value, in_loop)
        self._forget({target})
        declared_type = self.f.types.get(target)
        if scalar is not None and isinstance(declared_type, Scalar):
            symbol_form = _own_symbol(target, declared_type.dtype)
            if isinstance(found, Scalar) and found.dim is not None and self._is_known(found.dim):
                symbol_form = found.dim
            self.known[target] = Scalar(declared_type.dtype, symbol_form)
            out.append(Assign(target, scalar))
        elif isinstance(found, Array) and self._has_lengths(found):
            self.known[target] = found
        elif isinstance(value, Op) and value.prim == "np.empty" and isinstance(declared_type, Array):
            self._name_lengths(target, declared_type, value, in_loop)
        return tuple(out)

    def _name_lengths(self, target: str, declared: Array, value: Op, in_loop: bool) -> None:
        """Give names to lengths that are no linear forms, as `max(n, 0)`: another name may get the same array."""
        lengths = self._scalars(value.args, in_loop)
        if lengths is None:
            return
        names = [self._fresh(f"{target}_length_{axis}") for axis in range(len(lengths))]
        self.pending += [Assign(name, length) for name, length in zip(names, lengths, strict=True)]
        self.known |= dict.fromkeys(names, Scalar("int64"))
        self.known[target] = replace(declared, dims=tuple(dim(Symbol(name, None)) for name in names))

    def _replace_known(self, known: Mapping[str, Type]) -> dict[str, Type]:
        old = dict(self.known)
        self.known.clear()
        self.known.update(known)
        return old

    def _forget(self, changed: Collection[str]) -> None:
        """Forget names that get other values, and what was known in terms of them."""

        self.readable -= set(changed)

        def unchanged(d: Dim | None) -> bool:
            return d is None or not any(symbol.name in changed for symbol, _ in d.terms)

        for name, known in tuple(self.known.items()):
            if name in changed or (isinstance(known, Array) and not all(map(unchanged, known.dims))):
                del self.known[name]
            elif isinstance(known, Scalar) and not unchanged(known.dim):
                self.known[name] = Scalar(known.dtype, _own_symbol(name, known.dtype))

    # ---- expressions -----------------------------------------------------------------------------

    def _scalar(self, e: Expr, in_loop: bool) -> Expr | None:
        """A scalar expression in terms of what is known; None where there is no such form."""
        match e:
            case Const():
                return e
            case Var(name):
                return e if isinstance(self.known.get(name), Scalar) else None
            case Op("shape" | "len" | "size" as prim, (x,), static) if not (isinstance(x, Op) and x.prim == "range"):
                lengths = self._lengths(x, in_loop)
                if not lengths:
                    return None
                if prim == "size":
                    return reduce(lambda a, b: Op("*", (a, b)), lengths)
                return lengths[int(str(dict(static).get("axis", 0)))]
            case Op("index", (Var(name), *items)) if name in self.readable and not in_loop:
                array_type = self.known.get(name)
                if not isinstance(array_type, Array) or len(items) != array_type.rank or Const(None) in items:
                    return None
            case Op("len", (Op("range", bounds),)) if not in_loop or isinstance(bounds[-1], Const):
                known = self._scalars(bounds, in_loop)
                return None if known is None else Op("len", (Op("range", known),))
            case Op(prim) if prim in _TOTAL or (prim in _ON_NUMBERS and not in_loop):
                items = list(e.args)
            case _:
                return None
        assert isinstance(e, Op)
        given = self._scalars(items, in_loop)
        return None if given is None else Op(e.prim, (*e.args[: len(e.args) - len(given)], *given), e.static)

    def _scalars(self, several: Sequence[Expr], in_loop: bool) -> tuple[Expr, ...] | None:
        known = [self._scalar(e, in_loop) for e in several]
        return None if None in known else tuple(e for e in known if e is not None)

    def _lengths(self, value: Expr, in_loop: bool) -> tuple[Expr, ...] | None:
        """The lengths of an array; of a scalar none."""
        if isinstance(value, Op) and value.prim == "np.empty":
            return self._scalars(value.args, in_loop)
        found = self._typeof(value, in_loop)
        if not isinstance(found, Array) or not self._has_lengths(found):
            return None
        return tuple(map(_length_expr, found.dims))

    def _typeof(self, e: Expr, in_loop: bool) -> Type | None:
        def named(part: Expr) -> Expr:
            """A slice of an array under a name of its own, where its lengths are not linear: `x[:k]`."""
            found = typeof(part, self.types)
            if not isinstance(part, Op) or part.prim != "index" or not isinstance(found, Array):
                return part
            array_type = typeof(part.args[0], self.types)
            if self._has_lengths(found) or not isinstance(array_type, Array) or not self._has_lengths(array_type):
                return part
            dims = self._slice_lengths(array_type, part.args[1:], in_loop)
            if dims is None:
                return part
            name = self._fresh("part")
            self.known[name] = replace(found, dims=dims)
            return Var(name)

        return typeof(map_expr(e, named), self.types)

    def _slice_lengths(self, array_type: Array, items: Sequence[Expr], in_loop: bool) -> tuple[Dim, ...] | None:
        """The lengths of an array indexed by `items`."""
        dims: list[Dim] = []
        left = list(array_type.dims)
        for item in items:
            if item == Const(None):
                dims.append(ONE)
                continue
            length = left.pop(0)
            if isinstance(item, Slice):
                bounds = [None if b is None else self._scalar(b, in_loop) for b in (item.lower, item.upper, item.step)]
                if bounds.count(None) > (item.lower, item.upper, item.step).count(None):
                    return None
                trip_count = Op("index", (Op("range", (Const(0), _length_expr(length), Const(1))), Slice(*bounds)))
                name = self._fresh("part_length")
                self.pending.append(Assign(name, Op("len", (trip_count,))))
                self.known[name] = Scalar("int64")
                dims.append(dim(Symbol(name, 0)))
        return (*dims, *left)

    def _has_lengths(self, t: Type | None) -> bool:
        return isinstance(t, Array) and all(map(self._is_known, t.dims))

    def _is_known(self, d: Dim) -> bool:
        return all(isinstance(self.known.get(symbol.name), Scalar) for symbol, _ in d.terms)


def _own_symbol(name: str, dtype: str) -> Dim | None:
    return dim(Symbol(name, None)) if "int" in dtype else None


def _join(name: str, one: Type, other: Type | None) -> Type | None:
    """The join of what two branches know of a name; of two arrays the lengths are wanted, or nothing."""
    both = other and join_types(one, other)
    if isinstance(both, Scalar):
        return rename_symbols(both, name)
    return one if one == other else None


def _bare(name: str, t: Type) -> Type:
    """A type without lengths: of a name that is assigned several arrays, they are those of the first."""
    match t:
        case Array(dtype, dims, layout):
            return Array(dtype, tuple(dim(Symbol(f"?{name}", axis)) for axis in range(len(dims))), layout)
        case Scalar(dtype):
            return Scalar(dtype)
        case _:
            return t


def _length_expr(d: Dim) -> Expr:
    return nonnegative_length(d, lambda symbol: Var(symbol.name))

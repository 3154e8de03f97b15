"""Tape containers of saved values: a plain name, an array over the iterations, a stack that grows, a list of arrays.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def root(a):
...     x = a
...     while abs(x * x - a) > 1e-12:
...         x = 0.5 * (x + a / x)
...     return x
>>> source = srcad.grad(root, target="python").source_for(2.0)
>>> print(*(line for line in source.splitlines() if "x_stack" in line), sep="\\n")
keeps   x_stack  one float per turn of the loop, grown on demand   read by line 4
    x_stack = np.empty(16)
        if turns == x_stack.size:
            x_stack = np.concatenate((x_stack, np.empty_like(x_stack)))
        x_stack[turns] = x
        x = x_stack[turn]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from srcad.analysis.shapes.outer_lengths import OuterLengths, length, linear
from srcad.canonicalize.array_expansion import SAVED
from srcad.canonicalize.checkpoint_segments import Segment
from srcad.canonicalize.trip_counts import trip_count_of
from srcad.ir.length_exprs import minus, nonnegative_length, shape_query
from srcad.ir.names import stem
from srcad.ir.nodes import Assign, Const, Effect, Expr, For, If, Op, Stmt, Store, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import map_expr, names
from srcad.ir.types import Array, ListOf, Scalar, Symbol, Type, dim
from srcad.reverse.storage.packed_triangles import packed_triangle
from srcad.reverse.storage.tape_slot import Growth, TapeSlot
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.builder import Builder

FIRST_SIZE = 16
"""Initial capacity of a growing stack, in elements or rows; it doubles."""

_FEW_SCALARS = 64
"""Number of scalars to allocate at most for a loop with an early exit, which may need only one."""


STACK = "_stack"
"""Ending of the name of an array that grows."""

CHECKPOINTS = "_checkpoints"
"""Ending of the name of an array that saves the state at the start of each segment."""


class TapeLayout:
    """Chooses and creates the tape slots of one function."""

    def __init__(self, builder: Builder, regions: Regions, segments: Mapping[Region, Segment] | None = None) -> None:
        self.builder = builder
        self.regions = regions
        self.segments = segments or {}
        self.lengths = OuterLengths(regions, builder.typeof)

    def make(
        self,
        of: str,
        region: Region,
        t: Type,
        *,
        ending: str = SAVED,
        refers: bool = False,
        varies: frozenset[Region] | None = None,
    ) -> TapeSlot:
        """A slot for values of the variable `of`, of type `t`, defined in `region`.

        Where it `refers`, it stores a reference to the array, which may still change, not its present content. The
        value differs between the iterations of the loops of `varies` only, where that is given.
        """
        of = stem(of)
        loops = self.regions.enclosing_loops(region)
        if not loops:
            name = self.builder.keep(of, ending, t)
            return TapeSlot(name.name, (), lambda e: (Assign(name.name, e),), (), name, _in_words(t), by_reference=True)
        axes = self._axes(loops, t)
        sized = self._sized(t, region)
        fewer = None if varies is None or varies.issuperset(loops) else self._axes_of(loops, varies)
        if sized is not None and not refers and fewer is not None and (fewer or isinstance(sized, Array)):
            return self._array(of, ending, sized, fewer)
        if sized is not None and not refers and axes is not None:
            return self._array(of, ending, sized, axes)
        inner = self._inner_axes(loops)
        if sized is not None and not refers and inner is not None and (inner or isinstance(sized, Array)):
            return self._growing_array(of, sized, loops[0], inner)
        if isinstance(t, Array):
            return self._list(of, ending, t)
        assert isinstance(t, Scalar)
        return self._stack(of, t, region)

    def is_random_access(self, region: Region, t: Scalar | Array) -> bool:
        """Whether a slot for such values can be read at any time, any number of times."""
        loops = self.regions.enclosing_loops(region)
        if not loops or (self._sized(t, region) is not None and self._axes(loops, t) is not None):
            return True
        if self._sized(t, region) is not None and self._inner_axes(loops) is not None:
            return True
        owner = loops[0].owner
        counted = isinstance(owner, For | While) and trip_count_of(owner) is not None
        return isinstance(t, Scalar) and len(loops) == 1 and counted

    def _sized(self, t: Type, region: Region) -> Scalar | Array | None:
        """The type of a value defined in a region, with lengths in terms of names defined before all loops."""
        match t:
            case Scalar():
                return t
            case Array(dims=dims):
                known = [self.lengths.before_loops(d, region) for d in dims]
                found = tuple(d for d in known if d is not None)
                return replace(t, dims=found) if len(found) == len(dims) else None
            case _:
                return None

    def segment(self, of: str, t: Type, loop: Region) -> TapeSlot:
        """A slot for the state that each segment of a checkpointed loop begins with."""
        of, segment, sized = stem(of), self.segments[loop], self._sized(t, loop)
        if sized is not None:
            return self._array(of, CHECKPOINTS, sized, [segment.places])
        assert isinstance(t, Array)
        return self._list(of, CHECKPOINTS, t, "stretch" if segment.snapshots is None else "snapshot")

    # ---- one kind each -----------------------------------------------------------------------

    def _list(
        self, of: str, ending: str, t: Array, one_per: Literal["turn", "stretch", "snapshot"] = "turn"
    ) -> TapeSlot:
        items = self.builder.keep(of, ending, ListOf(t), one_per)
        popped = Op("list.pop", (items,))
        return TapeSlot(
            items.name,
            (Assign(items.name, Op("list.new", ())),),
            lambda e: (Effect(Op("list.append", (items, e))),),
            (),
            popped,
            "one array per turn",
            by_reference=True,
        )

    def _array(self, of: str, ending: str, t: Scalar | Array, axes: list[tuple[Expr, Expr]]) -> TapeSlot:
        own = t.dims if isinstance(t, Array) else ()
        lengths = [nonnegative_length(d, shape_query) for d in own]
        saved = self.builder.keep(of, ending, t)
        # lengths of its own: those of a parameter of the user's may have its name, without the version
        dims = (*(dim(Symbol(saved.name, axis)) for axis in range(len(axes))), *own)
        self.builder.types[saved.name] = Array(t.dtype, dims)
        sizes, at = tuple(size for size, _ in axes), tuple(number for _, number in axes)
        static = () if t.dtype == "float64" else (("dtype", t.dtype),)
        declare = Assign(saved.name, Op("np.empty", (*sizes, *lengths), static))
        return TapeSlot(
            saved.name,
            (declare,),
            lambda e: (Store(saved, at, e),),
            (),
            Op("index", (saved, *at)) if at else saved,
            f"{_in_words(t)} per turn",
        )

    def _growing_array(self, of: str, t: Scalar | Array, loop: Region, inner: list[tuple[Expr, Expr]]) -> TapeSlot:
        """An array over the iterations of an outermost loop of unknown trip count: it grows by a row per iteration."""
        assert isinstance(loop.owner, For | While)
        count = trip_count_of(loop.owner)
        assert count is not None
        slot = self._array(of, STACK, t, [(Const(FIRST_SIZE), Var(count.arg)), *inner])
        rows = Var(slot.name)
        grown = Op("np.concatenate", (rows, Op("np.empty_like", (rows,))), (("axis", 0),))
        full = Op("==", (Var(count.arg), Op("shape", (rows,), (("axis", 0),))))
        growth = Growth(full, Assign(rows.name, grown))
        return replace(slot, about=f"{_in_words(t)} per turn, grown on demand", grows=growth)

    def _axes(self, loops: tuple[Region, ...], t: Type) -> list[tuple[Expr, Expr]] | None:
        """(length, index) of each axis of an array over the iterations; None where the trip count is not known before,
        or has only an upper bound that may be far too large."""
        if any(self._is_left_early(loop) for loop in loops):
            small = len(loops) == 1 and isinstance(t, Scalar) and self._has_small_bound(loops[0])
            if not small:
                return None
        return self._iteration_axes(loops)

    def _axes_of(self, loops: tuple[Region, ...], varies: frozenset[Region]) -> list[tuple[Expr, Expr]] | None:
        """The axes for some of the loops; None unless an iteration has the same place whatever the others are at."""
        if any(loop in self.segments for loop in loops):
            return None
        ranges = [self._by_range(loop) for loop in loops if loop in varies and not self._is_left_early(loop)]
        known = [one for one in ranges if one is not None]
        return known if len(known) == sum(loop in varies for loop in loops) else None

    def _inner_axes(self, loops: tuple[Region, ...]) -> list[tuple[Expr, Expr]] | None:
        """The axes for the loops inside the outermost, which has a trip counter; None where there are none."""
        owner = loops[0].owner
        counted = isinstance(owner, For | While) and trip_count_of(owner) is not None
        if not counted or loops[0] in self.segments or any(self._is_left_early(loop) for loop in loops[1:]):
            return None
        return self._iteration_axes(loops[1:])

    def _is_left_early(self, loop: Region) -> bool:
        owner = loop.owner
        return isinstance(owner, For) and owner.exit is not None and loop not in self.segments

    def _has_small_bound(self, loop: Region) -> bool:
        """Whether a loop with an early exit has few iterations, or no more than the length of some array."""
        found = self._count_and_number(loop)
        if found is None:
            return False
        trip_count = found[0]
        return (
            trip_count.value <= _FEW_SCALARS
            if isinstance(trip_count, Const) and isinstance(trip_count.value, int)
            else self._is_from_lengths(trip_count)
        )

    def _is_from_lengths(self, e: Expr) -> bool:
        match e:
            case Const():
                return True
            case Op("len" | "size" | "shape", (Var(),)):
                return True
            case Op("+" | "-" | "//" | "max" | "min", args):
                return all(map(self._is_from_lengths, args))
            case Var(name):
                node = self.regions.definitions[name].node
                return isinstance(node, Assign) and self._is_from_lengths(node.value)
            case _:
                return False

    def _iteration_axes(self, loops: tuple[Region, ...]) -> list[tuple[Expr, Expr]] | None:
        found: list[tuple[Expr, Expr]] = []
        for k, loop in enumerate(loops):
            exact = self._by_range(loop)
            outside = exact is not None and self._is_defined_outside(exact[0])
            # in a segmented loop, the iteration number within the segment does not follow from the index
            separate = outside or not k or loops[k - 1] in self.segments
            triangle = None if separate else packed_triangle(loops[k - 1], loop, self.regions, self.builder.types)
            counted = self._count_and_number(loop)
            if triangle is not None and len(found) == k:
                found[-1] = triangle
            elif counted is not None:
                found.append(counted)
            else:
                return None
        return found

    def _stack(self, of: str, t: Scalar, region: Region) -> TapeSlot:
        integer = Scalar("int64")
        ending = "" if t.dtype == "bool" else STACK
        stack = self.builder.keep(of, ending, t)
        self.builder.types[stack.name] = Array(t.dtype, (dim(Symbol(stack.name, 0)),))
        static = () if t.dtype == "float64" else (("dtype", t.dtype),)
        declare: list[Stmt] = [Assign(stack.name, Op("np.empty", (Const(FIRST_SIZE),), static))]
        grown = Op("np.concatenate", (stack, Op("np.empty_like", (stack,))), (("axis", 0),))
        loops = self.regions.enclosing_loops(region)
        owner = loops[0].owner
        assert isinstance(owner, For | While)
        count = trip_count_of(owner) if len(loops) == 1 else None
        size = Op("size", (stack,))
        grow = Assign(stack.name, grown)
        about = f"{_in_words(t)} per turn of the loop, grown on demand"
        if count is not None:
            # a single loop with a trip counter: the counter is the position
            top = Var(count.arg)
            growth = Growth(Op("==", (top, size)), grow)
            load = Op("index", (stack, top))
            return TapeSlot(
                stack.name, tuple(declare), lambda e: (Store(stack, (top,), e),), (), load, about, grows=growth
            )
        top = self.builder.fresh(f"{of}_top", integer)
        declare.append(Assign(top.name, Const(0)))
        full = If(Op("==", (top, size)), (grow,), ())
        after = Assign(top.name, Op("+", (top, Const(1))))
        return TapeSlot(
            stack.name,
            tuple(declare),
            lambda e: (full, Store(stack, (top,), e), after),
            (Assign(top.name, Op("-", (top, Const(1)))),),
            Op("index", (stack, top)),
            about,
        )

    # ---- trip counts -------------------------------------------------------------------------

    def trip_count(self, loop: Region) -> Expr | None:
        """The trip count in terms of names defined before all loops; None where there is no such form, or where the
        loop has an early exit."""
        counted = None if self._is_left_early(loop) else self._count_and_number(loop)
        return None if counted is None else counted[0]

    def iteration_number(self, loop: Region) -> Expr:
        """The iteration number, from 0 to below the trip count, inside the loop."""
        counted = self._count_and_number(loop)
        assert counted is not None
        return counted[1]

    def _count_and_number(self, loop: Region) -> tuple[Expr, Expr] | None:
        found = [counted for counted in (self._by_range(loop), self._by_bounds(loop)) if counted is not None]
        outside = [counted for counted in found if self._is_defined_outside(counted[0])]
        return next(iter((*outside, *found)), None)

    def _by_range(self, loop: Region) -> tuple[Expr, Expr] | None:
        """(trip count, iteration number) where the range itself is known before all loops."""
        owner = loop.owner
        if not isinstance(owner, For):
            return None
        if loop in self.segments:
            return self._in_segment(self.segments[loop])
        start, stop, step = (self.known_before(e) for e in (owner.start, owner.stop, owner.step))
        if start is None or stop is None or not isinstance(step, Const):
            return None
        if step.value == 1:
            if start == Const(0):
                return (stop if self._is_length(stop) else _at_least_zero(stop)), Var(owner.index)
            return _at_least_zero(minus(stop, start)), minus(Var(owner.index), start)
        if step.value == -1:
            return _at_least_zero(minus(start, stop)), minus(start, Var(owner.index))
        number = Op("//", (minus(Var(owner.index), start), step))
        return Op("len", (Op("range", (start, stop, step)),)), number

    def _in_segment(self, segment: Segment) -> tuple[Expr, Expr]:
        index = Var(segment.loop)
        if segment.step == Const(-1):
            return segment.length, Op("-", (segment.first, index))
        number = Op("-", (index, segment.first))
        return segment.length, number if segment.step == Const(1) else Op("//", (number, segment.step))

    def _by_bounds(self, loop: Region) -> tuple[Expr, Expr] | None:
        """The same from the least and the greatest value of the index, over all iterations of the enclosing loops."""
        owner = loop.owner
        t = self.builder.types[owner.index] if isinstance(owner, For) else None
        if not isinstance(owner, For) or not isinstance(t, Scalar) or t.dim is None or len(t.dim.terms) != 1:
            return None
        symbol = t.dim.terms[0][0]
        low = symbol.low.bound(False) if symbol.low is not None else None
        high = symbol.high.bound(True) if symbol.high is not None else None
        if low is None or high is None:
            return None
        trip_count, first = length(high - low, self.regions), linear(low, self.regions)
        return None if trip_count is None or first is None else (trip_count, minus(Var(owner.index), first))

    def _is_defined_outside(self, e: Expr) -> bool:
        """Whether it is defined before all loops, interleaved ones too."""
        defining = [self.regions.definitions[n].region for n in names(e)]
        return all(outer.kind != "loop" for region in defining for outer in region.enclosing)

    def known_before(self, e: Expr) -> Expr | None:
        """`e` written with names that have their value outside of all loops."""
        failed = False

        def leaf(part: Expr) -> Expr:
            nonlocal failed
            if isinstance(part, Var):
                definition = self.regions.definitions[part.name]
                if all(region.kind != "loop" for region in definition.region.enclosing):
                    return part
                node = definition.node
                inner = self._recomputed(node.value) if isinstance(node, Assign) else None
                if inner is not None:
                    return inner
                if not self.regions.enclosing_loops(definition.region):
                    return part
                failed = True
            return part

        result = map_expr(e, leaf)
        return None if failed else result

    def _recomputed(self, value: Expr) -> Expr | None:
        match value:
            case Const():
                return value
            case Var():
                return self.known_before(value)
            case Op(prim, args, static) if prim in ("+", "-", "*", "//", "shape", "len", "size"):
                assert PRIMITIVES[prim].cheap
                inner = [self.known_before(a) for a in args]
                if any(a is None for a in inner):
                    return None
                return Op(prim, tuple(a for a in inner if a is not None), static)
            case _:
                return None

    def _is_length(self, e: Expr) -> bool:
        """Whether `e` is surely a length, so never negative."""
        match e:
            case Const(int() as value):
                return value >= 0
            case Op(prim):
                return prim in ("len", "size", "shape")
            case Var(name):
                node = self.regions.definitions[name].node
                return isinstance(node, Assign) and self._is_length(node.value)
            case _:
                return False


def _at_least_zero(e: Expr) -> Expr:
    if isinstance(e, Const):
        assert isinstance(e.value, int)
        return Const(max(e.value, 0))
    return Op("max", (e, Const(0)))


def _in_words(t: Type) -> str:
    names = {"bool": "one bool", "int64": "one integer"}
    return names.get(t.dtype, "one float") if isinstance(t, Scalar) else "one array"

"""Strip mining of checkpointed loops: about √n segments, of about √n iterations each; or segments of k, for k states.

The loop itself stays whole. What is computed before it is the length of a segment, their number, and where one begins:

    for t in range(n):          turns = max(n, 0)
        h = f(h)                length = max(math.ceil(math.sqrt(turns)), 1)
                          ->    stretches = -(-turns // length)
                                first = 0
                                for t in range(first, n):
                                    h = f(h)

So every analysis sees the loop as a single segment: what it finds holds for any part of the iterations. The loop over
the segments exists only in the generated text (`reverse/loops/checkpoint_loops`), which sets `first` in each. Of a
`while`, and of a loop that is left early, the analyses see the iterations it makes, as one over a range (`Uncounted`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from srcad.analysis.values.effects import has_effect
from srcad.canonicalize.trip_counts import trip_count_of
from srcad.errors import fail
from srcad.ir.length_exprs import plus
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Block, Carry, Const, Effect, Expr, For, Function, Op, Stmt, Var, While
from srcad.ir.traversal import blocks, own_writes, stmt_reads, stmt_writes, walk, with_blocks
from srcad.ir.types import Array, Scalar, Symbol, counter, dim
from srcad.typing.builder import Builder

WHILE = "while"
"""What `while` loops are named by: no variable can be."""

END = "loop.end"
"""Stands for a value that the forward sweep finds when the loop has run."""

_ONCE = frozenset({"print", "insert_gradient"})
"""Effects that are left out when a segment runs again."""


@dataclass(frozen=True)
class Snapshots:
    """Where states are saved if there are fewer places than segments."""

    count: int
    """The number of places."""
    place: Var
    """The number of one, from 0."""
    starts: Var
    """An array: the segments with whose start states the places are filled, then the segment that comes next."""


@dataclass(frozen=True)
class Uncounted:
    """A loop whose trip count is known only when it has run."""

    loop: For | While
    """As it was; what runs again is a loop over the range of the iterations it has made."""
    end: Var
    """Of that range."""
    behind: Block
    """The statements that read it, before the loop; they belong behind it."""

    def first_run(self, ranged: For) -> For | While:
        """The loop as the forward sweep runs it, with what passes have made of its body since it was split."""
        count = trip_count_of(self.loop)
        assert count is not None and isinstance(count.next, Var)
        added, carried = Assign(count.next.name, plus(Var(count.arg), 1)), (count, *ranged.carried)
        if isinstance(self.loop, For):
            loop = self.loop
            return replace(
                ranged, start=loop.start, stop=loop.stop, body=(*ranged.body, added), carried=carried, exit=loop.exit
            )
        cond = self.loop.cond
        ends = [
            at + 1 for at, stmt in enumerate(ranged.body) if isinstance(cond, Var) and cond.name in own_writes(stmt)
        ]
        at = ends[0] if ends else 0
        return While(ranged.body[:at], cond, (*ranged.body[at:], added), carried, ranged.span)


@dataclass(frozen=True)
class Segment:
    """What is needed to run the iterations of a loop, given by the name of its index, in segments."""

    loop: str
    number: Var
    """Of the segment, from 0."""
    first: Var
    """The loop index at its first iteration."""
    start: Expr
    stop: Expr
    step: Expr
    trip_count: Expr
    length: Expr
    """Of all segments but the last, which may be shorter."""
    count: Expr
    snapshots: Snapshots | None
    """None: there is a place for the state of each segment."""
    uncounted: Uncounted | None = None
    """None: the trip count is known before the loop."""

    @property
    def places(self) -> tuple[Expr, Var]:
        """How many states can be saved at once, and the name of the number of one."""
        return (
            (self.count, self.number) if self.snapshots is None else (Const(self.snapshots.count), self.snapshots.place)
        )

    def begin(self, number: Expr) -> Expr:
        """The loop index at the first iteration of a segment."""
        before = Op("*", (number, self.length))
        if self.step == Const(-1):
            return Op("-", (self.start, before))
        by = before if self.step == Const(1) else Op("*", (before, self.step))
        return by if self.start == Const(0) else Op("+", (self.start, by))

    @property
    def end(self) -> Expr:
        """The end of the range of the segment."""
        if self.step in (Const(1), Const(-1)):
            following = Op("+" if self.step == Const(1) else "-", (self.first, self.length))
            return self._within(following)
        left = Op("-", (self.trip_count, Op("*", (self.number, self.length))))
        return Op("+", (self.first, Op("*", (Op("min", (self.length, left)), self.step))))

    def end_before(self, number: Expr) -> Expr:
        """The end of the range of iterations before a segment, which may be the one after the last."""
        if self.step in (Const(1), Const(-1)):
            return self._within(self.begin(number))
        before = Op("min", (Op("*", (number, self.length)), self.trip_count))
        by = Op("*", (before, self.step))
        return by if self.start == Const(0) else Op("+", (self.start, by))

    def _within(self, end: Expr) -> Expr:
        return Op("min" if self.step == Const(1) else "max", (end, self.stop))


def loops_named(f: Function, names: Sequence[str], snapshots: int | None) -> frozenset[str]:
    """What the loops are found by (`_key`) whose variables have these names; `WHILE` are the `while` loops.

    Raises ArgumentError S315 for a name that no loop has, DerivativeError S208 for a loop that cannot be checkpointed.
    """
    found: dict[str, list[tuple[For | While, bool]]] = {name: [] for name in names}
    for loop, inside in _loops(f.body, False):
        name = _variable_name(loop)
        # a `while` inside another loop runs again with it
        if name in found and not (inside and isinstance(loop, While) and found[name]):
            found[name].append((loop, inside))
    for name, loops in found.items():
        if not loops:
            fail(
                "S315",
                f"checkpoint={name!r} names no {'`while`' if name == WHILE else '`for`'} loop",
                f.span,
                _others(f),
            )
        for loop, inside in loops:
            _check(loop, inside, snapshots)
    return frozenset(_key(loop) for loops in found.values() for loop, _ in loops)


def _others(f: Function) -> str:
    others = list(dict.fromkeys(_variable_name(loop) for loop, _ in _loops(f.body, False)))
    named = [repr(other) for other in others if not is_temporary(other) and other != WHILE]
    return f"The loops are those over {', '.join(named)}." if named else "It has no such loop at run time."


def _loops(block: Block, inside: bool) -> Iterator[tuple[For | While, bool]]:
    """The loops, each with whether it is inside another loop."""
    for stmt in block:
        if isinstance(stmt, For | While):
            yield stmt, inside
        for inner in blocks(stmt):
            yield from _loops(inner, inside or isinstance(stmt, For | While))


def _variable_name(loop: For | While) -> str:
    """The name of the loop's variable: that of its index, or of the item that the body begins with."""
    if isinstance(loop, While):
        return WHILE
    name = base(loop.index)
    match loop.body:
        case (Assign(item, Op("index", (_, Var(at)))), *_) if is_temporary(name) and at == loop.index:
            return base(item)
    return name


def refuse(loop: For | While, why: str, advice: str | None = None) -> NoReturn:
    """Raise DerivativeError S208 for a loop that cannot be checkpointed."""
    which = "`while` loop" if isinstance(loop, While) else f"loop over {_variable_name(loop)}"
    fail("S208", f"the {which} cannot be checkpointed", loop.span, why, advice)


def _check(loop: For | While, inside: bool, snapshots: int | None) -> None:
    if inside:
        advice = "checkpoint the outermost loop: its turns are then run again as a whole."
        refuse(loop, "It is inside another loop.", advice)
    if trip_count_of(loop) is not None and snapshots is None:
        advice = "say with snapshots= how many states may be saved at once."
        refuse(loop, "The number of its turns is known only when it has run.", advice)
    for stmt in walk(loop.body):
        if has_effect(stmt) and not (isinstance(stmt, Effect) and stmt.call.prim in _ONCE):
            refuse(loop, "What it does may not be done twice.")


def split_into_segments(
    f: Function, builder: Builder, loops: Collection[str], snapshots: int | None
) -> tuple[Function, dict[str, Segment]]:
    """Compute, in front of some loops, their segments; also those, by the names of the indices of the loops.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def iterate(h, n):
    ...     for t in range(n):
    ...         h = np.sin(h)
    ...     return h
    >>> f = normal_form(iterate, 1.0, 100)
    >>> split, segments = split_into_segments(f, Builder.resume(f), loops_named(f, ["t"], None), None)
    >>> print(text(split))
    iterate(h: float64, n: int64):
        %difference.0 = n - 0
        turns.0 = max(n, 0)
        %sqrt.0 = math.sqrt(turns.0)
        %ceil.0 = math.ceil(%sqrt.0)
        length.0 = max(%ceil.0, 1)
        %negative.0 = -turns.0
        %quotient.0 = %negative.0 // length.0
        stretches.0 = -%quotient.0
        first.0 = 0
        h.2 = for t.0 in range(first.0, n, 1) carrying h.0 = h:
            h.1 = np.sin(h.0)
            yield h.1
        return h.2
    """
    found: dict[str, Segment] = {}

    def go(block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For | While) and _key(stmt) in loops:
                count = trip_count_of(stmt)
                given = stmt if count is None else _over_range(stmt, count, builder)
                assert isinstance(given, For)
                with builder.block() as emitted:
                    segment = _segment_of(given, builder, snapshots)
                if count is not None:
                    assert isinstance(given.stop, Var)
                    segment = replace(segment, uncounted=Uncounted(stmt, given.stop, _reading(given.stop, emitted)))
                    out.append(Assign(given.stop.name, Op(END, (), (("of", given.stop.name),))))
                found[given.index] = segment
                out += [*emitted, Assign(segment.first.name, given.start), replace(given, start=segment.first)]
            else:
                out.append(with_blocks(stmt, [go(inner) for inner in blocks(stmt)]))
        return tuple(out)

    return replace(f, body=go(f.body), types=builder.types), found


def _key(loop: For | While) -> str:
    """What a loop is found by: its index, or the counter of a `while`."""
    count = trip_count_of(loop)
    return loop.index if isinstance(loop, For) else count.arg if count is not None else ""


def _over_range(loop: For | While, count: Carry, builder: Builder) -> For:
    """The loop over the iterations it has made, as a range whose end is known when it has run."""
    end = builder.fresh("turns" if isinstance(loop, While) else "end", Scalar("int64"))
    body, carried = loop.body[:-1], loop.carried[1:]
    assert isinstance(loop.body[-1], Assign) and count.next == Var(loop.body[-1].target)
    if isinstance(loop, For):
        return replace(loop, stop=end, body=body, carried=carried, exit=None)
    builder.types[end.name] = Scalar("int64", counter(end.name))
    index = builder.fresh("turn", Scalar("int64"))
    builder.types[index.name] = Scalar("int64", counter(index.name))
    return For(index.name, Const(0), end, Const(1), (*loop.test, *body), carried, None, loop.span)


def _reading(name: Var, block: Sequence[Stmt]) -> Block:
    """The statements that depend on a name."""
    known, found = {name.name}, []
    for stmt in block:
        if known & stmt_reads(stmt):
            found.append(stmt)
            known |= stmt_writes(stmt)
    return tuple(found)


def _segment_of(loop: For, builder: Builder, snapshots: int | None) -> Segment:
    def named(base: str, value: Expr) -> Expr:
        if isinstance(value, Var | Const):
            return value
        return kept(base, value)

    def kept(base: str, value: Expr) -> Var:
        target = builder.fresh(base, Scalar("int64"))
        builder.types[target.name] = Scalar("int64", counter(target.name))
        builder.emit(Assign(target.name, value))
        return target

    start, stop, step = loop.start, loop.stop, loop.step
    # ceil((stop - start) / step), by floor division of the negative
    count = builder.op("-", stop, start) if step == Const(1) else builder.op("-", start, stop)
    if step == Const(1) and start == Const(0):
        count = stop if isinstance(stop, Var | Const) else count
    elif step not in (Const(1), Const(-1)):
        count = builder.op("neg", builder.op("//", count, step))
    count_type = builder.typeof(count)
    if not (isinstance(count_type, Scalar) and count_type.dim is not None and count_type.dim.is_index):
        count = builder.op("max", count, Const(0))
    trip_count = named("turns", _value(builder, count))
    if snapshots is None:
        root = builder.op("math.ceil", builder.op("math.sqrt", trip_count))
        length = named("length", _value(builder, builder.op("max", root, Const(1))))
    else:
        length = kept("length", Const(snapshots))
    negated = builder.op("neg", builder.op("//", builder.op("neg", trip_count), length))
    segment_count = named("stretches", _value(builder, negated))
    index = builder.types[loop.index]
    assert isinstance(index, Scalar)
    first = builder.fresh("first", index)
    symbol = index.dim.terms[0][0] if index.dim is not None and index.dim.terms else Symbol(loop.index, None)
    builder.types[first.name] = Scalar("int64", dim(replace(symbol, name=first.name)))
    number = builder.fresh("stretch", index)
    segment_count_type = builder.typeof(segment_count)
    upper = segment_count_type.dim if isinstance(segment_count_type, Scalar) else None
    builder.types[number.name] = Scalar("int64", dim(Symbol(number.name, None, low=dim(0), high=upper)))
    places = None if snapshots is None else _places(builder, snapshots)
    return Segment(loop.index, number, first, start, stop, step, trip_count, length, segment_count, places)


def _places(builder: Builder, count: int) -> Snapshots:
    place = builder.fresh("place", Scalar("int64"))
    builder.types[place.name] = Scalar("int64", dim(Symbol(place.name, None, low=dim(0), high=dim(count - 1))))
    starts = builder.fresh("starts", Scalar("int64"))
    builder.types[starts.name] = Array("int64", (dim(Symbol(starts.name, 0)),))
    return Snapshots(count, place, starts)


def _value(builder: Builder, atom: Expr) -> Expr:
    """The operation that was just assigned to a temporary, to be assigned to a name of its own instead."""
    last = builder.statements[-1] if builder.statements else None
    if isinstance(last, Assign) and atom == Var(last.target) and is_temporary(last.target):
        builder.statements.pop()
        return last.value
    return atom

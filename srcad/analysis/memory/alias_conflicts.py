"""Alias check: refuses stores that may change a live array through a name of which only a run can tell what it aliases.

Derivatives treat an array as a value, and a basic view as elements of its base array. That is correct as long as every
store to an array is visible as one: an alias that arises at a join of control flow, or by a reshape that may copy,
is not. A store through such a name is refused (S401) if the other name is live afterwards; otherwise it is harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from srcad.analysis.memory.alias_classes import AliasClasses, alias_classes, is_writable_view, surely_runs
from srcad.errors import fail
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import (
    Assign,
    Block,
    Comment,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Slice,
    Span,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import RESULT_MEMORY, roots
from srcad.ir.traversal import own_exprs, own_stores, reads, walk
from srcad.ir.types import Array
from srcad.rules.traits import SHAPE_READS

Pairs = frozenset[frozenset[str]]

_COPIED = frozenset({"np.ascontiguousarray", "diagonal", "runtime.diagonals", "runtime.windows"})


@dataclass(frozen=True)
class NamedConflict:
    """Restricts the check to some names, and says why they may conflict."""

    names: frozenset[str]
    """Only aliases of these names count."""
    either: frozenset[str] | None = None
    """Only conflicts in which one of the two names is one of these count."""
    why: str | None = None
    """The reason to give, where it is not a join of control flow."""
    advice: str | None = None


def copies_for_views(f: Function) -> NamedConflict:
    """The copies that stand for what is a view in NumPy: strided arrays in another shape, diagonals, windows."""
    made = (s for s in walk(f.body) if isinstance(s, Assign))
    return NamedConflict(frozenset(s.target for s in made if isinstance(s.value, Op) and s.value.prim in _COPIED))


def refuse_alias_conflicts(f: Function, lasting: Iterable[str] = (), about: NamedConflict | None = None) -> None:
    """Refuse the stores that a derivative could not follow; of a function in normal form.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> __name__ = "__main__"  # a user's function, whose names a message quotes
    >>> def choose(x, flag):
    ...     a = np.zeros(3)
    ...     b = x if flag else a
    ...     b[0] = 1.0
    ...     return a[0]
    >>> refuse_alias_conflicts(normal_form(choose, np.ones(3), True))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    srcad.errors.AliasError: srcad error S401: writes into b, which may or may not be a
    ...

    The caller sees the memory of the results, and that of the parameters `lasting`, after the return. Where the
    function itself is compiled, not a derivative, its names alias as they do in Python, except `copies_for_views`.
    Raises AliasError S401 where a store may change another live array, S402 where NumPy's array is read-only.
    """
    found = alias_classes(f)
    if found.written:
        kept = frozenset(lasting)
        live = kept.union(*map(reads, f.results))
        _Clashes(f, found, kept, about).block(f.body, frozenset(), live)


class _Clashes:
    """A flow-sensitive walk: the pairs of names that may alias at each point, in the order of execution."""

    def __init__(self, f: Function, found: AliasClasses, lasting: frozenset[str], about: NamedConflict | None) -> None:
        self.about = about
        self.counted = found.written if about is None else about.names & found.written
        self.f = f
        self.found = found
        self.lasting = lasting
        self.met: dict[frozenset[str], Span | None] = {}
        """Where two names may first alias."""
        self.definitions = {s.target: s.value for s in walk(f.body) if isinstance(s, Assign)}
        self.spans = {n: span for s in walk(f.body) for n in _assigned(s) if (span := _span(s)) is not None}

    def place(self, name: str) -> str:
        """The base array of a view, through any number of views."""
        while True:
            op = self.definitions.get(name)
            if not isinstance(op, Op) or not is_writable_view(op, name, self.f.types, self.found.written):
                return name
            base = op.args[0]
            assert isinstance(base, Var)
            name = base.name

    def block(self, block: Block, pairs: Pairs, live: frozenset[str]) -> Pairs:
        after = self._live_after(block, live)
        for stmt, later in zip(block, after, strict=True):
            pairs = self.statement(stmt, pairs, later)
        return pairs

    def _live_after(self, block: Block, live: frozenset[str]) -> list[frozenset[str]]:
        result = []
        for stmt in reversed(block):
            result.append(live)
            live = (live - self._overwritten(stmt, live)) | {n for s in walk((stmt,)) for n in _read(s)}
        return result[::-1]

    def _overwritten(self, stmt: Stmt, live: frozenset[str]) -> frozenset[str]:
        """The live names that the statement kills: it overwrites all their elements."""
        match stmt:
            case Store(Var(array), index, _, None) if all(i == Slice() for i in index) and self.place(array) == array:
                return frozenset(n for n in live if self.place(n) == array)
            case _:
                return frozenset()

    def partners(self, value: Expr, pairs: Pairs) -> frozenset[str]:
        """The base arrays that the value of an expression may alias: those it is made of, and their aliases."""
        found: set[str] = set()
        for name in roots(value):
            if name in self.found.written:
                source = self.place(name)
                found |= {source}.union(*(pair for pair in pairs if source in pair))
        return frozenset(found)

    def meet(self, pairs: Pairs, target: str, partners: frozenset[str], span: Span | None) -> Pairs:
        """From here on, `target` may alias these."""
        here = self.place(target)
        if target not in self.counted:
            return pairs
        new = {frozenset((here, other)) for other in partners if other != here}
        for pair in new:
            self.met.setdefault(pair, span)
        return pairs | new

    def writes(self, stmt: Assign | Store | Effect, pairs: Pairs, live: frozenset[str]) -> None:
        for name in own_stores(stmt):
            if isinstance(self.f.types[name], Array):
                self.write(name, pairs, live, stmt.span)

    def statement(self, stmt: Stmt, pairs: Pairs, live: frozenset[str]) -> Pairs:
        match stmt:
            case Assign(target, value):
                self.writes(stmt, pairs, live)
                return self.meet(pairs, target, self.partners(value, pairs), stmt.span)
            case Store() | Effect():
                self.writes(stmt, pairs, live)
                return pairs
            case If(_, then, orelse, joins):
                read = {n for j in joins for e in (j.then, j.orelse) for n in reads(e)}
                a = self.block(then, pairs, live | read)
                b = self.block(orelse, pairs, live | read)
                both = a | b
                for at, j in enumerate(joins):
                    partners = self.partners(j.then, a) | self.partners(j.orelse, b)
                    others = (o for o in joins[:at] if self._one_memory(o.then, j.then, a))
                    more = (o for o in joins[:at] if self._one_memory(o.orelse, j.orelse, b))
                    partners |= {o.target for o in (*others, *more)} & self.found.written
                    both = self.meet(both, j.target, partners, stmt.span)
                return both
            case For() | While():
                return self.loop(stmt, pairs, live)
            case _:
                return pairs

    def _own(self, value: Expr) -> frozenset[str]:
        """The base arrays whose memory the value itself may be."""
        return frozenset(self.place(n) for n in roots(value) if n in self.found.written)

    def _one_memory(self, a: Expr, b: Expr, seen: Pairs) -> bool:
        """Whether two values may alias, by the pairs that hold where they are."""
        return any(x == y or frozenset((x, y)) in seen for x in self._own(a) for y in self._own(b))

    def loop(self, stmt: For | While, pairs: Pairs, live: frozenset[str]) -> Pairs:
        turn = stmt.test + stmt.body if isinstance(stmt, While) else stmt.body
        carried = stmt.carried
        inside = frozenset(n for s in walk(turn) for n in _assigned(s)) | {c.arg for c in carried}
        # what a later iteration may read; the initial values are read once, before the first
        ends = [stmt.cond] if isinstance(stmt, While) else [stmt.exit] if stmt.exit is not None else []
        again = {n for e in ends for n in reads(e)}
        again |= {n for s in walk(turn) for n in _read(s)}
        later = live | frozenset(n for n in again if n not in inside)
        later |= {n for c in carried for n in reads(c.next)}
        head = self.arrive(pairs, stmt, [c.init for c in carried], pairs, frozenset())
        while True:
            end = self.block(turn, head, later)
            outer = frozenset(p for p in end if not p & inside)
            back = self.arrive(outer, stmt, [c.next for c in carried], end, inside)
            if back <= head:
                break
            head |= back
        after = frozenset(p for p in head | end if not p & inside)
        last = [([c.next for c in carried], end)]
        if not surely_runs(stmt):
            last.append(([c.init for c in carried], pairs))
        for values, seen in last:
            after |= self.arrive(after, stmt, values, seen, inside, results=True)
        return after

    def arrive(
        self,
        pairs: Pairs,
        loop: For | While,
        values: list[Expr],
        seen: Pairs,
        gone: frozenset[str],
        results: bool = False,
    ) -> Pairs:
        """The carried names take their values simultaneously: each aliases what its value did, except `gone`."""
        names = [c.result if results else c.arg for c in loop.carried]
        for i, name in enumerate(names):
            # only an alias of the two values counts: that both may alias a third one, at different times, does not
            others = {names[j] for j in range(i) if self._one_memory(values[i], values[j], seen)}
            partners = (self.partners(values[i], seen) - gone) | (others & self.found.written)
            pairs = self.meet(pairs, name, partners, loop.span)
        return pairs

    def write(self, name: str, pairs: Pairs, live: frozenset[str], span: Span | None) -> None:
        here = self.place(name)
        made = self.definitions.get(here)
        memory = RESULT_MEMORY.get(made.prim) if isinstance(made, Op) else None
        if memory is not None and memory.read_only:
            fail(
                "S402",
                f"writes into what {memory.read_only} gives",
                span,
                why="It is a view that NumPy lets nobody write through.",
                advice="write into the array itself, or into a copy.",
            )
        alive = {self.place(n) for n in live if n in self.found.written}
        clashes = sorted(other for pair in pairs if here in pair for other in pair - {here} if other in alive)
        if self.about is not None and self.about.either is not None and here not in self.about.either:
            clashes = [other for other in clashes if other in self.about.either]
        if clashes:
            # prefer a name of the user's: the message is clearer
            self._refuse(here, min(clashes, key=lambda n: (is_temporary(n), n)), span)

    def _refuse(self, here: str, other: str, span: Span | None) -> None:
        mine, theirs = self._called(here), self._called(other)
        if mine == theirs:
            mine, theirs = self._called(here, where=True), self._called(other, where=True)
        met = _line(self.met[frozenset((here, other))])
        read = min((line for line in self._lines_reading(other) if span is None or line > span.line), default=None)
        handed = read is None and other in {self.place(n) for n in self.lasting}
        seen = "the caller sees it afterwards" if handed else f"it is read later{'' if read is None else _line(read)}"
        if self.about is not None and self.about.why is not None:
            what = f"writes into {mine}, and {theirs} may be in the same memory"
            fail("S401", what, span, f"{self.about.why} Of {theirs}: {seen}.", self.about.advice)
        fail(
            "S401",
            f"writes into {mine}, which may or may not be {theirs}",
            span,
            why=f"Only a run tells, by what happens{met or ' on the way'}. If it is {theirs}, {seen}.",
            advice=f"copy{met or ' first'}, with .copy(); or move the content, not the names: a[...] = b.",
        )

    def _called(self, name: str, where: bool = False) -> str:
        """What the user calls an array: its name, or the expression that allocates it."""
        users = [n for n in (name, *self.definitions) if self.place(n) == name and not is_temporary(n)]
        span = self.spans.get(name)
        if users:
            called = base(users[0])
            if not where:
                return called
            return f"the argument {called}" if span is None else f"the {called} of line {span.line}"
        if span is None or span.end_line != span.line:
            return "an array without a name"
        return f"`{span.text[span.column : span.end_column]}`"

    def _lines_reading(self, array: str) -> Iterator[int]:
        for stmt in walk(self.f.body):
            if (span := _span(stmt)) is not None and any(self.place(n) == array for n in _read(stmt)):
                yield span.line


def _read(stmt: Stmt) -> Iterator[str]:
    """The names whose elements the statement itself may read, or pass on; shape queries are left out."""
    exprs = own_exprs(stmt)
    if isinstance(stmt, Store):
        base = () if stmt.op is None and isinstance(stmt.base, Var) else (stmt.base,)
        exprs = (*base, *stmt.index, stmt.value)
    for e in exprs:
        match e:
            case Op(prim, (Var(), *rest)) if prim in SHAPE_READS:
                yield from (n for part in rest for n in reads(part))
            case _:
                yield from reads(e)


def _span(stmt: Stmt) -> Span | None:
    return None if isinstance(stmt, Comment) else stmt.span


def _line(at: Span | int | None) -> str:
    return "" if at is None else f" in line {at if isinstance(at, int) else at.line}"


def _assigned(stmt: Stmt) -> tuple[str, ...]:
    match stmt:
        case Assign(target):
            return (target,)
        case If(joins=joins):
            return tuple(j.target for j in joins)
        case For(carried=carried) | While(carried=carried):
            return tuple(n for c in carried for n in (c.arg, c.result))
        case _:
            return ()

"""Whether a write through one name may change what another name holds, and nobody can tell before the program runs.

Derivatives treat an array as a value, and a basic view as a place within its array. That is right as long as
no write reaches an array by a way this does not see: a name that meets another at a join of control flow, a
reshape. Such a write is refused when the other name is still read afterwards; it is harmless otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from srcad.analysis.memory.alias_classes import AliasClasses, alias_classes, is_writable_view, surely_runs
from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Comment, Expr, For, Function, If, Op, Slice, Span, Stmt, Store, Var, While
from srcad.ir.result_memory import RESULT_MEMORY, root, roots
from srcad.ir.traversal import own_exprs, reads, walk
from srcad.rules.traits import SHAPE_READS

Pairs = frozenset[frozenset[str]]

_COPIED = frozenset({"np.ascontiguousarray"})


@dataclass(frozen=True)
class NamedConflict:
    """What is asked, where not of all names and memory."""

    names: frozenset[str]
    """Only that these meet others counts."""
    either: frozenset[str] | None = None
    """One of the two names that clash is one of these."""
    why: str | None = None
    """Why it may be so, where no path has to be named."""
    advice: str | None = None


def copies_for_views(f: Function) -> NamedConflict:
    """The copies that stand for NumPy's views of strided arrays in another shape."""
    made = (s for s in walk(f.body) if isinstance(s, Assign))
    return NamedConflict(frozenset(s.target for s in made if isinstance(s.value, Op) and s.value.prim in _COPIED))


def refuse_alias_conflicts(f: Function, lasting: Iterable[str] = (), about: NamedConflict | None = None) -> None:
    """Refuse the writes that the derivative could not follow; of a function in normal form.

    Where the function itself is wanted, not a derivative, its names share memory as they do in Python, but for
    `copies_for_views`.

    The caller sees the memory of the results, and that of the parameters `lasting`, when the function has returned.
    Raises AliasError S401 where a write may change another array that is read later, S402 where NumPy takes none.
    """
    found = alias_classes(f)
    if found.written:
        kept = frozenset(lasting)
        live = kept.union(*map(reads, f.results))
        _Clashes(f, found, kept, about).block(f.body, frozenset(), live)


class _Clashes:
    """A walk in the order of execution with the pairs of names that may share memory at each point."""

    def __init__(self, f: Function, found: AliasClasses, lasting: frozenset[str], about: NamedConflict | None) -> None:
        self.about = about
        self.counted = found.written if about is None else about.names & found.written
        self.f = f
        self.found = found
        self.lasting = lasting
        self.met: dict[frozenset[str], Span | None] = {}
        """Where two names have first met."""
        self.definitions = {s.target: s.value for s in walk(f.body) if isinstance(s, Assign)}
        self.spans = {n: span for s in walk(f.body) for n in _assigned(s) if (span := _span(s)) is not None}

    def place(self, name: str) -> str:
        """The array that a view looks into, through any number of views."""
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
        """The names of which no element outlives the statement."""
        match stmt:
            case Store(Var(array), index, _, None) if all(i == Slice() for i in index) and self.place(array) == array:
                return frozenset(n for n in live if self.place(n) == array)
            case _:
                return frozenset()

    def partners(self, value: Expr, pairs: Pairs) -> frozenset[str]:
        """The places whose memory the value of an expression may share: its own, and those met with it."""
        found: set[str] = set()
        for name in roots(value):
            if name in self.found.written:
                source = self.place(name)
                found |= {source}.union(*(pair for pair in pairs if source in pair))
        return frozenset(found)

    def meet(self, pairs: Pairs, target: str, partners: frozenset[str], span: Span | None) -> Pairs:
        """`target` may now share memory with these."""
        here = self.place(target)
        if target not in self.counted:
            return pairs
        new = {frozenset((here, other)) for other in partners if other != here}
        for pair in new:
            self.met.setdefault(pair, span)
        return pairs | new

    def statement(self, stmt: Stmt, pairs: Pairs, live: frozenset[str]) -> Pairs:
        match stmt:
            case Assign(target, value):
                return self.meet(pairs, target, self.partners(value, pairs), stmt.span)
            case Store(base, _, _):
                name = root(base)
                assert name is not None
                self.write(name, pairs, live, stmt.span)
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
        """The places whose memory the value itself may be."""
        return frozenset(self.place(n) for n in roots(value) if n in self.found.written)

    def _one_memory(self, a: Expr, b: Expr, seen: Pairs) -> bool:
        """Whether two values may share memory, by the pairs that were seen where they are."""
        return any(x == y or frozenset((x, y)) in seen for x in self._own(a) for y in self._own(b))

    def loop(self, stmt: For | While, pairs: Pairs, live: frozenset[str]) -> Pairs:
        turn = stmt.test + stmt.body if isinstance(stmt, While) else stmt.body
        carried = stmt.carried
        inside = frozenset(n for s in walk(turn) for n in _assigned(s)) | {c.arg for c in carried}
        # what a later turn may read; the initial values are read once, before the first
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
        """The carried names take their values at once: each shares what its value shared, but for what is gone."""
        names = [c.result if results else c.arg for c in loop.carried]
        for i, name in enumerate(names):
            # only a pair that was seen counts: that both met a third thing, each at another time, does not
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
            # what has a name of the user's says more
            self._refuse(here, min(clashes, key=lambda n: (n.startswith("%"), n)), span)

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
        """What the user calls an array: by a name, or by the expression that makes it."""
        users = [n for n in (name, *self.definitions) if self.place(n) == name and not n.startswith("%")]
        span = self.spans.get(name)
        if users:
            called = users[0].rsplit(".", 1)[0]
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
    """The names whose elements the statement itself may read, or hand on; those whose shape it asks for left out."""
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

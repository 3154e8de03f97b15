"""Which arrays share memory, and whether a write through one name changes what another name holds.

Derivatives treat an array as a value, and a basic view as a place within its array. That is right as long as
no write reaches an array by a way this does not see: a name that meets another at a join of control flow, a
reshape. Such a write is refused when the other name is still read afterwards; it is harmless otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srcad.errors import fail
from srcad.ir.memory import READ_ONLY, root, roots
from srcad.ir.nodes import Assign, Block, Carry, Const, Expr, For, Function, If, Op, Span, Stmt, Store, Var, While
from srcad.ir.types import Array, Type
from srcad.ir.walk import own_exprs, reads, walk

Pairs = frozenset[frozenset[str]]


@dataclass(frozen=True)
class Aliases:
    """`group` gives names that may ever share memory the same representative."""

    group: dict[str, str]
    stored: frozenset[str]
    """The array names whose memory, or some of it, is written in place somewhere."""


def aliases(f: Function) -> Aliases:
    """Group the arrays of a function in normal form, without regard to order.

    Raises AliasError S401 where a write would change another array that is read later, S402 where NumPy takes none.
    """
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        while parent.get(name, name) != name:
            name = parent[name]
        return name

    def same(a: str, e: Expr) -> None:
        for b in sorted(roots(e)):
            if isinstance(f.types.get(a), Array) and isinstance(f.types.get(b), Array):
                parent[find(a)] = find(b)

    stores: list[str] = []
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, value):
                same(target, value)
            case If(joins=joins):
                for j in joins:
                    same(j.target, j.then)
                    same(j.target, j.orelse)
            case For(carried=carried) | While(carried=carried):
                for c in carried:
                    same(c.arg, c.init)
                    same(c.arg, c.next)
                    for e in _ends(stmt, c):
                        same(c.result, e)
            case Store(base):
                name = root(base)
                assert name is not None
                stores.append(name)
            case _:
                pass
    group = {name: find(name) for name, t in f.types.items() if isinstance(t, Array)}
    written = {group[name] for name in stores}
    stored = frozenset(name for name, g in group.items() if g in written)
    found = Aliases(group, stored)
    if stored:
        _Check(f, found).block(f.body, frozenset(), frozenset(n for e in f.results for n in reads(e)))
    return found


def is_place(op: Op, target: str, types: Mapping[str, Type], stored: frozenset[str]) -> bool:
    """Whether `target = op` is surely a view, so that a write through it is a write to its base."""
    if target not in stored:
        return False
    base = op.args[0] if op.args else None
    match op.prim:
        case "index" | "np.transpose":
            return True
        case "reshape":
            t = types.get(base.name) if isinstance(base, Var) else None
            return isinstance(t, Array) and t.layout == "C"
        case _:
            return False


class _Check:
    """A walk in the order of execution with the pairs of names that may share memory at each point."""

    def __init__(self, f: Function, found: Aliases) -> None:
        self.f = f
        self.found = found
        self.definitions = {s.target: s.value for s in walk(f.body) if isinstance(s, Assign)}

    def place(self, name: str) -> str:
        """The array that a view looks into, through any number of views."""
        while True:
            op = self.definitions.get(name)
            if not isinstance(op, Op) or not is_place(op, name, self.f.types, self.found.stored):
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
            live = live | {n for s in walk((stmt,)) for e in own_exprs(s) for n in reads(e)}
        return result[::-1]

    def partners(self, value: Expr, pairs: Pairs) -> frozenset[str]:
        """The places whose memory the value of an expression may share: its own, and those met with it."""
        found: set[str] = set()
        for name in roots(value):
            if name in self.found.stored:
                source = self.place(name)
                found |= {source}.union(*(pair for pair in pairs if source in pair))
        return frozenset(found)

    def meet(self, pairs: Pairs, target: str, partners: frozenset[str]) -> Pairs:
        """`target` may now share memory with these."""
        here = self.place(target)
        if target not in self.found.stored:
            return pairs
        return pairs | {frozenset((here, other)) for other in partners if other != here}

    def statement(self, stmt: Stmt, pairs: Pairs, live: frozenset[str]) -> Pairs:
        match stmt:
            case Assign(target, value):
                return self.meet(pairs, target, self.partners(value, pairs))
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
                for j in joins:
                    both = self.meet(both, j.target, self.partners(j.then, a) | self.partners(j.orelse, b))
                return both
            case For() | While():
                return self.loop(stmt, pairs, live)
            case _:
                return pairs

    def loop(self, stmt: For | While, pairs: Pairs, live: frozenset[str]) -> Pairs:
        turn = stmt.test + stmt.body if isinstance(stmt, While) else stmt.body
        carried = stmt.carried
        inside = frozenset(n for s in walk(turn) for n in _assigned(s)) | {c.arg for c in carried}
        # what a later turn may read; the initial values are read once, before the first
        ends = [stmt.cond] if isinstance(stmt, While) else [stmt.exit] if stmt.exit is not None else []
        again = {n for e in ends for n in reads(e)}
        again |= {n for s in walk(turn) for e in own_exprs(s) for n in reads(e)}
        later = live | frozenset(n for n in again if n not in inside)
        later |= {n for c in carried for n in reads(c.next)}
        head = self.arrive(pairs, carried, [c.init for c in carried], pairs, frozenset())
        while True:
            end = self.block(turn, head, later)
            back = self.arrive(
                frozenset(p for p in end if not p & inside), carried, [c.next for c in carried], end, inside
            )
            if back <= head:
                break
            head |= back
        after = frozenset(p for p in head | end if not p & inside)
        last = [([c.next for c in carried], end)]
        if not _surely_runs(stmt):
            last.append(([c.init for c in carried], pairs))
        for values, seen in last:
            after |= self.arrive(after, carried, values, seen, inside, results=True)
        return after

    def arrive(
        self,
        pairs: Pairs,
        carried: tuple[Carry, ...],
        values: list[Expr],
        seen: Pairs,
        gone: frozenset[str],
        results: bool = False,
    ) -> Pairs:
        """The carried names take their values at once: each shares what its value shared, but for what is gone."""
        names = [c.result if results else c.arg for c in carried]
        own = [frozenset(self.place(n) for n in roots(v) if n in self.found.stored) for v in values]
        for i, name in enumerate(names):
            # only a pair that was seen counts: that both met a third thing, each at another time, does not
            others = {names[j] for j in range(i) if any(a == b or {a, b} in seen for a in own[i] for b in own[j])}
            pairs = self.meet(pairs, name, (self.partners(values[i], seen) - gone) | (others & self.found.stored))
        return pairs

    def write(self, name: str, pairs: Pairs, live: frozenset[str], span: Span | None) -> None:
        here = self.place(name)
        made = self.definitions.get(here)
        if isinstance(made, Op) and made.prim in READ_ONLY:
            fail(
                "S402",
                f"writes into what {READ_ONLY[made.prim]} gives",
                span,
                why="It is a view that NumPy lets nobody write through.",
                advice="write into the array itself, or into a copy.",
            )
        alive = {self.place(n) for n in live if n in self.found.stored}
        for pair in pairs:
            if here in pair:
                (other,) = pair - {here}
                if other in alive:
                    mine, theirs = here.rsplit(".", 1)[0], other.rsplit(".", 1)[0]
                    fail(
                        "S401",
                        f"writes into {mine.lstrip('%')} while {theirs.lstrip('%')} may share its memory",
                        span,
                        why=f"{theirs.lstrip('%')} is read later; whether the write changes it is not known here.",
                        advice="copy one of them first (x = x.copy()).",
                    )


def _surely_runs(loop: For | While) -> bool:
    """Whether the loop makes a turn, as its range says."""
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) > 0
        case _:
            return False


def _ends(loop: For | While, carry: Carry) -> tuple[Expr, ...]:
    """What the result of a carry may be."""
    return (carry.next,) if _surely_runs(loop) else (carry.init, carry.next)


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

"""Liveness of names and of memory, on the sequential form: what may still be read after each statement.

A block becomes a control-flow graph of points; loops have a back edge, and may have no iteration. The memory of
arrays is a pseudo-name (`&x`, one for each may-alias class), read by loads and changed by stores. The data-flow
equations are solved backwards, to the least fixed point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from typing_extensions import assert_never

from srcad.analysis.cache import remembered
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Effect,
    Expr,
    For,
    If,
    Return,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import changed_by, names, own_stores
from srcad.ir.traversal import defined as names_defined
from srcad.ir.types import Type

Path = tuple[int | str, ...]
"""The position of a statement in a block, then the name of a nested block, the position there, and so on."""


class Point(NamedTuple):
    """A node of the control-flow graph."""

    path: Path
    reads: frozenset[str]
    writes: frozenset[str]
    """Killed: the name, or the whole memory, has a new value."""
    changes: frozenset[str]
    """Memory that is overwritten in part: it stays live."""
    essential: bool
    """Never dead code: its reads count even where what it writes is dead."""
    copy_of: str | None = None
    """The name that it copies the value of, where it is a plain copy."""


@dataclass(frozen=True)
class Liveness:
    """What is live after each point of a block."""

    points: tuple[Point, ...]
    masks: tuple[int, ...]
    """What is live after each point, one bit for each of `names`: unions of sets of names are slow."""
    names: tuple[str, ...]
    before_all: frozenset[str]
    """What is live at the start of the block."""
    at: Mapping[Path, int]
    shared: MayAlias

    def after(self, point: int) -> frozenset[str]:
        """What is live after the point with this number."""
        return _named(self.masks[point], self.names)

    def live_after(self, path: Path) -> frozenset[str]:
        return self.after(self.at[path])

    def any_after(self, path: Path, names: Iterable[str]) -> bool:
        """Whether one of the names is live after the point."""
        mask = self.masks[self.at[path]]
        return any(mask >> self.bits[name] & 1 for name in names if name in self.bits)

    @cached_property
    def bits(self) -> Mapping[str, int]:
        return {name: bit for bit, name in enumerate(self.names)}


def memory(shared: MayAlias, name: str) -> str:
    """The pseudo-name of the memory that `name` refers to."""
    return "&" + shared.class_of(name)


def liveness(
    block: Block,
    types: Mapping[str, Type],
    live_out: Iterable[str],
    params: Iterable[str] = (),
    *,
    all_stays: bool = False,
) -> Liveness:
    """Solve for what is live after each point; what only dead code reads is dead (strong liveness).

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Array, Scalar, dim
    >>> block = parse('''
    ... y = 2.0 * t
    ... x[0] = y
    ... z = x[1]
    ... ''')
    >>> types = {"x": Array("float64", (dim(3),)), **dict.fromkeys("tyz", Scalar("float64"))}
    >>> live = liveness(block, types, live_out={"z"})
    >>> for position in range(3):
    ...     print(sorted(live.live_after((position,))))
    ['&x', 'x', 'y']
    ['&x', 'x']
    ['&x', 'z']

    With `all_stays`, no statement is going to be removed: every read counts. Memory that may be aliased from outside
    of the block (by `params`, free names, `live_out`) is live at its end.
    """
    end, outside = frozenset(live_out), frozenset(params)
    asked = end, outside, all_stays
    found = remembered("liveness", block, types, asked, lambda: _liveness(block, types, end, outside, all_stays))
    return found if found.shared.types is types else replace(found, shared=replace(found.shared, types=types))


def _liveness(
    block: Block, types: Mapping[str, Type], live_out: frozenset[str], outside: frozenset[str], all_stays: bool
) -> tuple[Liveness, list[str]]:
    """What is live, and the names whose types have been asked for: at most those of the block, and `live_out`."""
    shared = may_alias(block, types)
    graph = _Graph(shared, outside)
    last = graph.block(block, (), graph.entries)
    points = graph.points
    defined = names_defined(block)
    end = set(live_out)
    end |= {"&" + shared.class_of(n) for n in end if shared.has_memory(n)}
    for head, members in shared.members.items():
        if any(m not in defined or m in end or m in outside for m in members):
            end.add("&" + head)
    own = defined - end - outside
    for p in points:
        tokens = {n for n in p.changes | p.reads if n.startswith("&")}
        end |= {n for n in tokens if n[1:] not in own and shared.class_of(n[1:]) not in shared.members}
    bits: dict[str, int] = {}

    def mask(names: Iterable[str]) -> int:
        found = 0
        for name in names:
            found |= 1 << bits.setdefault(name, len(bits))
        return found

    final = mask(end)
    reads = [mask(p.reads) for p in points]
    writes = [mask(p.writes) for p in points]
    touched = [-1 if all_stays or p.essential else w | mask(p.changes) for p, w in zip(points, writes, strict=True)]
    exits = set(last)
    before = [0] * len(points)
    after = [0] * len(points)
    changed = True
    while changed:
        changed = False
        for i in range(len(points) - 1, -1, -1):
            out = final if i in exits else 0
            for j in graph.next[i]:
                out |= before[j]
            now = out & ~writes[i]
            if touched[i] == -1 or touched[i] & out:
                now |= reads[i]
            after[i] = out
            if now != before[i]:
                before[i] = now
                changed = True
    found = tuple(bits)
    at_start = before[0] if points else final
    live = Liveness(tuple(points), tuple(after), found, _named(at_start, found), graph.at, shared)
    return live, [name for name in found if not name.startswith("&")]


def _named(mask: int, names: tuple[str, ...]) -> frozenset[str]:
    """The names of the bits that are set; few are, and scanning the binary digits as a string is the fastest way."""
    digits, found, at = bin(mask)[:1:-1], [], 0
    while (at := digits.find("1", at)) >= 0:
        found.append(names[at])
        at += 1
    return frozenset(found)


class _Graph:
    """The control-flow graph of a block, while it is built."""

    def __init__(self, shared: MayAlias, outside: frozenset[str]) -> None:
        self.shared = shared
        self.outside = outside
        self.points: list[Point] = []
        self.next: list[list[int]] = []
        self.at: dict[Path, int] = {}
        self.entries: list[int] = []

    def block(self, block: Block, path: Path, previous: list[int]) -> list[int]:
        """Add a block after the points `previous`; return its exit points."""
        for i, stmt in enumerate(block):
            previous = self._stmt(stmt, (*path, i), previous)
        return previous

    def _add(
        self,
        path: Path,
        previous: list[int],
        exprs: Iterable[Expr] = (),
        writes: frozenset[str] = frozenset(),
        changes: frozenset[str] = frozenset(),
        reads: frozenset[str] = frozenset(),
        essential: bool = True,
        copy_of: str | None = None,
    ) -> list[int]:
        for e in exprs:
            reads |= names(e)
            contents = self.shared.reads_contents(e)
            if contents:
                reads |= {"&" + n for n in contents}
        self.points.append(Point(path, reads, writes, changes, essential, copy_of))
        self.next.append([])
        here = len(self.points) - 1
        self.at[path] = here
        for p in previous:
            self.next[p].append(here)
        return [here]

    def _stmt(self, stmt: Stmt, path: Path, previous: list[int]) -> list[int]:
        match stmt:
            case Assign(target, value):
                return self._assign(target, value, path, previous)
            case AugAssign(target, _, value):
                if self.shared.has_memory(target):
                    changes = frozenset({memory(self.shared, target)})
                    return self._add(
                        path, previous, [value], frozenset(), changes, frozenset({target}), not is_pure(value)
                    )
                writes = frozenset({target})
                return self._add(path, previous, [value], writes, reads=writes, essential=not is_pure(value))
            case Store(base, index, value, op):
                return self._store(base, index, value, op, path, previous)
            case If(cond, then, orelse, joins):
                assert not joins, "joins belong to the normal form"
                here = self._add(path, previous, [cond])
                ends = self.block(then, (*path, "then"), here) + self.block(orelse, (*path, "orelse"), here)
                return list(dict.fromkeys(ends))
            case For(index, start, stop, step, body, carried, exit):
                assert not carried, "carries belong to the normal form"
                before = self._add((*path, "range"), previous, [start, stop, step])
                # the loop's own counter is hidden: the index is assigned at the start of each iteration
                head = self._add((*path, "head"), before)
                turn = self._add(path, head, writes=frozenset({index}))
                last = self.block(body, (*path, "body"), turn)
                last = self._add((*path, "exit"), last, [] if exit is None else [exit])
                self.next[last[0]].append(head[0])
                return head if exit is None else head + last
            case While(test, cond, body, carried):
                assert not carried, "carries belong to the normal form"
                start_ = self._add((*path, "start"), previous)
                tested = self.block(test, (*path, "test"), start_)
                here = self._add(path, tested, [cond])
                for p in self.block(body, (*path, "body"), here):
                    self.next[p].append(start_[0])
                return here
            case Effect(call):
                changed = frozenset(memory(self.shared, n) for n in own_stores(stmt))
                return self._add(path, previous, [call], changes=changed)
            case Return(values):
                return self._add(path, previous, values)
            case Comment():
                return self._add(path, previous)
            case _:
                assert_never(stmt)

    def _assign(self, target: str, value: Expr, path: Path, previous: list[int]) -> list[int]:
        reads, contents = names(value), self.shared.reads(value)
        if contents:
            reads |= {"&" + n for n in contents}
        writes = frozenset({target})
        if self.shared.has_memory(target) and self._alone(target) and not roots(value):
            # a new value under the only name of its memory
            writes |= {memory(self.shared, target)}
        changed = frozenset([memory(self.shared, n) for n in changed_by(value)])
        copied = value.name if isinstance(value, Var) else None
        essential = not is_pure(value)
        return self._add(path, previous, (), writes, changed, reads, essential, copied)

    def _alone(self, name: str) -> bool:
        return name not in self.outside and self.shared.aliases(name) <= {name}

    def _store(
        self, base: Expr, index: tuple[Expr, ...], value: Expr, op: str | None, path: Path, previous: list[int]
    ) -> list[int]:
        name = root(base)
        assert name is not None
        token = memory(self.shared, name)
        reads = names(base) | {"&" + n for n in self.shared.reads(base)}
        whole = not index or all(item == Slice() for item in index)
        if isinstance(base, Var) and whole and op is None and self._alone(name):
            writes, changes = frozenset({token}), frozenset[str]()
        else:
            writes, changes = frozenset[str](), frozenset({token})
        essential = not all(is_pure(e) for e in (value, *index))
        return self._add(path, previous, [*index, value], writes, changes, reads, essential)

"""Concurrent loops of a function: where iterations may run at once, from what is known at the place of each loop."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from srcad.analysis.loops.concurrent_iterations import Concurrency, concurrency, is_of_lengths
from srcad.analysis.loops.scratch_arrays import is_left_zero, is_written_before_read
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.memory_queries import MemoryQueries, may_alias_in
from srcad.ir.nodes import Block, Expr, For, Function, Op, Stmt, Store, Var
from srcad.ir.traversal import bindings, children, defined, names, ops, own_exprs, own_writes, result_names, walk
from srcad.optimize.loops.check_fission import Fission, split_checks
from srcad.rules.traits import SHAPE_READS, having

_ZEROS = having(lambda p: p.contents == "zeros")


class ConcurrentLoops:
    """What the iterations of each loop of a function in sequential form do with memory, by the path of the loop."""

    def __init__(self, f: Function) -> None:
        self._f = f
        self._memory = MemoryQueries(f)
        self._given = result_names(f).union(p.name for p in f.params)
        self._made = _assigned(f.body)

    def split(self, loop: For, path: Path) -> Fission | None:
        """The loop that stands at the path as its checks and the rest, where they may be asked before it."""
        return split_checks(loop, self._f.types, may_alias_in(self._memory.aliases_at(path)), self._live_after(path))

    def concurrency(self, loop: For, path: Path) -> Concurrency | str:
        """How the iterations may run at once, or why they may not.

        `loop` stands at the path, or is what is left of the one that does.
        """
        if not (is_of_lengths(loop.start) and is_of_lengths(loop.stop)):
            return "its bounds are computed"
        aliases = may_alias_in(self._memory.aliases_at(path))
        is_private = partial(self._is_private, loop=loop)
        live = self._live_after(path)
        return concurrency(loop, self._f.types, aliases, self._memory.classes.aliases, live, is_private)

    def allocation(self, name: str) -> Expr:
        """What allocates an array of which each iteration may have its own."""
        (value,) = self._made[name]
        return value

    def is_zeros(self, name: str) -> bool:
        """Whether that array is made of zeros."""
        value = self.allocation(name)
        return isinstance(value, Op) and value.prim in _ZEROS

    def _live_after(self, path: Path) -> frozenset[str]:
        """The names that the next iteration, or what follows the loop, may read."""
        return self._memory.liveness.live_after((*path, "head"))

    def _is_private(self, name: str, loop: For) -> bool:
        """Whether each iteration may have an array of its own: no other has written what it reads, and none is left.

        Outside of the loop the array is allocated, once, and asked for its shape.
        """
        made = self._made.get(name, ())
        mentions = partial(_mentions, name)
        outside = sum(map(mentions, walk(self._f.body))) - sum(map(mentions, walk((loop,))))
        if len(made) != 1 or outside != 1 or name in self._given or self._memory.classes.aliases(name) != {name}:
            return False
        return (
            (name in self._f.tape and self._is_saved_and_loaded(name, loop))
            or is_written_before_read(name, loop.body, self._f.types)
            or (self.is_zeros(name) and is_left_zero(name, loop.body, self._f.types))
        )

    def _is_saved_and_loaded(self, name: str, loop: For) -> bool:
        """Whether each iteration loads of the tape what it has saved itself.

        The reversal of an iteration needs values of that iteration. Where one iteration of the loop runs both, and the
        place of a value does not depend on which it is, what others save there is overwritten.
        """
        counters = {stmt.index for stmt in walk(loop.body) if isinstance(stmt, For)}
        places = frozenset().union(*(names(item) for item in _items(name, loop.body)))
        return not (places - counters) & defined((loop,))


def _assigned(block: Block) -> dict[str, list[Expr]]:
    """By name, what is assigned to it."""
    found: dict[str, list[Expr]] = {}
    for stmt in walk(block):
        for name, value in bindings(stmt):
            found.setdefault(name, []).append(value)
    return found


def _mentions(name: str, stmt: Stmt) -> bool:
    """Whether the statement itself mentions the array; to ask for its shape does not count."""
    is_stored = isinstance(stmt, Store) and name in names(stmt.base)
    return is_stored or name in own_writes(stmt) or any(name in _read_names(e) for e in own_exprs(stmt))


def _read_names(expr: Expr) -> frozenset[str]:
    match expr:
        case Op(prim, (Var(),)) if prim in SHAPE_READS:
            return frozenset()
        case Var(name):
            return frozenset((name,))
    return frozenset().union(*map(_read_names, children(expr)))


def _items(name: str, block: Block) -> Iterator[Expr]:
    """The items of all indices of the array; of an access without one, of the whole of it, none."""
    for stmt in walk(block):
        if isinstance(stmt, Store) and name in names(stmt.base):
            yield from stmt.index
        for expr in own_exprs(stmt):
            for op in ops(expr):
                match op:
                    case Op("index", (Var(array), *items)) if array == name:
                        yield from items

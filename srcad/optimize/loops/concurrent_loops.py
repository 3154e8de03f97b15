"""Concurrent loops of a function: where iterations may run at once, from what is known at the place of each loop."""

from __future__ import annotations

from collections.abc import Iterator

from srcad.analysis.loops.concurrent_iterations import Concurrency, concurrency, is_of_lengths
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.memory_queries import MemoryQueries, may_alias_in
from srcad.ir.nodes import Assign, Block, Expr, For, Function, Op, Stmt, Store, Var
from srcad.ir.traversal import defined, names, ops, own_exprs, own_writes, result_names, walk


class ConcurrentLoops:
    """What the iterations of each loop of a function in sequential form do with memory, by the path of the loop."""

    def __init__(self, f: Function) -> None:
        self._f = f
        self._memory = MemoryQueries(f)
        self.allocations = _tape_arrays(f)
        """Of the tape, the arrays that are allocated once, with what allocates them."""

    def concurrency(self, loop: For, path: Path, live: frozenset[str] | None = None) -> Concurrency | str:
        """How the iterations may run at once, or why they may not.

        `loop` stands at the path, or is made of the one that does. `live` are the names that what follows it may read.
        """
        bounds = names(loop.start) | names(loop.stop)
        if bounds & defined((loop,)) or not (is_of_lengths(loop.start) and is_of_lengths(loop.stop)):
            return "its bounds may change"
        if live is None:
            live = self._memory.liveness.live_after((*path, "head"))
        aliases = may_alias_in(self._memory.aliases_at(path))
        saved = frozenset(name for name in self.allocations if self._is_saved_within(name, loop))
        return concurrency(loop, self._f.types, aliases, self._memory.classes.aliases, live, saved)

    def _is_saved_within(self, name: str, loop: For) -> bool:
        """Whether only iterations of the loop save values there and load them: then each loads what it has saved.

        The reversal of an iteration needs values of that iteration. Where one iteration of the loop runs both, and the
        place of a value does not depend on which it is, what others save there is overwritten.
        """
        changed = defined((loop,))
        within, everywhere = (sum(_mentions(name, stmt) for stmt in walk(b)) for b in ((loop,), self._f.body))
        lengths = frozenset().union(*map(names, self.allocations[name].args))
        alone = everywhere == within + 1 and self._memory.classes.aliases(name) == {name}
        counters = {stmt.index for stmt in walk(loop.body) if isinstance(stmt, For)}
        places = frozenset().union(*(names(item) for item in _items(name, loop.body)))
        return alone and not (lengths | (places - counters)) & changed


def _tape_arrays(f: Function) -> dict[str, Op]:
    found: dict[str, Op] = {}
    given = result_names(f).union(p.name for p in f.params)
    for stmt in walk(f.body):
        match stmt:
            case Assign(name, Op("np.empty" | "np.zeros") as allocation) if name in f.tape and name not in given:
                found[name] = allocation
    return found


def _mentions(name: str, stmt: Stmt) -> bool:
    is_stored = isinstance(stmt, Store) and name in names(stmt.base)
    return is_stored or name in own_writes(stmt) or any(name in names(e) for e in own_exprs(stmt))


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

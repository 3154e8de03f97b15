"""Lazy flow-sensitive queries on a function in sequential form: liveness, and the aliases within each loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from srcad.analysis.memory.flow_sensitive_aliases import AliasPairs, aliases_at_loops
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.ir.nodes import Function
from srcad.ir.traversal import names


class FlowAliasQueries:
    """Each analysis is of the whole function, and is computed at the first query only.

    >>> from srcad.ir.nodes import Param, Var
    >>> from srcad.ir.notation import parse
    >>> body = parse('''
    ... old = np.zeros(n)
    ... new = np.zeros(n)
    ... for t in range(9):
    ...     spare = old
    ...     old = new
    ...     new = spare
    ... ''')
    >>> queries = FlowAliasQueries(Function("f", (Param("n", "n"),), body, (Var("old"),), {}))
    >>> same = may_alias_in(queries.aliases((2,)))
    >>> same("new", "spare"), same("old", "new")
    (True, False)
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.params = frozenset(p.name for p in f.params)

    @cached_property
    def _held(self) -> dict[Path, AliasPairs]:
        return dict(aliases_at_loops(self.f.body, self.f.types, self.params))

    @cached_property
    def liveness(self) -> Liveness:
        kept = frozenset(n for e in self.f.results for n in names(e))
        return liveness(self.f.body, self.f.types, kept, self.params, all_stays=True)

    def aliases(self, path: Path) -> AliasPairs:
        """The pairs of names that may alias when an iteration of the loop begins."""
        return self._held.get(path, frozenset())


def may_alias_in(pairs: AliasPairs) -> Callable[[str, str], bool]:
    """The pairs as a predicate: whether two names may alias."""
    return lambda a, b: a == b or (a, b) in pairs or (b, a) in pairs

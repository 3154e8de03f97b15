"""Who holds which memory where, and what is read later: asked of the whole function, and only where it matters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from srcad.analysis.memory.flow_sensitive_aliases import AliasPairs, aliases_at_loops
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.ir.nodes import Function
from srcad.ir.traversal import names


class FlowAliasQueries:
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
        """The names that may hold the same memory in a loop."""
        return self._held.get(path, frozenset())


def may_alias_in(pairs: AliasPairs) -> Callable[[str, str], bool]:
    """Whether two names may hold the same memory."""
    return lambda a, b: a == b or (a, b) in pairs or (b, a) in pairs

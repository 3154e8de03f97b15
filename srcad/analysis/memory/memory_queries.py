"""What passes ask about the memory of a function in sequential form: each analysis runs when it is asked first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from srcad.analysis.memory.flow_sensitive_aliases import AliasPairs, aliases_at_loops
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.nodes import Expr, Function
from srcad.ir.traversal import defined, names


class MemoryQueries:
    """Answers about the whole function as it was given; names that a pass adds are told by `define_alias`.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse
    >>> memory = MemoryQueries(Function("f", (Param("a", "a"), Param("b", "b")), parse('''
    ... v = a[1:]
    ... w = v * 2.0
    ... '''), (), {}))
    >>> memory.may_alias("v", "a"), memory.may_alias("v", "b"), memory.may_alias("w", "b")
    (True, True, False)
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.params = frozenset(p.name for p in f.params)
        self._added: dict[str, str] = {}
        """Of names that a pass has added, a name that refers to the same memory."""

    # ---- at all times at once ----------------------------------------------------------------

    @cached_property
    def classes(self) -> MayAlias:
        return may_alias(self.f.body, self.f.types)

    @cached_property
    def _defined(self) -> frozenset[str]:
        return defined(self.f.body) - self.params

    def define_alias(self, new: str, name: str) -> None:
        """`new` refers to memory of `name`."""
        self._added[new] = name

    def class_of(self, name: str) -> str:
        """One name that stands for all that may share memory with this one in the function."""
        while name in self._added:
            name = self._added[name]
        return self.classes.class_of(name)

    def reads(self, expr: Expr) -> frozenset[str]:
        """The memory (by `class_of`) that is read when the expression is evaluated."""
        return frozenset(map(self.class_of, self.classes.reads(expr)))

    def is_local(self, name: str) -> bool:
        """Whether all that the name ever refers to is allocated in the function."""
        return self.classes.aliases(self.class_of(name)) <= self._defined

    def may_alias(self, a: str, b: str) -> bool:
        """Whether two names may ever share memory; what comes from outside of the function may, whatever its name."""
        return self.class_of(a) == self.class_of(b) or not (self.is_local(a) or self.is_local(b))

    # ---- at one place ------------------------------------------------------------------------

    @cached_property
    def _pairs(self) -> dict[Path, AliasPairs]:
        return dict(aliases_at_loops(self.f.body, self.f.types, self.params))

    def aliases_at(self, path: Path) -> AliasPairs:
        """The pairs of names that may share memory when an iteration of this loop begins."""
        return self._pairs.get(path, frozenset())

    @cached_property
    def liveness(self) -> Liveness:
        """What is read later, where no statement is dropped; the results are live at the end."""
        kept = frozenset(n for e in self.f.results for n in names(e))
        return liveness(self.f.body, self.f.types, kept, self.params, all_stays=True)


def may_alias_in(pairs: AliasPairs) -> Callable[[str, str], bool]:
    """Whether two names may share memory where these pairs do."""
    return lambda a, b: a == b or (a, b) in pairs or (b, a) in pairs

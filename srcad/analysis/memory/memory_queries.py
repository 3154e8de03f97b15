"""Lazy queries on the memory of a function in sequential form: alias classes, aliases within each loop, liveness."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from srcad.analysis.memory.flow_sensitive_aliases import AliasPairs, aliases_at_loops
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.nodes import Expr, Function
from srcad.ir.traversal import defined, result_names


class MemoryQueries:
    """Each analysis is of the whole function as it was given, and is computed at the first query only.

    Names that a pass adds are declared by `define_alias`.

    >>> from srcad.ir.nodes import Param, Var
    >>> from srcad.ir.notation import parse
    >>> memory = MemoryQueries(Function("f", (Param("a", "a"), Param("b", "b")), parse('''
    ... v = a[1:]
    ... w = v * 2.0
    ... '''), (), {}))
    >>> memory.may_alias("v", "a"), memory.may_alias("v", "b"), memory.may_alias("w", "b")
    (True, True, False)
    >>> body = parse('''
    ... old = np.zeros(n)
    ... new = np.zeros(n)
    ... for t in range(9):
    ...     spare = old
    ...     old = new
    ...     new = spare
    ... ''')
    >>> memory = MemoryQueries(Function("f", (Param("n", "n"),), body, (Var("old"),), {}))
    >>> same = may_alias_in(memory.aliases_at((2,)))
    >>> same("new", "spare"), same("old", "new"), memory.may_alias("old", "new")
    (True, False, True)
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.params = frozenset(p.name for p in f.params)
        self._added: dict[str, str] = {}
        """By name that a pass has added, a name that refers to the same memory."""

    # ---- flow-insensitive ------------------------------------------------------------------

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
        """The representative of all names that may alias this one somewhere in the function."""
        while name in self._added:
            name = self._added[name]
        return self.classes.class_of(name)

    def reads(self, expr: Expr) -> frozenset[str]:
        """The classes whose elements are read when the expression is evaluated."""
        return frozenset(map(self.class_of, self.classes.reads(expr)))

    def is_local(self, name: str) -> bool:
        """Whether all memory that the name may refer to is allocated in the function."""
        return self.classes.aliases(self.class_of(name)) <= self._defined

    def may_alias(self, a: str, b: str) -> bool:
        """Whether two names may alias somewhere; any two names of memory from outside the function may."""
        return self.class_of(a) == self.class_of(b) or not (self.is_local(a) or self.is_local(b))

    # ---- flow-sensitive --------------------------------------------------------------------

    @cached_property
    def _pairs(self) -> dict[Path, AliasPairs]:
        return dict(aliases_at_loops(self.f.body, self.f.types, self.params))

    def aliases_at(self, path: Path) -> AliasPairs:
        """The pairs of names that may alias when an iteration of the loop begins."""
        return self._pairs.get(path, frozenset())

    @cached_property
    def liveness(self) -> Liveness:
        """Liveness where no statement is going to be removed; the results are live at the end."""
        return liveness(self.f.body, self.f.types, result_names(self.f), self.params, all_stays=True)


def may_alias_in(pairs: AliasPairs) -> Callable[[str, str], bool]:
    """The pairs as a predicate: whether two names may alias."""
    return lambda a, b: a == b or (a, b) in pairs or (b, a) in pairs

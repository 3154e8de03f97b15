"""Flow-insensitive may-alias classes of names, for either form of the IR.

A plain assignment `a = b` of an array makes an alias, as does every view; a list aliases its items. The answer holds
for the whole block (it does not say when), which is coarse and conservative.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from srcad.analysis.cache import remembered
from srcad.ir.nodes import Block, Expr, Op, Slice, Store, Var
from srcad.ir.result_memory import is_view, root, roots
from srcad.ir.traversal import bindings, children, names, own_exprs, reads, walk
from srcad.ir.types import ListOf, Opaque, Scalar, Tuple, Type
from srcad.rules.traits import SHAPE_READS
from srcad.typing.kinds import item_kind, kind

_NONE: frozenset[str] = frozenset()
_WITHOUT_MEMORY = (Scalar, Opaque, Tuple)


@dataclass(frozen=True)
class MayAlias:
    """The classes of a block, and what its expressions read in terms of them."""

    representative: Mapping[str, str]
    members: Mapping[str, frozenset[str]]
    types: Mapping[str, Type]

    def has_memory(self, name: str) -> bool:
        """False for scalars: a scalar is a value, which no store can change."""
        return not isinstance(self.types.get(name), _WITHOUT_MEMORY)

    def class_of(self, name: str) -> str:
        """The representative of all names that may alias `name`."""
        return self.representative.get(name, name)

    def aliases(self, name: str) -> frozenset[str]:
        """All names that may alias `name`, itself included."""
        return self.members.get(self.class_of(name), frozenset({name}))

    def reads(self, expr: Expr) -> frozenset[str]:
        """The classes whose elements are read when the expression is evaluated; to form a view reads none."""
        return self._classes(self._elements(expr))

    def reads_contents(self, expr: Expr) -> frozenset[str]:
        """The classes whose elements are read when the expression is evaluated and then all of its value is read."""
        return self._classes(self._contents(expr))

    def _classes(self, names: frozenset[str]) -> frozenset[str]:
        return frozenset([self.class_of(name) for name in names]) if names else names

    def _elements(self, expr: Expr) -> frozenset[str]:
        """The names whose elements are read when the expression is evaluated.

        Bodies differ in few of their operations, so each remembers the answer for the types that its names had.
        """
        if not isinstance(expr, Op):
            return _NONE.union(*map(self._elements, children(expr))) if isinstance(expr, Slice) else _NONE
        types = [self.types.get(name) for name in reads(expr)]
        known: tuple[list[Type | None], frozenset[str]] | None = getattr(expr, "_elements_read", None)
        if known is not None and all(map(operator.is_, known[0], types)):
            return known[1]
        found = self._elements_of_op(expr) if any(map(self.has_memory, names(expr))) else _NONE
        object.__setattr__(expr, "_elements_read", (types, found))
        return found

    def _elements_of_op(self, expr: Op) -> frozenset[str]:
        prim, args = expr.prim, expr.args
        if prim == "index" and self.is_element(expr):
            return self._contents(args[0]).union(*map(self._elements, args[1:]))
        if prim == "np.full_like":
            return self._elements(args[0]) | self._contents(args[1])
        if is_view(prim) or prim == "tuple" or (prim in SHAPE_READS and not any(map(self._may_grow, args))):
            return _NONE.union(*map(self._elements, args))
        return _NONE.union(*map(self._contents, args))

    def _contents(self, expr: Expr) -> frozenset[str]:
        """The names whose elements are read when the expression is evaluated and then all of its value is read."""
        return self._elements(expr).union([name for name in roots(expr) if self.has_memory(name)])

    def _may_grow(self, expr: Expr) -> bool:
        """Whether the length of the value may change in place, as only that of a list does."""
        return isinstance(expr, Var) and isinstance(self.types.get(expr.name), ListOf)

    def is_element(self, expr: Expr) -> bool:
        """Whether an `index` gives a scalar, or is not certain to give a view."""
        match expr:
            case Op("index", (base, *items), _):
                known = kind(base, self.types)
                return known is None or known.is_list or item_kind(known, items).rank <= 0
            case _:
                return False


class UnionFind:
    """Disjoint sets of names, joined by what the names may refer to."""

    def __init__(self, has_memory: Callable[[str], bool]) -> None:
        self.parent: dict[str, str] = {}
        self._has_memory = has_memory

    def find(self, name: str) -> str:
        parent = self.parent
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(self, target: str, value: Expr) -> None:
        """From now on `target` may alias what the value refers to."""
        if not self._has_memory(target):
            return
        for name in sorted(roots(value)):
            if self._has_memory(name):
                # the representative depends on the order of statements only, so that equal input gives equal classes
                self.parent[self.find(target)] = self.find(name)


def may_alias(block: Block, types: Mapping[str, Type]) -> MayAlias:
    """Partition the names of a block into classes.

    >>> from srcad.ir.notation import parse
    >>> classes = may_alias(parse('''
    ... b = a
    ... tail = a[1:]
    ... c = copy(a)
    ... '''), {})
    >>> sorted(classes.aliases("tail")), sorted(classes.aliases("c"))
    (['a', 'b', 'tail'], ['c'])
    """
    found = remembered("may_alias", block, types, None, lambda: _may_alias(block, types))
    # with the caller's types: it may query names that are new since then
    return found if found.types is types else replace(found, types=types)


def _may_alias(block: Block, types: Mapping[str, Type]) -> tuple[MayAlias, set[str]]:
    """The classes, and the names whose types have been asked for."""
    asked: set[str] = set()

    def has_memory(name: str) -> bool:
        asked.add(name)
        return not isinstance(types.get(name), _WITHOUT_MEMORY)

    classes = UnionFind(has_memory)
    for stmt in walk(block):
        for expr in own_exprs(stmt):
            if isinstance(expr, Op) and expr.prim in ("append", "list.append"):
                into = root(expr.args[0])
                if into is not None:
                    classes.join(into, expr.args[1])
        for target, value in bindings(stmt):
            classes.join(target, value)
        if isinstance(stmt, Store):
            classes.find(root(stmt.base) or "")
    representative = {name: classes.find(name) for name in list(classes.parent)}
    members: dict[str, set[str]] = {}
    for name, head in representative.items():
        members.setdefault(head, set()).add(name)
    return MayAlias(representative, {k: frozenset(v) for k, v in members.items()}, types), asked

"""Flow-insensitive may-alias classes of names, for either form of the IR.

A plain assignment `a = b` of an array makes an alias, as does every view; a list aliases its items. The answer holds
for the whole block (it does not say when), which is coarse and conservative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from srcad.analysis.cache import remembered
from srcad.ir.nodes import Block, Expr, Op, Slice, Store, Var
from srcad.ir.result_memory import is_view, root, roots
from srcad.ir.traversal import bindings, names, own_exprs, walk
from srcad.ir.types import ListOf, Opaque, Scalar, Type
from srcad.rules.traits import SHAPE_READS
from srcad.typing.kinds import item_kind, kind


@dataclass(frozen=True)
class MayAlias:
    """The classes of a block, and what its expressions read in terms of them."""

    representative: Mapping[str, str]
    members: Mapping[str, frozenset[str]]
    types: Mapping[str, Type]
    _read: dict[int, tuple[Op, frozenset[str]]] = field(default_factory=dict, compare=False, repr=False)
    """What operations read, by identity; of names whose types are declared, since these do not change."""

    def has_memory(self, name: str) -> bool:
        """False for scalars: a scalar is a value, which no store can change."""
        return not isinstance(self.types.get(name), Scalar | Opaque)

    def class_of(self, name: str) -> str:
        """The representative of all names that may alias `name`."""
        return self.representative.get(name, name)

    def aliases(self, name: str) -> frozenset[str]:
        """All names that may alias `name`, itself included."""
        return self.members.get(self.class_of(name), frozenset({name}))

    def reads(self, expr: Expr) -> frozenset[str]:
        """The classes whose elements are read when the expression is evaluated; to form a view reads none."""
        if not isinstance(expr, Op):
            parts = (expr.lower, expr.upper, expr.step) if isinstance(expr, Slice) else ()
            return frozenset().union(*(self.reads(part) for part in parts if part is not None))
        known = self._read.get(id(expr))
        if known is not None:
            return known[1]
        found = self._reads(expr) if any(map(self.has_memory, names(expr))) else frozenset[str]()
        if all(name in self.types for name in names(expr)):
            self._read[id(expr)] = expr, found
        return found

    def _reads(self, expr: Op) -> frozenset[str]:
        match expr:
            case Op(prim, args, _) if prim in SHAPE_READS and not any(map(self._may_grow, args)):
                return frozenset().union(*map(self.reads, args))
            case Op("np.full_like", (like, value), _):
                return self.reads(like) | self.reads_contents(value)
            case Op("index", (base, *_), _) if self.is_element(expr):
                return self.reads_contents(base).union(*map(self.reads, expr.args[1:]))
            case Op(prim, args, _) if is_view(prim) or prim == "tuple":
                return frozenset().union(*map(self.reads, args))
        return frozenset().union(*map(self.reads_contents, expr.args))

    def reads_contents(self, expr: Expr) -> frozenset[str]:
        """The classes whose elements are read when the expression is evaluated and then all of its value is read."""
        if not any(map(self.has_memory, names(expr))):
            return frozenset()
        shared = {self.class_of(name) for name in roots(expr) if self.has_memory(name)}
        return self.reads(expr) | shared

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
        for name in sorted(roots(value)):
            if self._has_memory(target) and self._has_memory(name):
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
        return not isinstance(types.get(name), Scalar | Opaque)

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

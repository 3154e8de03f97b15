"""Flow-sensitive may-alias pairs of the sequential form: at each copy of an array, each store, and each loop's head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from srcad.analysis.memory.liveness import Path
from srcad.ir.nodes import Assign, Block, Effect, Expr, For, If, Op, Stmt, Store, Var, While
from srcad.ir.result_memory import roots
from srcad.ir.traversal import block_reads, defined, ops
from srcad.ir.types import Opaque, Scalar, Tuple, Type

CALLER = "&outside"
"""Stands for aliases outside the function: the caller's, or those of a view in which several elements share memory."""

_WITHOUT_MEMORY = (Scalar, Opaque, Tuple)

AliasPairs = frozenset[tuple[str, str]]
"""Each pair once, in the order of the alphabet."""
_Aliases = Mapping[str, frozenset[str]]
"""By name, the other names that may alias it at a point; it is symmetric, and has no name without others."""
_NONE: frozenset[str] = frozenset()


def aliases_at_copies(block: Block, types: Mapping[str, Type], params: Iterable[str]) -> Mapping[Path, frozenset[str]]:
    """For each `d = copy(s)`, by its path: the names that may alias `s` at that point, `s` itself included.

    >>> from srcad.ir.notation import parse
    >>> found = aliases_at_copies(parse('''
    ... s = a * 2.0
    ... v = s[1:]
    ... d = copy(s)
    ... '''), {}, {"a"})
    >>> {path: sorted(names) for path, names in found.items()}
    {(2,): ['s', 'v']}

    Unlike `may_alias`, the answer is for one point of the program: a name that has been reassigned no longer counts.
    """
    return _flow(block, types, params).found


def aliases_at_stores(block: Block, types: Mapping[str, Type]) -> Mapping[Path, frozenset[str]]:
    """The same for each store: the names that may alias the array it is into, at that point.

    >>> from srcad.ir.notation import parse
    >>> found = aliases_at_stores(parse('''
    ... d = s
    ... s = np.zeros(3)
    ... s[0] = 1.0
    ... '''), {})
    >>> {path: sorted(names) for path, names in found.items()}
    {(2,): ['s']}
    """
    return _flow(block, types, ()).stores


def aliases_at_loops(block: Block, types: Mapping[str, Type], params: Iterable[str]) -> Mapping[Path, AliasPairs]:
    """For each `for`, by its path: the pairs of names that may alias when an iteration begins.

    >>> from srcad.ir.notation import parse
    >>> found = aliases_at_loops(parse('''
    ... old = np.zeros(9)
    ... new = np.zeros(9)
    ... for t in range(9):
    ...     spare = old
    ...     old = new
    ...     new = spare
    ... '''), {}, ())
    >>> found  # the two buffers never alias
    {(2,): frozenset({('new', 'spare')})}
    """
    return _flow(block, types, params).turns


def _flow(block: Block, types: Mapping[str, Type], params: Iterable[str]) -> _Flow:
    flow = _Flow(types)
    free = frozenset(n for n in {*params, *(block_reads(block) - defined(block))} if flow.has_memory(n))
    flow.block(block, (), _rebound(CALLER, free, {}))
    return flow


class _Flow:
    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = types
        self.found: dict[Path, frozenset[str]] = {}
        self.stores: dict[Path, frozenset[str]] = {}
        self.turns: dict[Path, AliasPairs] = {}
        self.stable: dict[Path, _Aliases] = {}
        """By loop, the aliases of its fixed point when it was last analysed."""

    def has_memory(self, name: str) -> bool:
        return not isinstance(self.types.get(name), _WITHOUT_MEMORY)

    def block(self, block: Block, path: Path, aliases: _Aliases) -> _Aliases:
        for i, stmt in enumerate(block):
            aliases = self.stmt(stmt, (*path, i), aliases)
        return aliases

    def stmt(self, stmt: Stmt, path: Path, aliases: _Aliases) -> _Aliases:
        match stmt:
            case Assign(target, value):
                if isinstance(value, Op) and value.prim == "copy":
                    self.found[path] = self.found.get(path, _NONE) | self.held(value.args[0], aliases)
                if not self.has_memory(target):
                    return aliases
                return _rebound(target, self.held(value, aliases) - {target}, aliases)
            case Store(base=base):
                self.stores[path] = self.stores.get(path, _NONE) | self.held(base, aliases)
            case Effect(Op("append" | "list.append", (Var(items), value))):
                held = self.held(value, aliases) - {items}
                return _rebound(items, aliases.get(items, _NONE) | held, aliases)
            case If(then=then, orelse=orelse):
                return _union(
                    self.block(then, (*path, "then"), aliases), self.block(orelse, (*path, "orelse"), aliases)
                )
            case For(body=body):
                aliases = self.loop(((body, (*path, "body")),), aliases)
                pairs = {(one, other) for one, others in aliases.items() for other in others if one < other}
                self.turns[path] = self.turns.get(path, frozenset()) | pairs
            case While(test=test, body=body):
                return self.loop(((test, (*path, "test")), (body, (*path, "body"))), aliases)
        return aliases

    def loop(self, parts: tuple[tuple[Block, Path], ...], aliases: _Aliases) -> _Aliases:
        own = parts[0][1]
        # the enclosing loop only adds aliases: start from the last fixed point
        aliases = _union(aliases, self.stable.get(own, {}))
        while True:
            after = aliases
            for part, path in parts:
                after = _union(after, self.block(part, path, after))
            if after == aliases:
                self.stable[own] = aliases
                return aliases
            aliases = after

    def held(self, value: Expr, aliases: _Aliases) -> frozenset[str]:
        """The names that may alias a value."""
        found = [{name, *aliases.get(name, _NONE)} for name in roots(value) if self.has_memory(name)]
        spread = any(op.prim == "np.broadcast_to" for op in ops(value))
        return _NONE.union(*found, (CALLER,) if spread else ())


def _rebound(name: str, others: frozenset[str], aliases: _Aliases) -> _Aliases:
    """The aliases where `name` may alias these others, and no more."""
    before = aliases.get(name, _NONE)
    if others == before:
        return aliases
    new = {**aliases, name: others}
    for other in before - others:
        new[other] = new[other] - {name}
    for other in others - before:
        new[other] = new.get(other, _NONE) | {name}
    for changed in (name, *(before - others)):
        if not new[changed]:
            del new[changed]
    return new


def _union(one: _Aliases, other: _Aliases) -> _Aliases:
    if one is other:
        return one
    return {**one, **{name: one.get(name, _NONE) | others for name, others in other.items()}}

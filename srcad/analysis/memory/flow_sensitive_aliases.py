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

AliasPairs = frozenset[tuple[str, str]]


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
    free = set(params) | (block_reads(block) - defined(block))
    flow.block(block, (), frozenset((n, CALLER) for n in free if flow.has_memory(n)))
    return flow


class _Flow:
    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = types
        self.found: dict[Path, frozenset[str]] = {}
        self.stores: dict[Path, frozenset[str]] = {}
        self.turns: dict[Path, AliasPairs] = {}
        self.stable: dict[Path, AliasPairs] = {}
        """By loop, the pairs of its fixed point when it was last analysed."""

    def has_memory(self, name: str) -> bool:
        return not isinstance(self.types.get(name), Scalar | Opaque | Tuple)

    def block(self, block: Block, path: Path, pairs: AliasPairs) -> AliasPairs:
        for i, stmt in enumerate(block):
            pairs = self.stmt(stmt, (*path, i), pairs)
        return pairs

    def stmt(self, stmt: Stmt, path: Path, pairs: AliasPairs) -> AliasPairs:
        match stmt:
            case Assign(target, value):
                if isinstance(value, Op) and value.prim == "copy":
                    self.found[path] = self.found.get(path, frozenset()) | self.held(value.args[0], pairs)
                if not self.has_memory(target):
                    return pairs
                held = self.held(value, pairs) - {target}
                kept = frozenset(p for p in pairs if target not in p)
                return kept | {(target, n) for n in held}
            case Store(base=base):
                self.stores[path] = self.stores.get(path, frozenset()) | self.held(base, pairs)
            case Effect(Op("append" | "list.append", (Var(items), value))):
                return pairs | {(items, n) for n in self.held(value, pairs)}
            case If(then=then, orelse=orelse):
                return self.block(then, (*path, "then"), pairs) | self.block(orelse, (*path, "orelse"), pairs)
            case For(body=body):
                pairs = self.loop(((body, (*path, "body")),), pairs)
                self.turns[path] = self.turns.get(path, frozenset()) | pairs
                return pairs
            case While(test=test, body=body):
                return self.loop(((test, (*path, "test")), (body, (*path, "body"))), pairs)
        return pairs

    def loop(self, parts: tuple[tuple[Block, Path], ...], pairs: AliasPairs) -> AliasPairs:
        own = parts[0][1]
        # the enclosing loop only adds pairs: start from the last fixed point
        pairs |= self.stable.get(own, frozenset())
        while True:
            after = pairs
            for part, path in parts:
                after = after | self.block(part, path, after)
            if after == pairs:
                self.stable[own] = pairs
                return pairs
            pairs = after

    def held(self, value: Expr, pairs: AliasPairs) -> frozenset[str]:
        """The names that may alias a value."""
        found = frozenset(m for n in roots(value) if self.has_memory(n) for m in {n, *_with(n, pairs)})
        spread = any(op.prim == "np.broadcast_to" for op in ops(value))
        return found | {CALLER} if spread else found


def _with(name: str, pairs: AliasPairs) -> frozenset[str]:
    return frozenset(b if a == name else a for a, b in pairs if name in (a, b)) - {name}

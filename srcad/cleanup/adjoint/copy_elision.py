"""A copy is not made where nobody could tell it from the original."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from srcad.analysis.memory.flow_sensitive_aliases import CALLER, aliases_at_copies
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.cleanup.expressions.forward_substitution import is_adjoint, is_temporary
from srcad.ir.nodes import Assign, Block, Expr, For, If, Op, Stmt, Var, While
from srcad.ir.result_memory import SUMMED, roots
from srcad.ir.traversal import block_stores, defined, walk, with_blocks
from srcad.ir.types import Array, Type


def elide_copies(block: Block, types: Mapping[str, Type], live_out: Iterable[str], params: Iterable[str] = ()) -> Block:
    """Let an adjoint take over the memory it was to copy, where that is not read or written any more.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(elide_copies(parse('''
    ... d_y = a * b
    ... d_x = copy(d_y)
    ... d_x[0] += 1.0
    ... '''), {}, {"d_x"})))
    d_y = a * b
    d_x = d_y
    d_x[0] += 1.0

    Copies that the user wrote stay. Memory of `params` and of names free in the block belongs to the caller.
    """
    kept, outside = frozenset(live_out), frozenset(params)
    while any(_is_copied(stmt) for stmt in walk(block)):
        live = liveness(block, types, kept, outside)
        owner = _Ownership(block, types, live, kept, outside)
        new = owner.block(block, ())
        if new == block:
            return block
        # each changes what shares memory with what: those that had a part in it are asked anew
        block = new
    return block


def _is_copied(stmt: Stmt) -> bool:
    copied = isinstance(stmt, Assign) and isinstance(stmt.value, Op) and stmt.value.prim == "copy"
    return copied and isinstance(stmt, Assign) and _owns(stmt.target)


class _Ownership:
    def __init__(
        self,
        block: Block,
        types: Mapping[str, Type],
        live: Liveness,
        kept: frozenset[str],
        outside: frozenset[str],
    ) -> None:
        self.types = types
        self.holders = aliases_at_copies(block, types, outside)
        self.live = live
        self.shared = live.shared
        self.kept = kept
        self.outside = outside | (frozenset(self.shared.representative) - defined(block))
        self.stored = {self.shared.class_of(n) for n in block_stores(block) if self.shared.has_memory(n)}
        self.changed: set[str] = set()
        """What shares memory with more than the analyses know of, by now."""

    def block(self, block: Block, path: Path) -> Block:
        return tuple(self._stmt(s, (*path, i)) for i, s in enumerate(block))

    def _stmt(self, stmt: Stmt, path: Path) -> Stmt:
        match stmt:
            case Assign(target, Op("copy", (source,))) if _owns(target):
                met = {self.shared.class_of(n) for n in (target, *roots(source))}
                if met & self.changed:
                    return stmt
                after = self.live.live_after(path)
                if self._is_last(target, source, path, after) or self._may_share(target, source, after):
                    self.changed |= met
                    return replace(stmt, value=source)
                return stmt
            case If(then=then, orelse=orelse):
                return with_blocks(stmt, [self.block(then, (*path, "then")), self.block(orelse, (*path, "orelse"))])
            case For(body=body):
                return with_blocks(stmt, [self.block(body, (*path, "body"))])
            case While(test=test, body=body):
                return with_blocks(stmt, [self.block(test, (*path, "test")), self.block(body, (*path, "body"))])
            case _:
                return stmt

    def _is_last(self, target: str, source: Expr, path: Path, after: frozenset[str]) -> bool:
        """Whether nobody will look at the source's memory any more, under whatever name."""
        match source:
            case Var(name):
                pass
            case Op(prim, (Var(name), *_)) if prim in SUMMED:
                pass
            case _:
                return False
        one, other = self.types.get(target), self.types.get(name)
        if not isinstance(one, Array) or not isinstance(other, Array):
            return False
        alike = one.layout == other.layout and one.dtype == other.dtype
        others = self.holders[path] - {target}
        return alike and CALLER not in others and not others & after

    def _may_share(self, target: str, source: object, after: frozenset[str]) -> bool:
        assert isinstance(source, Var | Op)
        names = frozenset().union(*(self.shared.aliases(n) for n in roots(source)))
        if not names or target in names:
            return False
        foreign = names & self.outside
        others = (names & after) - {target}
        if isinstance(source, Var) and not foreign and not others and not names & self.kept:
            return True
        # both live on: then nobody may ever write to either, nor may the caller get hold of both
        apart = self.shared.aliases(target)
        unwritten = self.shared.class_of(target) not in self.stored and not any(
            self.shared.class_of(n) in self.stored for n in names
        )
        return unwritten and not apart & (self.kept | self.outside)


def _owns(name: str) -> bool:
    return is_adjoint(name) or is_temporary(name)

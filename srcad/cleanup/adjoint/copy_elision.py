"""Copy elision: an adjoint takes over the memory it would copy, where no read or write could tell the difference."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from srcad.analysis.memory.flow_sensitive_aliases import CALLER, aliases_at_copies
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Block, Expr, For, If, Op, Stmt, Var, While
from srcad.ir.result_memory import SUMMED, is_read_only, roots
from srcad.ir.traversal import block_stores, defined, walk, with_blocks
from srcad.ir.types import Array, Type


def elide_copies(
    block: Block,
    types: Mapping[str, Type],
    live_out: Iterable[str],
    params: Iterable[str] = (),
    adjoints: Container[str] = (),
) -> Block:
    """Replace `copy(x)` by `x` where the source is dead afterwards, or neither array is written any more.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(elide_copies(parse('''
    ... d_y = a * b
    ... d_x = copy(d_y)
    ... d_x[0] += 1.0
    ... '''), {}, {"d_x"}, adjoints={"d_x", "d_y"})))
    d_y = a * b
    d_x = d_y
    d_x[0] += 1.0

    Copies that the user wrote are left. Memory of `params` and of names free in the block belongs to the caller.
    """
    required, outside = frozenset(live_out), frozenset(params)
    while any(_is_generated_copy(stmt, adjoints) for stmt in walk(block)):
        live = liveness(block, types, required, outside)
        elision = _CopyElision(block, types, live, required, outside, adjoints)
        new = elision.block(block, ())
        if new == block:
            return block
        # each elision changes the aliases: those names are analysed anew in the next round
        block = new
    return block


def _is_generated_copy(stmt: Stmt, adjoints: Container[str]) -> bool:
    """Whether it copies for an adjoint or a temporary: the user has not written that."""
    match stmt:
        case Assign(target, Op("copy")):
            return target in adjoints or is_temporary(target)
    return False


def _read_only(block: Block) -> frozenset[str]:
    """The names that are given arrays into which NumPy lets nobody write."""
    flow = ReferenceFlow(block)
    return frozenset(flow.given(s.target for s in walk(block) if isinstance(s, Assign) and is_read_only(s.value)))


class _CopyElision:
    def __init__(
        self,
        block: Block,
        types: Mapping[str, Type],
        live: Liveness,
        required: frozenset[str],
        outside: frozenset[str],
        adjoints: Container[str],
    ) -> None:
        self.types = types
        self.adjoints = adjoints
        self.aliases_at = aliases_at_copies(block, types, outside)
        self.live = live
        self.shared = live.shared
        self.required = required
        self.outside = outside | (frozenset(self.shared.representative) - defined(block))
        self.program = block
        self.read_only = _read_only(block)
        self.changed: set[str] = set()
        """Alias classes that have grown by an elision since the analyses were made."""

    def block(self, block: Block, path: Path) -> Block:
        return tuple(self._stmt(s, (*path, i)) for i, s in enumerate(block))

    def _stmt(self, stmt: Stmt, path: Path) -> Stmt:
        match stmt:
            case Assign(target, Op("copy", (source,))) if _is_generated_copy(stmt, self.adjoints):
                classes = {self.shared.class_of(n) for n in (target, *roots(source))}
                if classes & self.changed or self._is_written_copy_of_read_only(target, source):
                    return stmt
                after = self.live.live_after(path)
                if self._is_last_use(target, source, path, after) or self._are_unwritten_or_dead(
                    target, source, path, after
                ):
                    self.changed |= classes
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

    def _is_written_copy_of_read_only(self, target: str, source: Expr) -> bool:
        """Whether the copy is written to, and NumPy lets nobody write into its source, a diagonal for example."""
        if not is_read_only(source) and self.read_only.isdisjoint(roots(source)):
            return False
        return not self.shared.aliases(target).isdisjoint(block_stores(self.program))

    def _is_last_use(self, target: str, source: Expr, path: Path, after: frozenset[str]) -> bool:
        """Whether the memory of the source is dead after the copy, under all of its aliases."""
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
        others = self.aliases_at[path] - {target}
        return alike and CALLER not in others and not others & after

    def _are_unwritten_or_dead(self, target: str, source: object, path: Path, after: frozenset[str]) -> bool:
        assert isinstance(source, Var | Op)
        names = frozenset().union(*(self.shared.aliases(n) for n in roots(source)))
        if not names or target in names:
            return False
        of_caller = names & self.outside
        others = (names & after) - {target}
        if isinstance(source, Var) and not of_caller and not others and not names & self.required:
            return True
        # both stay live: neither may ever be written to, and the caller must not see both
        target_aliases = self.shared.aliases(target)
        # a view of a part, once it is returned, would keep all of the memory: only where nothing is written at all
        stored = self._stored_from(path if isinstance(source, Var) else (0, *path))
        unwritten = self.shared.class_of(target) not in stored and not any(
            self.shared.class_of(n) in stored for n in names
        )
        return unwritten and not target_aliases & (self.required | self.outside)

    def _stored_from(self, path: Path) -> set[str]:
        """The classes stored to after a statement, or from the beginning of the outermost one around it on."""
        at = path[0]
        assert isinstance(at, int)
        later = block_stores(self.program[at if len(path) > 1 else at + 1 :])
        return {self.shared.class_of(n) for n in later if self.shared.has_memory(n)}

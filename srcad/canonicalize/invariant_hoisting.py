"""Hoisting: what each iteration of a loop would compute alike, and save, is computed once, before the loop.

Only what the reverse sweep would save is moved: all else stays where the user wrote it. That there is an iteration may
be what makes a statement safe to run, as `table[k]` is after a check of `k` that asks that too. So what could fail
moves into a branch with this question, and not past a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from srcad.analysis.memory.alias_classes import AliasClasses, surely_runs
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import base
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, For, Function, If, Join, Op, Stmt, Undef, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import block_reads, block_stores, blocks, names, substitute, walk, with_blocks
from srcad.ir.types import Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.builder import Builder

_NEVER_FAIL = frozenset(("+", "-", "*", "neg"))


def hoist_invariants(
    f: Function, builder: Builder, wanted: Iterable[str], regions: Regions, aliases: AliasClasses
) -> Function:
    """Move the definitions of the wanted names, with what they are computed from, out of the loop they stand in.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.canonicalize.index_checks import remove_index_checks
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> from srcad.ir.regions import regions
    >>> __name__ = "user_module"
    >>> def total(x, k, w):
    ...     s = 0.0
    ...     for i in range(len(x)):
    ...         s = s * np.exp(w) + s * np.tanh(x[k])
    ...     return s
    >>> f = remove_index_checks(normal_form(total, np.ones(3), 1, 2.0))
    >>> print(text(hoist_invariants(f, Builder.resume(f), ["%exp.0", "%tanh.0"], regions(f), alias_classes(f))))
    total(x: float64[x.0], k: int64, w: float64):
        s.0 = 0.0
        %n.0 = len(x)
        %exp.0 = np.exp(w)
        %test.3 = %n.0 > 0
        %tanh.0 = if %test.3:
            %item.1 = x[k]
            %tanh.1 = np.tanh(%item.1)
            yield %tanh.1
        else:
            yield undefined
        s.3 = for i.0 in range(0, %n.0, 1) carrying s.1 = s.0:
            %product.0 = s.1 * %exp.0
            %n.1 = shape(x, axis=0)
            %product.1 = s.1 * %tanh.0
            s.2 = %product.0 + %product.1
            yield s.2
        return s.3
    """
    moves: dict[int, _Hoisting] = {}
    for name in wanted:
        region = regions.definitions[name].region
        if isinstance(region.owner, For | While):
            moves.setdefault(id(region.owner), _Hoisting(region, regions, aliases, builder.types)).add(name)
    moves = {loop: one for loop, one in moves.items() if one.moved}
    if not moves:
        return f
    moved = {id(stmt) for one in moves.values() for stmt in one.moved.values()}

    def block(old: Block) -> Block:
        new: list[Stmt] = []
        for stmt in old:
            if id(stmt) not in moved:
                inner = with_blocks(stmt, [block(b) for b in blocks(stmt)])
                before = moves[id(stmt)].statements(builder, inner) if id(stmt) in moves else ()
                new += (*before, inner)
        return tuple(new)

    return replace(f, body=block(f.body))


class _Hoisting:
    """What moves out of one loop."""

    def __init__(self, region: Region, regions: Regions, aliases: AliasClasses, types: Mapping[str, Type]) -> None:
        assert isinstance(region.owner, For | While)
        self.loop = region.owner
        self.region = region
        self.regions = regions
        self.aliases = aliases
        self.types = types
        self.stored = {aliases.class_of.get(name) for name in block_stores(region.stmts)}
        self.moved: dict[int, Assign] = {}
        """By position in the body."""
        self.guarded: set[int] = set()

    def add(self, name: str) -> None:
        """Move the definition of a name, where that may be."""
        needed = self._needed(name)
        needed = needed and self._with_results(needed)
        if not needed:
            return
        if all(_never_fails(stmt.value) for stmt in needed.values()):
            self.guarded -= needed.keys()
        elif not surely_runs(self.loop):
            own = [one.target for one in needed.values() if one.target == name or _is_result(one)]
            if not all(isinstance(self.types[n], Scalar) for n in own) or not self._may_ask(needed):
                return
            self.guarded |= needed.keys() - self.moved.keys()
        self.moved |= needed

    def _needed(self, name: str) -> dict[int, Assign] | None:
        """The statements of the body that compute a name; None where an iteration may compute another value."""
        definition = self.regions.definitions[name]
        if self.region not in set(definition.region.enclosing):
            return {}
        match definition.node:
            case Assign(_, value) as stmt if definition.region is self.region and is_pure(value):
                read = (name, *names(value))
                if any(self.aliases.class_of.get(n, n) in self.stored for n in read) or name in self.aliases.written:
                    return None
                found = {definition.position: stmt}
                for n in names(value):
                    inner = self._needed(n)
                    if inner is None:
                        return None
                    found |= inner
                return found
        return None

    def _with_results(self, needed: dict[int, Assign]) -> dict[int, Assign] | None:
        """A call moves with all its results: its adjoint is where they are. None where one of them has to stay."""
        targets = {one.target for one in needed.values()}
        found = dict(needed)
        for stmt in self.region.stmts:
            if isinstance(stmt, Assign) and _is_result(stmt) and not targets.isdisjoint(names(stmt.value)):
                inner = self._needed(stmt.target)
                if inner is None:
                    return None
                found |= inner
        return found

    def _may_ask(self, needed: dict[int, Assign]) -> bool:
        """Whether it can be asked before the loop if there is an iteration, which then computes them before a check."""
        if not isinstance(self.loop, For) or self.loop.step not in (Const(1), Const(-1)):
            return False
        return not any(isinstance(s, Effect) for s in walk(self.region.stmts[: max(needed)]))

    def statements(self, builder: Builder, rest: Stmt) -> Block:
        """What comes before the loop, of which `rest` is left."""
        always = [self.moved[at] for at in sorted(self.moved) if at not in self.guarded]
        inner = [self.moved[at] for at in sorted(self.guarded)]
        if not inner:
            return tuple(always)
        assert isinstance(self.loop, For)
        builder.span = self.loop.span
        own = {one.target: builder.fresh(base(one.target), builder.types[one.target]) for one in inner}
        renamed = substitute(tuple(replace(one, target=own[one.target].name) for one in inner), own)
        joins = [Join(name, own[name], Undef()) for name in own if name in block_reads((*always, rest))]
        with builder.block() as asked:
            runs = builder.op(">" if self.loop.step == Const(1) else "<", self.loop.stop, self.loop.start)
        return (*always, *asked, If(runs, renamed, (), tuple(joins), self.loop.span))


def _is_result(stmt: Assign) -> bool:
    return isinstance(stmt.value, Op) and stmt.value.prim == "result"


def _never_fails(value: Expr) -> bool:
    """Whether an operation has a result for all operands: then it may run where no iteration would have."""
    match value:
        case Op(prim, args):
            known = PRIMITIVES[prim]
            plain = known.kind == "elementwise" and (prim in _NEVER_FAIL or prim.startswith(("np.", "special.")))
            # lengths may not fit
            return plain and sum(isinstance(one, Var) for one in args) <= 1
    return True

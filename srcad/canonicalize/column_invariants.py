"""Loops over the directions of a Jacobian: what is the same for all directions is computed once, before the loop.

A function is evaluated at one place, whatever the number of directions is. So its own statements move out of the loop
also where there is no direction, and what they raise is raised then. A loop of the function that carries tangents
stays where it is, with the values that it carries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Block, For, Function, Op, Stmt
from srcad.ir.result_memory import is_view
from srcad.ir.traversal import blocks, defined, own_exprs, stmt_reads, stmt_stores, stmt_writes, walk, with_blocks
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import SHAPE_READS


def hoist_column_invariants(f: Function) -> Function:
    """Move what does not depend on the direction out of loops over directions, in normal form.

    >>> from srcad.ir.notation import parse, show
    >>> (loop,) = parse('''
    ... for at in range(n):
    ...     direction[at] = 1.0
    ...     h = np.tanh(x)
    ...     total = np.zeros_like(h)
    ...     total += h
    ...     slope = 1.0 - total * total
    ...     t_h = slope * direction
    ...     columns[:, at] = t_h
    ... ''')
    >>> body = parse("direction = np.zeros_like(x)") + (replace(loop, directions=True),)
    >>> print(show(hoist_column_invariants(Function("f", (), body, (), {})).body))
    direction = np.zeros_like(x)
    h = np.tanh(x)
    total = np.zeros_like(h)
    total += h
    slope = 1.0 - (total * total)
    for at in range(n):
        direction[at] = 1.0
        t_h = slope * direction
        columns[:, at] = t_h
    """
    shared = may_alias(f.body, f.types)

    def block(old: Block) -> Block:
        new: list[Stmt] = []
        for stmt in old:
            inner = with_blocks(stmt, [block(b) for b in blocks(stmt)])
            if isinstance(inner, For) and inner.directions:
                kept = _Dependent(inner, shared).statements
                kept |= _free(inner.body, kept)
                new += [one for one in inner.body if id(one) not in kept]
                inner = replace(inner, body=tuple(one for one in inner.body if id(one) in kept))
            new.append(inner)
        return tuple(new)

    body = block(f.body)
    return f if body == f.body else replace(f, body=body)


class _Dependent:
    """The statements of a loop, by identity, that differ from one direction to the next."""

    def __init__(self, loop: For, shared: MayAlias) -> None:
        self.statements: set[int] = set()
        self.names = {loop.index, *(carry.arg for carry in loop.carried)}
        self.memory: set[str] = set()
        """The classes that dependent statements store into."""
        self.effects = [_Effects.of(stmt, shared) for stmt in loop.body]
        own = defined(loop.body)
        stored = frozenset().union(*map(stmt_stores, loop.body))
        self.outside = {shared.class_of(name) for name in stored if not shared.aliases(name) <= own}
        """Classes with memory from before the loop: a second store of the same is not the first."""
        known = -1
        while known < len(self.statements) + len(self.memory):
            known = len(self.statements) + len(self.memory)
            for at, stmt in enumerate(loop.body):
                if id(stmt) in self.statements or self._depends(loop.body, at):
                    self.statements.add(id(stmt))
                    self.names |= self.effects[at].writes
                    self.memory |= self.effects[at].stores

    def _depends(self, body: Block, at: int) -> bool:
        one = self.effects[at]
        # an array that differs is made anew for each direction
        if not (self.names.isdisjoint(one.reads) and self.memory.isdisjoint(one.touched)):
            return True
        return not self.outside.isdisjoint(one.stores) or self._is_read_before(body, at)

    def _is_read_before(self, body: Block, at: int) -> bool:
        """Whether a statement that stays in the loop reads what is there before these stores."""
        stores = self.effects[at].stores
        before = zip(body[:at], self.effects[:at], strict=True) if stores else ()
        return any(id(one) in self.statements and not stores.isdisjoint(found.contents) for one, found in before)


@dataclass(frozen=True)
class _Effects:
    """What a statement reads and changes; memory by its classes."""

    reads: frozenset[str]
    writes: frozenset[str]
    stores: frozenset[str]
    contents: frozenset[str]
    """Classes whose elements it reads."""
    touched: frozenset[str]
    """Those, the ones that it stores into, and the ones of names that it defines."""

    @staticmethod
    def of(stmt: Stmt, shared: MayAlias) -> _Effects:
        contents: set[str] = set()
        for one in walk((stmt,)):
            reads = shared.reads if isinstance(one, Assign) else shared.reads_contents
            contents = contents.union(*map(reads, own_exprs(one)))
        stores = frozenset(map(shared.class_of, stmt_stores(stmt)))
        writes = stmt_writes(stmt)
        touched = stores | contents | frozenset(map(shared.class_of, writes))
        return _Effects(stmt_reads(stmt), writes, stores, frozenset(contents), touched)


def _free(body: Block, dependent: set[int]) -> set[int]:
    """Views, lengths and arrays of zeros that nothing outside the loop needs: in their place they cost nothing."""
    found: set[int] = set()
    read: set[str] = set()
    for stmt in reversed(body):
        if id(stmt) in dependent:
            continue
        match stmt:
            case Assign(target, Op(prim)) if target not in read and is_temporary(target) and _is_free(prim):
                found.add(id(stmt))
            case _:
                read |= stmt_reads(stmt)
    return found


def _is_free(prim: str) -> bool:
    return is_view(prim) or prim in SHAPE_READS or PRIMITIVES[prim].contents == "zeros"

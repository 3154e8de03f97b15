"""Loops over the directions of a Jacobian: what is the same for all directions is computed once, before the loop.

A function is evaluated at one place, whatever the number of directions is. So its own statements move out of the loop
also where there is no direction, and what they raise is raised then. A loop of the function that carries tangents
stays where it is, with the values that it carries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

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
        self.shared = shared
        self.statements: set[int] = set()
        self.names = {loop.index, *(carry.arg for carry in loop.carried)}
        self.memory: set[str] = set()
        """The classes that dependent statements store into."""
        own = defined(loop.body)
        self.outside = {shared.class_of(name) for name in _stored(loop.body) if not shared.aliases(name) <= own}
        """Classes with memory from before the loop: a second store of the same is not the first."""
        while any(self._depends(loop.body, at) for at in range(len(loop.body))):
            pass  # each time one more is found

    def _depends(self, body: Block, at: int) -> bool:
        """Whether a statement is newly found to depend on the direction."""
        stmt = body[at]
        stores = self._classes(stmt_stores(stmt))
        known = id(stmt) in self.statements
        # an array that differs is made anew for each direction
        touched = stores | self._contents(stmt) | self._classes(stmt_writes(stmt))
        differs = not (self.names.isdisjoint(stmt_reads(stmt)) and self.memory.isdisjoint(touched))
        changes = not self.outside.isdisjoint(stores) or self._is_read_before(body, at, stores)
        if not (known or differs or changes):
            return False
        size = len(self.memory)
        self.statements.add(id(stmt))
        self.names |= stmt_writes(stmt)
        self.memory |= stores
        return not known or len(self.memory) > size

    def _is_read_before(self, body: Block, at: int, stores: frozenset[str]) -> bool:
        """Whether a statement that stays in the loop reads what is there before these stores."""
        return any(id(one) in self.statements and not stores.isdisjoint(self._contents(one)) for one in body[:at])

    def _contents(self, stmt: Stmt) -> frozenset[str]:
        """The classes whose elements are read."""
        found: set[str] = set()
        for one in walk((stmt,)):
            reads = self.shared.reads if isinstance(one, Assign) else self.shared.reads_contents
            for expr in own_exprs(one):
                found |= reads(expr)
        return frozenset(found)

    def _classes(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(self.shared.class_of(name) for name in names)


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


def _stored(body: Block) -> frozenset[str]:
    return frozenset().union(*map(stmt_stores, body))

"""Copies of states: an array that a loop carries and an iteration only reads is saved as values, not as memory.

In `new[i] = f(u[i - 1], u[i + 1]); u, new = new, u` the names u and new are of one alias class, as each is the other's
memory in the next iteration. To read u again, the reverse sweep would need to know which memory it was, and to restore
that. But within one iteration they are two arrays, and nothing stores into u: what it holds at the start is all that
the reversal of the iteration reads. So a copy from there is saved, and no store saves what it overwrites.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def steps(u0, n):
...     u = u0.copy()
...     new = u0.copy()
...     for t in range(n):
...         for i in range(1, len(u)):
...             new[i] = u[i - 1] * u[i]
...         u, new = new, u
...     return np.sum(u)
>>> source = srcad.grad(steps, argnums="u0", target="python").source_for(np.ones(9), 3)
>>> print(*(line for line in source.splitlines() if "saved" in line), sep="\\n")
keeps   u_saved  n x u0.shape[0] floats   read by line 5
    u_saved = np.empty((max(n, 0), u0.shape[0]))
        u_saved[t] = u
        u = u_saved[t]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.ir.nodes import Assign, Block, Carry, Effect, Expr, For, Op, Slice, Stmt, Store, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.result_memory import root, roots, sources
from srcad.ir.traversal import bindings, blocks, own_stores, replace_names, rewrite, walk, with_blocks
from srcad.ir.types import Array, Type


def states_to_copy(
    names: Iterable[str], places: Regions, aliases: AliasClasses, types: Mapping[str, Type]
) -> Iterator[str]:
    """Those of the names that a loop carries, that no store of an iteration changes, and that are written anew."""
    for name in names:
        definition = places.definitions[name]
        loop = definition.region.owner
        is_state = isinstance(definition.node, Carry) and isinstance(types[name], Array) and name in aliases.written
        if is_state and isinstance(loop, For) and _is_read_only(name, loop, definition.region, places, aliases):
            yield name


def reading_copies(block: Block, copies: Mapping[str, str]) -> Block:
    """The statements, with a copy of each state at the start of an iteration, which the iteration reads."""
    return tuple(_copying(stmt, copies) for stmt in block)


def _copying(stmt: Stmt, copies: Mapping[str, str]) -> Stmt:
    inner = [reading_copies(block, copies) for block in blocks(stmt)]
    if isinstance(stmt, For):
        here = {c.arg: Var(copies[c.arg]) for c in stmt.carried if c.arg in copies}
        made = (Assign(copy.name, Op("copy", (Var(name),)), stmt.span) for name, copy in here.items())
        inner = [(*made, *(rewrite(s, lambda e: replace_names(e, here)) for s in inner[0]))]
    return with_blocks(stmt, inner)


def without_copies(block: Block, copies: Mapping[str, str]) -> Block:
    """The forward sweep, which reads the states themselves: nothing stores into them as long as they are read.

    A copy of which the tape has a reference, not the elements, stays.
    """
    dropped = {copy: name for copy, name in copies.items() if not _is_kept(copy, block)}
    if not dropped:
        return block
    states = {copy: Var(name) for copy, name in dropped.items()}
    return tuple(rewrite(stmt, lambda e: replace_names(e, states)) for stmt in _without(block, dropped))


def _is_kept(copy: str, block: Block) -> bool:
    """Whether a list, or what a loop carries or a branch joins, may refer to the copy or a view of it."""
    names = {copy}
    while True:
        views = {s.target for s in walk(block) if isinstance(s, Assign) and roots(s.value) & names}
        if views <= names:
            break
        names |= views
    for stmt in walk(block):
        if isinstance(stmt, Effect) and any(name in names for arg in stmt.call.args for name in roots(arg)):
            return True
        if not isinstance(stmt, Assign) and any(roots(value) & names for _, value in bindings(stmt)):
            return True
    return False


def _without(block: Block, copies: Mapping[str, str]) -> Block:
    kept = (stmt for stmt in block if not (isinstance(stmt, Assign) and stmt.target in copies))
    return tuple(with_blocks(stmt, [_without(inner, copies) for inner in blocks(stmt)]) for stmt in kept)


def _is_read_only(name: str, loop: For, body: Region, places: Regions, aliases: AliasClasses) -> bool:
    """Whether an iteration stores only into other arrays of the class, and into one of them as a whole."""
    group = aliases.class_of[name]
    carries = [c for c in loop.carried if aliases.class_of.get(c.arg) == group]
    begins = [_origin(c.init, places) for c in carries]
    nexts = [c.next.name if isinstance(c.next, Var) else None for c in carries]
    allowed = {c.arg for c in carries}
    if len(set(begins)) < len(begins) or len(set(nexts)) < len(nexts):
        return False  # two may be one array
    if not all(_is_made(one, places) for one in begins):
        return False
    if not all(one in allowed or (_is_made(one, places) and _is_within(one, body, places)) for one in nexts):
        return False
    changed = (array for s in walk(loop.body) if not isinstance(s, Store) for array in own_stores(s))
    if any(aliases.class_of.get(array) == group for array in changed):
        return False
    widely = False
    for store, depth in _stores(loop.body, 0):
        base = root(store.base)
        if base is None:
            return False
        if aliases.class_of.get(base) != group:
            continue
        origin = _origin(Var(base), places)
        is_another = origin in allowed and origin != name
        if not is_another and not (_is_made(origin, places) and _is_within(origin, body, places)):
            return False
        widely = widely or depth >= len(store.index) or any(isinstance(item, Slice) for item in store.index)
    return widely


def _stores(block: Block, depth: int) -> Iterator[tuple[Store, int]]:
    """The stores, with the number of loops around each."""
    for stmt in block:
        if isinstance(stmt, Store):
            yield stmt, depth
        for inner in blocks(stmt):
            yield from _stores(inner, depth + isinstance(stmt, For | While))


def _origin(value: Expr, places: Regions) -> str | None:
    """The carried value, parameter or allocation whose memory it is; None where it may be that of several."""
    while True:
        names = roots(value)
        if len(names) != 1:
            return None
        (name,) = names
        match places.definitions[name].node:
            case Assign(_, Op() as op) if not sources(op):
                return name
            case Assign(_, value):
                pass
            case Carry(arg) if arg == name:
                return name
            case None:
                return name
            case _:
                return None


def _is_made(name: str | None, places: Regions) -> bool:
    """Whether it is new memory in each execution of its block."""
    node = places.definitions[name].node if name is not None else None
    return isinstance(node, Assign) and isinstance(node.value, Op) and not sources(node.value)


def _is_within(name: str | None, body: Region, places: Regions) -> bool:
    return name is not None and body in set(places.definitions[name].region.enclosing)

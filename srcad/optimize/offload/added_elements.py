"""Additions of several threads to one element: atomic, or each to a part of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.nodes import Block, Effect, Op, Stmt, Store, Var
from srcad.ir.traversal import blocks, with_blocks
from srcad.rules.kernels import ATOMIC_ADD


def to_parts(block: Block, arrays: Mapping[str, str], thread: str) -> Block:
    """The block that adds to the part of the thread: `arrays` has the array of all parts, which has an axis more."""

    def changed(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(name), index, _, str()) if name in arrays:
                return replace(stmt, base=Var(arrays[name]), index=(*index, Var(thread)))
        return with_blocks(stmt, [tuple(map(changed, b)) for b in blocks(stmt)])

    return tuple(map(changed, block))


def atomic(block: Block, arrays: frozenset[str]) -> Block:
    """The block with atomic additions to these arrays."""

    def changed(stmt: Stmt) -> Stmt:
        match stmt:
            case Store(Var(name) as base, index, value, str(op)) if name in arrays:
                return Effect(Op(ATOMIC_ADD, (base, value if op == "+" else Op("neg", (value,)), *index)), stmt.span)
        return with_blocks(stmt, [tuple(map(changed, b)) for b in blocks(stmt)])

    return tuple(map(changed, block))

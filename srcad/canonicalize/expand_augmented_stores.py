"""Read-modify-write expansion: in-place operations other than adding become a load, the operation and a store.

`x[i] *= v` is `t = x[i]; u = t * v; x[i] = u`: then the rules of the store and of the multiplication are enough.
What is stored from the very array stored into is copied first, as NumPy does for operands that overlap.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.ir.nodes import Assign, Block, Function, Op, Slice, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Array
from srcad.typing.builder import Builder


def expand_augmented_stores(f: Function, builder: Builder, aliases: AliasClasses) -> Function:
    """Rewrite the stores of a function in normal form; afterwards `Store.op` is None, "+" or "-".

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def scale(x, v):
    ...     x[:] *= v
    ...     x[1:] = x[:-1]
    ...     return x
    >>> f = normal_form(scale, np.ones(3), 2.0)
    >>> print(text(expand_augmented_stores(f, Builder.resume(f), alias_classes(f))))
    scale(x: float64[x.0], v: float64):
        %old.0 = x[:]
        %product.0 = %old.0 * v
        x[...] = %product.0
        %item.0 = x[:-1]
        %copy.0 = copy(%item.0)
        x[1:] = %copy.0
        return x
    """

    def overlapping(stmt: Store) -> bool:
        base = root(stmt.base)
        value = stmt.value
        if not isinstance(value, Var) or not isinstance(f.types[value.name], Array):
            return False
        return aliases.class_of.get(value.name) == aliases.class_of.get(base or "")

    def one(stmt: Stmt) -> list[Stmt]:
        if not isinstance(stmt, Store):
            return [with_blocks(stmt, [go(b) for b in blocks(stmt)])]
        value = stmt.value
        with builder.block() as emitted:
            builder.span = stmt.span
            if overlapping(stmt):
                value = builder.op("copy", value)
            op = stmt.op
            if op not in (None, "+", "-"):
                # as a temporary view: it is read before the store
                index = stmt.index or (Slice(),)
                location = Op("index", (stmt.base, *index))
                old = builder.fresh("%old", builder.typeof(location))
                builder.emit(Assign(old.name, location, stmt.span))
                value = builder.op(op, old, value)
                op = None
            builder.emit(Store(stmt.base, stmt.index, value, op, stmt.span))
        return emitted

    def go(block: Block) -> Block:
        return tuple(new for stmt in block for new in one(stmt))

    return replace(f, body=go(f.body))

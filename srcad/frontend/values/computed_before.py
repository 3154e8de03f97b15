"""Positions of a mask that were computed before: indexing several arrays by one mask asks for them each time.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> import numpy as np
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     return np.sum(x[x > 0.0] * y[x > 0.0])
>>> text(normal_form(f, np.ones(3), np.ones(3))).count("= nonzero(")
1
"""

from __future__ import annotations

from collections.abc import Sequence

from srcad.ir.nodes import Assign, Op, Stmt, Var
from srcad.ir.result_memory import roots
from srcad.ir.traversal import stmt_stores
from srcad.ir.types import Array
from srcad.typing.builder import Builder


def computed_before(builder: Builder, op: Op) -> Var | None:
    """A name that has the value of the operation here, where one was computed from equal operands in the same block.

    No memory may have been stored to since that an operand, or the value itself, may share. What has another dtype
    shares none, nor does an array that was made since.
    """
    before = builder.statements
    args = tuple(_first_name(builder, arg) if isinstance(arg, Var) else arg for arg in op.args)
    return _found(builder, before, Op(op.prim, args, op.static))


def _first_name(builder: Builder, name: Var) -> Var:
    """An earlier name with the value of this one, which may be a temporary that was computed for a second time."""
    for at, stmt in enumerate(builder.statements):
        match stmt:
            case Assign(target, Op() as value) if target == name.name:
                return _found(builder, builder.statements[:at], value) or name
    return name


def _found(builder: Builder, before: Sequence[Stmt], op: Op) -> Var | None:
    """The first name that still has the value."""
    first = None
    changed: set[str | None] = set()
    for stmt in reversed(before):
        if isinstance(stmt, Assign):
            if stmt.value == op:
                read = {stmt.target, *(arg.name for arg in op.args if isinstance(arg, Var))}
                if _may_share(builder, read, changed):
                    return first
                first = Var(stmt.target)
            if isinstance(stmt.value, Op) and not roots(stmt.value):
                changed.discard(stmt.target)  # made since
        changed |= stmt_stores(stmt)
    return first


def _may_share(builder: Builder, read: set[str], changed: set[str | None]) -> bool:
    known = {builder.types.get(name or "") for name in changed}
    arrays = {t.dtype for t in known if isinstance(t, Array)}
    return None in known or bool(arrays & {t.dtype for n in read if isinstance(t := builder.types.get(n), Array)})

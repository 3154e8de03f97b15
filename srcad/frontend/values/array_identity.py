"""`y is x` of arrays, as far as the operations say that define them."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.frontend.values.abstract_values import Leaf
from srcad.frontend.values.context import Context
from srcad.ir.nodes import Assign, Expr, Op, Var
from srcad.ir.types import Array

_NEW = frozenset({"copy", "+", "-", "*", "/", "//", "%", "**"})
"""Operations of which the result is an array of its own."""


def is_one_array(ctx: Context, a: Leaf, b: Leaf) -> bool | None:
    """Whether two arrays are one object; None where only a run decides, and of other values."""
    if not isinstance(a.type, Array) or not isinstance(b.type, Array):
        return None
    defined: dict[Expr, Expr] = {
        Var(stmt.target): stmt.value for stmt in ctx.builder.before if isinstance(stmt, Assign)
    }
    one, other = _root(a.atom, defined), _root(b.atom, defined)
    if one == other:
        return True
    new = [_is_new(defined.get(atom)) for atom in (one, other)]
    given = [isinstance(atom, Var) and atom.name in ctx.taken for atom in (one, other)]
    return False if all(new) or (any(new) and any(given)) else None


def _root(atom: Expr, defined: Mapping[Expr, Expr]) -> Expr:
    """What a name is another name of."""
    while isinstance(value := defined.get(atom), Var):
        atom = value
    return atom


def _is_new(value: Expr | None) -> bool:
    return isinstance(value, Op) and value.prim in _NEW

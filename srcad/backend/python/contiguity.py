"""Contiguity analysis: the arrays that may not be C-contiguous, which NumPy reshapes by a copy and Numba refuses."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.nodes import Assign, AugAssign, Const, Expr, Function, Op, Slice, Var
from srcad.ir.traversal import block_stores, walk
from srcad.ir.types import Array, Type
from srcad.rules.traits import having

_FRESH = having(lambda p: p.layout == "C") | {"copy"}
"""Primitives whose result is C-contiguous for any operands."""


def maybe_noncontiguous(function: Function) -> frozenset[str]:
    """Names that may refer to an array that is not C-contiguous.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import dim
    >>> body = parse("a = np.transpose(x)\\nb = a\\nc = copy(a)")
    >>> f = Function("f", (Param("x", "x"),), body, (), {"x": Array("float64", (dim(2), dim(3)))})
    >>> sorted(maybe_noncontiguous(f))
    ['a', 'b']
    """
    types = function.types
    found = {
        param.name
        for param in function.params
        if isinstance(known := types.get(param.name), Array) and known.layout != "C"
    }
    assigned = [(s.target, s.value) for s in walk(function.body) if isinstance(s, Assign | AugAssign)]
    grown = True
    while grown:
        new = {
            target for target, value in assigned if target not in found and is_maybe_noncontiguous(value, found, types)
        }
        found |= new
        grown = bool(new)
    return frozenset(found)


def stored(function: Function) -> frozenset[str]:
    """Names whose memory is written to: a store through a reshaped view must reach the array itself."""
    return block_stores(function.body)


def is_maybe_noncontiguous(expr: Expr, names: set[str] | frozenset[str], types: Mapping[str, Type]) -> bool:
    match expr:
        case Var(name):
            return name in names
        case Op("index", (base, *items)):
            integers_only = not any(isinstance(item, Slice) or item == Const(None) for item in items)
            return is_maybe_noncontiguous(base, names, types) or not integers_only
        case Op("np.transpose" | "np.broadcast_to"):
            return True
        case Op(prim, args):
            return prim not in _FRESH and any(is_maybe_noncontiguous(arg, names, types) for arg in args)
        case _:
            return False

"""Promotion of elements to scalars: what a region does at one element of an array, it does on a scalar.

Each pass that promotes has a region of its own (a loop, an iteration) and finds elements in its own way. What it finds
is a `Promotion`; whether that is legal is asked of `region_accesses`, and this module rewrites.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from srcad.ir.loop_nest import Element, element
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, rewrite_own
from srcad.ir.types import Array, Scalar, Type
from srcad.typing.typeof import typeof

Use = Literal["private", "read", "written", "added"]
"""What a region does with an element.

private: it stores to it first, and the element is dead afterwards
read: it reads it only
written: it reads and stores to it
added: it adds to it, and adds to others that may be the same: the scalar starts at zero
"""


@dataclass(frozen=True)
class Promotion:
    """An element, and the scalar that stands for it in a region."""

    element: Element
    scalar: str
    use: Use

    def before(self) -> Block:
        """What the region needs in front of it."""
        if self.use == "private":
            return ()
        return (Assign(self.scalar, Const(0.0) if self.use == "added" else element(*self.element)),)

    def after(self) -> Block:
        """What puts the value back."""
        base, index = self.element
        match self.use:
            case "written":
                return (Store(Var(base), index, Var(self.scalar)),)
            case "added":
                return (Store(Var(base), index, Var(self.scalar), "+", free=True),)
        return ()


def promotions(uses: Mapping[Element, Use], types: dict[str, Type]) -> tuple[Promotion, ...]:
    """A promotion for each element; the types of the scalars are added to `types`.

    >>> types = {"u": Array("float64", ())}
    >>> (one,) = promotions({("u", (Var("i"),)): "written"}, types)
    >>> one.scalar, types["u_total"] == Scalar("float64")
    ('u_total', True)
    """
    return tuple(Promotion(one, _scalar(one[0], use, types), use) for one, use in uses.items())


def _scalar(base: str, use: Use, types: dict[str, Type]) -> str:
    kind = types[base]
    assert isinstance(kind, Array)
    return fresh_name(f"{base}_{'here' if use in ('private', 'read') else 'total'}", Scalar(kind.dtype), types)


def on_scalars(block: Block, promoted: Iterable[Promotion], types: Mapping[str, Type]) -> Block:
    """The block with scalars instead of elements.

    >>> from srcad.ir.notation import parse, show
    >>> types = {"u": Array("float64", ()), "k": Scalar("int64"), "u_here": Scalar("float64")}
    >>> one = Promotion(("u", (Var("i"),)), "u_here", "private")
    >>> print(show(on_scalars(parse("u[i] = k; u[i] += u[j]; d = u[i] * u[i]"), [one], types)))
    u_here = float(k)
    u_here += u[j]
    d = u_here * u_here
    """
    scalars = {one.element: one.scalar for one in promoted}
    return tuple(_on_scalars(stmt, scalars, types) for stmt in block)


def _on_scalars(stmt: Stmt, scalars: Mapping[Element, str], types: Mapping[str, Type]) -> Stmt:
    def promote(expr: Expr) -> Expr:
        match expr:
            case Op("index", (Var(base), *index)) if (base, tuple(index)) in scalars:
                return Var(scalars[base, tuple(index)])
            case Op(prim, args, static):
                return Op(prim, tuple(map(promote, args)), static)
            case Slice(lower, upper, step):
                return Slice(*(None if e is None else promote(e) for e in (lower, upper, step)))
        return expr

    match stmt:
        case Store(Var(base), index, value, op, _, free) if (base, index) in scalars:
            return update(scalars[base, index], op, promote(value), types, free)
    inner = [tuple(_on_scalars(s, scalars, types) for s in b) for b in blocks(stmt)]
    return rewrite_own(stmt, promote, inner)


def update(scalar: str, op: str | None, value: Expr, types: Mapping[str, Type], free: bool = False) -> Stmt:
    """`scalar op= value`, or an assignment that converts the value as a store to an element of the dtype does.

    >>> from srcad.ir.notation import show
    >>> print(show((update("s", None, Const(2), {"s": Scalar("float64")}),)))
    s = 2.0
    """
    if op is not None:
        return AugAssign(scalar, op, value, free=free)
    kind = types[scalar]
    assert isinstance(kind, Scalar)
    return Assign(scalar, _converted(value, kind, types))


def _converted(value: Expr, kind: Scalar, types: Mapping[str, Type]) -> Expr:
    match value, kind.dtype:
        case Const(bool() | int() | float() as literal), "float64" | "int64":
            return Const(float(literal) if kind.dtype == "float64" else int(literal))
        case _, "float64":
            return value if typeof(value, types) == Scalar("float64") else Op("float", (value,))
        case _, "float32":
            return Op("astype", (value,), (("dtype", "float32"),))
    return value

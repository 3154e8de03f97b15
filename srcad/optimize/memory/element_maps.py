"""Elements of small arrays: constant shapes, constant indices, and the elements that a view reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product as every

from srcad.analysis.memory.access_maps import access_map
from srcad.ir.length_facts import LengthFacts
from srcad.ir.nodes import Const, Expr, Op, Store, Var
from srcad.ir.types import Array, Type

MAX_ELEMENTS = 9
"""Elements of an array that becomes scalars: a rotation matrix. Code size and compile time grow with them."""
ConstantIndex = tuple[int, ...]


def size_of(kind: Type | None, facts: LengthFacts) -> ConstantIndex | None:
    """The constant shape of a small array; None for everything else."""
    if not isinstance(kind, Array) or kind.dtype not in ("float64", "int64"):
        return None
    lengths: list[int] = []
    elements = 1
    for d in kind.dims:
        known = facts.representative(d)
        if known.terms:
            return None
        lengths.append(known.const)
        elements *= lengths[-1]
    return tuple(lengths) if 0 < elements <= MAX_ELEMENTS else None


def all_indices(size: ConstantIndex) -> list[ConstantIndex]:
    return list(every(*map(range, size)))


def constant_index(items: tuple[Expr, ...], size: ConstantIndex) -> ConstantIndex | None:
    """The element that a constant index selects; None where it is not constant, or out of bounds.

    >>> constant_index((Const(-1), Const(0)), (3, 2)), constant_index((Const(3), Const(0)), (3, 2))
    ((2, 0), None)
    """
    found: list[int] = []
    for item, length in zip(items, size, strict=False):
        match item:
            case Const(int(k)) if type(k) is int and -length <= k < length:
                found.append(k % length)
            case _:
                return None
    return tuple(found) if len(items) == len(size) else None


@dataclass(frozen=True)
class ElementMap:
    """A view that is read in full: the index into `base` of each of its elements."""

    base: str
    index: Mapping[ConstantIndex, tuple[Expr, ...]]


def element_map(expr: Expr, types: Mapping[str, Type], facts: LengthFacts, reading: bool = True) -> ElementMap | None:
    """The elements of a view; None where their indices are no simple expressions.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Scalar, dim
    >>> (stmt,) = parse("y = A[t, 1:]")
    >>> types = {"A": Array("float64", (dim(9), dim(3))), "t": Scalar("int64")}
    >>> from srcad.ir.length_facts import NOTHING
    >>> found = element_map(stmt.value, types, NOTHING)
    >>> found.base, found.index[1,]
    ('A', (Var(name='t'), Const(value=2)))
    """
    if not isinstance(expr, Var) and not (isinstance(expr, Op) and expr.prim in ("index", "np.transpose", "copy")):
        return None
    view = access_map(expr, types, {}, reading)
    if view is None:
        return None
    kind = types[view.base]
    assert isinstance(kind, Array)
    size = size_of(Array(kind.dtype, view.lengths), facts)
    if size is None or any(not isinstance(e, Var | Const) for p in view.places for e in _atoms(p.start)):
        return None
    return ElementMap(view.base, {at: view.index(tuple(map(Const, at))) for at in all_indices(size)})


def _atoms(expr: Expr) -> Iterator[Expr]:
    """The terms of a sum."""
    match expr:
        case Op("+" | "-", (a, b)):
            yield from _atoms(a)
            yield from _atoms(b)
        case _:
            yield expr


def index_of(stmt: Store) -> Expr:
    return Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base

"""Products of small matrices are written out, and arrays joined of small ones: four numbers are no work for BLAS.

A call of it costs what two hundred additions do, and makes an array that only memory can hold.
"""

from __future__ import annotations

import math

from srcad.analysis.memory.access_maps import AccessMap
from srcad.ir.nodes import Const, Expr, Op, Slice, Stmt
from srcad.ir.types import Array, Dim
from srcad.optimize.array_statements.expression_trees import NotLowerable
from srcad.optimize.memory.scalar_replacement_candidates import MAX_ELEMENTS
from srcad.optimize.shapes.shape_environment import ShapeEnvironment
from srcad.optimize.shapes.shape_guards import shape_guard
from srcad.typing.typeof import typeof

LONGEST = 4
"""So many terms an element of a product may have to be written out."""


def unrolled_product(
    a: Expr, b: Expr, views: tuple[AccessMap, AccessMap], known: ShapeEnvironment, before: list[Stmt]
) -> Expr:
    """`a @ b`, of paths to arrays, as a sum of products element by element.

    >>> from srcad.ir.nodes import Function, Var
    >>> from srcad.ir.printer import expr_text
    >>> from srcad.ir.types import dim
    >>> from srcad.analysis.memory.access_maps import access_map
    >>> types = {"a": Array("float64", (dim(2), dim(2))), "b": Array("float64", (dim(2),))}
    >>> views = tuple(access_map(Var(n), types, {}) for n in "ab")
    >>> expr_text(unrolled_product(Var("a"), Var("b"), views, ShapeEnvironment(Function("f", (), (), (), types)), []))
    '(a[:, 0] * b[0]) + (a[:, 1] * b[1])'

    Where the lengths are not known to agree, that is checked before.
    """
    one, other = views
    if len(one.lengths) > 2 or len(other.lengths) > 2:
        raise NotLowerable
    inner, across = known.length(one.lengths[-1]), known.length(other.lengths[0])
    lengths = (*map(known.length, one.lengths[:-1]), *map(known.length, other.lengths[1:]))
    terms = next((d.const for d in (inner, across) if not d.terms), 0)
    if not 0 < terms <= LONGEST or sum(not _is_short(d) for d in lengths) > max(len(lengths) - 1, 0):
        raise NotLowerable
    if inner != across:
        if not (inner.terms or across.terms):
            raise NotLowerable  # NumPy refuses
        extents = known.count(inner, one.extents[-1], before), known.count(across, other.extents[0], before)
        before.append(shape_guard(Op("==", extents)))
        known.assume_equal(inner, across)
    total: Expr | None = None
    for k in range(terms):
        row: tuple[Expr, ...] = (Const(k),)
        if len(one.lengths) == 2:
            row = (Slice(), Const(k), *([Const(None)] if len(other.lengths) == 2 else []))
        column: tuple[Expr, ...] = (Const(k),)
        if len(other.lengths) == 2:
            column = (*([Const(None)] if len(one.lengths) == 2 else []), Const(k), Slice())
        term = Op("*", (Op("index", (a, *row)), Op("index", (b, *column))))
        total = term if total is None else Op("+", (total, term))
    assert total is not None
    return total


def is_small(kind: Array, known: ShapeEnvironment) -> bool:
    """Whether an array is one that `small` may take for numbers."""
    lengths = [known.length(d) for d in kind.dims]
    return all(not d.terms for d in lengths) and math.prod(d.const for d in lengths) <= MAX_ELEMENTS


def _is_short(length: Dim) -> bool:
    return not length.terms and length.const <= LONGEST


def parts_of(value: Op, known: ShapeEnvironment) -> tuple[list[int], list[tuple[tuple[Slice, ...], Expr]]] | None:
    """The lengths of joined arrays, and where each stands among them; None where not all lengths are known."""
    found: list[tuple[tuple[Slice, ...], Expr]] = []
    axis = dict(value.static).get("axis", 0)
    lengths: list[int] = []
    for part in value.args:
        kind = typeof(part, known.types)
        if not isinstance(kind, Array) or not isinstance(axis, int):
            return None
        dims = [known.length(d) for d in kind.dims]
        if any(d.terms for d in dims) or (lengths and len(lengths) != len(dims)):
            return None
        along = axis % len(dims)
        own = [d.const for d in dims]
        lengths = lengths or [0 if k == along else n for k, n in enumerate(own)]
        if any(n != own[k] for k, n in enumerate(lengths) if k != along):
            return None
        whole = [Slice()] * len(dims)
        whole[along] = Slice(Const(lengths[along]), Const(lengths[along] + own[along]))
        lengths[along] += own[along]
        found.append((tuple(whole), part))
    return lengths, found

"""Unrolling of small matrix products and small concatenations, for which a BLAS or library call does not pay.

A BLAS call costs as much as two hundred additions, and allocates an array for its result.
"""

from __future__ import annotations

from srcad.analysis.memory.access_maps import AccessMap
from srcad.analysis.shapes.shape_environment import ShapeEnvironment
from srcad.ir.nodes import Const, Expr, Op, Slice, Stmt
from srcad.ir.types import Array, Dim
from srcad.optimize.array_statements.expression_trees import NotLowerable
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.shapes.shape_guards import shape_guard
from srcad.typing.typeof import typeof

MAX_TERMS = 4
"""The most terms of an element of an unrolled product."""


def unrolled_product(
    a: Expr, b: Expr, views: tuple[AccessMap, AccessMap], state: LoweringState, before: list[Stmt]
) -> Expr:
    """`a @ b`, of views, as an elementwise sum of products.

    >>> from srcad.ir.nodes import Function, Var
    >>> from srcad.ir.printer import expr_text
    >>> from srcad.ir.types import dim
    >>> from srcad.analysis.memory.access_maps import access_map
    >>> types = {"a": Array("float64", (dim(2), dim(2))), "b": Array("float64", (dim(2),))}
    >>> views = tuple(access_map(Var(n), types, {}) for n in "ab")
    >>> expr_text(unrolled_product(Var("a"), Var("b"), views, LoweringState(Function("f", (), (), (), types)), []))
    '(a[:, 0] * b[0]) + (a[:, 1] * b[1])'

    Where the inner lengths are not provably equal, a shape guard is added to `before`.
    """
    left, right = views
    if len(left.lengths) > 2 or len(right.lengths) > 2:
        raise NotLowerable
    inner, across = state.shapes.representative(left.lengths[-1]), state.shapes.representative(right.lengths[0])
    lengths = (
        *map(state.shapes.representative, left.lengths[:-1]),
        *map(state.shapes.representative, right.lengths[1:]),
    )
    terms = next((d.const for d in (inner, across) if not d.terms), 0)
    if not 0 < terms <= MAX_TERMS or sum(not _is_short(d) for d in lengths) > max(len(lengths) - 1, 0):
        raise NotLowerable
    if inner != across:
        if not (inner.terms or across.terms):
            raise NotLowerable  # NumPy refuses
        extents = (
            state.nonnegative_extent(inner, left.extents[-1], before),
            state.nonnegative_extent(across, right.extents[0], before),
        )
        before.append(shape_guard(Op("==", extents)))
        state.shapes.assume_equal(inner, across)
    total: Expr | None = None
    for k in range(terms):
        row: tuple[Expr, ...] = (Const(k),)
        if len(left.lengths) == 2:
            row = (Slice(), Const(k), *([Const(None)] if len(right.lengths) == 2 else []))
        column: tuple[Expr, ...] = (Const(k),)
        if len(right.lengths) == 2:
            column = (*([Const(None)] if len(left.lengths) == 2 else []), Const(k), Slice())
        term = Op("*", (Op("index", (a, *row)), Op("index", (b, *column))))
        total = term if total is None else Op("+", (total, term))
    assert total is not None
    return total


def _is_short(length: Dim) -> bool:
    return not length.terms and length.const <= MAX_TERMS


def parts_of(value: Op, shapes: ShapeEnvironment) -> tuple[list[int], list[tuple[tuple[Slice, ...], Expr]]] | None:
    """The shape of a concatenation, and the slice of each part; None where a length is not constant.

    >>> from srcad.ir.nodes import Function, Var
    >>> from srcad.ir.types import dim
    >>> f = Function("f", (), (), (), {"a": Array("float64", (dim(2),)), "b": Array("float64", (dim(3),))})
    >>> lengths, parts = parts_of(Op("np.concatenate", (Var("a"), Var("b"))), ShapeEnvironment(f.types, frozenset()))
    >>> lengths, [(part.name, place[0].lower.value, place[0].upper.value) for place, part in parts]
    ([5], [('a', 0, 2), ('b', 2, 5)])
    """
    found: list[tuple[tuple[Slice, ...], Expr]] = []
    axis = dict(value.static).get("axis", 0)
    lengths: list[int] = []
    for part in value.args:
        kind = typeof(part, shapes.types)
        if not isinstance(kind, Array) or not isinstance(axis, int):
            return None
        dims = [shapes.representative(d) for d in kind.dims]
        if any(d.terms for d in dims) or (lengths and len(lengths) != len(dims)):
            return None
        along = axis % len(dims)
        part_shape = [d.const for d in dims]
        lengths = lengths or [0 if k == along else n for k, n in enumerate(part_shape)]
        if any(n != part_shape[k] for k, n in enumerate(lengths) if k != along):
            return None
        slices = [Slice()] * len(dims)
        slices[along] = Slice(Const(lengths[along]), Const(lengths[along] + part_shape[along]))
        lengths[along] += part_shape[along]
        found.append((tuple(slices), part))
    return lengths, found

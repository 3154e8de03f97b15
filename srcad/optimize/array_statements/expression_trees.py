"""Elementwise expression trees: their array operands, the broadcast iteration space, and the value of one element."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from srcad.analysis.memory.access_maps import AccessMap
from srcad.ir.loop_nest import element
from srcad.ir.nodes import Assign, Const, Expr, Op, Stmt, Var
from srcad.ir.types import ONE, Array, Dim, Scalar
from srcad.optimize.array_statements.elementwise_ops import dtype_of, scalar_operation
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.shapes.shape_guards import shape_guard


class NotLowerable(Exception):
    """The statement cannot be lowered: it stays a statement on full arrays."""


class ReadAfterWrite(NotLowerable):
    """The loop would read elements that it has written: the value must be computed in full before."""


@dataclass(frozen=True)
class ArrayOperand:
    """An array operand of a tree: the elements of a view, or a constant for all elements."""

    view: AccessMap | None
    position: Expr | None
    lengths: tuple[Dim, ...]
    extents: tuple[Expr, ...]
    dtype: str


@dataclass(frozen=True)
class ElementwiseTree:
    """An expression whose array operands are `Op("leaf", (Const(k),))`; its scalars are names and literals."""

    expr: Expr
    leaves: tuple[ArrayOperand, ...]
    dtype: str


@dataclass(frozen=True)
class IterationSpace:
    """The broadcast iteration space of a tree: lengths and extents of its axes."""

    lengths: tuple[Dim, ...]
    extents: tuple[Expr, ...]
    factors: tuple[tuple[Expr, ...], ...]
    """For each leaf and each of its axes: the factor of the index, 0 where the axis is broadcast from length 1."""


def tree_dtype(expr: Expr, leaves: Iterable[ArrayOperand], state: LoweringState) -> str | None:
    """The dtype of an element; None for a literal."""
    arrays = tuple(leaves)

    def of(part: Expr) -> str | None:
        match part:
            case Op("leaf", (Const(int(k)),)):
                return arrays[k].dtype
            case Op(prim, args):
                dtypes = [of(arg) for arg in args]
                found = dtype_of(Op(prim, args, part.static), dtypes)
                if found is None:
                    raise NotLowerable
                return found
            case Var(name):
                scalar = state.shapes.types.get(name)
                if not isinstance(scalar, Scalar):
                    raise NotLowerable
                return scalar.dtype
            case Const():
                return None
            case _:
                raise NotLowerable

    return of(expr)


def narrow_to_float32(tree: ElementwiseTree, state: LoweringState, before: list[Stmt]) -> ElementwiseTree:
    """For a float32 result of float32 arrays: float64 scalars were Python floats, which do not promote."""
    if not all(leaf.dtype in ("float32", "bool") for leaf in tree.leaves):
        return tree
    static = (("dtype", "float32"),)
    narrowed: dict[str, str] = {}

    def narrow(part: Expr) -> Expr:
        match part:
            case Var(name) if state.shapes.types.get(name) == Scalar("float64"):
                if name not in narrowed:
                    narrowed[name] = state.fresh_name(f"{name}_32", Scalar("float32"))
                    before.append(Assign(narrowed[name], Op("astype", (part,), static)))
                return Var(narrowed[name])
            case Op(prim, args, parameters) if prim != "leaf":
                return Op(prim, tuple(map(narrow, args)), parameters)
        return part

    expr = narrow(tree.expr)
    return ElementwiseTree(expr, tree.leaves, tree_dtype(expr, tree.leaves, state) or tree.dtype)


def broadcast_space(
    tree: ElementwiseTree,
    state: LoweringState,
    before: list[Stmt],
    target: AccessMap | None = None,
    declared: tuple[Dim, ...] | None = None,
) -> IterationSpace:
    """The broadcast space of the leaves, with shape guards before the loops where lengths are not provably equal.

    A `target` is not broadcast. `declared` are the lengths of the result in its flow-insensitive type.

    >>> from srcad.analysis.memory.access_maps import access_map
    >>> from srcad.ir.nodes import Function
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> types = {n: Array("float64", (dim(Symbol(n, 0, not_one=True)),)) for n in "xy"}
    >>> views = [access_map(Var(n), types, {}) for n in "xy"]
    >>> leaves = tuple(ArrayOperand(view, None, view.lengths, view.extents, "float64") for view in views)
    >>> tree = ElementwiseTree(Op("*", tuple(Op("leaf", (Const(k),)) for k in (0, 1))), leaves, "float64")
    >>> before = []
    >>> space = broadcast_space(tree, LoweringState(Function("f", (), (), (), types)), before)
    >>> print(show((*before, Assign("z_i", element_value(tree, space, ("i",))))))  # doctest: +ELLIPSIS
    check(shape(y, axis=0) == shape(x, axis=0), derived=False, error='ValueError', ...)
    z_i = x[i] * y[i]
    """
    rank = max((len(leaf.lengths) for leaf in tree.leaves), default=0)
    if target is not None:
        if rank > len(target.lengths):
            raise NotLowerable
        rank = len(target.lengths)
    lengths: list[Dim] = []
    extents: list[Expr] = []
    factors: list[list[Expr]] = [[Const(1)] * len(leaf.lengths) for leaf in tree.leaves]
    for axis in range(rank):
        longer: list[tuple[Dim, Expr]] = []
        for leaf, leaf_factors in zip(tree.leaves, factors, strict=True):
            k = axis - rank + len(leaf.lengths)
            if k >= 0 and state.shapes.representative(leaf.lengths[k]).is_one:
                leaf_factors[k] = Const(0)
            elif k >= 0:
                longer.append((state.shapes.representative(leaf.lengths[k]), leaf.extents[k]))
        if target is not None:
            length, extent = state.shapes.representative(target.lengths[axis]), target.extents[axis]
        elif not longer:
            length, extent = ONE, Const(1)
        else:
            length, extent = _common_length(longer)
            if not length.is_not_one and len({other for other, _ in longer}) > 1:
                length, extent = _broadcast_length(longer, state, before, declared[axis] if declared else None)
        for leaf, leaf_factors in zip(tree.leaves, factors, strict=True):
            k = axis - rank + len(leaf.lengths)
            if k >= 0 and leaf_factors[k] == Const(1):
                leaf_factors[k] = _factor(leaf.lengths[k], leaf.extents[k], length, extent, state, before)
        length = state.shapes.representative(length)
        lengths.append(length)
        extents.append(extent if length.terms else Const(max(length.const, 0)))
    return IterationSpace(tuple(lengths), tuple(extents), tuple(map(tuple, factors)))


def _factor(other: Dim, its_extent: Expr, length: Dim, extent: Expr, state: LoweringState, before: list[Stmt]) -> Expr:
    """The factor of the index: 1, or a scalar for 1 or 0 where the axis may have length 1 at run time."""
    other, length = state.shapes.representative(other), state.shapes.representative(length)
    if other == length:
        return Const(1)
    if not other.terms and not length.terms:
        raise NotLowerable  # NumPy refuses
    its_extent, extent = (
        state.nonnegative_extent(other, its_extent, before),
        state.nonnegative_extent(length, extent, before),
    )
    equal = Op("==", (its_extent, extent))
    if other.is_not_one:
        before.append(shape_guard(equal))
        state.shapes.assume_equal(other, length)
        return Const(1)
    before.append(shape_guard(Op("or", (equal, Op("==", (its_extent, Const(1)))))))
    name = state.fresh_name("along", Scalar("int64"))
    before.append(Assign(name, Op("select", (equal, Const(1), Const(0)))))
    return Var(name)


def _broadcast_length(
    longer: list[tuple[Dim, Expr]], state: LoweringState, before: list[Stmt], declared: Dim | None
) -> tuple[Dim, Expr]:
    """The broadcast length, where each of the lengths may be 1 at run time."""
    extent, *others = (state.nonnegative_extent(d, e, before) for d, e in dict(longer).items())
    for other in others:
        extent = Op("select", (Op("==", (extent, Const(1))), other, extent))
        name = state.fresh_name("length", Scalar("int64"))
        before.append(Assign(name, extent))
        extent = Var(name)
    if declared is None or any(s.name.startswith("?") for s, _ in declared.terms):
        declared = state.shapes.unknown_length()
    return state.shapes.representative(declared), extent


def _common_length(longer: list[tuple[Dim, Expr]]) -> tuple[Dim, Expr]:
    """The length that the others must have: one that is provably not 1, if there is one."""
    constant = [g for g in longer if not g[0].terms]
    many = [g for g in longer if g[0].is_not_one]
    length = (constant or many or longer)[0][0]
    extents_of_length = [extent for other, extent in longer if other == length]
    # the length of a slice of a short axis is its computed extent: the shape of an array made of it is cut at 0
    computed = [e for e in extents_of_length if isinstance(e, Op) and e.prim != "shape"]
    return length, (computed if computed and not length.is_nonnegative else extents_of_length)[0]


def element_value(tree: ElementwiseTree, space: IterationSpace, indices: tuple[str, ...]) -> Expr:
    """The value of the tree at one element."""

    def build(part: Expr) -> Expr:
        match part:
            case Op("leaf", (Const(int(k)),)):
                leaf = tree.leaves[k]
                if leaf.view is None:
                    assert leaf.position is not None
                    return leaf.position
                return element(leaf.view.base, leaf.view.index(operand_index(space.factors[k], indices)))
            case Op(prim, args, static):
                return scalar_operation(Op(prim, tuple(map(build, args)), static))
        return part

    return build(tree.expr)


def operand_index(factors: tuple[Expr, ...], indices: tuple[str, ...]) -> tuple[Expr, ...]:
    """The index into a leaf, whose axes are the last of the space."""
    leaf_indices = indices[len(indices) - len(factors) :]
    return tuple(_times(Var(c), f) for c, f in zip(leaf_indices, factors, strict=True))


def _times(index: Var, factor: Expr) -> Expr:
    if isinstance(factor, Const):
        return index if factor.value else factor
    return Op("*", (index, factor))


def loop_order(
    tree: ElementwiseTree,
    space: IterationSpace,
    indices: tuple[str, ...],
    state: LoweringState,
    target: AccessMap | None,
) -> tuple[int, ...]:
    """The order of the loops: innermost is the axis along which most arrays have unit stride."""
    if len(indices) < 2:
        return tuple(range(len(indices)))
    votes = [0] * len(indices)
    views = [(leaf.view, len(leaf.lengths), f) for leaf, f in zip(tree.leaves, space.factors, strict=True)]
    if target is not None:
        views += [(target, len(target.lengths), (Const(1),) * len(target.lengths))] * 2
    for view, rank, factors in views:
        if view is None:
            continue
        kind = state.shapes.types.get(view.base)
        places = view.places[::-1] if isinstance(kind, Array) and kind.layout == "F" else view.places
        axis = places[-1].axis
        # operands that do not vary along all axes are small or reused: they have no vote
        full = sum(p.axis is not None and factors[p.axis] != Const(0) for p in places) == len(indices)
        if full and axis is not None:
            votes[axis + len(indices) - rank] += 1
    last = max(range(len(indices)), key=lambda k: (votes[k], k))
    return (*(k for k in range(len(indices)) if k != last), last)


def empty(extents: Iterable[Expr], dtype: str, prim: str = "np.empty") -> Op:
    return Op(prim, tuple(extents), () if dtype == "float64" else (("dtype", dtype),))

"""Trees of elementwise operations, taken apart into the arrays they read and put together again for one element."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from srcad.analysis.memory.access_maps import AccessMap
from srcad.ir.loop_nest import element
from srcad.ir.nodes import Assign, Const, Expr, Op, Stmt, Var
from srcad.ir.types import ONE, Array, Dim, Scalar
from srcad.optimize.array_statements.elementwise_ops import dtype_of, element_spelling
from srcad.optimize.shapes.shape_environment import ShapeEnvironment
from srcad.optimize.shapes.shape_guards import shape_guard


class NotLowerable(Exception):
    """This stays a statement on whole arrays."""


class ReadAfterWrite(NotLowerable):
    """What is written would be read again: the value must be there in full before."""


@dataclass(frozen=True)
class ArrayOperand:
    """An array in a tree: the elements of a view, or one number everywhere."""

    view: AccessMap | None
    position: Expr | None
    lengths: tuple[Dim, ...]
    extents: tuple[Expr, ...]
    dtype: str


@dataclass(frozen=True)
class ElementwiseTree:
    """An expression whose arrays are `Op("leaf", (Const(k),))`; its scalars are names and literals."""

    expr: Expr
    leaves: tuple[ArrayOperand, ...]
    dtype: str


@dataclass(frozen=True)
class IterationSpace:
    """The axes that the elements of a tree lie along."""

    lengths: tuple[Dim, ...]
    extents: tuple[Expr, ...]
    factors: tuple[tuple[Expr, ...], ...]
    """Of each leaf and each of its axes: by what to multiply the counter, 0 where the axis is of length 1."""


def tree_dtype(expr: Expr, leaves: Iterable[ArrayOperand], known: ShapeEnvironment) -> str | None:
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
                scalar = known.types.get(name)
                if not isinstance(scalar, Scalar):
                    raise NotLowerable
                return scalar.dtype
            case Const():
                return None
            case _:
                raise NotLowerable

    return of(expr)


def narrow_to_float32(tree: ElementwiseTree, known: ShapeEnvironment, before: list[Stmt]) -> ElementwiseTree:
    """For a float32 result of float32 arrays: named scalars of float64 were Python floats, which widen nothing."""
    if not all(leaf.dtype in ("float32", "bool") for leaf in tree.leaves):
        return tree
    static = (("dtype", "float32"),)
    made: dict[str, str] = {}

    def narrow(part: Expr) -> Expr:
        match part:
            case Var(name) if known.types.get(name) == Scalar("float64"):
                if name not in made:
                    made[name] = known.fresh_name(f"{name}_32", Scalar("float32"))
                    before.append(Assign(made[name], Op("astype", (part,), static)))
                return Var(made[name])
            case Op(prim, args, parameters) if prim != "leaf":
                return Op(prim, tuple(map(narrow, args)), parameters)
        return part

    expr = narrow(tree.expr)
    return ElementwiseTree(expr, tree.leaves, tree_dtype(expr, tree.leaves, known) or tree.dtype)


def broadcast_space(
    tree: ElementwiseTree,
    known: ShapeEnvironment,
    before: list[Stmt],
    target: AccessMap | None = None,
    declared: tuple[Dim, ...] | None = None,
) -> IterationSpace:
    """The common axes of the leaves, with checks before the loops where lengths are not known to be equal.

    Where there is a `target`, it cannot be broadcast. `declared` are what the lengths of the result are called.
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
        for leaf, own in zip(tree.leaves, factors, strict=True):
            k = axis - rank + len(leaf.lengths)
            if k >= 0 and known.length(leaf.lengths[k]).is_one:
                own[k] = Const(0)
            elif k >= 0:
                longer.append((known.length(leaf.lengths[k]), leaf.extents[k]))
        if target is not None:
            length, extent = known.length(target.lengths[axis]), target.extents[axis]
        elif not longer:
            length, extent = ONE, Const(1)
        else:
            length, extent = _chosen(longer)
            if not length.is_not_one and len({other for other, _ in longer}) > 1:
                length, extent = _longest(longer, known, before, declared[axis] if declared else None)
        for leaf, own in zip(tree.leaves, factors, strict=True):
            k = axis - rank + len(leaf.lengths)
            if k >= 0 and own[k] == Const(1):
                own[k] = _factor(leaf.lengths[k], leaf.extents[k], length, extent, known, before)
        length = known.length(length)
        lengths.append(length)
        extents.append(extent if length.terms else Const(max(length.const, 0)))
    return IterationSpace(tuple(lengths), tuple(extents), tuple(map(tuple, factors)))


def _factor(
    other: Dim, its_extent: Expr, length: Dim, extent: Expr, known: ShapeEnvironment, before: list[Stmt]
) -> Expr:
    """1, or where the axis may turn out to be of length 1, a name for 1 or 0."""
    other, length = known.length(other), known.length(length)
    if other == length:
        return Const(1)
    if not other.terms and not length.terms:
        raise NotLowerable  # NumPy refuses
    its_extent, extent = known.count(other, its_extent, before), known.count(length, extent, before)
    equal = Op("==", (its_extent, extent))
    if other.is_not_one:
        before.append(shape_guard(equal))
        known.assume_equal(other, length)
        return Const(1)
    before.append(shape_guard(Op("or", (equal, Op("==", (its_extent, Const(1)))))))
    name = known.fresh_name("along", Scalar("int64"))
    before.append(Assign(name, Op("select", (equal, Const(1), Const(0)))))
    return Var(name)


def _longest(
    longer: list[tuple[Dim, Expr]], known: ShapeEnvironment, before: list[Stmt], declared: Dim | None
) -> tuple[Dim, Expr]:
    """The length of what is broadcast, where each may turn out to be 1."""
    extent, *others = (known.count(d, e, before) for d, e in dict(longer).items())
    for other in others:
        extent = Op("select", (Op("==", (extent, Const(1))), other, extent))
        name = known.fresh_name("length", Scalar("int64"))
        before.append(Assign(name, extent))
        extent = Var(name)
    if declared is None or any(s.name.startswith("?") for s, _ in declared.terms):
        declared = known.any_length()
    return known.length(declared), extent


def _chosen(longer: list[tuple[Dim, Expr]]) -> tuple[Dim, Expr]:
    """The length that the others must have: one known not to be 1, if there is one."""
    constant = [g for g in longer if not g[0].terms]
    many = [g for g in longer if g[0].is_not_one]
    length = (constant or many or longer)[0][0]
    same = [extent for other, extent in longer if other == length]
    # what is left of a short axis is said by its ends: the shape of an array made of it may have been cut
    computed = [e for e in same if isinstance(e, Op) and e.prim != "shape"]
    return length, (computed if computed and not length.is_nonnegative else same)[0]


def element_value(tree: ElementwiseTree, where: IterationSpace, counters: tuple[str, ...]) -> Expr:
    """The value of one element."""

    def build(part: Expr) -> Expr:
        match part:
            case Op("leaf", (Const(int(k)),)):
                leaf = tree.leaves[k]
                if leaf.view is None:
                    assert leaf.position is not None
                    return leaf.position
                return element(leaf.view.base, leaf.view.index(operand_index(where.factors[k], counters)))
            case Op(prim, args, static):
                return element_spelling(Op(prim, tuple(map(build, args)), static))
        return part

    return build(tree.expr)


def operand_index(factors: tuple[Expr, ...], counters: tuple[str, ...]) -> tuple[Expr, ...]:
    """The index into the axes of a leaf, which are the last of all axes."""
    own = counters[len(counters) - len(factors) :]
    return tuple(_times(Var(c), f) for c, f in zip(own, factors, strict=True))


def _times(counter: Var, factor: Expr) -> Expr:
    if isinstance(factor, Const):
        return counter if factor.value else factor
    return Op("*", (counter, factor))


def loop_order(
    tree: ElementwiseTree,
    where: IterationSpace,
    counters: tuple[str, ...],
    known: ShapeEnvironment,
    target: AccessMap | None,
) -> tuple[int, ...]:
    """The axes in the order of the loops: innermost that along which most arrays lie close together."""
    if len(counters) < 2:
        return tuple(range(len(counters)))
    votes = [0] * len(counters)
    views = [(leaf.view, len(leaf.lengths), f) for leaf, f in zip(tree.leaves, where.factors, strict=True)]
    if target is not None:
        views += [(target, len(target.lengths), (Const(1),) * len(target.lengths))] * 2
    for view, rank, factors in views:
        if view is None:
            continue
        stored = known.types.get(view.base)
        places = view.places[::-1] if isinstance(stored, Array) and stored.layout == "F" else view.places
        axis = places[-1].axis
        # what does not go along all axes is small, or read again and again
        full = sum(p.axis is not None and factors[p.axis] != Const(0) for p in places) == len(counters)
        if full and axis is not None:
            votes[axis + len(counters) - rank] += 1
    last = max(range(len(counters)), key=lambda k: (votes[k], k))
    return (*(k for k in range(len(counters)) if k != last), last)


def empty(extents: Iterable[Expr], dtype: str, prim: str = "np.empty") -> Op:
    return Op(prim, tuple(extents), () if dtype == "float64" else (("dtype", dtype),))

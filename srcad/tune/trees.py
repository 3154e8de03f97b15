"""Trees of elementwise operations, taken apart into the arrays they read and put together again for one element."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, If, Op, Stmt, Var
from srcad.ir.types import ONE, Array, Dim, Scalar
from srcad.tune.elements import dtype_of, spelled
from srcad.tune.known import Known
from srcad.tune.nest import element
from srcad.tune.views import View


class Unfit(Exception):
    """This stays a statement on whole arrays."""


@dataclass(frozen=True)
class Leaf:
    """An array in a tree: the elements of a view, or one number everywhere."""

    view: View | None
    number: Expr | None
    lengths: tuple[Dim, ...]
    extents: tuple[Expr, ...]
    dtype: str


@dataclass(frozen=True)
class Tree:
    """An expression whose arrays are `Op("leaf", (Const(k),))`; its scalars are names and literals."""

    expr: Expr
    leaves: tuple[Leaf, ...]
    dtype: str


@dataclass(frozen=True)
class Space:
    """The axes that the elements of a tree lie along."""

    lengths: tuple[Dim, ...]
    extents: tuple[Expr, ...]
    factors: tuple[tuple[Expr, ...], ...]
    """Of each leaf and each of its axes: by what to multiply the counter, 0 where the axis is of length 1."""


def tree_dtype(expr: Expr, leaves: Iterable[Leaf], known: Known) -> str | None:
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
                    raise Unfit
                return found
            case Var(name):
                scalar = known.types.get(name)
                if not isinstance(scalar, Scalar):
                    raise Unfit
                return scalar.dtype
            case Const():
                return None
            case _:
                raise Unfit

    return of(expr)


def narrowed(tree: Tree, known: Known, before: list[Stmt]) -> Tree:
    """For a float32 result of float32 arrays: named scalars of float64 were Python floats, which widen nothing."""
    if not all(leaf.dtype in ("float32", "bool") for leaf in tree.leaves):
        return tree
    static = (("dtype", "float32"),)
    made: dict[str, str] = {}

    def narrow(part: Expr) -> Expr:
        match part:
            case Var(name) if known.types.get(name) == Scalar("float64"):
                if name not in made:
                    made[name] = known.new(f"{name}_32", Scalar("float32"))
                    before.append(Assign(made[name], Op("astype", (part,), static)))
                return Var(made[name])
            case Op(prim, args, parameters) if prim != "leaf":
                return Op(prim, tuple(map(narrow, args)), parameters)
        return part

    expr = narrow(tree.expr)
    return Tree(expr, tree.leaves, tree_dtype(expr, tree.leaves, known) or tree.dtype)


def space(tree: Tree, known: Known, before: list[Stmt], target: View | None = None) -> Space:
    """The common axes of the leaves, with a check before the loops where lengths are not known to be equal.

    Where there is a `target`, it cannot be broadcast.
    """
    rank = max((len(leaf.lengths) for leaf in tree.leaves), default=0)
    if target is not None:
        if rank > len(target.lengths):
            raise Unfit
        rank = len(target.lengths)
    lengths: list[Dim] = []
    extents: list[Expr] = []
    factors: list[list[Expr]] = [[Const(1)] * len(leaf.lengths) for leaf in tree.leaves]
    for axis in range(rank):
        met = [
            (n, axis - rank + len(leaf.lengths))
            for n, leaf in enumerate(tree.leaves)
            if axis - rank + len(leaf.lengths) >= 0
        ]
        given = [(n, k, known.length(tree.leaves[n].lengths[k]), tree.leaves[n].extents[k]) for n, k in met]
        longer = [g for g in given if not g[2].is_one]
        for n, k, length, _ in given:
            if length.is_one:
                factors[n][k] = Const(0)
        if target is not None:
            length, extent = known.length(target.lengths[axis]), target.extents[axis]
        elif not longer:
            length, extent = ONE, Const(1)
        else:
            length, extent = _chosen([(g[2], g[3]) for g in longer])
        for _, _, other, its_extent in longer:
            if known.length(other) == known.length(length):
                continue
            if not other.terms and not length.terms:
                raise Unfit  # NumPy refuses
            if target is None and not length.many:
                raise Unfit  # either may turn out to be of length 1
            if other.many:
                before.append(_check(Op("!=", (its_extent, extent))))
                known.learn(other, length)
            else:
                raise Unfit
        lengths.append(known.length(length))
        extents.append(extent)
    return Space(tuple(lengths), tuple(extents), tuple(map(tuple, factors)))


def _chosen(longer: list[tuple[Dim, Expr]]) -> tuple[Dim, Expr]:
    """The length that the others must have: one known not to be 1, if there is one."""
    constant = [g for g in longer if not g[0].terms]
    many = [g for g in longer if g[0].many]
    length = (constant or many or longer)[0][0]
    same = [extent for other, extent in longer if other == length]
    # what is left of a short axis is said by its ends: the shape of an array made of it may have been cut
    computed = [e for e in same if isinstance(e, Op) and e.prim != "shape"]
    return length, (computed if computed and not length.never_negative else same)[0]


def _check(unequal: Expr) -> If:
    message = Const("operands could not be broadcast together")
    return If(unequal, (Effect(Op("raise", (message,))),), ())


def at(tree: Tree, where: Space, counters: tuple[str, ...]) -> Expr:
    """The value of one element."""

    def build(part: Expr) -> Expr:
        match part:
            case Op("leaf", (Const(int(k)),)):
                leaf = tree.leaves[k]
                if leaf.view is None:
                    assert leaf.number is not None
                    return leaf.number
                own = counters[len(counters) - len(leaf.lengths) :]
                index = tuple(Const(0) if f == Const(0) else Var(c) for c, f in zip(own, where.factors[k], strict=True))
                return element(leaf.view.base, leaf.view.index(index))
            case Op(prim, args, static):
                return spelled(Op(prim, tuple(map(build, args)), static))
        return part

    return build(tree.expr)


def order(tree: Tree, where: Space, counters: tuple[str, ...], known: Known, target: View | None) -> tuple[int, ...]:
    """The axes in the order of the loops: innermost that along which most arrays lie close together."""
    if len(counters) < 2:
        return tuple(range(len(counters)))
    votes = [0] * len(counters)
    views = [(leaf.view, len(leaf.lengths), f) for leaf, f in zip(tree.leaves, where.factors, strict=True)]
    if target is not None:
        views += [(target, len(target.lengths), (Const(1),) * len(target.lengths))] * 2
    else:
        votes[-1] = 1
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


def names_of(stmts: Block) -> set[str]:
    return {s.target for s in stmts if isinstance(s, Assign)}

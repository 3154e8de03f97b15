"""Whether the turns of a loop may be done in any order, and which elements they touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, Op, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import children, names, own_exprs, walk
from srcad.ir.types import Array, Opaque, Scalar, Type
from srcad.rules.traits import SHAPE_READS

MayAlias = Callable[[str, str], bool]
"""Whether two names may hold the same memory."""


def affine_indices(item: Expr, index: str) -> int | None:
    """The c of `index + c`; None for anything else.

    >>> affine_indices(Op("-", (Var("i"), Const(2))), "i")
    -2
    """
    match item:
        case Var(name) if name == index:
            return 0
        case Op("+", (Var(name), Const(int(shift)))) | Op("+", (Const(int(shift)), Var(name))) if name == index:
            return shift
        case Op("-", (Var(name), Const(int(shift)))) if name == index:
            return -shift
    return None


def is_injective_index(item: Expr, loop: For) -> bool:
    """Whether the item is another one in each turn, and never below zero, where counting from the end begins."""
    shift = affine_indices(item, loop.index)
    match loop:
        case For(start=Const(int(low)), step=Const(1)):
            pass
        case For(stop=Const(int(below)), step=Const(-1)):
            low = below + 1
        case _:
            return False
    return shift is not None and low + shift >= 0


def memory_reads(expr: Expr, types: Mapping[str, Type]) -> frozenset[str]:
    """The names whose elements the expression may read; to ask for a length reads none."""
    if isinstance(expr, Op) and expr.prim in SHAPE_READS and all(isinstance(arg, Var) for arg in expr.args):
        return frozenset(n for n in names(expr) if not isinstance(types.get(n), Array | Scalar | Opaque))
    if isinstance(expr, Var):
        return frozenset() if isinstance(types.get(expr.name), Scalar | Opaque) else frozenset({expr.name})
    return frozenset().union(*(memory_reads(part, types) for part in children(expr)))


def is_reduction_array(array: str, body: Block, types: Mapping[str, Type], meet: MayAlias) -> bool:
    """Whether all that the body does with an array is to add to it, by this name."""
    for stmt in walk(body):
        read: tuple[Expr, ...] = own_exprs(stmt)
        if isinstance(stmt, Store):
            base = root(stmt.base)
            if base is None or meet(array, base):
                if stmt.base != Var(array) or stmt.op not in ("+", "-"):
                    return False
                read = (*stmt.index, stmt.value)
        if any(meet(array, n) for e in read for n in memory_reads(e, types)):
            return False
    return True


def is_parallel(loop: For, types: Mapping[str, Type], meet: MayAlias) -> bool:
    """Whether the turns may be done in any order, up to the rounding of sums.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Dim
    >>> types = {"x": Array("float64", (Dim((), 9),)), "y": Array("float64", (Dim((), 9),)), "i": Scalar("int64")}
    >>> def ask(text):
    ...     (loop,) = parse(text)
    ...     return is_parallel(loop, types, str.__eq__)
    >>> ask('''
    ... for i in range(n):
    ...     x[i] = 2.0 * x[i]
    ...     y[i - 1] += x[i]
    ... ''')
    True
    >>> ask('''
    ... for i in range(1, n):
    ...     x[i] = 2.0 * x[i - 1]
    ... ''')
    False

    A loop in it counts as part of a turn. That nothing assigned in the loop is read after it, the caller knows.
    """
    if loop.exit is not None or loop.carried or not _plain(loop.body, types) or not _fresh(loop.body, loop.index):
        return False
    stored = {s.base.name for s in walk(loop.body) if isinstance(s, Store) and isinstance(s.base, Var)}
    return all(is_reduction_array(a, loop.body, types, meet) or _by_turn(a, loop, types, meet) for a in stored)


def _plain(body: Block, types: Mapping[str, Type]) -> bool:
    """Whether there are only scalars, elements and loops over such, and nothing with an effect."""
    for stmt in walk(body):
        match stmt:
            case Assign(target) | AugAssign(target) if isinstance(types.get(target), Scalar):
                pass
            case Store(Var(array), index) if index and isinstance(types.get(array), Array):
                pass
            case For(carried=(), exit=None) | Comment():
                pass
            case _:
                return False
    return all(is_pure(e) for s in walk(body) for e in own_exprs(s))


def _fresh(body: Block, index: str) -> bool:
    """Whether no turn reads a scalar that a turn before has assigned, and the index is the loop's alone."""
    assigned = {s.target for s in walk(body) if isinstance(s, Assign | AugAssign)}
    assigned |= {s.index for s in walk(body) if isinstance(s, For)}

    def go(block: Block, known: frozenset[str]) -> bool:
        for stmt in block:
            if any(names(e) & assigned - known for e in own_exprs(stmt)):
                return False
            if isinstance(stmt, For) and not go(stmt.body, known | {stmt.index}):
                return False
            if isinstance(stmt, Assign):
                known |= {stmt.target}
        return True

    return index not in assigned and go(body, frozenset())


def _by_turn(array: str, loop: For, types: Mapping[str, Type], meet: MayAlias) -> bool:
    """Whether every turn keeps to its own slice of the array: one axis is always indexed by the same `index + c`."""
    places: list[tuple[Expr, ...]] = []

    def visit(expr: Expr) -> bool:
        match expr:
            case Op("index", (Var(name), *items)) if meet(array, name):
                places.append(tuple(items))
                return name == array and all(map(visit, items))
            case Op(prim) if prim in SHAPE_READS and not memory_reads(expr, types):
                return True
            case Var(name):
                return not meet(array, name)
            case _:
                return all(map(visit, children(expr)))

    for stmt in walk(loop.body):
        read = own_exprs(stmt)
        if isinstance(stmt, Store):
            read = (Op("index", (stmt.base, *stmt.index)), stmt.value)
        if not all(map(visit, read)):
            return False
    shortest = min(map(len, places))
    return any(
        is_injective_index(places[0][axis], loop) and all(place[axis] == places[0][axis] for place in places)
        for axis in range(shortest)
    )

"""Loop parallelism: loops without loop-carried dependences but reductions, whose iterations may run in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, If, Op, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import children, names, own_exprs, own_writes, walk
from srcad.ir.types import Array, Opaque, Scalar, Tuple, Type
from srcad.rules.traits import SHAPE_READS

MayAlias = Callable[[str, str], bool]
"""Whether two names may refer to the same memory."""


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


def is_increasing(value: Expr, index: str) -> bool:
    """Whether a value is at least the index, and grows with it, where no iteration changes what else it is made of.

    >>> from srcad.ir.notation import parse
    >>> def ask(text):
    ...     (stmt,) = parse(text)
    ...     return is_increasing(stmt.value, "k")
    >>> ask("i = k if k < 2 else k + max(n - 4, 0)"), ask("i = k if k < 2 else k + n"), ask("i = k if 2 < k else k + 1")
    (True, False, False)
    """
    match value:
        case Var(name):
            return name == index
        case Op("+", (a, b)):
            return any(is_increasing(x, index) and _is_nonnegative(y, index) for x, y in ((a, b), (b, a)))
        case Op("select", (Op("<", (Var(name), bound)), Var(below), beyond)) if name == below == index:
            return index not in names(bound) and is_increasing(beyond, index)
    return False


def _is_nonnegative(value: Expr, index: str) -> bool:
    """Whether the value does not depend on the index, and is plainly not negative."""
    match value:
        case Const(int(number)):
            return number >= 0
        case Op("max", args):
            return index not in names(value) and any(_is_nonnegative(arg, index) for arg in args)
        case Op("select", (cond, a, b)):
            return index not in names(cond) and _is_nonnegative(a, index) and _is_nonnegative(b, index)
    return False


def is_injective_index(item: Expr, loop: For) -> bool:
    """Whether the item differs between any two iterations, and is never negative (that would count from the end)."""
    return _injective_offset(item, loop) is not None


def _injective_offset(item: Expr, loop: For) -> int | None:
    """The c of `index + c`, where that is never negative."""
    shift = affine_indices(item, loop.index)
    match loop:
        case For(start=Const(int(low)), step=Const(1)):
            pass
        case For(stop=Const(int(below)), step=Const(-1)):
            low = below + 1
        case _:
            return None
    return shift if shift is not None and low + shift >= 0 else None


def are_partitioned(accesses: Sequence[Sequence[Expr]], offset: Callable[[Expr], int | None]) -> bool:
    """Whether the iterations access disjoint slices: one axis is always indexed by the same `index + c`.

    `accesses` are the indices of all accesses, `offset` gives the c of an item, or None where it is of another form.

    >>> row, below, column = (Var("i"), Var("k")), (Op("+", (Var("i"), Const(1))), Var("k")), (Var("k"), Var("i"))
    >>> [are_partitioned(both, lambda item: affine_indices(item, "i")) for both in ([row, row], [row, below], [column])]
    [True, False, True]
    """
    shared_axes = range(min(map(len, accesses), default=0))
    offsets = ({offset(items[axis]) for items in accesses} for axis in shared_axes)
    return any(len(found) == 1 and None not in found for found in offsets)


def memory_reads(expr: Expr, types: Mapping[str, Type]) -> frozenset[str]:
    """The names whose elements the expression may read; a shape query reads none."""
    if isinstance(expr, Op) and expr.prim in SHAPE_READS and all(isinstance(arg, Var) for arg in expr.args):
        return frozenset(n for n in names(expr) if not isinstance(types.get(n), Array | Scalar | Opaque | Tuple))
    if isinstance(expr, Var):
        return frozenset() if isinstance(types.get(expr.name), Scalar | Opaque | Tuple) else frozenset({expr.name})
    return frozenset().union(*(memory_reads(part, types) for part in children(expr)))


def is_reduction_array(array: str, body: Block, types: Mapping[str, Type], may_alias: MayAlias) -> bool:
    """Whether the body only accumulates into the array, through this name, and never reads it."""
    for stmt in walk(body):
        read: tuple[Expr, ...] = own_exprs(stmt)
        if isinstance(stmt, Store):
            base = root(stmt.base)
            if base is None or may_alias(array, base):
                if stmt.base != Var(array) or stmt.op not in ("+", "-"):
                    return False
                read = (*stmt.index, stmt.value)
        if any(may_alias(array, n) for e in read for n in memory_reads(e, types)):
            return False
    return True


def is_parallel(loop: For, types: Mapping[str, Type], may_alias: MayAlias) -> bool:
    """Whether the iterations may run in any order, up to the rounding of sums.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Dim
    >>> types = {"x": Array("float64", (Dim((), 9),)), "y": Array("float64", (Dim((), 9),)), "i": Scalar("int64")}
    >>> def parallel(text):
    ...     (loop,) = parse(text)
    ...     return is_parallel(loop, types, str.__eq__)
    >>> parallel('''
    ... for i in range(n):
    ...     x[i] = 2.0 * x[i]
    ...     y[i - 1] += x[i]
    ... ''')
    True
    >>> parallel('''
    ... for i in range(1, n):
    ...     x[i] = 2.0 * x[i - 1]
    ... ''')
    False

    A nested loop is part of an iteration. It is up to the caller that nothing assigned in the loop is read after it.
    """
    if (
        loop.exit is not None
        or loop.carried
        or not _is_simple(loop.body, types)
        or not _no_carried_scalar(loop.body, loop.index)
    ):
        return False
    stored = {s.base.name for s in walk(loop.body) if isinstance(s, Store) and isinstance(s.base, Var)}
    return all(
        is_reduction_array(a, loop.body, types, may_alias) or is_partitioned(a, loop, types, may_alias) for a in stored
    )


def _is_simple(body: Block, types: Mapping[str, Type]) -> bool:
    """Whether the body has only scalar assignments, element stores, loops and branches, and no side effect."""
    for stmt in walk(body):
        match stmt:
            case Assign(target) | AugAssign(target) if isinstance(types.get(target), Scalar):
                pass
            case Store(Var(array), index) if index and isinstance(types.get(array), Array):
                pass
            case For(carried=(), exit=None) | If(joins=()) | Comment():
                pass
            case _:
                return False
    return all(is_pure(e) for s in walk(body) for e in own_exprs(s))


def _no_carried_scalar(body: Block, index: str) -> bool:
    """Whether no iteration reads a scalar that an earlier one assigned, and the body does not assign the index."""
    assigned = {s.target for s in walk(body) if isinstance(s, Assign | AugAssign)}
    assigned |= {s.index for s in walk(body) if isinstance(s, For)}

    def assigned_after(block: Block, before: frozenset[str]) -> frozenset[str] | None:
        """What is certainly assigned after the block; None where it reads what may be of another iteration."""
        for stmt in block:
            if any(names(e) & assigned - before for e in own_exprs(stmt)):
                return None
            if isinstance(stmt, For) and assigned_after(stmt.body, before | {stmt.index}) is None:
                return None
            if isinstance(stmt, If):
                ends = [assigned_after(branch, before) for branch in (stmt.then, stmt.orelse)]
                if ends[0] is None or ends[1] is None:
                    return None
                before = ends[0] & ends[1]
            if isinstance(stmt, Assign):
                before |= {stmt.target}
        return before

    return index not in assigned and assigned_after(body, frozenset()) is not None


def is_partitioned(array: str, loop: For, types: Mapping[str, Type], may_alias: MayAlias) -> bool:
    """Whether the iterations access disjoint slices of the array, and only through this name."""
    accesses: list[tuple[Expr, ...]] = []

    def visit(expr: Expr) -> bool:
        match expr:
            case Op("index", (Var(name), *items)) if may_alias(array, name):
                accesses.append(tuple(items))
                return name == array and all(map(visit, items))
            case Op(prim) if prim in SHAPE_READS and not memory_reads(expr, types):
                return True
            case Var(name):
                return not may_alias(array, name)
            case _:
                return all(map(visit, children(expr)))

    for stmt in walk(loop.body):
        read = own_exprs(stmt)
        if isinstance(stmt, Store):
            read = (Op("index", (stmt.base, *stmt.index)), stmt.value)
        if not all(map(visit, read)):
            return False
    loops = (replace(loop, index=index) for index in (loop.index, *_increasing_indices(loop)))
    return any(are_partitioned(accesses, partial(_injective_offset, loop=one)) for one in loops)


def _increasing_indices(loop: For) -> Iterator[str]:
    """What an iteration begins with: integers that grow from one iteration to the next, as the index does."""
    assigned = Counter(name for stmt in walk(loop.body) for name in own_writes(stmt))
    for stmt in loop.body:
        match stmt:
            case Assign(target, value) if assigned[target] == 1 and not names(value) & assigned.keys():
                if is_increasing(value, loop.index):
                    yield target
            case _:
                return

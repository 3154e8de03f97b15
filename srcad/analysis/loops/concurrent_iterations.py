"""Concurrent iterations: loops whose iterations may run at once, and what each of them does with memory.

An iteration may write to its own elements (private), to arrays and scalars that it makes itself, and add to sums that
nothing reads meanwhile (reductions: scalars, and arrays to whose elements several iterations add).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from srcad.analysis.loops.parallel_loops import MayAlias, is_partitioned, is_reduction_array
from srcad.analysis.loops.scratch_arrays import is_written_before_read
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, If, Op, Store, Var, While
from srcad.ir.traversal import defined, names, ops, own_exprs, own_writes, walk
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import SHAPE_ARITHMETIC, having
from srcad.typing.typeof import linear_value

_SAFE = ("np.", "math.", "machine.", "special.")
"""Modules whose functions may run in several threads at once; those that may raise are told apart by `may_raise`."""

_LENGTHS_OF_NEW: dict[str, slice] = dict.fromkeys(("np.zeros", "np.ones", "np.empty"), slice(None)) | {
    "np.full": slice(1, None),
    "np.eye": slice(0, 2),
    "np.linspace": slice(2, 3),
}
"""Which arguments of a primitive are lengths of its result."""


@dataclass(frozen=True)
class Concurrency:
    """How the iterations of a loop may run at once."""

    scalars: tuple[str, ...]
    """Sums that iterations add to."""
    arrays: tuple[str, ...]
    """Arrays to whose elements iterations add, several to the same one."""
    own: tuple[str, ...]
    """What each iteration assigns and nothing reads after it."""
    private: tuple[str, ...]
    """Arrays of before the loop, of which each iteration may have its own."""
    lengths: tuple[Expr, ...] = ()
    """Of new arrays, lengths that do not change in the loop. Where one is negative, an iteration raises an error."""
    fallible: bool = False
    """Whether an iteration may raise an error: the loop runs again, on one thread, and raises the first one."""
    changed: tuple[str, ...] = ()
    """Of a loop that may run again, the arrays that have to be as they were before."""


def concurrency(
    loop: For,
    types: Mapping[str, Type],
    may_alias: MayAlias,
    aliases: Callable[[str], frozenset[str]],
    live: frozenset[str],
    is_private: Callable[[str], bool] = lambda name: False,
) -> Concurrency | str:
    """How the iterations may run at once, or why they may not.

    `aliases` gives all names that may refer to the memory of one, anywhere; `live` are the names that the next
    iteration, or what follows the loop, may read; of an array that `is_private`, each iteration may have its own.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Dim
    >>> types = dict.fromkeys("xyw", Array("float64", (Dim((), 9),))) | dict.fromkeys("ik", Scalar("int64"))
    >>> types |= dict.fromkeys("st", Scalar("float64"))
    >>> def ask(text, live=""):
    ...     (loop,) = parse(text)
    ...     return concurrency(loop, types, str.__eq__, lambda name: frozenset({name}), frozenset(live))
    >>> ask('''
    ... for i in range(n):
    ...     t = x[i] * w[0]
    ...     y[i] = t
    ...     w[k] += t
    ... ''')
    'iterations read elements of w that others write'
    >>> ask('''
    ... for i in range(n):
    ...     t = x[i] * x[i + 1]
    ...     y[i] = t
    ...     w[k] += t
    ...     s += t
    ... ''', "s")
    Concurrency(scalars=('s',), arrays=('w',), own=('t',), private=(), lengths=(), fallible=False, changed=())
    >>> ask('''
    ... for i in range(n):
    ...     s = s * x[i]
    ... ''', "s")
    'an iteration reads s of the iteration before'
    """
    if loop.exit is not None or loop.carried:
        return "the loop may end early"
    if loop.step not in (Const(1), Const(-1)):
        return "the index does not change by one"
    if refused := next(_refused(loop.body, types), None):
        return refused
    assigned = defined(loop.body)
    if loop.index in assigned or loop.index in live:
        return f"its index {loop.index} is assigned to, or read after it"
    lengths = tuple(dict.fromkeys(_lengths_to_check(loop.body, types)))
    if any(names(e) & (assigned | {loop.index}) or not is_of_lengths(e) for e in lengths):
        return "an iteration may make an array of a negative length"
    own = tuple(sorted(assigned - live))
    if (names(loop.start) | names(loop.stop)) & assigned & live:
        return "its bounds may change"
    scalars = sorted(assigned & live)
    for name in scalars:
        if not _is_reduction(name, loop.body, types):
            return f"an iteration reads {name} of the iteration before"
    fallible = any(op.prim in FALLIBLE for stmt in walk(loop.body) for e in own_exprs(stmt) for op in ops(e))
    arrays, private, changed = [], [], []
    for array in sorted({_base(s) for s in walk(loop.body) if isinstance(s, Store)}):
        if array in own and aliases(array) <= set(own):
            continue
        if array in assigned or not array:
            return "iterations write to views"
        if is_partitioned(array, loop, types, may_alias):
            if fallible and not is_written_before_read(array, loop.body, types):
                changed.append(array)
            continue
        if is_private(array):
            private.append(array)
            continue
        if not is_reduction_array(array, loop.body, types, may_alias):
            return f"iterations read elements of {array} that others write"
        arrays.append(array)
    return Concurrency(tuple(scalars), tuple(arrays), own, tuple(private), lengths, fallible, tuple(changed))


def _base(store: Store) -> str:
    return store.base.name if isinstance(store.base, Var) else ""


def _refused(body: Block, types: Mapping[str, Type]) -> Iterator[str]:
    """What no thread but the first may do."""
    for stmt in walk(body):
        match stmt:
            case Assign(target) if isinstance(types.get(target), Scalar | Array):
                pass
            case AugAssign(target) if isinstance(types.get(target), Scalar):
                pass
            case If(joins=()) | Comment() | For(carried=(), step=Const()) | While(carried=()) | Store():
                pass
            case _:
                yield "an iteration may raise an error, or has another effect"
        for expr in own_exprs(stmt):
            if not is_pure(expr) or any(may_raise(op.prim) and op.prim not in FALLIBLE for op in ops(expr)):
                yield "an iteration may raise an error, or has another effect"


def _lengths_to_check(body: Block, types: Mapping[str, Type]) -> Iterator[Expr]:
    """The lengths of new arrays that are not known to be at least 0: a thread cannot raise Python's error."""
    for stmt in walk(body):
        for op in (op for expr in own_exprs(stmt) for op in ops(expr) if op.prim in _LENGTHS_OF_NEW):
            for length in op.args[_LENGTHS_OF_NEW[op.prim]]:
                if not _is_nonnegative(length, types):
                    yield length


def _is_nonnegative(length: Expr, types: Mapping[str, Type]) -> bool:
    match length:
        case Op("max", args):
            return any(_is_nonnegative(arg, types) for arg in args)
        case Op("shape" | "len" | "size"):
            return True
        case Op("+" | "*", args):
            return all(_is_nonnegative(arg, types) for arg in args)
    value = linear_value(length, types)
    return value is not None and value.is_index


def is_of_lengths(expr: Expr) -> bool:
    """Whether the expression is computed from lengths and integers alone."""
    return all(op.prim in SHAPE_ARITHMETIC for op in ops(expr))


def may_raise(prim: str) -> bool:
    if prim not in PRIMITIVES:
        return True
    module = prim.rpartition(".")[0]
    uncertain = not prim.startswith(_SAFE) or prim.startswith("np.linalg.") or PRIMITIVES[prim].interpreted
    return bool(module) and uncertain


FALLIBLE = having(lambda p: p.kind == "linalg" and may_raise(p.name) and not p.interpreted)
"""Functions that raise an error for some values, and do nothing else that is seen."""


def _is_reduction(name: str, body: Block, types: Mapping[str, Type]) -> bool:
    """Whether the body only adds to the scalar, or subtracts from it."""
    kind = types.get(name)
    if not isinstance(kind, Scalar) or kind.dtype == "bool":
        return False
    for stmt in walk(body):
        match stmt:
            case AugAssign(target, "+" | "-", value) if target == name:
                if name in names(value):
                    return False
            case _ if name in own_writes(stmt) or any(name in names(e) for e in own_exprs(stmt)):
                return False
    return True

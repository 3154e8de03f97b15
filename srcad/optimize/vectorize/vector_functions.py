"""Vectorisation of elementary functions: in vectorisable loops, library calls become call-free inline forms.

Numba calls the C library for `exp`, `log`, `tanh` and `erf`, one scalar at a time. `machine` has forms of them without
calls and branches, which LLVM inlines; a loop over them computes eight elements at once where the processor can. As
scalar code they are no faster than the library, some slower, so they are used only where LLVM will probably vectorise
the loop: an innermost loop without other calls, without loop-carried dependences but reductions, and with few arrays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, If, Op, Stmt, Store, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import (
    blocks,
    map_expr,
    names,
    ops,
    own_exprs,
    rewrite,
    stmt_stores,
    stmt_writes,
    walk,
    with_blocks,
)
from srcad.ir.types import Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import having
from srcad.typing.typeof import linear_value, typeof

INLINE = {
    Scalar("float64"): {name: p.vector for name, p in PRIMITIVES.items() if p.vector.startswith("machine.")},
    Scalar("float32"): {name: p.vector_single for name, p in PRIMITIVES.items() if p.vector_single},
}
"""By the type of all arguments, the forms of functions."""
FITTING = having(lambda p: p.vector)
"""What may be in a vector loop. `**` may too, where it is no loop itself."""
MAX_ALIAS_CHECKS = 128
"""LLVM emits a run-time alias check for each pair of arrays before a loop; with more pairs it gives up."""
NEW = frozenset({"np.empty", "np.zeros", "np.ones", "np.full", "np.empty_like", "np.zeros_like"})
"""Fresh memory, marked noalias for LLVM (`backend/numba/light_overloads`): no run-time alias check."""
DOUBLE = Scalar("float64")
_Row = tuple[Expr, tuple[Expr, ...]]


def use_vector_functions(f: Function) -> Function:
    """Replace the calls in vector loops.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, dim
    >>> body = parse('''
    ...     for i in range(n):
    ...         y[i] = np.exp(x[i])
    ...         s += math.log(x[i])
    ...     for i in range(1, n):
    ...         y[i] = np.exp(y[i - 1])
    ... ''')
    >>> vector = Array("float64", (dim(4),))
    >>> types = {"x": vector, "y": vector, "s": Scalar("float64"), **dict.fromkeys("in", Scalar("int64"))}
    >>> print(show(use_vector_functions(Function("f", (), body, (), types)).body))
    for i in range(n):
        y[i] = machine.inline_exp(x[i])
        s += machine.inline_log(x[i])
    for i in range(1, n, 1):
        y[i] = np.exp(y[i - 1])
    """
    return replace(f, body=_block(f.body, f.types, local_allocations(f)))


def _block(block: Block, types: Mapping[str, Type], new: Set[str]) -> Block:
    return tuple(_stmt(stmt, types, new) for stmt in block)


def _stmt(stmt: Stmt, types: Mapping[str, Type], new: Set[str]) -> Stmt:
    if isinstance(stmt, For) and not any(isinstance(s, For | While) for s in walk(stmt.body)):
        return _with_vector_forms(stmt, types) if is_vectorizable(stmt, types, new) else stmt
    return with_blocks(stmt, [_block(b, types, new) for b in blocks(stmt)])


def _with_vector_forms(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    def inline(expr: Expr) -> Expr:
        match expr:
            case Op(_, args, static) if (form := vector_form(expr, types)) is not None:
                return Op(form, args, static)
            case Op("**", (base, Const(int() | float() as power))) if power in (-4, -3, -2, -1, 3.0, 4.0):
                # integer powers are products; Numba tests the sign of negative ones, LLVM knows that of 2.0 only
                if typeof(base, types) == DOUBLE:
                    product = Op("**", (base, Const(abs(int(power))))) if abs(power) > 1 else base
                    return product if power > 0 else Op("/", (Const(1.0), product))
        return expr

    if blocks(stmt):
        return with_blocks(stmt, [tuple(_with_vector_forms(s, types) for s in b) for b in blocks(stmt)])
    return rewrite(stmt, lambda expr: map_expr(expr, inline))


def vector_form(op: Op, types: Mapping[str, Type]) -> str | None:
    """The primitive that stands for `op` in a vector loop."""
    for kind, forms in INLINE.items():
        if op.prim in forms and all(typeof(arg, types) == kind for arg in op.args):
            return forms[op.prim]
    return None


# ---- whether LLVM will vectorise a loop --------------------------------------------------------


def local_allocations(f: Function) -> Set[str]:
    """The arrays that the function allocates itself, each in one assignment."""
    definitions = Counter(s.target for s in walk(f.body) if isinstance(s, Assign)) + Counter(p.name for p in f.params)
    allocated = (
        s.target for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Op) and s.value.prim in NEW
    )
    return {name for name in allocated if definitions[name] == 1}


def is_vectorizable(loop: For, types: Mapping[str, Type], new: Set[str]) -> bool:
    """Whether LLVM will probably vectorise the loop: LLVM decides, and only speed depends on this guess."""
    simple = all(isinstance(s, Assign | AugAssign | Store | If) for s in walk(loop.body))
    independent = (
        simple
        and loop.exit is None
        and _has_vector_ops_only(loop.body, types)
        and not _has_scalar_recurrence(loop.body)
    )
    return independent and _has_disjoint_stores(loop, types, new)


def _has_vector_ops_only(body: Block, types: Mapping[str, Type]) -> bool:
    return all(
        op.prim in FITTING or _is_power(op, types) for s in walk(body) for expr in own_exprs(s) for op in ops(expr)
    )


def _is_power(op: Op, types: Mapping[str, Type]) -> bool:
    """Whether it is a power that Numba compiles without a loop; those with a variable integer exponent are loops."""
    return op.prim == "**" and (isinstance(op.args[1], Const) or typeof(op.args[1], types) == DOUBLE)


def _has_scalar_recurrence(body: Block) -> bool:
    """Whether there is a loop-carried dependence on a scalar other than a sum."""
    assigned = {s.target for s in walk(body) if isinstance(s, Assign)}
    sums = {s.target for s in walk(body) if isinstance(s, AugAssign) and s.op in ("+", "-")} - assigned
    assigned |= {s.target for s in walk(body) if isinstance(s, AugAssign)}

    def go(block: Block, defined_here: set[str], on_branch: dict[tuple[Expr, bool], set[str]]) -> bool:
        for stmt in block:
            read = (stmt.value,) if isinstance(stmt, AugAssign) else own_exprs(stmt)
            if any(names(e) & (assigned - defined_here) for e in read):
                return True
            match stmt:
                case If(cond, then, orelse):
                    # what one `if` assigns is defined in the next on the same condition
                    one, other = (defined_here | on_branch.pop((cond, truth), set()) for truth in (True, False))
                    if go(then, one, dict(on_branch)) or go(orelse, other, dict(on_branch)):
                        return True
                    defined_here |= one & other
                case AugAssign(target) if target not in sums and target not in defined_here:
                    return True
                case Assign(target):
                    defined_here.add(target)
            for key in [key for key in on_branch if names(key[0]) & (stmt_writes(stmt) | stmt_stores(stmt))]:
                del on_branch[key]
            if isinstance(stmt, If) and not names(stmt.cond) & (stmt_writes(stmt) | stmt_stores(stmt)):
                on_branch |= {(stmt.cond, True): one, (stmt.cond, False): other}
        return False

    return go(body, set(), {})


def _has_disjoint_stores(loop: For, types: Mapping[str, Type], new: Set[str]) -> bool:
    """Whether every iteration stores to elements of its own, and reads a stored array at these elements only."""
    stores = [(s.base, s.index) for s in walk(loop.body) if isinstance(s, Store)]
    stored = {root(base) for base, _ in stores}
    accesses = [*stores, *_reads(loop.body)]
    for name in stored:
        varying = {tuple(i for i in items if loop.index in names(i)) for base, items in accesses if root(base) == name}
        if len(varying) > 1 or not all(_follows_index(items) for items in varying):
            return False
    # for LLVM's alias checks, each row of an array is an array
    rows = {(base, tuple(i for i in items if loop.index not in names(i))) for base, items in accesses}
    stored_rows = {(base, tuple(i for i in items if loop.index not in names(i))) for base, items in stores}
    if any(
        a != b and root(a[0]) == root(b[0]) and not _are_disjoint(a, b, types)
        for a in stored_rows
        for b in stored_rows | rows
    ):
        return False
    pairs = {
        frozenset((a, b)) for a in stored_rows for b in stored_rows | rows if a != b and _is_checked(a[0], b[0], new)
    }
    return len(pairs) <= MAX_ALIAS_CHECKS


def _are_disjoint(a: _Row, b: _Row, types: Mapping[str, Type]) -> bool:
    """Whether two rows of one array seem disjoint: if one row has two index expressions, LLVM's alias check fails.

    Not `surely_apart`, which must know from which end an index counts: a wrong answer here costs only speed.
    """
    if a[0] != b[0] or len(a[1]) != len(b[1]):
        return False
    for one, other in zip(a[1], b[1], strict=True):
        x, y = linear_value(one, types), linear_value(other, types)
        if x is not None and y is not None and not (x - y).terms and x != y:
            return True
    return False


def _is_checked(a: Expr, b: Expr, new: Set[str]) -> bool:
    """Whether LLVM emits an alias check: it knows fewer arrays to be distinct than `analysis.memory` does."""
    one, other = root(a), root(b)
    return one == other or not {one, other} & new


def _reads(body: Block) -> Iterator[tuple[Expr, tuple[Expr, ...]]]:
    for stmt in walk(body):
        for expr in own_exprs(stmt):
            for op in ops(expr):
                if op.prim == "index":
                    yield op.args[0], op.args[1:]


def _follows_index(items: tuple[Expr, ...]) -> bool:
    """Whether an index follows the loop index without loads (no gather or scatter)."""
    return bool(items) and not any(op.prim == "index" for item in items for op in ops(item))

"""Elementary functions in vector loops are ones that LLVM can vectorise.

Numba calls the C library for `exp`, `log`, `tanh` and `erf`, one number at a time. `machine` has forms of them without
calls and branches, which LLVM inlines; a loop over them takes eight numbers at once where the processor can. One number
at a time they are no faster than the library, some slower, so that they are used only where the loop looks as if LLVM
will vectorise it: an innermost loop without other calls, of which no turn waits for the result of the turn before but
for sums, and with few arrays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, Function, If, Op, Stmt, Store, While
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

INLINE = {name: p.vector for name, p in PRIMITIVES.items() if p.vector.startswith("machine.")}
FITTING = having(lambda p: p.vector)
"""What may be in a vector loop. `**` may too, where it is no loop itself."""
CHECKS = 128
"""LLVM compares addresses before a loop, to be sure that stores change nothing else; with more pairs it gives up."""
NEW = frozenset({"np.empty", "np.zeros", "np.ones", "np.full", "np.empty_like", "np.zeros_like"})
"""Memory of their own, as LLVM is told (`backend/numba/light_overloads`): nothing to compare."""
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
        return _inlined(stmt, types) if is_vectorizable(stmt, types, new) else stmt
    return with_blocks(stmt, [_block(b, types, new) for b in blocks(stmt)])


def _inlined(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    def inline(expr: Expr) -> Expr:
        match expr:
            case Op(prim, args, static) if has_vector_form(expr, types):
                return Op(INLINE[prim], args, static)
            case Op("**", (base, Const(int() | float() as power))) if power in (-4, -3, -2, -1, 3.0, 4.0):
                # whole powers are products; Numba asks for the sign of those below zero, LLVM knows that of 2.0 only
                if typeof(base, types) == DOUBLE:
                    product = Op("**", (base, Const(abs(int(power))))) if abs(power) > 1 else base
                    return product if power > 0 else Op("/", (Const(1.0), product))
        return expr

    if blocks(stmt):
        return with_blocks(stmt, [tuple(_inlined(s, types) for s in b) for b in blocks(stmt)])
    return rewrite(stmt, lambda expr: map_expr(expr, inline))


def has_vector_form(op: Op, types: Mapping[str, Type]) -> bool:
    return op.prim in INLINE and all(typeof(arg, types) == DOUBLE for arg in op.args)


# ---- whether LLVM will vectorise a loop --------------------------------------------------------


def local_allocations(f: Function) -> Set[str]:
    """The arrays that are made here, each by one assignment."""
    given = Counter(s.target for s in walk(f.body) if isinstance(s, Assign)) + Counter(p.name for p in f.params)
    made = (s.target for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Op) and s.value.prim in NEW)
    return {name for name in made if given[name] == 1}


def is_vectorizable(loop: For, types: Mapping[str, Type], new: Set[str]) -> bool:
    """Whether it looks so: LLVM decides, and nothing but speed depends on the guess."""
    plain = all(isinstance(s, Assign | AugAssign | Store | If | Comment) for s in walk(loop.body))
    alone = plain and loop.exit is None and _fitting(loop.body, types) and not _waits(loop.body)
    return alone and _own_places(loop, types, new)


def _fitting(body: Block, types: Mapping[str, Type]) -> bool:
    return all(
        op.prim in FITTING or _is_power(op, types) for s in walk(body) for expr in own_exprs(s) for op in ops(expr)
    )


def _is_power(op: Op, types: Mapping[str, Type]) -> bool:
    """Whether it is a power that Numba does not make a loop of, as it does of whole numbers."""
    return op.prim == "**" and (isinstance(op.args[1], Const) or typeof(op.args[1], types) == DOUBLE)


def _waits(body: Block) -> bool:
    """Whether a turn reads a scalar from the turn before, other than to add to it."""
    assigned = {s.target for s in walk(body) if isinstance(s, Assign)}
    sums = {s.target for s in walk(body) if isinstance(s, AugAssign) and s.op in ("+", "-")} - assigned
    assigned |= {s.target for s in walk(body) if isinstance(s, AugAssign)}

    def go(block: Block, known: set[str], under: dict[tuple[Expr, bool], set[str]]) -> bool:
        for stmt in block:
            read = (stmt.value,) if isinstance(stmt, AugAssign) else own_exprs(stmt)
            if any(names(e) & (assigned - known) for e in read):
                return True
            match stmt:
                case If(cond, then, orelse):
                    # what one `if` assigns is known to the next on the same condition
                    one, other = (known | under.pop((cond, way), set()) for way in (True, False))
                    if go(then, one, dict(under)) or go(orelse, other, dict(under)):
                        return True
                    known |= one & other
                case AugAssign(target) if target not in sums and target not in known:
                    return True
                case Assign(target):
                    known.add(target)
            for key in [key for key in under if names(key[0]) & (stmt_writes(stmt) | stmt_stores(stmt))]:
                del under[key]
            if isinstance(stmt, If) and not names(stmt.cond) & (stmt_writes(stmt) | stmt_stores(stmt)):
                under |= {(stmt.cond, True): one, (stmt.cond, False): other}
        return False

    return go(body, set(), {})


def _own_places(loop: For, types: Mapping[str, Type], new: Set[str]) -> bool:
    """Whether what is stored to an array goes to an own place in every turn, and is read from there only."""
    stores = [(s.base, s.index) for s in walk(loop.body) if isinstance(s, Store)]
    stored = {root(base) for base, _ in stores}
    places = [*stores, *_reads(loop.body)]
    for name in stored:
        moving = {tuple(i for i in items if loop.index in names(i)) for base, items in places if root(base) == name}
        if len(moving) > 1 or not all(_follows(items) for items in moving):
            return False
    # rows of one array count as arrays
    rows = {(base, tuple(i for i in items if loop.index not in names(i))) for base, items in places}
    own = {(base, tuple(i for i in items if loop.index not in names(i))) for base, items in stores}
    if any(a != b and root(a[0]) == root(b[0]) and not _apart(a, b, types) for a in own for b in own | rows):
        return False
    pairs = {frozenset((a, b)) for a in own for b in own | rows if a != b and _compared(a[0], b[0], new)}
    return len(pairs) <= CHECKS


def _apart(a: _Row, b: _Row, types: Mapping[str, Type]) -> bool:
    """Whether two rows of one array look as if not the same: of one row under two names, each address meets itself.

    Not `surely_apart`, which asks where an index counts from: here a wrong answer costs nothing but speed.
    """
    if a[0] != b[0] or len(a[1]) != len(b[1]):
        return False
    for one, other in zip(a[1], b[1], strict=True):
        x, y = linear_value(one, types), linear_value(other, types)
        if x is not None and y is not None and not (x - y).terms and x != y:
            return True
    return False


def _compared(a: Expr, b: Expr, new: Set[str]) -> bool:
    """Whether LLVM compares the addresses: what it can see is less than what `analysis.memory` knows."""
    one, other = root(a), root(b)
    return one == other or not {one, other} & new


def _reads(body: Block) -> Iterator[tuple[Expr, tuple[Expr, ...]]]:
    for stmt in walk(body):
        for expr in own_exprs(stmt):
            for op in ops(expr):
                if op.prim == "index":
                    yield op.args[0], op.args[1:]


def _follows(items: tuple[Expr, ...]) -> bool:
    """Whether a place moves on with the counter, and not by numbers read from memory."""
    return bool(items) and not any(op.prim == "index" for item in items for op in ops(item))

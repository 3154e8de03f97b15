"""Elementary functions in vector loops are ones that LLVM can vectorise.

Numba calls the C library for `exp`, `log` and `tanh`, one number at a time. `runtime` has forms of them without calls
and branches, which LLVM inlines; a loop over them takes eight numbers at once where the processor can. One number at
a time they are no faster than the library, some slower, so that they are used only where the loop looks as if LLVM
will vectorise it: an innermost loop of which no turn waits for the result of the turn before, but for sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.types import Scalar, Type
from srcad.ir.walk import blocks, map_expr, names, ops, own_exprs, rewrite, root, walk, with_blocks
from srcad.simplify.typeof import typeof

INLINE = {
    "math.exp": "runtime.inline_exp",
    "np.exp": "runtime.inline_exp",
    "math.log": "runtime.inline_log",
    "np.log": "runtime.inline_log",
    "math.tanh": "runtime.inline_tanh",
    "np.tanh": "runtime.inline_tanh",
}
DOUBLE = Scalar("float64")


def functions(f: Function) -> Function:
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
    >>> print(show(functions(Function("f", (), body, (), types)).body))
    for i in range(n):
        y[i] = runtime.inline_exp(x[i])
        s += runtime.inline_log(x[i])
    for i in range(1, n, 1):
        y[i] = np.exp(y[i - 1])
    """
    return replace(f, body=_block(f.body, f.types))


def _block(block: Block, types: Mapping[str, Type]) -> Block:
    return tuple(_stmt(stmt, types) for stmt in block)


def _stmt(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    if isinstance(stmt, For) and not any(isinstance(s, For | While) for s in walk(stmt.body)):
        return _inlined(stmt, types) if _vectorises(stmt) else stmt
    return with_blocks(stmt, [_block(b, types) for b in blocks(stmt)])


def _inlined(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    def inline(expr: Expr) -> Expr:
        match expr:
            case Op(prim, (arg,), static) if prim in INLINE and typeof(arg, types) == DOUBLE:
                return Op(INLINE[prim], (arg,), static)
        return expr

    if blocks(stmt):
        return with_blocks(stmt, [tuple(_inlined(s, types) for s in b) for b in blocks(stmt)])
    return rewrite(stmt, lambda expr: map_expr(expr, inline))


# ---- whether LLVM will vectorise a loop --------------------------------------------------------


def _vectorises(loop: For) -> bool:
    """Whether it looks so: LLVM decides, and nothing but speed depends on the guess."""
    plain = all(isinstance(s, Assign | AugAssign | Store | If | Comment) for s in walk(loop.body))
    return plain and loop.exit is None and not _waits(loop.body) and _own_places(loop)


def _waits(body: Block) -> bool:
    """Whether a turn reads a scalar from the turn before, other than to add to it."""
    assigned = {s.target for s in walk(body) if isinstance(s, Assign)}
    sums = {s.target for s in walk(body) if isinstance(s, AugAssign) and s.op in ("+", "-")} - assigned
    assigned |= {s.target for s in walk(body) if isinstance(s, AugAssign)}

    def go(block: Block, known: set[str]) -> bool:
        for stmt in block:
            read = (stmt.value,) if isinstance(stmt, AugAssign) else own_exprs(stmt)
            if any(names(e) & (assigned - known) for e in read):
                return True
            match stmt:
                case If(then=then, orelse=orelse):
                    one, other = set(known), set(known)
                    if go(then, one) or go(orelse, other):
                        return True
                    known |= one & other
                case AugAssign(target) if target not in sums and target not in known:
                    return True
                case Assign(target):
                    known.add(target)
        return False

    return go(body, set())


def _own_places(loop: For) -> bool:
    """Whether what is stored to an array goes to an own place in every turn, and is read from there only."""
    stores = [s for s in walk(loop.body) if isinstance(s, Store)]
    stored = {root(s.base) for s in stores}
    used: dict[str | None, set[tuple[Expr, ...]]] = {}
    for stmt in stores:
        used.setdefault(root(stmt.base), set()).add(_moving(stmt.index, loop.index))
    for base, items in _reads(loop.body):
        if root(base) in stored:
            used[root(base)].add(_moving(items, loop.index))
    return all(len(places) == 1 and _follows(next(iter(places)), loop.index) for places in used.values())


def _reads(body: Block) -> Iterator[tuple[Expr, tuple[Expr, ...]]]:
    for stmt in walk(body):
        for expr in own_exprs(stmt):
            for op in ops(expr):
                if op.prim == "index":
                    yield op.args[0], op.args[1:]


def _moving(items: tuple[Expr, ...], index: str) -> tuple[Expr, ...]:
    """The items of a place that are others in each turn."""
    return tuple(item for item in items if index in names(item))


def _follows(items: tuple[Expr, ...], index: str) -> bool:
    """Whether a place moves on with the counter, and not by numbers read from memory."""
    return bool(items) and not any(op.prim == "index" for item in items for op in ops(item))

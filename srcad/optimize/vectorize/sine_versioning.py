"""Sines and cosines in vector loops are ones that LLVM can vectorise, where no angle is too large for that.

`machine` has forms of them without calls that are right up to some size; of larger angles the library alone knows the
digits of pi. So there are two loops, and one before them that asks for the angles only. It has to know them before
anything is stored or called: where that is not certain, the loop stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import replace

from srcad.analysis.memory.memory_queries import MemoryQueries
from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, map_expr, names, ops, own_exprs, own_writes, rewrite, walk, with_blocks
from srcad.ir.types import Scalar
from srcad.optimize.vectorize.vector_functions import DOUBLE, is_vectorizable, local_allocations
from srcad.rules.traits import LAZY, having
from srcad.typing.typeof import typeof
from srcad.vector_math import FAR

FORMS = {f"{module}.{name}": f"machine.inline_{name}" for module in ("np", "math") for name in ("sin", "cos")}
_DIVISION = 4
DEAR = having(lambda p: p.vector not in ("", "instructions") or (p.cost or 0) > _DIVISION)
"""What is not worth computing twice."""


def version_on_argument_range(f: Function) -> Function:
    """Give the loops a form for angles that are not too large.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, dim
    >>> body = parse('''
    ... y = np.empty(n)
    ... for i in range(n):
    ...     y[i] = np.sin(w * x[i])
    ... ''')
    >>> vector = Array("float64", (dim(4),))
    >>> types = {"x": vector, "y": vector, "w": DOUBLE, **dict.fromkeys("in", Scalar("int64"))}
    >>> print(show(version_on_argument_range(Function("f", (), body, (), types)).body))
    y = np.empty(n)
    far = False
    for i in range(n):
        far |= abs(w * x[i]) > 500000.0
    if far:
        for i in range(n):
            y[i] = np.sin(w * x[i])
    else:
        for i in range(n):
            y[i] = machine.inline_sin(w * x[i])
    """
    if not any(op.prim in FORMS for s in walk(f.body) for e in own_exprs(s) for op in ops(e)):
        return f
    types = dict(f.types)
    work = _Sines(f, fresh_name("far", Scalar("bool"), types))
    return replace(f, body=work.block(f.body), types=types)


class _Sines:
    def __init__(self, f: Function, far: str) -> None:
        self._types = f.types
        self._far = far
        self._new = local_allocations(f)
        self._memory = MemoryQueries(f)

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> tuple[Stmt, ...]:
        if isinstance(stmt, For) and not any(isinstance(s, For | While) for s in walk(stmt.body)):
            asked = self._asked(stmt) if is_vectorizable(stmt, self._types, self._new) else ()
            if not asked:
                return (stmt,)
            before = Assign(self._far, Const(False))
            near = replace(stmt, body=tuple(map(self._near, stmt.body)))
            return before, replace(stmt, body=asked), If(Var(self._far), (stmt,), (near,))
        return (with_blocks(stmt, [self.block(b) for b in blocks(stmt)]),)

    def _is_sine(self, op: Op) -> bool:
        return op.prim in FORMS and typeof(op.args[0], self._types) == DOUBLE

    def _near(self, stmt: Stmt) -> Stmt:
        def near(expr: Expr) -> Expr:
            return Op(FORMS[expr.prim], expr.args) if isinstance(expr, Op) and self._is_sine(expr) else expr

        return rewrite(stmt, lambda expr: map_expr(expr, near))

    def _asked(self, loop: For) -> Block:
        """What asks for the angles of each turn; nothing where they are not known beforehand."""
        stored = {base for s in walk(loop.body) if isinstance(s, Store) and (base := root(s.base)) is not None}
        unknown = {n for s in walk(loop.body) for n in own_writes(s)}
        found: list[Stmt] = []
        for stmt in loop.body:
            inside = sum(self._is_sine(op) for s in walk((stmt,)) for e in own_exprs(s) for op in ops(e))
            angles = [op.args[0] for e in own_exprs(stmt) for op in _always(e) if self._is_sine(op)]
            if len(angles) < inside or not all(self._is_known(e, unknown, stored) for e in angles):
                return ()
            for angle in dict.fromkeys(angles):
                found.append(AugAssign(self._far, "|", Op(">", (Op("abs", (angle,)), Const(FAR)))))
            match stmt:
                case Assign(target, value) if self._is_known(value, unknown, stored):
                    found.append(stmt)
                    unknown.discard(target)
                case _:
                    unknown.update(n for s in walk((stmt,)) for n in own_writes(s))
        return remove_dead_code(_once(found), {self._far}, {**self._types, self._far: Scalar("bool")})

    def _is_known(self, expr: Expr, unknown: Set[str], stored: Set[str]) -> bool:
        """Whether the value can be computed before the loop, and soon."""
        if names(expr) & unknown or any(op.prim in DEAR for op in ops(expr)):
            return False
        read = {n for n in names(expr) if not isinstance(self._types.get(n), Scalar)}
        return not any(self._memory.may_alias(a, b) for a in read for b in stored)


def _always(expr: Expr) -> Iterator[Op]:
    """The operations that are executed whenever the expression is evaluated."""
    if isinstance(expr, Op):
        for arg in expr.args[:1] if expr.prim in LAZY else expr.args:
            yield from _always(arg)
        yield expr


def _once(found: list[Stmt]) -> Block:
    """The statements without what is asked a second time of the same values."""
    times = Counter(s.target for s in found if isinstance(s, Assign))
    return tuple(
        stmt
        for k, stmt in enumerate(found)
        if not (isinstance(stmt, AugAssign) and stmt in found[:k])
        or any(times[n] > 1 for e in own_exprs(stmt) for n in names(e))
    )

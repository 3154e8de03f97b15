"""Loop versioning on the argument range of sine and cosine: a vectorisable loop where no argument is too large.

`machine` has call-free forms of both that are accurate up to a bound; beyond it only the C library reduces the argument
with enough digits of pi. So the loop exists twice, and a loop before them checks the range of the arguments. It has to
compute them before anything is stored or called: where that is not certain, the loop stays as it is.
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
"""Too expensive to compute twice."""


def version_on_argument_range(f: Function) -> Function:
    """Version the loops on the range of the arguments.

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
    work = _SineVersioning(f, fresh_name("far", Scalar("bool"), types))
    return replace(f, body=work.block(f.body), types=types)


class _SineVersioning:
    def __init__(self, f: Function, far: str) -> None:
        self._types = f.types
        self._far = far
        self._local = local_allocations(f)
        self._memory = MemoryQueries(f)

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> tuple[Stmt, ...]:
        if isinstance(stmt, For) and not any(isinstance(s, For | While) for s in walk(stmt.body)):
            check = self._range_check(stmt) if is_vectorizable(stmt, self._types, self._local) else ()
            if not check:
                return (stmt,)
            before = Assign(self._far, Const(False))
            in_range = replace(stmt, body=tuple(map(self._in_range, stmt.body)))
            return before, replace(stmt, body=check), If(Var(self._far), (stmt,), (in_range,))
        return (with_blocks(stmt, [self.block(b) for b in blocks(stmt)]),)

    def _is_sine(self, op: Op) -> bool:
        return op.prim in FORMS and typeof(op.args[0], self._types) == DOUBLE

    def _in_range(self, stmt: Stmt) -> Stmt:
        def in_range(expr: Expr) -> Expr:
            return Op(FORMS[expr.prim], expr.args) if isinstance(expr, Op) and self._is_sine(expr) else expr

        return rewrite(stmt, lambda expr: map_expr(expr, in_range))

    def _range_check(self, loop: For) -> Block:
        """The body of the range check; empty where an argument cannot be computed before the loop."""
        stored = {base for s in walk(loop.body) if isinstance(s, Store) and (base := root(s.base)) is not None}
        unavailable = {n for s in walk(loop.body) for n in own_writes(s)}
        found: list[Stmt] = []
        for stmt in loop.body:
            inside = sum(self._is_sine(op) for s in walk((stmt,)) for e in own_exprs(s) for op in ops(e))
            arguments = [op.args[0] for e in own_exprs(stmt) for op in _unconditional(e) if self._is_sine(op)]
            if len(arguments) < inside or not all(
                self._is_computable_before(e, unavailable, stored) for e in arguments
            ):
                return ()
            for argument in dict.fromkeys(arguments):
                found.append(AugAssign(self._far, "|", Op(">", (Op("abs", (argument,)), Const(FAR)))))
            match stmt:
                case Assign(target, value) if self._is_computable_before(value, unavailable, stored):
                    found.append(stmt)
                    unavailable.discard(target)
                case _:
                    unavailable.update(n for s in walk((stmt,)) for n in own_writes(s))
        checks = _without_repeated_checks(found)
        return remove_dead_code(checks, {self._far}, {**self._types, self._far: Scalar("bool")})

    def _is_computable_before(self, expr: Expr, unavailable: Set[str], stored: Set[str]) -> bool:
        """Whether the value can be computed before the loop, at little cost."""
        if names(expr) & unavailable or any(op.prim in DEAR for op in ops(expr)):
            return False
        read = {n for n in names(expr) if not isinstance(self._types.get(n), Scalar)}
        return not any(self._memory.may_alias(a, b) for a in read for b in stored)


def _unconditional(expr: Expr) -> Iterator[Op]:
    """The operations that are evaluated unconditionally, whenever the expression is."""
    if isinstance(expr, Op):
        for arg in expr.args[:1] if expr.prim in LAZY else expr.args:
            yield from _unconditional(arg)
        yield expr


def _without_repeated_checks(found: list[Stmt]) -> Block:
    """The statements without repeated checks of the same values."""
    assignments = Counter(s.target for s in found if isinstance(s, Assign))
    return tuple(
        stmt
        for k, stmt in enumerate(found)
        if not (isinstance(stmt, AugAssign) and stmt in found[:k])
        or any(assignments[n] > 1 for e in own_exprs(stmt) for n in names(e))
    )

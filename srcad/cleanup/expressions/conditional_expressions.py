"""If-conversion: branches that only define one temporary become `and`, `or` or `a if c else b`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from srcad.analysis.values.effects import is_pure
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Block, Const, Expr, If, Op, Stmt
from srcad.ir.traversal import blocks, own_writes, walk, with_blocks
from srcad.ir.types import Scalar, Type


def conditional_expressions(block: Block, types: Mapping[str, Type]) -> Block:
    """Replace an `if` that only assigns one temporary, in both branches, by a conditional expression.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(conditional_expressions(parse('''
    ... if i < n:
    ...     %t.0 = x[i] > 0.0
    ... else:
    ...     %t.0 = False
    ... '''), {"%t.0": Scalar("bool")})))
    %t.0 = (i < n) and (x[i] > 0.0)

    Lowering made these branches of the `and`, `or` and `if else` of the source. Only for scalars. All three are printed
    so that Python evaluates the chosen operand only.
    """
    writes = Counter(n for s in walk(block) for n in own_writes(s))

    def converted(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, [tuple(map(converted, b)) for b in blocks(stmt)])
        match stmt:
            case If(cond, (Assign(target, a),), (Assign(other, b),), ()) if target == other:
                known = types.get(target)
                convertible = is_temporary(target) and writes[target] == 2 and is_pure(a) and is_pure(b)
                if convertible and isinstance(known, Scalar):
                    return Assign(target, _choice(cond, a, b, known), stmt.span)
        return stmt

    return tuple(map(converted, block))


def _choice(cond: Expr, a: Expr, b: Expr, known: Scalar) -> Expr:
    if known.dtype == "bool":
        if b in (Const(False), cond):
            return Op("and", (cond, a))
        if a in (Const(True), cond):
            return Op("or", (cond, b))
    return Op("select", (cond, a, b))

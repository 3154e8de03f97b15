"""If-conversion: branches that only define one temporary become `and`, `or` or `a if c else b`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from srcad.analysis.values.effects import is_pure
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Block, Const, Expr, If, Op, Stmt, Var
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
    so that Python evaluates the chosen operand only. Branches that copy the same are no branches: what reverses
    `x = x - 1.0` in one of them leaves the adjoint of x as it is.

    >>> print(show(conditional_expressions(parse('''
    ... if took[i]:
    ...     d_x.2 = d_x.1
    ...     d_x.3 = d_x.2
    ... else:
    ...     d_x.3 = d_x.1
    ... '''), {})))
    d_x.2 = d_x.1
    d_x.3 = d_x.1
    """
    writes = Counter(n for s in walk(block) for n in own_writes(s))

    def converted(block: Block) -> Block:
        return tuple(new for stmt in block for new in replaced(stmt))

    def replaced(stmt: Stmt) -> Block:
        stmt = with_blocks(stmt, map(converted, blocks(stmt)))
        if isinstance(stmt, If) and is_pure(stmt.cond) and (both := _same_copies(stmt.then, stmt.orelse, writes)):
            return tuple(Assign(target, Var(source), stmt.span) for target, source in both.items())
        match stmt:
            case If(cond, (Assign(target, a),), (Assign(other, b),), ()) if target == other:
                known = types.get(target)
                convertible = is_temporary(target) and writes[target] == 2 and is_pure(a) and is_pure(b)
                if convertible and isinstance(known, Scalar):
                    return (Assign(target, _choice(cond, a, b, known), stmt.span),)
        return (stmt,)

    return converted(block)


def _same_copies(then: Block, orelse: Block, writes: Mapping[str, int]) -> dict[str, str] | None:
    """The copies that both blocks consist of; None where they do something else, or not the same.

    A name that only one assigns, and nothing else does, has no value after the other: it may be assigned there too.
    """
    one, other = _copies(then), _copies(orelse)
    if not one or not other or any(writes[target] > 1 for target in one.keys() ^ other.keys()):
        return None
    both = one | other
    same = all(both[target] == one[target] for target in one)
    return both if same and not both.keys() & set(both.values()) else None


def _copies(block: Block) -> dict[str, str] | None:
    """For the targets of a block of copies the names that they are copies of."""
    found: dict[str, str] = {}
    for stmt in block:
        match stmt:
            case Assign(target, Var(source)):
                found[target] = found.get(source, source)
            case _:
                return None
    return found


def _choice(cond: Expr, a: Expr, b: Expr, known: Scalar) -> Expr:
    if known.dtype == "bool":
        if b in (Const(False), cond):
            return Op("and", (cond, a))
        if a in (Const(True), cond):
            return Op("or", (cond, b))
    return Op("select", (cond, a, b))

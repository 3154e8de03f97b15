"""A call whose result one statement reads, the next one, stands in that.

`forward_substitution` moves what may be evaluated elsewhere. A function that is called may raise an error, or add to
arrays: it stays where it is among the calls, and no pass may move it afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.values.effects import is_pure
from srcad.ir.called import callee_of
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, AugAssign, Block, Expr, Op, Stmt, Store, Var
from srcad.ir.printer import expr_text
from srcad.ir.traversal import blocks, children, names, own_exprs, own_writes, reads, substitute, walk, with_blocks
from srcad.ir.types import Type
from srcad.rules.traits import LAZY

_LONGEST = 110
"""Of a statement, in characters."""


def nest_calls(block: Block, types: Mapping[str, Type]) -> Block:
    """Put calls into the statements that read their results.

    >>> from srcad.ir.called import Called
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> x = Scalar("float64")
    >>> call = Op("call", (Var("a"),), (("callee", Called("density", (("x", x),), (x,))),))
    >>> block = (Assign("%value.0", call), *parse("y = 0.5 * %value.0"))
    >>> print(show(nest_calls(block, {"%value.0": x, "y": x})))
    y = 0.5 * density(a)
    """
    writes = Counter(n for s in walk(block) for n in own_writes(s))
    uses = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))
    once = {n for n in writes if is_temporary(n) and writes[n] == uses[n] == 1}
    return _nested(block, may_alias(block, types), once)


def _nested(block: Block, alias: MayAlias, once: Container[str]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        stmt = with_blocks(stmt, [_nested(b, alias, once) for b in blocks(stmt)])
        while isinstance(stmt, Assign | AugAssign | Store) and out:
            above = out[-1]
            if not isinstance(above, Assign) or above.target not in once or not _belongs(above, stmt, alias):
                break
            (new,) = substitute((stmt,), {above.target: above.value})
            assert isinstance(new, Assign | AugAssign | Store)
            stmt = new if new.span is not None else replace(new, span=above.span)
            out.pop()
        out.append(stmt)
    return tuple(out)


def _belongs(above: Assign, stmt: Assign | AugAssign | Store, alias: MayAlias) -> bool:
    """Whether the value may be evaluated in the statement below, and is a call that reads well there."""
    name, call = above.target, above.value
    if not isinstance(call, Op) or call.prim != "call" or name not in reads(stmt.value):
        return False
    others = (names(stmt.value) - {name}).union(*(names(e) for e in own_exprs(stmt) if e is not stmt.value))
    changed = {alias.class_of(n) for at in callee_of(call).changes for n in names(call.args[at])}
    if any(alias.class_of(n) in changed for n in others):
        return False  # whether it is read before the call or after it
    before = _evaluated_before(stmt.value, name)
    if before is None or not all(map(is_pure, before)):
        return False
    return sum(len(expr_text(e)) for e in (*own_exprs(stmt), call)) <= _LONGEST


def _evaluated_before(expr: Expr, name: str) -> list[Expr] | None:
    """What is evaluated before the name is read; None where it is not always read."""
    match expr:
        case Var(own):
            return [] if own == name else None
        case Op("call") if any(name in names(c) for c in children(expr)):
            return None  # of calls in calls none is read easily
    before: list[Expr] = []
    for at, child in enumerate(children(expr)):
        if name in names(child):
            if at and isinstance(expr, Op) and expr.prim in LAZY:
                return None
            inside = _evaluated_before(child, name)
            return None if inside is None else [*before, *inside]
        before.append(child)
    return None

"""Sinking of adjoint statements into the one branch of an `if` in which they have an effect.

A conditional passes its cotangent to one operand and zero to the other. The addition of the zero is removed, and that
of what is a multiple of it: where the branch was not taken, nothing depends on how large the factor is. An
adjoint that is read and cleared before the test, and added back in one branch, is read and cleared in the other only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, If, Op, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, names, own_exprs, own_writes, place, reads, walk, with_blocks
from srcad.ir.types import FLOATS, Scalar, Type


def sink_into_branches(block: Block, types: Mapping[str, Type], shared: MayAlias) -> Block:
    """Sink accumulations after an `if`, and the read and clear before it, into the branch that needs them.

    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, dim
    >>> types = {"%d_a.0": Scalar("float64"), "%d_b.0": Scalar("float64"), "d_x": Array("float64", (dim(4),))}
    >>> body = parse('''
    ... %d_a.0 = d_x[i]
    ... d_x[i] = 0.0
    ... if took_if[i]:
    ...     %d_b.0 = 0.0
    ... else:
    ...     %d_b.0 = %d_a.0
    ...     %d_a.0 = 0.0
    ... d_x[j] += %d_a.0
    ... d_x[i] += %d_b.0
    ... ''')
    >>> print(show(sink_into_branches(body, types, may_alias(body, types))))
    %d_a.0 = d_x[i]
    d_x[i] = 0.0
    if took_if[i]:
        %d_b.0 = 0.0
        d_x[j] += %d_a.0
    else:
        %d_b.0 = %d_a.0
        %d_a.0 = 0.0
        d_x[i] += %d_b.0

    >>> types = dict.fromkeys(("%d_r.0", "%d_t.0", "%t.0"), Scalar("float64")) | types
    >>> body = parse('''
    ... if took_if[i]:
    ...     %d_r.0 = 3.0 * %t.0
    ... else:
    ...     %d_r.0 = 0.0
    ... %d_t.0 = 2.0 * %t.0 * %d_r.0
    ... d_x[i] += %d_t.0
    ... d_x[j] -= %d_t.0
    ... ''')
    >>> print(show(sink_into_branches(body, types, may_alias(body, types))))
    if took_if[i]:
        %d_r.0 = 3.0 * %t.0
        %d_t.0 = (2.0 * %t.0) * %d_r.0
        d_x[i] += %d_t.0
        d_x[j] -= %d_t.0
    else:
        %d_r.0 = 0.0
        %d_t.0 = 0.0

    After forward substitution, the `else` branch only adds back what was read before the test:

    >>> body = parse('''
    ... %d_a.0 = d_x[i]
    ... d_x[i] = 0.0
    ... if took_if[i]:
    ...     d_x[j] += %d_a.0
    ... else:
    ...     d_x[i] += %d_a.0
    ... ''')
    >>> print(show(sink_into_branches(body, types, may_alias(body, types))))
    if took_if[i]:
        %d_a.0 = d_x[i]
        d_x[i] = 0.0
        d_x[j] += %d_a.0
    """
    uses = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))

    def go(inner: Block) -> Block:
        out: list[Stmt] = []
        for stmt in inner:
            stmt = with_blocks(stmt, [go(b) for b in blocks(stmt)])
            sunk = _sunk_after(out[-1], stmt, types) if out else None
            if sunk is None:
                out.append(stmt)
            else:
                out[-1] = sunk
        for end in range(len(out), 2, -1):
            moved = _sunk_before(out[end - 3 : end], types, shared, uses)
            if moved is not None:
                out[end - 3 : end] = [moved]
        return tuple(out)

    return go(block)


def _sunk_after(test: Stmt, stmt: Stmt, types: Mapping[str, Type]) -> If | None:
    """The `if` with the statement at the end of the one branch in which it has an effect; None if there is none."""
    value = _added(stmt)
    defined = stmt.target if isinstance(stmt, Assign) and _is_float_scalar(stmt.target, types) else None
    if isinstance(stmt, Assign) and defined is not None:
        value = stmt.value
    if value is None or not isinstance(test, If):
        return None
    zero: Block = () if defined is None else (Assign(defined, Const(0.0)),)
    match [_vanishes(value, branch, types) for branch in (test.then, test.orelse)]:
        case True, False:
            return replace(test, then=(*test.then, *zero), orelse=(*test.orelse, stmt))
        case False, True:
            return replace(test, then=(*test.then, stmt), orelse=(*test.orelse, *zero))
    return None


def _added(stmt: Stmt) -> Expr | None:
    """What a statement adds to something, if that is all it does."""
    match stmt:
        case AugAssign(target, "+" | "-", value) if target not in names(value):
            return value
        case Store(_, _, value, "+" | "-"):
            return value
    return None


def _vanishes(value: Expr, branch: Block, types: Mapping[str, Type]) -> bool:
    """Whether a sum of products is zero behind a branch, as each has a factor that the branch leaves at zero."""
    match value:
        case Var(name):
            return _is_float_scalar(name, types) and _is_zero(name, branch)
        case Op("neg", (inner,)) | Op("/", (inner, _)):
            return _vanishes(inner, branch, types)
        case Op("*", parts):
            return any(_vanishes(part, branch, types) for part in parts)
        case Op("+" | "-", parts):
            return all(_vanishes(part, branch, types) for part in parts)
    return False


def _is_float_scalar(name: str, types: Mapping[str, Type]) -> bool:
    known = types.get(name)
    return isinstance(known, Scalar) and known.dtype in FLOATS


def _is_zero(name: str, branch: Block) -> bool:
    """Whether the last definition of the name in a branch is zero."""
    for stmt in reversed(branch):
        if any(name in own_writes(s) for s in walk((stmt,))):
            return stmt == Assign(name, Const(0.0))
    return False


def _sunk_before(stmts: list[Stmt], types: Mapping[str, Type], shared: MayAlias, uses: Counter[str]) -> If | None:
    """`t = x[i]; x[i] = 0`, and one branch adds t to x[i] again: all of it sinks into the other branch."""
    match stmts:
        case [Assign(name, Op("index") as moved) as take, Store(_, _, Const(0.0), None) as clear, If() as test]:
            pass
        case _:
            return None
    array = root(clear.base)
    if array is None or place(clear) != moved or not _is_float_scalar(name, types):
        return None
    if uses[name] > sum(reads(e).count(name) for s in walk((*test.then, *test.orelse)) for e in own_exprs(s)):
        return None  # the test reads it, or what comes later
    if shared.class_of(array) in shared.reads_contents(test.cond):
        return None
    back = (replace(clear, value=Var(name), op="+"), replace(clear, value=Var(name)))
    if test.orelse in [(b,) for b in back]:
        return replace(test, then=(take, clear, *test.then), orelse=())
    if test.then in [(b,) for b in back]:
        return replace(test, then=(), orelse=(take, clear, *test.orelse))
    return None

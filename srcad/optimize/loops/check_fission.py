"""Loop fission of checks: the checks of a loop are asked by a loop of their own, before what is left of it.

What is asked first is the slice of the loop on its checks (Weiser, Program slicing, 1984): they and all that they are
computed from. A loop that can raise no error may run on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from srcad.analysis.loops.concurrent_iterations import may_raise
from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.analysis.memory.liveness import liveness
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, If, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.runtime_checks import check_of, is_check, negated
from srcad.ir.traversal import blocks, defined, names, ops, own_exprs, rename, stmt_writes, walk, with_blocks
from srcad.ir.types import Scalar, Type
from srcad.optimize.shapes.shape_guards import nonempty_condition


@dataclass(frozen=True)
class Fission:
    """A loop in two parts."""

    checks: For | If
    """What asks the checks in the order of the loop, and changes nothing that is read after it."""
    loop: For
    """The loop without them."""
    slice: For | None
    """Where the checks differ between iterations, the loop with what they need alone."""

    def own_checks(self, types: dict[str, Type]) -> For | If:
        """The checks with names of their own, which `types` gets: a bound of the loop may be named alike."""
        new = {name: fresh_name(name, types[name], types) for name in sorted(defined((self.checks,)))}
        checks = with_blocks(self.checks, [rename(b, new) for b in blocks(self.checks)])
        assert isinstance(checks, For | If)
        return replace(checks, index=new[checks.index]) if isinstance(checks, For) else checks

    def counting(self, count: str, failed: str) -> For | None:
        """A loop that adds the number of iterations with a check that fails to `count`, and raises no error."""
        if self.slice is None:
            return None
        counts = If(Var(failed), (AugAssign(count, "+", Const(1)),), ())
        return replace(self.slice, body=(Assign(failed, Const(False)), *_noted(self.slice.body, failed), counts))


def split_checks(
    loop: For, types: Mapping[str, Type], may_alias: Callable[[str, str], bool], live: frozenset[str]
) -> Fission | None:
    """The loop in two parts, where its checks read nothing that it writes; None where they do, or cost much.

    `live` are the names that the next iteration, or what follows the loop, may read.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.runtime_checks import check
    >>> from srcad.ir.types import Array, dim
    >>> types = dict.fromkeys("nmik", Scalar("int64")) | dict.fromkeys("xyp", Array("float64", (dim(9),)))
    >>> from srcad.ir.nodes import Op
    >>> asks = check(Op("<", (Var("k"), Var("m"))), "IndexError", ("too large",))
    >>> def split(text):
    ...     (loop,) = parse(text)
    ...     first, second = loop.body
    ...     return split_checks(replace(loop, body=(first, asks, second)), types, str.__eq__, frozenset())
    >>> two = split('''
    ... for i in range(n):
    ...     k = p[i]
    ...     y[i] = x[k]
    ... ''')
    >>> print(show((two.checks,)))
    for i in range(n):
        k = p[i]
        check(k < m, derived=False, error='IndexError', texts=('too large',))
    >>> print(show((two.loop,)))
    for i in range(n):
        k = p[i]
        y[i] = x[k]
    >>> print(show((two.counting("count", "failed"),)))
    for i in range(n):
        failed = False
        k = p[i]
        if not (k < m):
            failed = True
        if failed:
            count += 1

    Checks that are the same in all iterations are asked once.

    >>> print(show((split('''
    ... for i in range(n):
    ...     k = 2 * m
    ...     y[i] = x[k]
    ... ''').checks,)))
    if 0 < n:
        k = 2 * m
        check(k < m, derived=False, error='IndexError', texts=('too large',))
    """
    if not any(map(is_check, walk(loop.body))):
        return None
    kept, _ = _slice(loop.body, frozenset())
    stored = {array for s in walk(loop.body) if isinstance(s, Store) and (array := root(s.base)) is not None}
    read = {name for s in walk(kept) for e in own_exprs(s) for name in memory_reads(e, types)}
    if any(may_alias(a, b) for a in stored for b in read) or not all(_is_repeatable(s, types) for s in walk(kept)):
        return None
    if (defined(kept) | {loop.index}) & live:
        return None
    asked = _asked_once(replace(loop, body=kept), types)
    rest = replace(loop, body=_without_checks(loop.body))
    if isinstance(asked, If):
        return Fission(asked, rest, None)
    assert isinstance(asked, For)
    return Fission(asked, rest, replace(loop, body=kept)) if _is_cheap(kept) else None


def _slice(block: Block, needed: frozenset[str]) -> tuple[Block, frozenset[str]]:
    """The checks, what decides whether they are asked, and what these and the names needed after it are computed from;
    and the names that are needed before it."""
    kept: list[Stmt] = []
    for stmt in reversed(block):
        if not any(map(is_check, walk((stmt,)))) and needed.isdisjoint(stmt_writes(stmt)):
            continue
        inner: list[Block] = []
        before = needed
        match stmt:
            case If(then=then, orelse=orelse):
                both = [_slice(b, needed) for b in (then, orelse)]
                inner = [b for b, _ in both]
                before = both[0][1] | both[1][1]
            case For() | While():
                while True:
                    inner, again = _slice_of_loop(stmt, before)
                    if again <= before:
                        break
                    before |= again
            case Assign(target):
                before -= {target}
        kept.append(with_blocks(stmt, inner))
        needed = before.union(*map(names, own_exprs(stmt)))
    return tuple(reversed(kept)), needed


def _slice_of_loop(loop: For | While, needed: frozenset[str]) -> tuple[list[Block], frozenset[str]]:
    """The blocks of a loop, where these names are needed at the end of an iteration, and what one needs itself."""
    body, before = _slice(loop.body, needed)
    if isinstance(loop, For):
        return [body], before - {loop.index}
    test, before = _slice(loop.test, before | needed | names(loop.cond))
    return [test, body], before


def _is_repeatable(stmt: Stmt, types: Mapping[str, Type]) -> bool:
    """Whether the statement may run twice, and is cheap enough to."""
    match stmt:
        case Assign(target, value) if not isinstance(types.get(target), Scalar) and root(value) is None:
            return False
        case AugAssign(target) if not isinstance(types.get(target), Scalar):
            return False
        case If(joins=()) | For(carried=(), exit=None) | While(carried=()) | Assign() | AugAssign() | Comment():
            return all(is_pure(e) and not any(may_raise(op.prim) for op in ops(e)) for e in own_exprs(stmt))
    return is_check(stmt)


def _without_checks(body: Block) -> Block:
    kept = (stmt for stmt in body if not is_check(stmt))
    return tuple(with_blocks(stmt, [_without_checks(b) for b in blocks(stmt)]) for stmt in kept)


def _asked_once(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    """The slice, where of loops whose iterations are all alike one runs."""
    stmt = with_blocks(stmt, [tuple(_asked_once(inner, types) for inner in b) for b in blocks(stmt)])
    if isinstance(stmt, For) and (nonempty := nonempty_condition(stmt)) is not None:
        changed = defined(stmt.body) | {stmt.index}
        if changed.isdisjoint(liveness(stmt.body, types, (), all_stays=True).before_all):
            return If(nonempty, stmt.body, ())
    return stmt


def _is_cheap(body: Block) -> bool:
    """Whether the slice calls no function, and has no loop whose end is computed."""
    called = any("." in op.prim for s in walk(body) for e in _evaluated(s) for op in ops(e))
    return not called and not any(isinstance(s, While) for s in walk(body))


def _evaluated(stmt: Stmt) -> tuple[Expr, ...]:
    asked = check_of(stmt)
    return own_exprs(stmt) if asked is None else (asked.condition,)


def _noted(body: Block, failed: str) -> Block:
    """The slice, where a check that fails is noted in place of an error, and nothing is computed after that."""
    for at, stmt in enumerate(body):
        before, rest = body[:at], body[at + 1 :]
        if (asked := check_of(stmt)) is not None:
            fails = (Assign(failed, Const(True)),)
            return (*before, If(negated(asked.condition), fails, _noted(rest, failed)))
        if any(map(is_check, walk((stmt,)))):
            inner = [_noted(b, failed) for b in blocks(stmt)]
            if isinstance(stmt, For):
                inner = [_unless(failed, b) for b in inner]
            return (*before, with_blocks(stmt, inner), *_unless(failed, _noted(rest, failed)))
    return body


def _unless(failed: str, block: Block) -> Block:
    return (If(negated(Var(failed)), block, ()),) if block else ()

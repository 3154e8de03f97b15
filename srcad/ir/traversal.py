"""Traversal and rewriting of the IR: the one module that knows which expressions, names and blocks a node has.

Every other pass uses these functions, so that no pass forgets a join, a carry, the exit of a `for` or the test of a
`while`. What is said of a statement includes the statements nested in it, except for the functions `own_...`.

>>> from srcad.ir.notation import parse, show
>>> block = parse('''
... total = 0.0
... for i in range(n):
...     total += x[i]
... ''')
>>> sorted(block_reads(block)), sorted(defined(block))
(['i', 'n', 'total', 'x'], ['i', 'total'])
>>> print(show(substitute(rename(block, {"total": "s"}), {"n": Op("len", (Var("x"),))})))
s = 0.0
for i in range(len(x)):
    s += x[i]
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from typing_extensions import assert_never

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Carry,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Join,
    Op,
    Return,
    Section,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root

CHANGES_FIRST_ARGUMENT = frozenset({"append", "list.append", "list.pop"})
"""Primitives that modify their first argument, a list, in place."""


# ---- expressions -----------------------------------------------------------------------------


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct subexpressions, in the order of evaluation."""
    # asked so often that the most frequent kinds are tried first, without patterns
    if isinstance(expr, Op):
        return expr.args
    if isinstance(expr, Slice):
        return tuple(part for part in (expr.lower, expr.upper, expr.step) if part is not None)
    return ()


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """The expression and all its subexpressions, operands before their operation."""
    for child in children(expr):
        yield from subexpressions(child)
    yield expr


def reads(expr: Expr) -> tuple[str, ...]:
    """The names an expression reads, in order, with repeats."""
    if isinstance(expr, Var):
        return (expr.name,)
    if isinstance(expr, Const):
        return ()
    # the most frequent query of all, of expressions that passes hand on unchanged: an operation remembers the answer
    known: tuple[str, ...] | None = expr.__dict__.get("_reads")
    if known is None:
        found: list[str] = []
        for child in children(expr):
            found += reads(child)
        known = expr.__dict__["_reads"] = tuple(found)
    return known


def names(expr: Expr) -> frozenset[str]:
    """The names an expression reads."""
    if not isinstance(expr, Op):
        return frozenset(reads(expr))
    known: frozenset[str] | None = expr.__dict__.get("_names")
    if known is None:
        known = expr.__dict__["_names"] = frozenset(reads(expr))
    return known


def ops(expr: Expr) -> Iterator[Op]:
    """The operations in an expression, operands before their operation."""
    return (part for part in subexpressions(expr) if isinstance(part, Op))


def map_expr(expr: Expr, fn: Callable[[Expr], Expr]) -> Expr:
    """Rebuild an expression bottom-up, applying `fn` to each rebuilt subexpression."""
    if isinstance(expr, Op):
        new = [map_expr(arg, fn) for arg in expr.args]
        # preserve identity where nothing changed, so that fixed points are cheap to detect
        for a, b in zip(new, expr.args, strict=True):
            if a is not b:
                return fn(Op(expr.prim, tuple(new), expr.static))
        return fn(expr)
    if isinstance(expr, Slice):
        parts = (expr.lower, expr.upper, expr.step)
        return fn(Slice(*(None if part is None else map_expr(part, fn) for part in parts)))
    return fn(expr)


def replace_names(expr: Expr, mapping: Mapping[str, Expr]) -> Expr:
    """The expression with names replaced by expressions."""
    return map_expr(expr, lambda part: mapping.get(part.name, part) if isinstance(part, Var) else part)


def place(store: Store) -> Op:
    """The element or view that a store overwrites, as an expression."""
    return Op("index", (store.base, *(store.index or (Slice(),))))


# ---- one statement, without what is nested in it ---------------------------------------------


def own_exprs(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions of the statement itself that are read: nested blocks left out, joins and carries included."""
    # asked so often that the most frequent kinds are tried first, without patterns
    if isinstance(stmt, Assign):
        return (stmt.value,)
    if isinstance(stmt, Store):
        return (stmt.base, *stmt.index, stmt.value)
    match stmt:
        case AugAssign(target, _, value):
            return (Var(target), value)
        case If(cond, _, _, joins):
            return (cond, *(e for j in joins for e in (j.then, j.orelse)))
        case For(_, start, stop, step, _, carried, exit):
            inits = tuple(e for c in carried for e in (c.init, c.next))
            return (start, stop, step, *inits, *(() if exit is None else (exit,)))
        case While(_, cond, _, carried):
            return (*(e for c in carried for e in (c.init, c.next)), cond)
        case Effect(call):
            return (call,)
        case Return(values):
            return values
        case Comment():
            return ()
        case _:
            assert_never(stmt)


def own_writes(stmt: Stmt) -> tuple[str, ...]:
    """The names the statement itself assigns: joins, carries and the loop index included."""
    if isinstance(stmt, Assign | AugAssign):
        return (stmt.target,)
    match stmt:
        case If(joins=joins):
            return tuple(j.target for j in joins)
        case For(index=index, carried=carried):
            return (index, *(n for c in carried for n in (c.arg, c.result)))
        case While(carried=carried):
            return tuple(n for c in carried for n in (c.arg, c.result))
        case Store() | Effect() | Return() | Comment():
            return ()
        case _:
            assert_never(stmt)


def bindings(stmt: Stmt) -> tuple[tuple[str, Expr], ...]:
    """The names that the statement itself binds, each with an expression of its value: a pair for each possible value.

    >>> from srcad.ir.nodes import Join
    >>> bindings(If(Var("c"), (), (), (Join("y", Var("a"), Const(0.0)),)))
    (('y', Var(name='a')), ('y', Const(value=0.0)))

    A join has a pair for each path. A loop-carried argument is the initial value, or that of the previous iteration;
    the result is the initial value, where there is no iteration, or that of the last one. Left out are the target of an
    `AugAssign`, which keeps its memory, and the index of a loop: `own_writes` lists these too.
    """
    match stmt:
        case Assign(target, value):
            return ((target, value),)
        case If(joins=joins):
            return tuple((j.target, value) for j in joins for value in (j.then, j.orelse))
        case For(carried=carried) | While(carried=carried):
            return tuple((name, e) for c in carried for name in (c.arg, c.result) for e in (c.init, c.next))
        case _:
            return ()


def own_stores(stmt: Stmt) -> tuple[str, ...]:
    """The names whose memory the statement itself may change. An `AugAssign` counts: its target may be an array."""
    changed: list[str] = []
    if isinstance(stmt, AugAssign):
        changed.append(stmt.target)
    if isinstance(stmt, Store):
        base = root(stmt.base)
        assert base is not None, f"a store needs a name to store into: {stmt.base}"
        changed.append(base)
    for expr in own_exprs(stmt):
        changed += changed_by(expr)
    return tuple(changed)


def changed_by(expr: Expr) -> tuple[str, ...]:
    """The names of the lists that the evaluation of the expression modifies."""
    if not isinstance(expr, Op):
        return ()
    known: tuple[str, ...] | None = expr.__dict__.get("_changes")
    if known is None:
        changed = [name for arg in expr.args for name in changed_by(arg)]
        target = root(expr.args[0]) if expr.prim in CHANGES_FIRST_ARGUMENT else None
        known = expr.__dict__["_changes"] = (*changed, *(() if target is None else (target,)))
    return known


def blocks(stmt: Stmt) -> tuple[Block, ...]:
    """The blocks nested directly in a statement."""
    if isinstance(stmt, For):
        return (stmt.body,)
    if isinstance(stmt, If):
        return (stmt.then, stmt.orelse)
    return (stmt.test, stmt.body) if isinstance(stmt, While) else ()


def _same(new: Sequence[object], old: Sequence[object]) -> bool:
    """Whether these are the same objects: then a fixed point is cheap to detect."""
    return new is old or (len(new) == len(old) and all(map(operator.is_, new, old)))


def with_blocks(stmt: Stmt, new: Iterable[Block]) -> Stmt:
    """The statement with its nested blocks replaced, in the order of `blocks`."""
    given = tuple(new)
    if all(map(_same, given, blocks(stmt))):
        return stmt  # what is known of it is known still
    match stmt:
        case If():
            then, orelse = given
            return replace(stmt, then=then, orelse=orelse)
        case For():
            (body,) = given
            return replace(stmt, body=body)
        case While():
            test, body = given
            return replace(stmt, test=test, body=body)
        case _:
            return stmt


# ---- statements and blocks, with all that is nested ------------------------------------------


def walk(block: Block) -> Iterator[Stmt]:
    """All statements of a block, each before those nested in it."""
    for stmt in block:
        yield stmt
        for inner in blocks(stmt):
            yield from walk(inner)


def stmt_reads(stmt: Stmt) -> frozenset[str]:
    """The names read (a name stored into or augmented is read)."""
    return frozenset(n for s in walk((stmt,)) for e in own_exprs(s) for n in reads(e))


def stmt_writes(stmt: Stmt) -> frozenset[str]:
    """The names assigned; an array that is stored into is not: see `stmt_stores`."""
    return frozenset(n for s in walk((stmt,)) for n in own_writes(s))


def stmt_stores(stmt: Stmt) -> frozenset[str]:
    """The names whose memory may be changed in place."""
    return frozenset(n for s in walk((stmt,)) for n in own_stores(s))


def block_reads(block: Block) -> frozenset[str]:
    return frozenset(n for s in walk(block) for e in own_exprs(s) for n in reads(e))


def defined(block: Block) -> frozenset[str]:
    """The names assigned anywhere in the block."""
    return frozenset(n for s in walk(block) for n in own_writes(s))


def block_stores(block: Block) -> frozenset[str]:
    return frozenset(n for s in walk(block) for n in own_stores(s))


def rewrite(stmt: Stmt, fn: Callable[[Expr], Expr], name: Callable[[str], str] = str) -> Stmt:
    """Apply `fn` to every full expression in the statement and those nested in it, and `name` to every assigned name.

    The target of an `AugAssign` is an assigned name; the base of a `Store` is an expression.
    """

    def inner(block: Block) -> Block:
        new = tuple([rewrite(s, fn, name) for s in block])
        return block if _same(new, block) else new

    def carry(c: Carry) -> Carry:
        return Carry(name(c.arg), fn(c.init), fn(c.next), name(c.result))

    match stmt:
        case Assign(target, value) | AugAssign(target, _, value):
            called, given = name(target), fn(value)
            return stmt if given is value and called == target else replace(stmt, target=called, value=given)
        case Store(base, index, value):
            parts = (fn(base), *map(fn, index), fn(value))
            if _same(parts, own_exprs(stmt)):
                return stmt
            return replace(stmt, base=parts[0], index=parts[1:-1], value=parts[-1])
        case If(cond, then, orelse, joins):
            new = tuple(Join(name(j.target), fn(j.then), fn(j.orelse)) for j in joins)
            return replace(stmt, cond=fn(cond), then=inner(then), orelse=inner(orelse), joins=new)
        case For(index, start, stop, step, body, carried, exit):
            return replace(
                stmt,
                index=name(index),
                start=fn(start),
                stop=fn(stop),
                step=fn(step),
                body=inner(body),
                carried=tuple(map(carry, carried)),
                exit=None if exit is None else fn(exit),
            )
        case While(test, cond, body, carried):
            new_carried = tuple(map(carry, carried))
            return replace(stmt, test=inner(test), cond=fn(cond), body=inner(body), carried=new_carried)
        case Effect(call):
            new_call = fn(call)
            assert isinstance(new_call, Op)
            return replace(stmt, call=new_call)
        case Return(values):
            return replace(stmt, values=tuple(map(fn, values)))
        case Comment():
            return stmt
        case _:
            assert_never(stmt)


def substitute(block: Block, mapping: Mapping[str, Expr]) -> Block:
    """Replace reads of names by expressions. Assigned names stay, but the target of an `AugAssign` follows a Var.

    For names that the block does not assign. It is up to the caller that the new expressions have the same value where
    they are substituted.
    """
    if not mapping:
        return block

    def target(name: str) -> str:
        new = mapping.get(name)
        return new.name if isinstance(new, Var) else name

    def one(stmt: Stmt) -> Stmt:
        return rewrite(stmt, lambda e: replace_names(e, mapping))

    def aug(stmt: Stmt) -> Stmt:
        if isinstance(stmt, AugAssign):
            return replace(stmt, target=target(stmt.target))
        return with_blocks(stmt, [tuple(map(aug, b)) for b in blocks(stmt)])

    return tuple(aug(one(stmt)) for stmt in block)


def rename(block: Block, mapping: Mapping[str, str]) -> Block:
    """Rename names everywhere: where they are read, assigned, carried or stored into."""

    def name(old: str) -> str:
        return mapping.get(old, old)

    def expr(e: Expr) -> Expr:
        return map_expr(e, lambda part: Var(name(part.name)) if isinstance(part, Var) else part)

    return tuple(rewrite(stmt, expr, name) for stmt in block)


def result_names(f: Function) -> frozenset[str]:
    """The names that the results are made of: those of `f.results`, and of its `return`, which passes rewrite."""
    returned = (e for s in f.body if isinstance(s, Return) for e in s.values)
    return frozenset(n for e in (*f.results, *returned) for n in names(e))


def section_start(block: Block, section: Section) -> int:
    """The position of the comment that opens a section; the end where there is none."""
    return next((k for k, s in enumerate(block) if isinstance(s, Comment) and s.section == section), len(block))


def remove_comments(f: Function) -> Function:
    """The function without comments, and so without sections: they are for people."""

    def go(block: Block) -> Block:
        return tuple(with_blocks(s, [go(b) for b in blocks(s)]) for s in block if not isinstance(s, Comment))

    return replace(f, body=go(f.body))

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
from typing import TypeVar

from typing_extensions import assert_never

from srcad.ir.called import callee_of
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Carry,
    Comment,
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
    of_node,
)
from srcad.ir.result_memory import root

Item = TypeVar("Item")

CHANGES_ARRAY = frozenset({"cuda.store", "cuda.add", "cuda.atomic.add", "cuda.atomic.max"})
"""Primitives that write an element of their first argument, which other threads may access too."""
CHANGES_FIRST_ARGUMENT = frozenset({"append", "list.append", "list.pop"}) | CHANGES_ARRAY
"""Primitives that modify their first argument, a list or an array, in place."""


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
    # a name that remembered this, as one of so many, would cost more than it saves
    return (expr.name,) if isinstance(expr, Var) else _reads_of_parts(expr)


@of_node
def _reads_of_parts(expr: Expr) -> tuple[str, ...]:
    return tuple([name for child in children(expr) for name in reads(child)])


def names(expr: Expr) -> frozenset[str]:
    """The names an expression reads."""
    return frozenset((expr.name,)) if isinstance(expr, Var) else _names_of_parts(expr)


@of_node
def _names_of_parts(expr: Expr) -> frozenset[str]:
    return frozenset(_reads_of_parts(expr))


def ops(expr: Expr) -> tuple[Op, ...]:
    """The operations in an expression, operands before their operation."""
    return (*_inner_ops(expr), expr) if isinstance(expr, Op) else _inner_ops(expr)


@of_node
def _inner_ops(expr: Expr) -> tuple[Op, ...]:
    return tuple([op for child in children(expr) for op in ops(child)])


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
        old = (expr.lower, expr.upper, expr.step)
        parts = [None if part is None else map_expr(part, fn) for part in old]
        return fn(expr if _same(parts, old) else Slice(*parts))
    return fn(expr)


def replace_names(expr: Expr, mapping: Mapping[str, Expr]) -> Expr:
    """The expression with names replaced by expressions."""
    if names(expr).isdisjoint(mapping):
        return expr
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

    >>> from srcad.ir.nodes import Const, Join
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


@of_node
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


@of_node
def changed_by(expr: Expr) -> tuple[str, ...]:
    """The names of the lists and arrays that the evaluation of the expression modifies."""
    targets = [root(changed) for op in ops(expr) for changed in changed_operands(op)]
    return tuple([target for target in targets if target is not None])


def changed_operands(op: Op) -> tuple[Expr, ...]:
    """The operands of an operation that it modifies: a list, or the arrays that a function it calls adds to."""
    if op.prim == "call":
        return tuple([op.args[at] for at in callee_of(op).changes])
    return op.args[:1] if op.prim in CHANGES_FIRST_ARGUMENT else ()


def blocks(stmt: Stmt) -> tuple[Block, ...]:
    """The blocks nested directly in a statement."""
    if isinstance(stmt, Assign):  # as most are
        return ()
    if isinstance(stmt, For):
        return (stmt.body,)
    if isinstance(stmt, If):
        return (stmt.then, stmt.orelse)
    return (stmt.test, stmt.body) if isinstance(stmt, While) else ()


def _same(new: Sequence[object], old: Sequence[object]) -> bool:
    """Whether these are the same objects: then a fixed point is cheap to detect."""
    return new is old or (len(new) == len(old) and all(map(operator.is_, new, old)))


def _old_if_same(new: Sequence[Item], old: tuple[Item, ...]) -> tuple[Item, ...]:
    return old if _same(new, old) else tuple(new)


def with_blocks(stmt: Stmt, new: Iterable[Block]) -> Stmt:
    """The statement with its nested blocks replaced, in the order of `blocks`."""
    old = blocks(stmt)
    if not old or all(map(_same, given := tuple(new), old)):
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
    found: list[Stmt] = []
    for stmt in block:
        found.append(stmt)
        if not isinstance(stmt, Assign):  # as most are
            found += _nested(stmt)
    return iter(found)


@of_node
def _nested(stmt: Stmt) -> Block:
    """All statements nested in it. Without itself: a cycle of references would outlive the compilation."""
    return tuple([s for inner in blocks(stmt) for s in walk(inner)])


@of_node
def stmt_reads(stmt: Stmt) -> frozenset[str]:
    """The names read (a name stored into or augmented is read)."""
    return _union([*map(names, own_exprs(stmt)), *map(block_reads, blocks(stmt))])


@of_node
def stmt_writes(stmt: Stmt) -> frozenset[str]:
    """The names assigned; an array that is stored into is not: see `stmt_stores`."""
    return _union([frozenset(own_writes(stmt)), *map(defined, blocks(stmt))])


@of_node
def stmt_stores(stmt: Stmt) -> frozenset[str]:
    """The names whose memory may be changed in place."""
    return _union([frozenset(own_stores(stmt)), *map(block_stores, blocks(stmt))])


def block_reads(block: Block) -> frozenset[str]:
    return _union(map(stmt_reads, block))


def defined(block: Block) -> frozenset[str]:
    """The names assigned anywhere in the block."""
    return _union(map(stmt_writes, block))


def block_stores(block: Block) -> frozenset[str]:
    return _union(map(stmt_stores, block))


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    nonempty = [one for one in sets if one]
    return nonempty[0] if len(nonempty) == 1 else frozenset().union(*nonempty)


def rewrite(stmt: Stmt, fn: Callable[[Expr], Expr], name: Callable[[str], str] = str) -> Stmt:
    """Apply `fn` to every full expression in the statement and those nested in it, and `name` to every assigned name.

    The target of an `AugAssign` is an assigned name; the base of a `Store` is an expression.
    """

    def inner(block: Block) -> Block:
        return _old_if_same([rewrite(s, fn, name) for s in block], block)

    def join(j: Join) -> Join:
        target, then, orelse = name(j.target), fn(j.then), fn(j.orelse)
        same = then is j.then and orelse is j.orelse and target == j.target
        return j if same else Join(target, then, orelse)

    def carry(c: Carry) -> Carry:
        arg, init, next, result = name(c.arg), fn(c.init), fn(c.next), name(c.result)
        same = init is c.init and next is c.next and arg == c.arg and result == c.result
        return c if same else Carry(arg, init, next, result)

    # what stays as it is stays the same object: then what is known of it is known still
    match stmt:
        case Assign(target, value, span):
            called, given = name(target), fn(value)
            return stmt if given is value and called == target else Assign(called, given, span)
        case AugAssign(target, op, value, span, free):
            called, given = name(target), fn(value)
            return stmt if given is value and called == target else AugAssign(called, op, given, span, free)
        case Store(base, index, value, op, span, free):
            parts = (fn(base), *map(fn, index), fn(value))
            return stmt if _same(parts, own_exprs(stmt)) else Store(parts[0], parts[1:-1], parts[-1], op, span, free)
        case If(cond, then, orelse, joins, span):
            new_joins = _old_if_same([join(j) for j in joins], joins)
            new_if = (fn(cond), inner(then), inner(orelse), new_joins)
            return stmt if _same(new_if, (cond, then, orelse, joins)) else If(*new_if, span)
        case For(index, start, stop, step, body, carried, exit):
            new_for = replace(  # a `LoopNest` stays one
                stmt,
                index=name(index),
                start=fn(start),
                stop=fn(stop),
                step=fn(step),
                body=inner(body),
                carried=_old_if_same([carry(c) for c in carried], carried),
                exit=None if exit is None else fn(exit),
            )
            given_for = (new_for.start, new_for.stop, new_for.step, new_for.body, new_for.carried, new_for.exit)
            same = new_for.index == index and _same(given_for, (start, stop, step, body, carried, exit))
            return stmt if same else new_for
        case While(test, cond, body, carried, span):
            new_carried = _old_if_same([carry(c) for c in carried], carried)
            new_while = (inner(test), fn(cond), inner(body), new_carried)
            return stmt if _same(new_while, (test, cond, body, carried)) else While(*new_while, span)
        case Effect(call, span):
            new_call = fn(call)
            assert isinstance(new_call, Op)
            return stmt if new_call is call else Effect(new_call, span)
        case Return(values, span):
            new_values = _old_if_same(list(map(fn, values)), values)
            return stmt if new_values is values else Return(new_values, span)
        case Comment():
            return stmt
        case _:
            assert_never(stmt)


def rewrite_own(stmt: Stmt, fn: Callable[[Expr], Expr], nested: Sequence[Block]) -> Stmt:
    """The statement with its own expressions rewritten by `fn`, and these blocks in the place of its own."""
    bare = with_blocks(stmt, [() for _ in nested])
    return with_blocks(rewrite(bare, fn), nested)


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
            return replace(stmt, target=target(stmt.target)) if stmt.target in mapping else stmt
        return with_blocks(stmt, [tuple(map(aug, b)) for b in blocks(stmt)])

    return tuple(stmt if stmt_reads(stmt).isdisjoint(mapping) else aug(one(stmt)) for stmt in block)


def without_definitions(block: Block, values: Mapping[str, Expr]) -> Block:
    """The block without the assignments of these names, which are read as their values."""

    def kept(inner: Block) -> Block:
        left = (stmt for stmt in inner if not (isinstance(stmt, Assign) and stmt.target in values))
        return tuple(with_blocks(stmt, [kept(b) for b in blocks(stmt)]) for stmt in left)

    return substitute(kept(block), values)


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

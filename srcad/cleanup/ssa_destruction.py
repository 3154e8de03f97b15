"""Joins and carries become plain assignments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace

from srcad.ir.length_exprs import nonnegative_length, shape_query
from srcad.ir.nodes import (
    Assign,
    Block,
    Carry,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Span,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.traversal import (
    bindings,
    blocks,
    defined,
    names,
    ops,
    own_exprs,
    own_writes,
    replace_names,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.traits import SHAPE_READS


def leave_ssa(f: Function) -> Function:
    """Write a value into the name that carries it, at the end of each path that leads to the join.

    >>> from srcad.ir.nodes import Join
    >>> from srcad.ir.notation import show
    >>> both = If(Var("c"), (), (), (Join("y", Var("a"), Var("b")),))
    >>> print(show(leave_ssa(Function("f", (), (both,), (Var("y"),), {})).body))
    if c:
        y = a
    else:
        y = b

    Values that trade places between turns of a loop go through a temporary.
    """
    types = dict(f.types)
    taken = set(types) | defined(f.body)
    taken |= {n for s in walk(f.body) for e in own_exprs(s) for n in names(e)}
    sequence = _Sequence(types, taken, _handed_on(f.body, set(_kept(f.body))), _There({p.name for p in f.params}))
    return replace(f, body=sequence.block(f.body), types=types)


def _kept(block: Block) -> Iterator[str]:
    """The names that are kept, or asked for their shape, whether or not the path taken gave them a value."""
    for stmt in walk(block):
        if isinstance(stmt, Store | Effect):
            yield from names(stmt.value if isinstance(stmt, Store) else stmt.call)
        for expr in own_exprs(stmt):
            for op in ops(expr):
                if op.prim in SHAPE_READS:
                    yield from names(op)


def _handed_on(block: Block, kept: set[str]) -> frozenset[str]:
    """These names, and those that they have their values from where control flow joins."""
    joined = [pair for s in walk(block) if not isinstance(s, Assign) for pair in bindings(s)]
    before = -1
    while len(kept) > before:
        before = len(kept)
        kept |= {value.name for name, value in joined if name in kept and isinstance(value, Var)}
    return frozenset(kept)


@dataclass
class _There:
    """The names that have a value at a place."""

    names: set[str]
    under: dict[tuple[Var, bool], _There] = field(default_factory=dict)
    """What more has one wherever a condition of before is (or is not) true: the reverse sweep asks it again."""

    def where(self, cond: Expr, taken: bool) -> _There:
        """On a path that is taken under this condition."""
        more = self.under.get((cond, taken), _There(set())) if isinstance(cond, Var) else _There(set())
        return _There(self.names | more.names, self.under | more.under)


class _Sequence:
    def __init__(self, types: dict[str, Type], taken: set[str], kept: frozenset[str], there: _There) -> None:
        self.types = types
        self.taken = taken
        self.kept = kept
        self.there = there

    def block(self, block: Block) -> Block:
        return tuple(out for stmt in block for out in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case If(joins=joins, span=span):
                then = self._path(stmt, True, [(j.target, j.then) for j in joins])
                orelse = self._path(stmt, False, [(j.target, j.orelse) for j in joins])
                self.there.names |= {
                    j.target for j in joins if j.target in self.kept or Undef() not in (j.then, j.orelse)
                }
                return [replace(stmt, then=then, orelse=orelse, joins=())]
            case For(carried=carried, body=body, span=span):
                before, at_end, after = self._carries(carried, self._read_in_turn(stmt), span)
                exit = stmt.exit
                if exit is not None and names(exit) & defined(at_end):
                    # decided by the values of this turn, before they make way for those of the next
                    leave = self._fresh("%leave", Scalar("bool"))
                    at_end = (Assign(leave, exit, span), *at_end)
                    exit = Var(leave)
                body = self._turn({stmt.index} | defined(before), body)[0] + at_end
                self.there.names |= defined((*before, *after))
                return [*before, replace(stmt, body=body, carried=(), exit=exit), *after]
            case While(carried=carried, test=test, body=body, span=span):
                before, at_end, after = self._carries(carried, self._read_in_turn(stmt), span)
                test, body = self._turn(defined(before), test, body)
                self.there.names |= {n for s in (*before, *after, *test) for n in own_writes(s)}
                return [*before, replace(stmt, test=test, body=body + at_end, carried=()), *after]
            case _:
                self.there.names |= set(own_writes(stmt))
                return [with_blocks(stmt, [self.block(b) for b in blocks(stmt)])]

    def _path(self, stmt: If, taken: bool, joined: list[tuple[str, Expr]]) -> Block:
        """One of the two paths, with what it hands to the join."""
        before = self.there
        self.there = before.where(stmt.cond, taken)
        out = self.block(stmt.then if taken else stmt.orelse)
        out += self._parallel([(target, self._value(target, value)) for target, value in joined], stmt.span)
        if isinstance(stmt.cond, Var):
            before.under[stmt.cond, taken] = self.there
        self.there = before
        return out

    def _turn(self, given: Set[str], *turn: Block) -> list[Block]:
        """The blocks of a turn of a loop that gives it these names."""
        before = self.there
        self.there = _There(before.names | given, dict(before.under))
        out = [self.block(block) for block in turn]
        self.there = before
        return out

    def _read_in_turn(self, loop: For | While) -> frozenset[str]:
        inside = {n for b in blocks(loop) for s in walk(b) for e in own_exprs(s) for n in names(e)}
        for carry in loop.carried:
            inside |= names(carry.next)
        last = loop.cond if isinstance(loop, While) else loop.exit
        return frozenset(inside | (names(last) if last is not None else frozenset()))

    def _carries(self, carried: tuple[Carry, ...], read: frozenset[str], span: Span | None) -> tuple[Block, ...]:
        """Assignments before the loop, at the end of a turn, and after the loop."""
        # without a value on entry, the result has one only if there is a turn: as in Python
        late = [c for c in carried if isinstance(c.init, Undef) and c.arg not in read and c.result not in self.kept]
        before = [
            (c.arg, self._blank(c.arg) if isinstance(c.init, Undef) and c not in late else c.init) for c in carried
        ]
        at_end = [(c.result, c.next) for c in late]
        at_end += [(c.arg, c.next) for c in carried if c not in late]
        after = [(c.result, Var(c.arg)) for c in carried if c not in late]
        return self._parallel(before, span), self._parallel(at_end, span), self._parallel(after, span)

    def _value(self, target: str, value: Expr) -> Expr:
        return self._blank(target) if isinstance(value, Undef) and target in self.kept else value

    def _blank(self, name: str) -> Expr:
        """What a name holds that has no value before a loop but is passed on inside: never used by a sound program."""
        match self.types.get(name):
            case Scalar("bool"):
                return Const(False)
            case Scalar("int64"):
                return Const(0)
            case Array(dtype, dims):
                # as long as the others, where they are all equally long: the reverse sweep may keep it in a row;
                # where a name has no value, what its length was asked of may have none either
                there = all(symbol.name in self.there.names for d in dims for symbol, _ in d.terms)
                lengths = [nonnegative_length(d, shape_query) if there else Const(0) for d in dims]
                return Op("np.empty", tuple(lengths), () if dtype == "float64" else (("dtype", dtype),))
            case _:
                return Const(float("nan"))

    def _parallel(self, copies: Iterable[tuple[str, Expr]], span: Span | None) -> Block:
        """Assignments that all read before any of them writes."""
        waiting: list[tuple[str, Expr]] = [(t, v) for t, v in copies if not isinstance(v, Undef) and v != Var(t)]
        done: list[Stmt] = []
        while waiting:
            for i, (target, value) in enumerate(waiting):
                others = waiting[:i] + waiting[i + 1 :]
                if not any(target in names(v) for _, v in others):
                    done.append(Assign(target, value, span))
                    waiting = others
                    break
            else:
                # all that wait are read by another: keep the first one's old value aside
                target, _ = waiting[0]
                old = self._fresh(target.rpartition(".")[0] + "_old", self.types.get(target))
                done.append(Assign(old, Var(target), span))
                waiting = [(t, replace_names(v, {target: Var(old)})) for t, v in waiting]
        return tuple(done)

    def _fresh(self, base: str, type: Type | None) -> str:
        k = 0
        while (new := f"%{base.lstrip('%')}.{k}") in self.taken:
            k += 1
        self.taken.add(new)
        if type is not None:
            self.types[new] = type
        return new

"""Joins and carries become plain assignments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from srcad.analyses.sharing import SIZES
from srcad.ir.lengths import asked, written
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
from srcad.ir.types import Array, Scalar, Type
from srcad.ir.walk import blocks, defined, names, ops, own_exprs, replace_names, walk, with_blocks


def sequential(f: Function) -> Function:
    """Write a value into the name that carries it, at the end of each path that leads to the join.

    >>> from srcad.ir.nodes import Join
    >>> from srcad.ir.notation import show
    >>> both = If(Var("c"), (), (), (Join("y", Var("a"), Var("b")),))
    >>> print(show(sequential(Function("f", (), (both,), (Var("y"),), {})).body))
    if c:
        y = a
    else:
        y = b

    Values that trade places between turns of a loop go through a temporary.
    """
    types = dict(f.types)
    taken = set(types) | defined(f.body)
    taken |= {n for s in walk(f.body) for e in own_exprs(s) for n in names(e)}
    sequence = _Sequence(types, taken, frozenset(_kept(f.body)), {p.name for p in f.params})
    return replace(f, body=sequence.block(f.body), types=types)


def _kept(block: Block) -> Iterator[str]:
    """The names that are kept, or asked for their shape, whether or not the path taken gave them a value."""
    for stmt in walk(block):
        if isinstance(stmt, Store | Effect):
            yield from names(stmt.value if isinstance(stmt, Store) else stmt.call)
        for expr in own_exprs(stmt):
            for op in ops(expr):
                if op.prim in SIZES:
                    yield from names(op)


class _Sequence:
    def __init__(self, types: dict[str, Type], taken: set[str], kept: frozenset[str], there: set[str]) -> None:
        self.types = types
        self.taken = taken
        self.kept = kept
        self.there = there
        """The names that have a value wherever the path is that is being written."""

    def block(self, block: Block) -> Block:
        return tuple(out for stmt in block for out in self._stmt(stmt))

    def _path(self, block: Block, joined: Iterable[tuple[str, Expr]] = (), span: Span | None = None) -> Block:
        """A path that may not be taken, with what it hands to the join."""
        before = set(self.there)
        out = self.block(block)
        out += self._parallel([(target, self._value(target, value)) for target, value in joined], span)
        self.there = before
        return out

    def _stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case If(_, then, orelse, joins, span):
                then = self._path(then, [(j.target, j.then) for j in joins], span)
                orelse = self._path(orelse, [(j.target, j.orelse) for j in joins], span)
                self.there |= {j.target for j in joins}
                return [replace(stmt, then=then, orelse=orelse, joins=())]
            case For(carried=carried, body=body, span=span):
                before, at_end, after = self._carries(carried, self._read_in_turn(stmt), span)
                exit = stmt.exit
                if exit is not None and names(exit) & defined(at_end):
                    # decided by the values of this turn, before they make way for those of the next
                    leave = self._fresh("%leave", Scalar("bool"))
                    at_end = (Assign(leave, exit, span), *at_end)
                    exit = Var(leave)
                body = self._path(body) + at_end
                self.there |= {c.result for c in carried}
                return [*before, replace(stmt, body=body, carried=(), exit=exit), *after]
            case While(carried=carried, test=test, body=body, span=span):
                before, at_end, after = self._carries(carried, self._read_in_turn(stmt), span)
                loop = replace(stmt, test=self._path(test), body=self._path(body) + at_end, carried=())
                self.there |= {c.result for c in carried}
                return [*before, loop, *after]
            case _:
                new = with_blocks(stmt, [self._path(b) for b in blocks(stmt)])
                self.there |= defined((with_blocks(stmt, [() for _ in blocks(stmt)]),))
                return [new]

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
                there = all(symbol.name in self.there for d in dims for symbol, _ in d.terms)
                lengths = [written(d, asked) if there else Const(0) for d in dims]
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

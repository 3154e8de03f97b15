"""Tapes of threads: each thread of a kernel has a place of its own for what its forward sweep saves.

A small array of constant size is in the local memory of the thread. The others are parameters, which the caller
allocates: their last axis is that of the threads, so that neighbours, which save at the same time, write side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import NoReturn

import numpy as np

from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Comment, Const, Expr, Function, If, Op, Param, Slice, Span, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, names, ops, own_exprs, own_writes, reads, rewrite_own, walk
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.rules.kernels import GRID, GRID_SIZE, axes_of

_SMALL = 2048
"""Bytes of an array that is in local memory, where there is no more than a few dozen kilobytes for each thread."""


def launch_axes(f: Function) -> int:
    """How many axes the grid has, by what the kernel asks for."""
    found = [axes_of(op.prim, op.static) for s in walk(f.body) for e in own_exprs(s) for op in ops(e)]
    return max(1, *found) if found else 1


def tape_arrays(f: Function) -> tuple[str, ...]:
    """The arrays on the tape that the caller allocates, in the order of the text."""
    made: dict[str, list[Op]] = {}
    for stmt in walk(f.body):
        match stmt:
            case Assign(name, Op("np.empty" | "np.concatenate") as op) if name in f.tape:
                made.setdefault(name, []).append(op)
    return tuple(name for name, several in made.items() if not all(map(_is_small, several)))


def _is_small(op: Op) -> bool:
    lengths = [arg.value for arg in op.args if isinstance(arg, Const) and isinstance(arg.value, int)]
    itemsize = np.dtype(str(dict(op.static).get("dtype", "float64"))).itemsize
    return op.prim == "np.empty" and len(lengths) == len(op.args) and prod(lengths) * itemsize <= _SMALL


def with_thread_tapes(f: Function) -> Function:
    """The function with its tape in local arrays, made in the beginning, and in parameters.

    >>> from srcad.ir.nodes import Saved
    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.printer import text
    >>> body = parse('''
    ... x_saved = np.empty(n)
    ... for k in range(n):
    ...     x_saved[k] = x
    ... ''')
    >>> types = {"x_saved": Array("float64", (dim(Symbol("x_saved", 0)),))}
    >>> types |= {"n": Scalar("int64"), "x": Scalar("float64")}
    >>> f = Function("f", (Param("n", "n"), Param("x", "x")), body, (), types, tape={"x_saved": Saved("x")})
    >>> print(text(with_thread_tapes(f)))
    f(n: int64, x: float64, x_saved: float64[x_saved.0, x_saved.1]):
        column = cuda.grid(axis=0, ndim=1)
        for k in range(0, n, 1):
            x_saved[k, column] = x

    Raises S520 for whole arrays on the tape.
    """
    given = tape_arrays(f)
    work = _ThreadTapes(f, given)
    body = work.block(f.body)
    types = dict(f.types)
    first: list[Stmt] = [Assign(name, made) for name, made in work.local.items()]
    if given:
        types[work.column] = Scalar("int64")
        first.insert(0, Assign(work.column, _thread_index(launch_axes(f))))
    for name in given:
        known = types[name]
        assert isinstance(known, Array)
        types[name] = Array(known.dtype, tuple(dim(Symbol(name, axis)) for axis in range(known.rank + 1)))
    params = (*f.params, *(Param(name, name) for name in given))
    return replace(f, body=(*first, *body), params=params, types=types)


def _thread_index(axes: int) -> Expr:
    """The index of the thread among all of the grid: neighbours along the first axis are next to one another."""
    place: Expr = Op(GRID, (), (("axis", axes - 1), ("ndim", axes)))
    for axis in range(axes - 2, -1, -1):
        own, count = (Op(prim, (), (("axis", axis), ("ndim", axes))) for prim in (GRID, GRID_SIZE))
        place = Op("+", (own, Op("*", (count, place))))
    return place


class _ThreadTapes:
    def __init__(self, f: Function, given: Sequence[str]) -> None:
        self.f = f
        self.given = frozenset(given)
        self.local: dict[str, Op] = {}
        self.column = free_name(f, "column")

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._statement(stmt))

    def _statement(self, stmt: Stmt) -> Block:
        match stmt:
            case Assign(name, Op("np.empty") as made) if name in self.f.tape and isinstance(self.f.types[name], Array):
                if name not in self.given:
                    self.local[name] = made
                return ()
            case If(_, then, ()) if then and all(map(self._grows, then)):
                return ()
            case Store(Var(name), index, value, _, span) if name in self.given:
                items = self._items(name, tuple(self._expr(item, span) for item in index), span)
                return (replace(stmt, index=items, value=self._expr(value, span)),)
        span = None if isinstance(stmt, Comment) else stmt.span
        nested = [self.block(b) for b in blocks(stmt)]
        return (rewrite_own(stmt, lambda e: self._expr(e, span), nested),)

    def _grows(self, stmt: Stmt) -> bool:
        return isinstance(stmt, Assign) and stmt.target in self.given and getattr(stmt.value, "prim", "") != "np.empty"

    def _expr(self, expr: Expr, span: Span | None) -> Expr:
        read: list[str] = []

        def one(part: Expr) -> Expr:
            match part:
                case Op("index", (Var(name), *items)) if name in self.given:
                    read.append(name)
                    return Op("index", (Var(name), *self._items(name, tuple(items), span)))
            return part

        new = map_expr(expr, one)
        whole = [name for name in reads(expr) if name in self.given]
        if len(whole) > len(read):
            self._refuse(whole[0], span)
        return new

    def _items(self, name: str, items: tuple[Expr, ...], span: Span | None) -> tuple[Expr, ...]:
        known = self.f.types[name]
        assert isinstance(known, Array)
        if len(items) != known.rank or any(isinstance(item, Slice) for item in items):
            self._refuse(name, span)
        return (*items, Var(self.column))

    def _refuse(self, name: str, span: Span | None) -> NoReturn:
        what = f"an array that is saved whole, as {self.f.tape[name].of}, is not possible in a kernel"
        fail("S520", what, span or self.f.span, None, "write to its elements in a loop, each of which is saved then.")


def free_name(f: Function, name: str) -> str:
    """The name, or a longer one that the function does not have."""
    taken = {p.name for p in f.params}
    taken |= {n for s in walk(f.body) for n in (*own_writes(s), *(n for e in own_exprs(s) for n in names(e)))}
    while name in taken:
        name += "_"
    return name

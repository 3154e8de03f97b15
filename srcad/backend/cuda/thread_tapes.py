"""Tapes of threads: each thread of a kernel has a place of its own for what its forward sweep saves.

A small array of constant size is in the local memory of the thread. The others are parameters, which the caller
allocates: their last axis is that of the threads, so that neighbours, which save at the same time, write side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from srcad.backend.cuda.thread_axis import is_small, is_used_by_elements, with_thread_axis
from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Comment, Expr, Function, If, Op, Param, Span, Stmt, Var
from srcad.ir.traversal import blocks, names, ops, own_exprs, own_writes, walk, with_blocks
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.rules.kernels import GRID, GRID_SIZE, axes_of


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
    return tuple(name for name, several in made.items() if not all(map(is_small, several)))


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
    body = with_thread_axis(work.block(f.body), {name: name for name in given}, Var(work.column))
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
        for name in self.given:
            known = self.f.types[name]
            assert isinstance(known, Array)
            if not is_used_by_elements(name, known.rank, stmt):
                self._refuse(name, None if isinstance(stmt, Comment) else stmt.span)
        return (with_blocks(stmt, [self.block(b) for b in blocks(stmt)]),)

    def _grows(self, stmt: Stmt) -> bool:
        return isinstance(stmt, Assign) and stmt.target in self.given and getattr(stmt.value, "prim", "") != "np.empty"

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

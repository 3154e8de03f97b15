"""Barriers, normal form: whether all threads of a block come to each `cuda.syncthreads()`, or none does.

A barrier under a condition that differs between threads is an error of the program, on which a GPU may hang. So is its
counterpart in the reverse sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Effect, Expr, For, Function, If, Op, Span, Stmt, Var, While
from srcad.ir.traversal import block_stores, names, ops, walk
from srcad.rules.kernels import BARRIER, GRID, LETTERS, LOAD, THREAD

_BY_THREAD = frozenset({GRID, LOAD, *(f"{THREAD}.{letter}" for letter in LETTERS)})


def has_barrier(block: Block) -> bool:
    return any(isinstance(s, Effect) and s.call.prim == BARRIER for s in walk(block))


def refuse_divergent_barriers(f: Function) -> None:
    """S525 for a barrier that not all threads of a block may come to.

    >>> import numpy as np
    >>> from numba import cuda
    >>> from srcad.compiler.stages import normal_form
    >>> __name__ = "user_module"
    >>> def kernel(x):
    ...     if cuda.threadIdx.x < 8:
    ...         cuda.syncthreads()
    >>> refuse_divergent_barriers(normal_form(kernel, np.ones(9)))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    srcad.errors.CompileError: srcad error S525: a barrier that only some threads of a block may come to
    ...
    """
    if not has_barrier(f.body):
        return
    for stmt in _divergent(f.body, varying_names(f)):
        why = "The branch or the loop around it depends on the thread, or on elements of an array that is written to."
        advice = "keep cuda.syncthreads() outside: `if i < n: ...`, then the barrier, then the next `if i < n: ...`;\n"
        advice += "an early return before it is such a branch, too."
        fail("S525", "a barrier that only some threads of a block may come to", stmt, why, advice)


def _divergent(block: Block, varying: frozenset[str]) -> Iterator[Span | None]:
    for stmt in block:
        match stmt:
            case If(cond, then, orelse):
                inner, decides = [then, orelse], [cond]
            case For(_, start, stop, step, body, _, exit):
                inner, decides = [body], [start, stop, step, *([] if exit is None else [exit])]
            case While(test, cond, body):
                inner, decides = [test, body], [cond]
            case _:
                continue
        if any(names(e) & varying for e in decides):
            found = next((s for b in inner for s in walk(b) if isinstance(s, Effect) and s.call.prim == BARRIER), None)
            if found is not None:
                yield found.span
        for part in inner:
            yield from _divergent(part, varying)


def varying_names(f: Function) -> frozenset[str]:
    """The names that may differ between the threads of a block."""
    written = block_stores(f.body)
    varying: set[str] = set()

    def varies(e: Expr) -> bool:
        if names(e) & varying:
            return True
        return any(op.prim in _BY_THREAD or (op.prim == "index" and _root(op) in written) for op in ops(e))

    while True:
        before = len(varying)
        for stmt in walk(f.body):
            varying |= _made_varying(stmt, varies)
        if len(varying) == before:
            return frozenset(varying)


def _root(op: Op) -> str:
    return op.args[0].name if isinstance(op.args[0], Var) else ""


def _made_varying(stmt: Stmt, varies: Callable[[Expr], bool]) -> set[str]:
    match stmt:
        case Assign(target, value):
            return {target} if varies(value) else set()
        case If(cond, _, _, joins):
            return {j.target for j in joins if varies(cond) or varies(j.then) or varies(j.orelse)}
        case For(index, start, stop, step, _, carried, exit):
            found = {index} if varies(start) or varies(step) else set()
            ends = any(map(varies, (start, stop, step, *(() if exit is None else (exit,)))))
        case While(_, cond, _, carried):
            found, ends = set(), varies(cond)
        case _:
            return set()
    for carry in carried:
        own = varies(carry.init) or varies(carry.next)
        found |= {carry.arg} if own else set()
        found |= {carry.result} if own or ends else set()
    return found

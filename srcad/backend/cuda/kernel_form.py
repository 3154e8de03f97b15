"""An adjoint in sequential form as a kernel.

A kernel returns nothing: the gradient of a scalar is added to an array of one element. What several threads may add to
one element, they add atomically. What the text says of loads and stores becomes indexing again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from srcad.backend.cuda.device_form import device_form
from srcad.backend.cuda.shared_adjoints import with_shared_adjoints
from srcad.backend.cuda.thread_tapes import free_name, launch_axes, with_thread_tapes
from srcad.errors import fail
from srcad.ir.nodes import (
    Assign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    Function,
    Op,
    Param,
    Return,
    Section,
    Slice,
    Span,
    Stmt,
    Store,
    Var,
)
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, map_expr, rename, rewrite_own, section_start, walk, with_blocks
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.rules.kernels import ADD, ATOMIC_ADD, LOAD, STORE

_HALVES: tuple[tuple[Section, Section], ...] = (
    ("forward", "reverse"),
    ("iteration", "iteration reversed"),
    ("iteration again", "iteration reversed"),
)


def kernel_form(f: Function, wrt: Sequence[str]) -> Function:
    """The adjoint of a kernel, with respect to these parameters, as a kernel.

    Its parameters are those of the primal, a buffer for each of `wrt`, and arrays for what the threads save.
    """
    axes = launch_axes(f)
    _refuse_allocated_adjoints(f)
    f = replace(f, body=_without_empty_sections(f.body))
    made = with_thread_tapes(with_shared_adjoints(with_scalar_buffers(f, wrt), axes))
    made = replace(made, body=_atomic(made, made.body))
    made = device_form(replace(made, body=indexed_accesses(made.body)), "a kernel")
    return replace(made, body=(*_classes(made), *made.body))


def _without_empty_sections(block: Block) -> Block:
    """The block without a forward part that has nothing in it, and then without the line above the reverse part."""
    for first, then in _HALVES:
        if section_start(block, first) == 0 and section_start(block, then) == 1:
            block = block[2:]
    return tuple(with_blocks(stmt, map(_without_empty_sections, blocks(stmt))) for stmt in block)


def with_scalar_buffers(f: Function, wrt: Sequence[str]) -> Function:
    """The function with buffers in the order of `wrt`; the gradients that it returned are added to those of scalars.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.printer import text
    >>> f = Function("f", (Param("a", "a"),), (*parse("d_a = 2.0 * a"), Return((Var("d_a"),))), (Var("d_a"),), {})
    >>> f = replace(f, types=dict.fromkeys(("a", "d_a"), Scalar("float64")), adjoints={"d_a": "a"})
    >>> print(text(with_scalar_buffers(f, ("a",))))
    f(a: float64, d_a: float64[d_a.0]):
        d_a_own = 2.0 * a
        cuda.atomic.add(d_a, d_a_own, 0)
    """
    returned = next((s.values for s in f.body if isinstance(s, Return)), f.results)
    scalars = [name for name in wrt if isinstance(f.types[name], Scalar)]
    own: dict[str, str] = {}
    """The sums of the thread, whose names are those of the buffers now."""
    named: dict[str, str] = {}
    types = dict(f.types)
    for name, value in zip(scalars, returned, strict=True):
        known = types[name]
        assert isinstance(known, Scalar)
        if isinstance(value, Var) and value.name in f.adjoints and value.name not in own:
            buffer = value.name
            own[buffer] = free_name(f, f"{buffer}_own")
            types[own[buffer]] = types[buffer]
        else:
            buffer = free_name(f, f"d_{name}")
        named[name] = buffer
        types[buffer] = Array(known.dtype, (dim(Symbol(buffer, 0)),))
    body = rename(tuple(s for s in f.body if not isinstance(s, Return)), own)

    def renamed(part: Expr) -> Expr:
        return Var(own.get(part.name, part.name)) if isinstance(part, Var) else part

    added = [
        Effect(Op(ATOMIC_ADD, (Var(named[name]), map_expr(value, renamed), Const(0))))
        for name, value in zip(scalars, returned, strict=True)
        if value not in (Const(0.0), Const(0))
    ]
    arrays = {f.adjoints[p.name]: p for p in f.params if p.name in f.adjoints}
    buffers = [Param(named[name], named[name]) if name in named else arrays[name] for name in wrt]
    primal = [p for p in f.params if p not in buffers]
    adjoints = {own.get(name, name): of for name, of in f.adjoints.items()} | {v: k for k, v in named.items()}
    params = (*primal, *buffers)
    return replace(f, params=params, body=(*body, *added), results=(), types=types, adjoints=adjoints)


def _refuse_allocated_adjoints(f: Function) -> None:
    """S524 for an array of the kernel's arguments through which a derivative passes, and which has no buffer."""
    params = {p.name for p in f.params}
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, Op("np.zeros_like", (Var(of),))) if of in params and target in f.adjoints:
                why = (
                    f"A derivative passes through what the kernel writes to {of}, so it has an adjoint, and a thread\n"
                )
                why += "cannot allocate that."
                fail(
                    "S524",
                    f"{of} is not among argnums",
                    f.span,
                    why,
                    f"add {of!r} to argnums, and pass a buffer d_{of}.",
                )


def _atomic(f: Function, block: Block) -> Block:
    """The block whose sums into buffers are atomic, but for those into elements of the thread's own.

    Raises S524 for a sum into a part of a buffer.
    """
    buffers = {p.name: f.adjoints[p.name] for p in f.params if p.name in f.adjoints}

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case Assign(target, value, span) if isinstance(f.types.get(target), Array) and root(value) in buffers:
                _refuse_part(buffers[str(root(value))], span or f.span)
            case Store(base, index, value, op, span) if (name := root(base)) in buffers and name is not None:
                items = _items(base, index)
                known = f.types[name]
                if items is None or not isinstance(known, Array) or len(items) != known.rank:
                    _refuse_part(buffers[name], span or f.span)
                if buffers[name] not in f.own_elements:
                    assert op in ("+", "-"), f"{name} is overwritten"
                    added = value if op == "+" else Op("neg", (value,))
                    return Effect(Op(ATOMIC_ADD, (Var(name), added, *items)), span)
                return replace(stmt, base=Var(name), index=items)
        return rewrite_own(stmt, lambda e: e, [tuple(map(one, b)) for b in blocks(stmt)])

    return tuple(map(one, block))


def _items(base: Expr, index: tuple[Expr, ...]) -> tuple[Expr, ...] | None:
    """The indices of an element of a name, which may be reached through views; None where it is none."""
    while isinstance(base, Op) and base.prim == "index":
        index = (*base.args[1:], *index)
        base = base.args[0]
    if not isinstance(base, Var):
        return None
    return None if any(isinstance(item, Slice) or item == Const(None) for item in index) else index


def _refuse_part(name: str, span: Span | None) -> NoReturn:
    advice = "index each of its axes, in a loop over the elements."
    fail("S524", f"an operation on the whole of {name}, or on a part of it, in a kernel", span, None, advice)


def indexed_accesses(block: Block) -> Block:
    """The block with the loads and stores of kernels as indexing."""
    return tuple(map(_indexed_statement, block))


def _indexed_statement(stmt: Stmt) -> Stmt:
    match stmt:
        case Effect(Op(prim, (array, Op("neg", (value,)), *items)), span) if prim == ADD:
            return Store(array, tuple(items), value, "-", span)
        case Effect(Op(prim, (array, value, *items)), span) if prim in (STORE, ADD):
            return Store(array, tuple(items), value, "+" if prim == ADD else None, span)
    return rewrite_own(stmt, lambda e: map_expr(e, _loaded), [indexed_accesses(b) for b in blocks(stmt)])


def _loaded(expr: Expr) -> Expr:
    return Op("index", expr.args) if isinstance(expr, Op) and expr.prim == LOAD else expr


def _classes(f: Function) -> Block:
    """Comments that say how threads add to the adjoints of arrays."""
    found: Mapping[str, dict[str, None]] = {"private": {}, "atomic": {}}
    for stmt in walk(f.body):
        match stmt:
            case Store(Var(name), _, _, "+" | "-") if name in f.adjoints and _is_shared(f, name):
                found["private"][name] = None
            case Effect(Op("cuda.atomic.add", (Var(name), *_))) if name in f.adjoints:
                found["atomic"][name] = None
    means = {"private": "each thread adds to elements of its own", "atomic": "several threads may add to an element"}
    order = [p.name for p in f.params]
    lines = []
    for name, several in found.items():
        buffers = [one for one in order if one in several] + [one for one in several if one not in order]
        lines += [f"{', '.join(buffers)}: {name}, {means[name]}"] if several else []
    return (Comment("\n".join(lines)),) if lines else ()


def _is_shared(f: Function, name: str) -> bool:
    """Whether the array is not in the local memory of a thread."""
    made = (s.value for s in walk(f.body) if isinstance(s, Assign) and s.target == name)
    return not any(isinstance(value, Op) and value.prim == "cuda.local.array" for value in made)

"""Tape counts: the kernel that finds how much the threads of an adjoint save, where only a run can tell.

It runs what the adjoint runs, but for adjoints, and saves nothing: for each array on the tape it finds the greatest
length along each axis that a thread asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from srcad.backend.cuda.device_form import device_form
from srcad.backend.cuda.kernel_form import indexed_accesses
from srcad.backend.cuda.thread_tapes import free_name
from srcad.cleanup.dead_code import remove_dead_code
from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, Function, If, Op, Param, Return, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import (
    CHANGES_ARRAY,
    blocks,
    defined,
    names,
    own_exprs,
    remove_comments,
    section_start,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.rules.kernels import ATOMIC_MAX, BARRIER, LOAD


def tape_counts(f: Function, tape: Sequence[str], primal: int) -> Function:
    """The kernel that counts, of an adjoint in sequential form whose first parameters are the `primal` ones.

    Its last parameter is an array of integers: for each of `tape`, a length along each axis, one after the other.
    Raises S521 where what is saved decides how much is saved.
    """
    at = section_start(f.body, "reverse")
    f = remove_comments(replace(f, body=f.body[:at] + _without_barriers(f.body[at:])))
    adjoints = frozenset(f.adjoints)
    sizes = free_name(f, "sizes")
    lengths = {name: _length_names(f, name) for name in tape}
    counting = partial(_counted, f, adjoints, lengths)
    counted = [name for several in lengths.values() for name in several]
    types: dict[str, Array | Scalar] = dict.fromkeys(counted, Scalar("int64"))
    types[sizes] = Array("int64", (dim(Symbol(sizes, 0)),))
    body: Block = (
        *(Assign(name, Const(0)) for name in counted),
        *counting(tuple(s for s in f.body if not isinstance(s, Return))),
        *(Effect(Op(ATOMIC_MAX, (Var(sizes), Var(name), Const(at)))) for at, name in enumerate(counted)),
    )
    params = (*f.params[:primal], Param(sizes, sizes))
    known = {**f.types, **types}
    body = remove_dead_code(body, (), known, [p.name for p in params])
    _refuse_unknown(f, body, params, tape)
    name = f"{f.name}_counts"
    made = replace(f, name=name, params=params, body=body, results=(), types=known, tape={}, adjoints={})
    return device_form(replace(made, body=indexed_accesses(made.body)), "a kernel")


def _without_barriers(block: Block) -> Block:
    kept = (s for s in block if s != Effect(Op(BARRIER)))
    return tuple(with_blocks(s, map(_without_barriers, blocks(s))) for s in kept)


def _length_names(f: Function, name: str) -> tuple[str, ...]:
    known = f.types[name]
    assert isinstance(known, Array)
    return tuple(
        free_name(f, f"{name}_length_{axis}" if known.rank > 1 else f"{name}_length") for axis in range(known.rank)
    )


def _counted(f: Function, adjoints: frozenset[str], lengths: dict[str, tuple[str, ...]], block: Block) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Assign(name, Op("np.empty", asked)) if name in lengths:
                grows = any(isinstance(s, Assign) and s.target == name and s is not stmt and s.value != stmt.value
                            for s in walk(f.body))  # fmt: skip
                out += [_longer(own, arg) for own, arg in list(zip(lengths[name], asked, strict=True))[grows:]]
            case Assign(name) if name in lengths:
                pass
            case Assign(name) if name in adjoints:
                pass
            case Store(Var(name), (first, *_)) if name in lengths:
                out.append(_longer(lengths[name][0], Op("+", (first, Const(1)))))
            case Store(base) if root(base) in adjoints or root(base) in f.tape:
                pass
            case Effect(Op(prim, (Var(name), *_))) if prim in CHANGES_ARRAY and name in adjoints:
                pass
            case If(_, then, ()) if then and all(isinstance(s, Assign) and s.target in lengths for s in then):
                pass  # an array on the tape grows
            case _ if _reads_adjoint(stmt, adjoints):
                pass
            case _:
                out.append(with_blocks(stmt, [_counted(f, adjoints, lengths, b) for b in blocks(stmt)]))
    return tuple(out)


def _reads_adjoint(stmt: Stmt, adjoints: frozenset[str]) -> bool:
    """Whether it is a statement of the reverse sweep, which loads an adjoint."""
    if blocks(stmt):
        return False
    return any(isinstance(e, Op) and e.prim == LOAD and names(e.args[0]) & adjoints for e in own_exprs(stmt))


def _longer(name: str, length: Expr) -> Stmt:
    return Assign(name, Op("max", (Var(name), length)))


def _refuse_unknown(f: Function, body: Block, params: Sequence[Param], tape: Sequence[str]) -> None:
    known = defined(body) | {p.name for p in params}
    for stmt in walk(body):
        if any(names(e) - known for e in own_exprs(stmt)):
            what = f"how much the threads save in {', '.join(tape)} depends on what they have saved"
            fail(
                "S521",
                what,
                f.span,
                "A thread cannot allocate memory.",
                "give loops a number of iterations that is an argument.",
            )

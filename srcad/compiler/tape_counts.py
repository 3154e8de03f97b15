"""Tape counts: the kernel that finds how much the threads of an adjoint save, where only a run can tell.

It runs what the adjoint runs, but for adjoints, and saves nothing: for each array on the tape it finds the greatest
length along each axis that a thread asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcad.analysis.values.effects import is_pure
from srcad.backend.cuda.device_form import device_form
from srcad.backend.cuda.kernel_form import indexed_accesses
from srcad.backend.cuda.thread_tapes import free_name
from srcad.cleanup.dead_code import remove_dead_code
from srcad.errors import fail
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Param,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root
from srcad.ir.traversal import (
    CHANGES_ARRAY,
    blocks,
    defined,
    map_expr,
    names,
    own_exprs,
    remove_comments,
    rewrite_own,
    section_start,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.rules.kernels import ATOMIC_MAX, LOAD


def tape_counts(f: Function, tape: Sequence[str], primal: int) -> Function:
    """The kernel that counts, of an adjoint in sequential form whose first parameters are the `primal` ones.

    Its last parameter is an array of integers: for each of `tape`, a length along each axis, one after the other.
    Raises S521 where what is saved decides how much is saved.
    """
    at = section_start(f.body, "reverse")
    f = remove_comments(replace(f, body=(*f.body[:at], *_saving(f, f.body[at:]))))
    work = _Counting(f, tape)
    sizes = free_name(f, "sizes")
    counted = [name for several in work.lengths.values() for name in several]
    body: Block = (
        *(Assign(name, Const(0)) for name in counted),
        *work.block(tuple(s for s in f.body if not isinstance(s, Return))),
        *(Effect(Op(ATOMIC_MAX, (Var(sizes), Var(name), Const(at)))) for at, name in enumerate(counted)),
    )
    params = (*f.params[:primal], Param(sizes, sizes))
    types = {**f.types, **work.types, sizes: Array("int64", (dim(Symbol(sizes, 0)),))}
    body = remove_dead_code(body, (), types, [p.name for p in params])
    _refuse_unknown(f, body, params, tape)
    name = f"{f.name}_counts"
    made = replace(f, name=name, params=params, body=body, results=(), types=types, tape={}, adjoints={})
    return device_form(replace(made, body=indexed_accesses(made.body)), "a kernel")


def _saving(f: Function, block: Block) -> Block:
    """Of a part of the reverse sweep, the loops of which each iteration is reversed at once, without the reversal."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For(body=body) if (at := section_start(body, "iteration reversed")) < len(body):
                out.append(with_blocks(stmt, [_popped(body[:at], body[at:], (*body[:at], *_saving(f, body[at:])))]))
            case For() | While() | If() if any(isinstance(s, Comment) and s.section for s in walk((stmt,))):
                out.append(with_blocks(stmt, [_saving(f, b) for b in blocks(stmt)]))
            case Assign(target) if target in f.tape and isinstance(f.types[target], Array):
                out.append(stmt)
            case Assign(target, value) if isinstance(f.types.get(target), Scalar) and is_pure(value):
                if not names(value) & (f.tape.keys() | f.adjoints.keys()) and target not in f.adjoints:
                    out.append(stmt)
    return tuple(out)


def _popped(forward: Block, reverse: Block, block: Block) -> Block:
    """The iteration with the positions on its stacks put back, as the reversal leaves them."""
    down = [s.target for s in walk(reverse) if isinstance(s, AugAssign) and (s.op, s.value) == ("-", Const(1))]
    tops = [name for name in dict.fromkeys(down) if name in defined(forward)]
    before = [Assign(f"{name}_before", Var(name)) for name in tops]
    return (*before, *block, *(Assign(name, Var(f"{name}_before")) for name in tops))


class _Counting:
    """`lengths` are the counters of each array: what a thread asks for along each axis."""

    def __init__(self, f: Function, tape: Sequence[str]) -> None:
        self.f = f
        known = {name: t for name in tape if isinstance(t := f.types[name], Array)}
        self.lengths = {
            name: tuple(free_name(f, f"{name}_length{f'_{axis}' if t.rank > 1 else ''}") for axis in range(t.rank))
            for name, t in known.items()
        }
        assigned = (s for s in walk(f.body) if isinstance(s, Assign))
        self.grown = frozenset(s.target for s in assigned if s.target in tape and _prim(s.value) != "np.empty")
        bools = [name for name, t in f.types.items() if name in f.tape and isinstance(t, Array) and t.dtype == "bool"]
        self.conditions = {name: free_name(f, f"{name}_now") for name in bools}
        """Conditions that are saved, and read at once."""
        self.types: dict[str, Type] = {name: Scalar("int64") for own in self.lengths.values() for name in own}
        self.types |= {name: Scalar("bool") for name in self.conditions.values()}

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._statement(stmt))

    def _statement(self, stmt: Stmt) -> Block:
        adjoints = self.f.adjoints
        match stmt:
            case Assign(name, Op("np.empty", asked)) if name in self.lengths:
                own = zip(self.lengths[name], asked, strict=True)
                return tuple(_longer(*pair) for pair in list(own)[name in self.grown :])
            case Assign(name) if name in self.lengths or name in adjoints:
                return ()
            case Store(Var(name), (first, *_), value) if name in self.lengths or name in self.conditions:
                counted = (_longer(self.lengths[name][0], Op("+", (first, Const(1)))),) if name in self.grown else ()
                last = (Assign(self.conditions[name], self._expr(value)),) if name in self.conditions else ()
                return (*counted, *last)
            case Store(base) if root(base) in adjoints or root(base) in self.f.tape:
                return ()
            case Effect(Op(prim, (Var(name), *_))) if prim in CHANGES_ARRAY and name in adjoints:
                return ()
            case If(_, then, ()) if then and all(isinstance(s, Assign) and s.target in self.lengths for s in then):
                return ()  # an array on the tape grows
            case Assign(_, Op(prim, (Var(name), *_))) if prim == LOAD and name in adjoints:
                return ()
        return (rewrite_own(stmt, self._expr, [self.block(b) for b in blocks(stmt)]),)

    def _expr(self, expr: Expr) -> Expr:
        return map_expr(expr, self._condition)

    def _condition(self, expr: Expr) -> Expr:
        match expr:
            case Op("index", (Var(name), *_)) if name in self.conditions:
                return Var(self.conditions[name])
        return expr


def _prim(value: Expr) -> str:
    return value.prim if isinstance(value, Op) else ""


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

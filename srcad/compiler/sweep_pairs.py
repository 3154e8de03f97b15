"""The two functions of a vjp: the forward one returns the results and what is saved, the reverse one the gradients.

What the reverse function is given stays as it is: it may be called again with the same saved values. What it returns
is memory of its own.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def scaled(x, s):
...     return np.exp(s * x)
>>> text = srcad.vjp(scaled, target="python").source_for(np.ones(9), 2.0)
>>> print(text[text.index("def") :].rstrip())
def scaled_forward(x, s):
    exp = np.exp(s * x)
    exp_copy = exp.copy()
    return exp, exp_copy
<BLANKLINE>
<BLANKLINE>
def scaled_reverse(x, s, exp, d_result):
    # L2: return np.exp(s * x)
    d_product = exp * d_result
    d_s = np.sum(x * d_product)
    d_x = s * d_product
    return d_x, d_s
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.memory.liveness import liveness
from srcad.analysis.memory.may_alias import may_alias
from srcad.cleanup.dead_code import remove_dead_code
from srcad.compiler.split_sweeps import SplitSweeps, is_ruler, split_sweeps, written_arrays
from srcad.ir.nodes import Assign, Block, Effect, Expr, Function, If, Op, Return, Saved, Stmt, Store, Var
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import (
    block_reads,
    block_stores,
    blocks,
    defined,
    names,
    own_exprs,
    section_start,
    stmt_reads,
    substitute,
    with_blocks,
)
from srcad.ir.types import Array, is_float
from srcad.reverse.storage.tape_report import TapeEntry, tape_entries


@dataclass(frozen=True)
class SweepPair:
    """`reverse` takes arguments of `forward`, what that saves, and a cotangent for each result that is a float."""

    forward: Function
    reverse: Function
    reads: tuple[int, ...]
    """The parameters of the primal that `reverse` takes."""
    contents: tuple[int, ...]
    """Those of them that it reads elements of; of the others the shape."""
    saved: tuple[str, ...]
    differentiated: int
    """How many results come before those of `has_aux`."""
    tape: tuple[TapeEntry, ...]


def sweep_pair(f: Function, params: int, results: int, differentiated: int) -> SweepPair:
    """The two functions of both sweeps in sequential form (`reverse/vjp_sweeps`).

    Where the sweeps cannot be parted (`split_sweeps`), the reverse function begins with the forward sweep, and nothing
    is saved.
    """
    name = f.name.removesuffix("_vjp")
    f = _lengths_of_cotangents(f, params, results, differentiated)
    split = split_sweeps(f, params, results, apart=True) or _run_again(f, params, results)
    saved = {n: f.tape.get(n, Saved(n)) for n in split.saved}
    tape = tape_entries(replace(f, tape={**f.tape, **saved}))
    reverse = with_own_memory(replace(split.reverse, name=f"{name}_reverse"))
    live = liveness(reverse.body, reverse.types, (), {p.name for p in reverse.params})
    read = [at for at in split.reads if f"&{live.shared.class_of(f.params[at].name)}" in live.before_all]
    forward = replace(split.forward, name=f"{name}_forward")
    return SweepPair(forward, reverse, split.reads, tuple(read), split.saved, differentiated, tape)


def _lengths_of_cotangents(f: Function, params: int, results: int, differentiated: int) -> Function:
    """Where the reverse sweep reads no more than the shape of a result, it reads that of its cotangent."""
    at = section_start(f.body, "reverse")
    forward, reverse, last = f.body[:at], f.body[at:-1], f.body[-1]
    assert isinstance(last, Return)
    live = liveness((*reverse, Return(last.values[results:])), f.types, (), {p.name for p in f.params})
    changed = defined(reverse) | block_stores(reverse)
    seeds = iter(p.name for p in f.params[params:])
    found: dict[str, Expr] = {}
    for value in last.values[:differentiated]:
        if not (isinstance(value, Var) and is_float(known := f.types[value.name])):
            continue
        seed, name = next(seeds), value.name
        is_read = f"&{live.shared.class_of(name)}" in live.before_all
        if isinstance(known, Array) and known.layout == "C" and not is_read and not {name, seed} & changed:
            found[name] = Var(seed)
    return replace(f, body=(*forward, *substitute(reverse, found), last))


def _run_again(f: Function, params: int, results: int) -> SplitSweeps:
    at = section_start(f.body, "reverse")
    forward, last = f.body[:at], f.body[-1]
    assert isinstance(last, Return)
    values, own = last.values[:results], last.values[results:]
    types = dict(f.types)
    body = (*_without_tape((*(s for s in forward if not is_ruler(s)),), f), Return(values))
    body = remove_dead_code(body, {n for e in values for n in names(e)}, types, {p.name for p in f.params})
    first = replace(f, params=f.params[:params], body=body, results=values, types=types)
    body = (*_without_prints(f.body[:-1]), Return(own))
    reads = tuple(k for k, p in enumerate(f.params[:params]) if p.name in block_reads(body))
    back = replace(f, params=(*(f.params[k] for k in reads), *f.params[params:]), body=body, results=own)
    return SplitSweeps(replace(first, tape={}, adjoints={}), back, reads, (), ())


def _without_tape(block: Block, f: Function) -> Block:
    """The forward sweep that saves nothing but what it reads itself."""

    def is_growth(stmt: Stmt) -> bool:
        return isinstance(stmt, If) and not stmt.orelse and all(_written(s) in f.tape for s in stmt.then)

    def read(block: Block, kept: frozenset[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for stmt in block:
            if is_growth(stmt):
                found |= stmt_reads(stmt) if any(_written(s) in kept for s in blocks(stmt)[0]) else frozenset()
            elif _written(stmt) not in f.tape or _written(stmt) in kept:
                found |= frozenset().union(*(names(e) for e in own_exprs(stmt)))
            found |= frozenset().union(*(read(b, kept) for b in blocks(stmt))) if not is_growth(stmt) else frozenset()
        return found

    def without(block: Block, kept: frozenset[str]) -> Block:
        return tuple(
            with_blocks(s, [without(b, kept) for b in blocks(s)])
            for s in block
            if (_written(s) not in f.tape or _written(s) in kept)
            and not (is_growth(s) and not any(_written(t) in kept for t in blocks(s)[0]))
        )

    kept: frozenset[str] = frozenset()
    while not (more := read(block, kept) & f.tape.keys()) <= kept:
        kept |= more
    return without(block, kept)


def _written(stmt: Stmt) -> str | None:
    """The variable that a statement assigns, stores into or appends to."""
    match stmt:
        case Assign(target):
            return target
        case Store(base):
            return root(base)
        case Effect(Op("list.append", (Var(items), _))):
            return items
        case _:
            return None


def _without_prints(block: Block) -> Block:
    """What is printed is printed once."""
    return tuple(
        with_blocks(s, map(_without_prints, blocks(s)))
        for s in block
        if not (isinstance(s, Effect) and s.call.prim == "print")
    )


def with_own_memory(f: Function) -> Function:
    """The function, which copies what it is given and would write into, and returns no two names of one memory.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> types = dict.fromkeys(("d_y", "d_x"), Array("float64", (dim(3),)))
    >>> body = (*parse("d_y[0] *= 2.0\\nd_x = d_y"), Return((Var("d_x"),)))
    >>> print(show(with_own_memory(Function("f", (Param("d_y", "d_y"),), body, (Var("d_x"),), types)).body))
    d_y = copy(d_y)
    d_y[0] *= 2.0
    d_x = d_y
    return d_x
    """
    shared = may_alias(f.body, f.types)
    written = {shared.class_of(n) for n in written_arrays(f.body, f.types)}
    arrays = [p.name for p in f.params if isinstance(f.types[p.name], Array)]
    own = [n for n in arrays if shared.class_of(n) in written]
    taken = {shared.class_of(n) for n in arrays if n not in own}
    returned: set[str] = set()
    values: list[Expr] = []
    for value in f.results:
        if isinstance(value, Var) and isinstance(f.types[value.name], Array):
            head = shared.class_of(value.name)
            is_own = head not in taken or (head not in returned and _is_new(value.name, f.body))
            values.append(value if is_own else Op("copy", (value,)))
            returned.add(head)
            taken.add(head)
        else:
            values.append(value)
    copies = tuple(Assign(n, Op("copy", (Var(n),))) for n in own)
    return replace(f, body=(*copies, *f.body[:-1], Return(tuple(values))), results=tuple(values))


def _is_new(name: str, block: Block) -> bool:
    """Whether a name has, at the end of a block, memory that was allocated there."""
    for stmt in reversed(block):
        match stmt:
            case Assign(target, Var(other)) if target == name:
                name = other
            case Assign(target, value) if target == name:
                return not roots(value)
            case _ if name in defined((stmt,)):
                return False
    return False

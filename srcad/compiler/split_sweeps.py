"""The two sweeps of a derivative as two functions: the forward one also returns what the reverse one needs of it.

>>> from srcad.ir.nodes import Param
>>> from srcad.ir.notation import parse, show
>>> from srcad.reverse.source_comments import FORWARD, REVERSE
>>> types = dict.fromkeys(("x", "h", "e", "y", "d_y", "d_x"), Scalar("float64"))
>>> forward, reverse = parse("h = 2.0 * x\\ne = np.exp(h)\\ny = h * e"), parse("d_x = (2.0 * e + 2.0 * y) * d_y")
>>> both = (FORWARD, *forward, REVERSE, *reverse, Return((Var("y"), Var("d_x"))))
>>> f = Function("f", (Param("x", "x"), Param("d_y", "d_y")), both, (Var("y"), Var("d_x")), types)
>>> split = split_sweeps(f, 1, 1)
>>> print(show(split.forward.body))
h = 2.0 * x
e = np.exp(h)
y = h * e
return y, e
>>> [p.name for p in split.reverse.params], split.results
(['x', 'e', 'd_y'], ())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from srcad.analysis.memory.liveness import liveness
from srcad.analysis.memory.may_alias import may_alias
from srcad.analysis.values.duplication_cost import operation_cost
from srcad.analysis.values.effects import is_pure
from srcad.cleanup.style.definite_initialisation import initialise_undefined
from srcad.compiler.matching_branches import in_branch, matching_branches, read_inside, written_inside
from srcad.ir.nodes import Assign, Block, Comment, Const, Expr, Function, Op, Param, Return, Saved, Slice, Stmt, Var
from srcad.ir.traversal import block_reads, block_stores, blocks, defined, names, ops, own_writes, section_start, walk
from srcad.ir.types import Array, Scalar
from srcad.rules.primitives import PRIMITIVES

_MOST_SAVED = 6


@dataclass(frozen=True)
class SplitSweeps:
    """`forward` returns the results and what is saved; `reverse` takes arguments, results, what is saved, and the
    rest."""

    forward: Function
    reverse: Function
    reads: tuple[int, ...]
    """The parameters of the primal that the reverse sweep takes."""
    results: tuple[int, ...]
    """The results that it takes."""
    saved: tuple[str, ...]
    """What else it takes of the forward sweep."""


def split_sweeps(f: Function, params: int, results: int, taped: bool = False) -> SplitSweeps | None:
    """The sweeps of a derivative in sequential form, which has the primal's parameters and results before its own.

    None where what the reverse sweep needs is a list, or too much for a line, and where it restores elements that
    several of these values see: each has memory of its own. Where it is `taped`, the last parameter is a tape, which
    both take, and on which there is room for all.
    """
    at = section_start(f.body, "reverse")
    forward, reverse, last = f.body[:at], f.body[at:-1], f.body[-1]
    assert isinstance(last, Return)
    if taped:
        reverse = with_light_branches(f, forward, reverse)
    values, own = last.values[:results], last.values[results:]
    given = {p.name for p in f.params}
    wanted = liveness((*reverse, Return(own)), f.types, (), given).before_all
    crossing = sorted(n for n in wanted & defined(forward) if n in f.types)
    again = _recomputed(f, forward, set(crossing))
    kept = [n for n in crossing if n not in again]
    taken = tuple(k for k, e in enumerate(values) if isinstance(e, Var) and e.name in kept)
    returned = {e.name for e in values if isinstance(e, Var)}
    saved = [n for n in kept if n not in returned]
    if (len(saved) > _MOST_SAVED and not taped) or not all(isinstance(f.types[n], Scalar | Array) for n in saved):
        return None
    taken_from = {p.name for p in f.params[:params]} & block_reads((*again.values(), *reverse))
    if _restores_shared(f, reverse, taken_from.union(kept)):
        return None
    copies, atoms = _own_memory(f, forward, saved, values)
    f = replace(f, tape={n: f.tape.get(n, Saved(n)) for n in saved})
    made = replace(f, body=(*(s for s in forward if not _is_ruler(s)), *copies, Return((*values, *atoms))))
    given_first = (*f.params[:params], *(f.params[-1:] if taped else ()))
    made = replace(made, params=given_first, results=(*values, *atoms), adjoints={})
    made = made if taped else initialise_undefined(made, {n for e in made.results for n in names(e)})
    body = (*again.values(), *(s for s in reverse if not _is_ruler(s)), Return(own))
    read = block_reads(body)
    taken_names = [e.name for k, e in enumerate(values) if k in taken and isinstance(e, Var)]
    reads = tuple(k for k, p in enumerate(f.params[:params]) if p.name in read and p.name not in (*kept,))
    more = tuple(Param(n, n) for n in (*taken_names, *saved))
    back = replace(
        f,
        params=(*(f.params[k] for k in reads), *more, *f.params[params:]),
        body=body,
        results=own,
    )
    return SplitSweeps(made, back, reads, taken, tuple(saved))


def _is_ruler(stmt: Stmt) -> bool:
    return isinstance(stmt, Comment) and stmt.section is not None


def is_light(op: Op) -> bool:
    """Whether an operation may as well be done again: it is cheap, or makes a view or a blank array."""
    primitive = PRIMITIVES[op.prim]
    return primitive.cheap or operation_cost(op.prim) is not None or primitive.kind in ("view", "query", "create")


def _is_view(value: Expr) -> bool:
    """Whether it is a part of the memory of its base for certain: a slice, or a transpose."""
    match value:
        case Op("index", (Var(), *items)):
            return all(isinstance(item, Slice | Const) for item in items) and any(isinstance(i, Slice) for i in items)
        case Op("np.transpose", (Var(),)):
            return True
    return False


def with_light_branches(f: Function, forward: Block, reverse: Block) -> Block:
    """The reverse sweep, whose branches do light work of the same branches of the forward sweep again."""
    _, known = _light(f, forward, forward, block_reads(reverse) - defined(reverse))
    return _with_light_branches(f, forward, forward, reverse, known)


def _with_light_branches(
    f: Function,
    whole: Block,
    forward: Block,
    reverse: Block,
    known: AbstractSet[str],
    later: AbstractSet[str] = frozenset(),
) -> Block:
    for pair in matching_branches(forward, reverse, f.types, later):
        after = later | defined(forward[pair.at + 1 :])
        inner = blocks(forward[pair.at])[pair.side]
        own = {n for n in defined(inner) if written_inside(n, forward, pair) and read_inside(n, reverse, pair)}
        for at, side in pair.reverse:
            block = blocks(reverse[at])[side]
            kept = block_reads(block) & own - defined(block)  # some of it is light itself
            found, inside = _light(f, whole, inner, kept, known)
            light = {n: s for n, s in found.items() if n in own}
            block = _with_light_branches(f, whole, inner, block, inside - (found.keys() - own), after)
            needed = _needed(block_reads(block) - defined(block) & light.keys(), light)
            reverse = in_branch(reverse, at, side, (*(s for n, s in light.items() if n in needed), *block))
    return reverse


def _needed(wanted: AbstractSet[str], light: Mapping[str, Assign]) -> set[str]:
    """The light statements that give the wanted names, and those that these need."""
    needed = set(wanted & light.keys())
    pending = list(needed)
    while pending:
        more = names(light[pending.pop()].value) & light.keys() - needed
        needed |= more
        pending += more
    return needed


def _recomputed(f: Function, forward: Block, crossing: set[str]) -> dict[str, Assign]:
    """The statements that give some of the names again, from parameters and the others, in their order."""
    found, _ = _light(f, forward, forward, crossing)
    needed = _needed(crossing, found)
    return {n: s for n, s in found.items() if n in needed}


def _light(
    f: Function, forward: Block, block: Block, kept: AbstractSet[str], given: AbstractSet[str] = frozenset()
) -> tuple[dict[str, Assign], set[str]]:
    """The light statements of a block of the forward sweep, from parameters and what is `kept` or `given`, and all the
    names that they may read."""
    stored = block_stores(forward)
    shared = may_alias(f.body, f.types)
    changed = {shared.class_of(n) for n in stored}
    writes: dict[str, int] = {}
    for stmt in walk(forward):
        if isinstance(stmt, Assign):
            writes[stmt.target] = writes.get(stmt.target, 0) + 1
    others = {n for s in walk(forward) if not isinstance(s, Assign) for n in own_writes(s)}
    known = {p.name for p in f.params} - writes.keys() - others | given
    found: dict[str, Assign] = {}
    for stmt in block:
        if not isinstance(stmt, Assign) or writes[stmt.target] != 1 or stmt.target in others:
            continue
        if _is_view(stmt.value) and names(stmt.value) <= known and isinstance(f.types.get(stmt.target), Array):
            # it sees all that the sweeps do to its base
            known.add(stmt.target)
            found[stmt.target] = stmt
            continue
        light = is_pure(stmt.value) and isinstance(stmt.value, Op) and all(map(is_light, ops(stmt.value)))
        is_array = isinstance(f.types.get(stmt.target), Array)
        if is_array:  # of arrays sums and products
            light = light and all(PRIMITIVES[op.prim].kind == "elementwise" for op in ops(stmt.value))
        touched = {shared.class_of(n) for n in (stmt.target, *names(stmt.value)) if shared.has_memory(n)}
        if light and not touched & changed and names(stmt.value) <= known:
            known.add(stmt.target)
            found[stmt.target] = stmt
        elif stmt.target in kept:
            known.add(stmt.target)
    return found, known


def _restores_shared(f: Function, reverse: Block, kept: AbstractSet[str]) -> bool:
    """Whether the reverse sweep writes to memory that several of the names may share."""
    shared = may_alias(f.body, f.types)
    restored = {shared.class_of(n) for n in block_stores(reverse)}
    classes = [shared.class_of(n) for n in kept if shared.has_memory(n)]
    return any(classes.count(one) > 1 for one in restored)


def _own_memory(
    f: Function, forward: tuple[Stmt, ...], saved: Iterable[str], values: Iterable[Expr]
) -> tuple[list[Stmt], list[Expr]]:
    """The saved values, each with memory of its own, and the copies for that."""
    shared = may_alias(forward, f.types)
    taken = {shared.class_of(p.name) for p in f.params} | {shared.class_of(n) for e in values for n in names(e)}
    copies: list[Stmt] = []
    atoms: list[Expr] = []
    for name in saved:
        head = shared.class_of(name)
        if isinstance(f.types[name], Array) and head in taken:
            own = f"{name}_copy"
            f.types[own] = f.types[name]
            copies.append(Assign(own, Op("copy", (Var(name),))))
            atoms.append(Var(own))
        else:
            atoms.append(Var(name))
        taken.add(head)
    return copies, atoms

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
from srcad.ir.result_memory import is_view, root
from srcad.ir.traversal import block_reads, block_stores, blocks, defined, names, ops, own_writes, section_start, walk
from srcad.ir.types import Array, ListOf, Scalar, Symbol, Type, dim
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


def split_sweeps(
    f: Function, params: int, results: int, apart: bool = False, taped: bool = False
) -> SplitSweeps | None:
    """The sweeps of a derivative in sequential form, which has the primal's parameters and results before its own.

    Where they are to stand `apart`, the caller may change the results before the reverse sweep: those it reads are
    saved too, and a list is saved as two arrays. None where a list cannot be saved, or too much for a line of a caller,
    and where the reverse sweep restores elements that several of these values see: each has memory of its own. Where it
    is `taped`, the last parameter is a tape, which both take, and on which there is room for all.
    """
    at = section_start(f.body, "reverse")
    forward, reverse, last = f.body[:at], f.body[at:-1], f.body[-1]
    assert isinstance(last, Return)
    if taped:
        reverse = with_light_branches(f, forward, reverse)
    values, own = last.values[:results], last.values[results:]
    given = {p.name for p in f.params}
    # of both: that names share memory may follow from the forward sweep
    live = liveness((*forward, Comment(""), *reverse, Return(own)), f.types, (), given)
    between = live.live_after((len(forward),))
    crossing = {n for n in between & defined(forward) if n in f.types}
    unread = {n for n in crossing if f"&{live.shared.class_of(n)}" not in between}
    again = _recomputed(f, forward, crossing, unread)
    order = dict.fromkeys(n for s in walk(forward) for n in sorted(defined((s,))) if n in crossing)
    kept = [n for n in order if n not in again]
    returned = set() if apart else {e.name for e in values if isinstance(e, Var)}
    taken = tuple(k for k, e in enumerate(values) if isinstance(e, Var) and e.name in kept and not apart)
    saved = [n for n in kept if n not in returned]
    if len(saved) > _MOST_SAVED and not (taped or apart):
        return None
    lists = [n for n in saved if not isinstance(f.types[n], Scalar | Array)]
    taken_from = {p.name for p in f.params[:params]} & block_reads((*again.values(), *reverse))
    if not all(apart and _can_be_packed(f.types[n]) for n in lists):
        return None
    if _restores_shared(f, reverse, taken_from.union(kept)):
        return None
    f = replace(f, types=dict(f.types))
    keeping = _Keeping(f, forward, values)
    for name in saved:
        keeping.add(name)
    f = replace(f, tape={n: f.tape.get(n, Saved(n)) for n in saved})
    results_and_saved = (*values, *keeping.atoms)
    made = replace(f, body=(*(s for s in forward if not is_ruler(s)), *keeping.copies, Return(results_and_saved)))
    given_first = (*f.params[:params], *(f.params[-1:] if taped else ()))
    made = replace(made, params=given_first, results=results_and_saved, adjoints={})
    kept_names = {n for e in made.results for n in names(e)} | block_reads(tuple(keeping.copies))
    made = made if taped else initialise_undefined(made, kept_names)
    body = (*keeping.unpacked, *again.values(), *(s for s in reverse if not is_ruler(s)), Return(own))
    read = block_reads(body)
    taken_names = [e.name for k, e in enumerate(values) if k in taken and isinstance(e, Var)]
    reads = tuple(k for k, p in enumerate(f.params[:params]) if p.name in read and p.name not in (*kept,))
    more = tuple(Param(n, n) for n in (*taken_names, *keeping.names))
    back = replace(
        f,
        params=(*(f.params[k] for k in reads), *more, *f.params[params:]),
        body=body,
        results=own,
    )
    return SplitSweeps(made, back, reads, taken, tuple(keeping.names))


def _restores_shared(f: Function, reverse: Block, kept: AbstractSet[str]) -> bool:
    """Whether the reverse sweep writes to memory that several of the names may share, or to arrays of a list."""
    shared = may_alias(f.body, f.types)
    restored = {shared.class_of(n) for n in written_arrays(reverse, f.types)}
    classes = [shared.class_of(n) for n in kept if shared.has_memory(n)]
    lists = {shared.class_of(n) for n in kept if isinstance(f.types[n], ListOf)}
    return any(one in lists or classes.count(one) > 1 for one in restored)


def written_arrays(block: Block, types: Mapping[str, Type]) -> frozenset[str]:
    """The names of arrays whose elements change. To pop an array from a list changes none."""
    return frozenset(n for n in block_stores(block) if not isinstance(types.get(n), ListOf))


def is_ruler(stmt: Stmt) -> bool:
    return isinstance(stmt, Comment) and stmt.section is not None


def is_light(op: Op) -> bool:
    """Whether an operation may as well be done again: it is cheap, or makes a view or a blank array."""
    if op.prim == "range":
        return True
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


def _recomputed(f: Function, forward: Block, crossing: set[str], unread: set[str]) -> dict[str, Assign]:
    """The statements that give some of the names again, from parameters and the others, in their order.

    An array of which the reverse sweep does not read the elements, `unread`, is allocated again.
    """
    shared = may_alias(f.body, f.types)
    heads = [shared.class_of(n) for n in crossing if shared.has_memory(n)]
    blank = {n for n in unread if heads.count(shared.class_of(n)) == 1}
    found, _ = _light(f, forward, forward, crossing, blank=blank)
    needed = _needed(crossing, found)
    return {n: s for n, s in found.items() if n in needed}


def _light(
    f: Function,
    forward: Block,
    block: Block,
    kept: AbstractSet[str],
    given: AbstractSet[str] = frozenset(),
    blank: AbstractSet[str] = frozenset(),
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
        touched = frozenset(shared.class_of(n) for n in (stmt.target, *names(stmt.value)) if shared.has_memory(n))
        if isinstance(stmt.value, Op) and is_view(stmt.value.prim) and root(stmt.value) is not None:
            touched = shared.reads(stmt.value)  # a view of an array that is saved is a view of it again
        elif isinstance(stmt.value, Op) and stmt.value.prim in ("np.empty", "np.zeros") and stmt.target in blank:
            touched = frozenset()
        elif isinstance(f.types.get(stmt.target), Array):  # of arrays sums and products
            light = light and all(
                op.prim in PRIMITIVES and PRIMITIVES[op.prim].kind == "elementwise" for op in ops(stmt.value)
            )
        if light and not touched & changed and names(stmt.value) <= known:
            known.add(stmt.target)
            found[stmt.target] = stmt
        elif stmt.target in kept:
            known.add(stmt.target)
    return found, known


def _can_be_packed(known: Type) -> bool:
    return (
        isinstance(known, ListOf)
        and isinstance(known.item, Array)
        and known.item.dtype == "float64"
        and known.item.rank <= 3
    )


def _copied_first(forward: Block) -> frozenset[str]:
    """The parameters that a function begins by copying: the names are then those of its own memory."""
    found: set[str] = set()
    for stmt in forward:
        match stmt:
            case Comment():
                continue
            case Assign(name, Op("copy", (Var(of),))) if name == of:
                found.add(name)
            case _:
                break
    return frozenset(found)


class _Keeping:
    """What the forward function returns to be saved, each with memory of its own, and what the reverse one begins with.

    A list of arrays is saved as one array of their elements and one of their lengths.
    """

    def __init__(self, f: Function, forward: Block, values: Iterable[Expr]) -> None:
        self._types = f.types
        self._shared = may_alias(forward, f.types)
        given = {p.name for p in f.params}
        theirs = given - _copied_first(forward)
        self._taken = {self._shared.class_of(n) for n in (*theirs, *(n for e in values for n in names(e)))}
        self._used = given | f.types.keys()
        self.copies: list[Stmt] = []
        self.atoms: list[Expr] = []
        self.names: list[str] = []
        self.unpacked: list[Stmt] = []

    def add(self, name: str) -> None:
        known = self._types[name]
        if isinstance(known, ListOf):
            self._add_list(name, known.item)
            return
        head = self._shared.class_of(name)
        of = Var(name)
        if isinstance(known, Array) and head in self._taken:
            of = self._assign(f"{name}_copy", known, Op("copy", (of,)))
        self._taken.add(head)
        self.atoms.append(of)
        self.names.append(name)

    def _add_list(self, name: str, item: Type) -> None:
        assert isinstance(item, Array)
        values, lengths = f"{name}_values", f"{name}_lengths"
        parts = (values, "float64", "runtime.joined"), (lengths, "int64", "runtime.lengths")
        found = [
            self._assign(new, Array(dtype, (dim(Symbol(new, 0)),)), Op(prim, (Var(name),)))
            for new, dtype, prim in parts
        ]
        self.atoms += found
        self.names += [one.name for one in found]
        self.unpacked.append(Assign(name, Op(f"runtime.parted_{item.rank}d", tuple(found))))

    def _assign(self, name: str, known: Array, value: Expr) -> Var:
        """A new variable."""
        while name in self._used:
            name += "_"
        self._used.add(name)
        self._types[name] = known
        self.copies.append(Assign(name, value))
        return Var(name)

"""Which arrays of a loop may be numbers: small ones of known length, each use of which says which element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product as every

from srcad.analysis.memory.access_maps import access_map
from srcad.analysis.memory.liveness import Liveness, Path
from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    If,
    Op,
    Return,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import children, defined, names, own_exprs, own_stores, own_writes, reads, walk
from srcad.ir.types import Array, Scalar, Symbol, Type
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.rules.traits import ALLOCATIONS, IN_PLACE, SHAPE_QUERIES
from srcad.typing.typeof import typeof

MAX_ELEMENTS = 9
"""Elements of an array that becomes numbers: a rotation. Text, and the time to compile it, grow with them."""
_UPDATES = IN_PLACE | {None}
Facts = Mapping[Symbol, int]
ConstantIndex = tuple[int, ...]


def size_of(kind: Type | None, facts: Facts) -> ConstantIndex | None:
    """The lengths of a small array; None for what is none, or not known to be."""
    if not isinstance(kind, Array) or kind.dtype not in ("float64", "int64"):
        return None
    lengths: list[int] = []
    elements = 1
    for d in kind.dims:
        if any(s not in facts for s, _ in d.terms):
            return None
        lengths.append(d.const + sum(c * facts[s] for s, c in d.terms))
        elements *= lengths[-1]
    return tuple(lengths) if 0 < elements <= MAX_ELEMENTS else None


def all_indices(size: ConstantIndex) -> list[ConstantIndex]:
    return list(every(*map(range, size)))


def constant_index(items: tuple[Expr, ...], size: ConstantIndex) -> ConstantIndex | None:
    """Which element an index says; None where it does not say, or there is none."""
    found: list[int] = []
    for item, length in zip(items, size, strict=False):
        match item:
            case Const(int(k)) if type(k) is int and -length <= k < length:
                found.append(k % length)
            case _:
                return None
    return tuple(found) if len(items) == len(size) else None


@dataclass(frozen=True)
class ElementMap:
    """An array read whole: element by element it is `base` at an index."""

    base: str
    index: Mapping[ConstantIndex, tuple[Expr, ...]]


def element_map(expr: Expr, types: Mapping[str, Type], facts: Facts, reading: bool = True) -> ElementMap | None:
    """The elements of a view; None where they are not easily said."""
    if not isinstance(expr, Var) and not (isinstance(expr, Op) and expr.prim in ("index", "np.transpose", "copy")):
        return None
    view = access_map(expr, types, {}, reading)
    if view is None:
        return None
    kind = types[view.base]
    assert isinstance(kind, Array)
    size = size_of(Array(kind.dtype, view.lengths), facts)
    if size is None or any(not isinstance(e, Var | Const) for p in view.places for e in _atoms(p.start)):
        return None
    return ElementMap(view.base, {at: view.index(tuple(map(Const, at))) for at in all_indices(size)})


def _atoms(expr: Expr) -> Iterator[Expr]:
    """What a sum of atoms consists of, or something else."""
    match expr:
        case Op("+" | "-", (a, b)):
            yield from _atoms(a)
            yield from _atoms(b)
        case _:
            yield expr


@dataclass
class PromotionPlan:
    """Arrays that become numbers in a loop, with their lengths."""

    sizes: dict[str, ConstantIndex]
    loaded: list[str] = field(default_factory=list)
    """Those that have a value before the loop."""
    rebuilt: list[str] = field(default_factory=list)
    """Those that are new arrays after it."""
    kept: list[str] = field(default_factory=list)
    """Those that are the same arrays after it, with other elements."""


@dataclass(frozen=True)
class OutsideUses:
    """What is there of a function outside a loop."""

    before: frozenset[str]
    """What has surely been assigned before the loop."""
    own: frozenset[str]
    """Of that, memory known by no other name."""
    read: frozenset[str]
    changed: frozenset[str]
    """What is stored into after it; a result, too, by whoever called."""
    seen: frozenset[str]
    """Memory that whoever called knows: the parameters."""


def promotion_plan(
    loop: For | While, path: Path, facts: Facts, types: Mapping[str, Type], live: Liveness, outside: OutsideUses
) -> PromotionPlan:
    """The arrays of a loop at `path`."""
    met = dict.fromkeys(
        n for s in walk((loop,)) for n in (*own_writes(s), *(m for e in own_exprs(s) for m in reads(e)))
    )
    sizes = {n: size for n in met if (size := size_of(types.get(n), facts)) is not None}
    entering = live.live_after((*path, "range" if isinstance(loop, For) else "start"))
    written = {n for s in walk((loop,)) for n in own_writes(s)}
    flow = ReferenceFlow((loop,), types)
    while sizes:
        work = _Choice(sizes, facts, types, live, flow)
        if isinstance(loop, For):  # asked before anything is loaded
            work.refused |= names(loop.start) | names(loop.stop) | names(loop.step)
        work.stmt(loop, path, ())
        into = [n for n in sizes if n in entering]
        for name in into:
            if name not in outside.before:
                work.refused.add(name)
        kept = work.refuse_shared(into, written, met, outside.own)
        rebuilt = [n for n in sizes if n in written and n in outside.read and (n in into or isinstance(loop, While))]
        later = live.live_after((*path, "head") if isinstance(loop, For) else path)
        if isinstance(loop, For) and loop.exit is not None:
            later |= live.live_after((*path, "exit"))
        for name in rebuilt:
            always = name in work.ending and (name in outside.own or name not in into)
            if not always and _told_apart(name, live, later, outside):
                work.refused.add(name)
        if not work.refused & sizes.keys():
            return PromotionPlan(sizes, into, rebuilt, kept)
        sizes = {n: size for n, size in sizes.items() if n not in work.refused}
    return PromotionPlan({})


def _told_apart(name: str, live: Liveness, later: frozenset[str], outside: OutsideUses) -> bool:
    """Whether a new array after the loop would miss what is stored into the one that the name stands for."""
    mine = live.shared.aliases(name)
    return bool(mine & outside.changed) and bool((mine - {name}) & (later | outside.seen))


def given(block: Block) -> frozenset[str]:
    """The names that are assigned, and those of which the memory is given to another name or a list."""
    found = set(defined(block))
    for stmt in walk(block):
        if isinstance(stmt, Assign | Effect):
            found |= roots(stmt.value if isinstance(stmt, Assign) else stmt.call)
    return frozenset(found)


class _Choice:
    """One look at a loop with some arrays taken for numbers: which of them cannot be?"""

    def __init__(
        self,
        sizes: Mapping[str, ConstantIndex],
        facts: Facts,
        types: Mapping[str, Type],
        live: Liveness,
        flow: ReferenceFlow,
    ) -> None:
        self.refused: set[str] = set()
        self._sizes = sizes
        self._facts = facts
        self._types = types
        self._live = live
        self._flow = flow
        self._shares: list[tuple[str, str]] = []
        """`a = b` where b may be read afterwards."""
        self._stores: list[tuple[str, Path]] = []
        self._made: dict[str, set[Path]] = {}
        """In which loops (of those within) an array gets its elements."""
        self._whole: list[tuple[str, Path]] = []
        self._own: set[str] = set()
        """At the point of the walk, those of the arrays whose memory is new, and known by no other name."""
        self.ending: set[str] = set()
        """Those at the end of a turn."""

    # ---- what each statement does ------------------------------------------------------------

    def stmt(self, stmt: Stmt, path: Path, loops: Path) -> None:
        for name in own_stores(stmt):
            if isinstance(self._types.get(name), Array):
                if name not in self._own:
                    self._stores.append((name, path))
                self._made.setdefault(name, set()).add(loops)
        match stmt:
            case Assign(target, value):
                self._assign(target, value, path, loops)
            case AugAssign(target, op, value) if target in self._sizes:
                self._store(Store(Var(target), (), value, op), loops)
            case Store():
                self._store(stmt, loops)
            case Effect(Op("append" | "list.append", (_, value))):
                self._read(value, loops)
                self.refused |= roots(value) & self._sizes.keys()
            case Effect() | Return() | If() | For() | While() | AugAssign():
                for e in own_exprs(stmt):
                    self._read(e, None)
            case _:
                pass
        if isinstance(stmt, For | While):
            loops = (*loops, *path)
            # what a turn gives to another name is not its own in the next
            self._own -= given((stmt,))
        ends: list[set[str]] = []
        before = self._own
        for name, block in inner_blocks(stmt):
            self._own = set(before)
            for k, inner in enumerate(block):
                self.stmt(inner, (*path, name, k), loops)
            ends.append(self._own)
        self._own = set.intersection(before, *ends) if isinstance(stmt, For | While) else before
        if isinstance(stmt, If):
            self._own = set.intersection(*ends)
        if isinstance(stmt, For | While):  # the loop itself is the last to come here
            self.ending = ends[-1] - (given(stmt.test) if isinstance(stmt, While) else frozenset())

    def _assign(self, target: str, value: Expr, path: Path, loops: Path) -> None:
        if isinstance(self._types.get(target), Scalar):
            self._read(value, loops)
            return
        self._own -= {target}
        if target not in self._sizes:
            self._read(value, loops)
            self.refused |= roots(value) & self._sizes.keys()
            return
        self._made.setdefault(target, set()).add(loops)
        if isinstance(value, Op) and value.prim in ALLOCATIONS:
            self._own |= {target}
            return
        read = element_map(value, self._types, self._facts)
        if read is None:
            self._read(value, loops)
            if roots(value):
                self.refused |= {target} | (roots(value) & self._sizes.keys())
            else:
                self._own |= {target}
            return
        self._elements(read, target)
        if isinstance(value, Op) and value.prim == "copy":
            self._own |= {target}
            return
        moved = isinstance(value, Var) and read.base in self._sizes and read.base not in self._live.live_after(path)
        if moved:
            self._own |= {target} if read.base in self._own else set()
        else:
            self._shares.append((target, read.base))
        self._own -= {read.base}

    def _elements(self, read: ElementMap, target: str) -> None:
        if list(read.index) != all_indices(self._sizes[target]) or read.base == target:
            self.refused.add(target)
        self._of(read)

    def _of(self, read: ElementMap) -> None:
        """The array that is read is one of those taken for numbers: each element must be known."""
        size = self._sizes.get(read.base)
        if size is not None and any(constant_index(index, size) is None for index in read.index.values()):
            self.refused.add(read.base)
        for index in read.index.values():
            for item in index:
                self._read(item, None)

    def _store(self, stmt: Store, loops: Path) -> None:
        name = root(stmt.base)
        for item in stmt.index:
            self._read(item, None)
        if name is None or name not in self._sizes:
            self._read(stmt.base, None)
            target = element_map(index_of(stmt), self._types, self._facts, reading=False)
            match stmt.value:
                case Var(source) if source in self._sizes and target is not None:
                    if list(target.index) == all_indices(self._sizes[source]):
                        return
            self._read(stmt.value, loops)
            return
        kind, size = self._types[name], self._sizes[name]
        assert isinstance(kind, Array)
        whole = all(i == Slice() for i in stmt.index)
        if stmt.base != Var(name) or stmt.op not in _UPDATES or not (whole or constant_index(stmt.index, size)):
            self.refused.add(name)
        match stmt.value:
            case Var(source) if whole and self._sizes.get(source) == size:
                other = self._types[source]
                assert isinstance(other, Array)
                if other.dtype != kind.dtype:
                    self.refused.add(name)
                return
        value = typeof(stmt.value, self._types)
        if not isinstance(value, Scalar) or (kind.dtype == "int64" and (value.dtype != "int64" or stmt.op == "/")):
            self.refused.add(name)
        self._read(stmt.value, None)

    def _read(self, expr: Expr, loops: Path | None) -> None:
        """What an expression reads: single elements, lengths, or (where there are `loops`) arrays as a whole."""
        match expr:
            case Op("index", (Var(name), *items)) if name in self._sizes:
                if constant_index(tuple(items), self._sizes[name]) is None:
                    self.refused.add(name)
                return
            case Op(prim, (Var(name), *_)) if (prim in SHAPE_QUERIES or prim in ALLOCATIONS) and name in self._sizes:
                return
            case Var(name) if name in self._sizes:
                if loops is None:
                    self.refused.add(name)
                else:
                    self._whole.append((name, loops))
        for part in children(expr):
            self._read(part, loops)

    # ---- who else may see an array -----------------------------------------------------------

    def refuse_shared(
        self, into: list[str], written: set[str], met: Mapping[str, None], own: frozenset[str]
    ) -> list[str]:
        """Refuse what somebody else may see change; the arrays that are there before the loop and stored into."""
        for name, loops in self._whole:
            # it is put together for that: no more often than it is made
            if loops not in self._made.get(name, set()):
                self.refused.add(name)
        for target, source in self._shares:
            holders = self._flow.given({source})
            memory = source not in self._sizes
            if memory:
                holders |= {n for n in self._live.shared.aliases(source) if n not in self._sizes}
            if self._seen_to_change(holders, memory):
                self.refused.add(target)
        kept: list[str] = []
        for name in into:
            holders = self._flow.given({name})
            if name not in own:
                mine = self._live.shared.aliases(name) | {name}
                holders |= self._flow.given({n for n in into if n in mine})
                holders |= {n for n in mine if n in met and n not in self._sizes}
            if name not in written and any(n == name for n, _ in self._stores):
                kept.append(name)
                if holders != {name}:
                    self.refused.add(name)
            elif self._seen_to_change(holders, name not in own):
                self.refused.add(name)
        return kept

    def _seen_to_change(self, holders: set[str], memory: bool) -> bool:
        """Whether a store to what these names refer to could be missed by one of them, or by who has the `memory`."""
        numbers = holders & self._sizes.keys()
        for name, path in self._stores:
            if name in holders and ((memory and name in numbers) or (numbers - {name}) & self._live.live_after(path)):
                return True
        return False


def index_of(stmt: Store) -> Expr:
    return Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base

"""Legality of scalar replacement: small arrays of constant shape, each access of which has a constant index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from srcad.analysis.memory.liveness import Liveness, Path
from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.ir.length_facts import LengthFacts
from srcad.ir.nodes import Assign, AugAssign, Block, Effect, Expr, For, If, Op, Return, Slice, Stmt, Store, Var, While
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import children, defined, names, own_exprs, own_stores, own_writes, reads, walk
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.optimize.memory.element_maps import (
    ConstantIndex,
    ElementMap,
    all_indices,
    constant_index,
    element_map,
    index_of,
    size_of,
)
from srcad.rules.traits import ALLOCATIONS, IN_PLACE, SHAPE_QUERIES
from srcad.typing.typeof import typeof

_UPDATES = IN_PLACE | {None}


@dataclass
class PromotionPlan:
    """Arrays that become scalars in a loop, with their shapes."""

    sizes: dict[str, ConstantIndex]
    loaded: list[str] = field(default_factory=list)
    """Those that are live into the loop."""
    rebuilt: list[str] = field(default_factory=list)
    """Those that are allocated anew after it."""
    written_back: list[str] = field(default_factory=list)
    """Those that stay the same memory, and get their stored elements back after it."""


@dataclass(frozen=True)
class OutsideUses:
    """Definitions and uses outside the loop."""

    before: frozenset[str]
    """What is definitely assigned before the loop."""
    unaliased: frozenset[str]
    """Of that, fresh memory without aliases."""
    read: frozenset[str]
    changed: frozenset[str]
    """What is stored into after it; results too, by the caller."""
    params: frozenset[str]
    """The parameters: memory that the caller can access."""


def promotion_plan(
    loop: For | While, path: Path, facts: LengthFacts, types: Mapping[str, Type], live: Liveness, outside: OutsideUses
) -> PromotionPlan:
    """The arrays to replace in a loop at `path`.

    >>> from srcad.analysis.memory.liveness import liveness
    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import dim
    >>> body = parse('''
    ... y = np.zeros(2)
    ... for t in range(n):
    ...     y[0] = y[1] + h
    ...     z[t] = y[0]
    ... ''')
    >>> types = {"y": Array("float64", (dim(2),)), "z": Array("float64", (dim(9),)), "h": Scalar("float64")}
    >>> live = liveness(body, types, frozenset({"z"}), frozenset({"z", "n", "h"}), all_stays=True)
    >>> outside = OutsideUses(frozenset({"y"}), frozenset({"y"}), frozenset(), frozenset({"z"}), frozenset({"z"}))
    >>> from srcad.ir.length_facts import NOTHING
    >>> plan = promotion_plan(body[1], (1,), NOTHING, types, live, outside)
    >>> plan.sizes, plan.loaded
    ({'y': (2,)}, ['y'])
    """
    mentioned = dict.fromkeys(
        n for s in walk((loop,)) for n in (*own_writes(s), *(m for e in own_exprs(s) for m in reads(e)))
    )
    sizes = {n: size for n in mentioned if (size := size_of(types.get(n), facts)) is not None}
    entering = live.live_after((*path, "range" if isinstance(loop, For) else "start"))
    written = {n for s in walk((loop,)) for n in own_writes(s)}
    flow = ReferenceFlow((loop,), types)
    while sizes:
        work = _PromotionCheck(sizes, facts, types, live, flow)
        if isinstance(loop, For):  # evaluated before the elements are loaded
            work.refused |= names(loop.start) | names(loop.stop) | names(loop.step)
        work.stmt(loop, path, ())
        into = [n for n in sizes if n in entering]
        for name in into:
            if name not in outside.before:
                work.refused.add(name)
        written_back = work.refuse_aliased(into, written, mentioned, outside.unaliased)
        rebuilt = [n for n in sizes if n in written and n in outside.read and (n in into or isinstance(loop, While))]
        later = live.live_after((*path, "head") if isinstance(loop, For) else path)
        if isinstance(loop, For) and loop.exit is not None:
            later |= live.live_after((*path, "exit"))
        for name in rebuilt:
            fresh = name in work.ending and (name in outside.unaliased or name not in into)
            if not fresh and _is_copy_observable(name, live, later, outside):
                work.refused.add(name)
        if not work.refused & sizes.keys():
            return PromotionPlan(sizes, into, rebuilt, written_back)
        sizes = {n: size for n, size in sizes.items() if n not in work.refused}
    return PromotionPlan({})


def _is_copy_observable(name: str, live: Liveness, later: frozenset[str], outside: OutsideUses) -> bool:
    """Whether a new array after the loop instead of the old memory could be observed, by a store through an alias."""
    aliases = live.shared.aliases(name)
    return bool(aliases & outside.changed) and bool((aliases - {name}) & (later | outside.params))


def assigned_or_aliased(block: Block) -> frozenset[str]:
    """The names that are assigned, and those of which the memory gets another alias (a name or a list)."""
    found = set(defined(block))
    for stmt in walk(block):
        if isinstance(stmt, Assign | Effect):
            found |= roots(stmt.value if isinstance(stmt, Assign) else stmt.call)
    return frozenset(found)


class _PromotionCheck:
    """One walk over a loop under the assumption that some arrays are scalars: which of them cannot be?"""

    def __init__(
        self,
        sizes: Mapping[str, ConstantIndex],
        facts: LengthFacts,
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
        self._aliasing_copies: list[tuple[str, str]] = []
        """`a = b` where b is live afterwards."""
        self._stores: list[tuple[str, Path]] = []
        self._defined_in: dict[str, set[Path]] = {}
        """In which of the inner loops an array is defined or stored into."""
        self._full_reads: list[tuple[str, Path]] = []
        self._unaliased: set[str] = set()
        """At the point of the walk, those of the arrays whose memory is fresh and has no alias."""
        self.ending: set[str] = set()
        """The same at the end of an iteration."""

    # ---- what each statement does ------------------------------------------------------------

    def stmt(self, stmt: Stmt, path: Path, loops: Path) -> None:
        for name in own_stores(stmt):
            if isinstance(self._types.get(name), Array):
                if name not in self._unaliased:
                    self._stores.append((name, path))
                self._defined_in.setdefault(name, set()).add(loops)
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
            # memory that gets an alias in one iteration is aliased in the next
            self._unaliased -= assigned_or_aliased((stmt,))
        ends: list[set[str]] = []
        before = self._unaliased
        for name, block in inner_blocks(stmt):
            self._unaliased = set(before)
            for k, inner in enumerate(block):
                self.stmt(inner, (*path, name, k), loops)
            ends.append(self._unaliased)
        self._unaliased = set.intersection(before, *ends) if isinstance(stmt, For | While) else before
        if isinstance(stmt, If):
            self._unaliased = set.intersection(*ends)
        if isinstance(stmt, For | While):  # the loop of the plan is the last to arrive here
            self.ending = ends[-1] - (assigned_or_aliased(stmt.test) if isinstance(stmt, While) else frozenset())

    def _assign(self, target: str, value: Expr, path: Path, loops: Path) -> None:
        if isinstance(self._types.get(target), Scalar):
            self._read(value, loops)
            return
        self._unaliased -= {target}
        if target not in self._sizes:
            self._read(value, loops)
            self.refused |= roots(value) & self._sizes.keys()
            return
        self._defined_in.setdefault(target, set()).add(loops)
        if isinstance(value, Op) and value.prim in ALLOCATIONS:
            self._unaliased |= {target}
            return
        read = element_map(value, self._types, self._facts)
        if read is None:
            self._read(value, loops)
            if roots(value):
                self.refused |= {target} | (roots(value) & self._sizes.keys())
            else:
                self._unaliased |= {target}
            return
        self._check_view(read, target)
        if isinstance(value, Op) and value.prim == "copy":
            self._unaliased |= {target}
            return
        moved = isinstance(value, Var) and read.base in self._sizes and read.base not in self._live.live_after(path)
        if moved:
            self._unaliased |= {target} if read.base in self._unaliased else set()
        else:
            self._aliasing_copies.append((target, read.base))
        self._unaliased -= {read.base}

    def _check_view(self, read: ElementMap, target: str) -> None:
        if list(read.index) != all_indices(self._sizes[target]) or read.base == target:
            self.refused.add(target)
        self._check_constant_indices(read)

    def _check_constant_indices(self, read: ElementMap) -> None:
        """If the array that is read is one of the candidates, each index into it must be constant."""
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
        is_full = all(i == Slice() for i in stmt.index)
        if stmt.base != Var(name) or stmt.op not in _UPDATES or not (is_full or constant_index(stmt.index, size)):
            self.refused.add(name)
        match stmt.value:
            case Var(source) if is_full and self._sizes.get(source) == size:
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
        """What an expression reads: elements, lengths, or (where `loops` are given) full arrays."""
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
                    self._full_reads.append((name, loops))
        for part in children(expr):
            self._read(part, loops)

    # ---- aliases -----------------------------------------------------------------------------

    def refuse_aliased(
        self, into: list[str], written: set[str], mentioned: Mapping[str, None], unaliased: frozenset[str]
    ) -> list[str]:
        """Refuse arrays whose stores an alias may observe; returned are the loaded arrays that are stored into."""
        for name, loops in self._full_reads:
            # the array is built for that use: no more often than it is defined
            if loops not in self._defined_in.get(name, set()):
                self.refused.add(name)
        for target, source in self._aliasing_copies:
            aliased = self._flow.given({source})
            is_memory = source not in self._sizes
            if is_memory:
                aliased |= {n for n in self._live.shared.aliases(source) if n not in self._sizes}
            if self._is_store_observable(aliased, is_memory):
                self.refused.add(target)
        written_back: list[str] = []
        for name in into:
            aliased = self._flow.given({name})
            if name not in unaliased:
                aliases = self._live.shared.aliases(name) | {name}
                aliased |= self._flow.given({n for n in into if n in aliases})
                aliased |= {n for n in aliases if n in mentioned and n not in self._sizes}
            if name not in written and any(n == name for n, _ in self._stores):
                written_back.append(name)
                if aliased != {name}:
                    self.refused.add(name)
            elif self._is_store_observable(aliased, name not in unaliased):
                self.refused.add(name)
        return written_back

    def _is_store_observable(self, aliased: set[str], is_memory: bool) -> bool:
        """Whether an alias, one of these names or the array in memory, would miss a store to a replaced array."""
        scalars = aliased & self._sizes.keys()
        for name, path in self._stores:
            if name in aliased and (
                (is_memory and name in scalars) or (scalars - {name}) & self._live.live_after(path)
            ):
                return True
        return False

"""Name coalescing: versions and temporaries with disjoint live ranges get one identifier (graph colouring)."""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from srcad.analysis.memory.liveness import Liveness, liveness
from srcad.cleanup.dead_code import remove_self_copies
from srcad.ir.names import RESERVED, is_temporary, unused_name
from srcad.ir.nodes import For, Function, Var
from srcad.ir.traversal import own_exprs, own_writes, reads, rename, replace_names, walk
from srcad.ir.types import Array, ListOf, Scalar, Type
from srcad.typing.join import join_versions

_CALLED = frozenset(
    "abs bool divmod float hasattr int isinstance len max min print range round sum tuple".split()
    + [name for name in dir(builtins) if name.endswith(("Error", "Exception"))]
)
"""Builtins that the generated text may call: no parameter may shadow them."""
_ROLES = {"sum": "total", "abs": "magnitude", "len": "count", "@": "product", "max": "largest", "min": "smallest"}
"""Names of temporaries whose operation has the name of a builtin."""


def coalesce_names(f: Function, reserved: Iterable[str] = ()) -> Function:
    """Give names that do not interfere one identifier, and remove the copies that become `x = x`.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> print(show(coalesce_names(Function("f", (Param("n", "n"),), parse('''
    ... acc.0 = 0.0
    ... acc.1 = acc.0
    ... for i.0 in range(n):
    ...     acc.2 = acc.1 + 1.0
    ...     acc.1 = acc.2
    ... acc.3 = acc.1
    ... '''), (Var("acc.3"),), {})).body))
    acc = 0.0
    for i in range(n):
        acc = acc + 1.0

    Two versions that are live at once (a swap; a value the reverse sweep still reads) stay separate: `acc`,
    `acc_1`. Only names of one dtype and rank are coalesced: Numba gives a name one type.
    """
    groups = _InterferenceGraph(f)
    groups.coalesce()
    identifiers = groups.identifiers(frozenset(reserved) | RESERVED | {f.name})
    body = remove_self_copies(rename(f.body, identifiers))
    types: dict[str, Type] = {}
    for name, known in f.types.items():
        new = identifiers.get(name)
        if new is not None:
            types[new] = join_versions(types[new], known, new) if new in types else known
    params = tuple(replace(p, name=identifiers[p.name]) for p in f.params)
    results = tuple(replace_names(e, {old: Var(new) for old, new in identifiers.items()}) for e in f.results)
    tape = {identifiers[name]: f.tape[name] for name in groups.naming if name in f.tape}
    given = [p.name for p in f.params if not p.seed]
    adjoints = {identifiers[name]: f.adjoints[name] for name in (*groups.naming, *given) if name in f.adjoints}
    return replace(f, params=params, body=body, results=results, types=types, tape=tape, adjoints=adjoints)


class _InterferenceGraph:
    """The interference graph of the names of a function, and the groups that have been coalesced (a union-find)."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.order: list[str] = []
        self.roles: dict[str, set[str]] = {}
        """Tape, adjoint or variable: neither of the first is coalesced with a variable of the user's of that name."""
        self.naming: list[str] = []
        """Of each group, the name that its identifier is taken from; parameters aside."""
        self.parent: dict[str, str] = {}
        self.interferes: dict[str, set[str]] = {}
        self.copies: list[tuple[str, str]] = []
        for p in f.params:
            self._add(p.name)
        for stmt in walk(f.body):
            for n in own_writes(stmt):
                self._add(n)
            for e in own_exprs(stmt):
                for n in reads(e):
                    self._add(n)
        for e in f.results:
            for n in reads(e):
                self._add(n)
        self.position = {n: i for i, n in enumerate(self.order)}
        self.params = params = {p.name for p in f.params}
        # the parameter of the seed is never overwritten
        self.fixed = {p.name for p in f.params if p.seed}
        self.written = Counter(n for s in walk(f.body) for n in own_writes(s))
        self.unnamed_indices = self._unnamed_indices()
        results = [n for e in f.results for n in reads(e)]
        self._add_interferences(liveness(f.body, f.types, results, params, all_stays=True), params)

    def _unnamed_indices(self) -> set[str]:
        """The loop indices that are never read and that the user did not name (or named `_`)."""
        read = {n for s in walk(self.f.body) for e in own_exprs(s) for n in reads(e)}
        read |= {n for e in self.f.results for n in reads(e)}
        loops = [s for s in walk(self.f.body) if isinstance(s, For)]
        unnamed = {s.index for s in loops if not _base(s.index).strip("_")}
        return (unnamed | {s.index for s in loops if s.counts}) - read

    def _add(self, name: str) -> None:
        if name not in self.parent:
            self.parent[name] = name
            role = "tape" if name in self.f.tape else "adjoint" if name in self.f.adjoints else "variable"
            self.roles[name] = set() if is_temporary(name) else {role}
            self.interferes[name] = set()
            self.order.append(name)

    def _add_interferences(self, live: Liveness, params: set[str]) -> None:
        for number, point in enumerate(live.points):
            if not point.writes:
                continue
            after = live.after(number)
            for target in point.writes:
                if target.startswith("&"):
                    continue
                for other in after:
                    # a name and its copy have the same value: they do not interfere
                    if other != target and other != point.copy_of and not other.startswith("&"):
                        self.interferes[target].add(other)
                        self.interferes[other].add(target)
                if point.copy_of is not None:
                    self.copies.append((target, point.copy_of))
        for loop in (s for s in walk(self.f.body) if isinstance(s, For)):
            for inner in walk(loop.body):
                if isinstance(inner, For) and inner.index != loop.index:
                    # a loop must not assign the index of another, for the reader's sake
                    self.interferes[loop.index].add(inner.index)
                    self.interferes[inner.index].add(loop.index)
        at_entry = params | {n for n in live.before_all if not n.startswith("&")}
        for a in at_entry:
            for b in at_entry:
                # what is no parameter has no value there yet, which two names may share
                if a != b and (a in params or b in params):
                    self.interferes[a].add(b)

    def representative(self, name: str) -> str:
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def coalesce(self) -> None:
        copies = [(a, b) for a, b in self.copies if a in self.parent and b in self.parent]
        for a, b in copies:
            if _base(a) == _base(b):
                self._coalesce(a, b)
        for a, b in copies:
            # a parameter is coalesced with versions of itself only
            if (is_temporary(a) or is_temporary(b)) and not {
                self.representative(a),
                self.representative(b),
            } & self.params:
                self._coalesce(a, b)
        named = {self.representative(name) for name in self.order if not is_temporary(name)}
        seen: dict[str, list[str]] = {}
        for name in self.order:
            if is_temporary(name) and self.representative(name) in named:
                continue  # it already has the name of what it is copied to
            may_shadow = seen.setdefault(_clean(_base(name)), [])
            if not any(self._coalesce(other, name, alike=True) for other in may_shadow):
                may_shadow.append(name)

    def _coalesce(self, a: str, b: str, alike: bool = False) -> bool:
        a, b = self.representative(a), self.representative(b)
        if a == b:
            return True
        if b in self.interferes[a]:  # the sets of both were merged when their groups were
            return False
        if not _have_one_type(self.f.types.get(a), self.f.types.get(b), alike):
            return False
        if len(self.roles[a] | self.roles[b]) > 1:
            return False
        if {a, b} & self.fixed and not all(self._is_copy_of_seed(n, {a, b} & self.fixed) for n in {a, b} - self.fixed):
            return False
        if self.position[b] < self.position[a]:
            a, b = b, a
        if b in self.params:
            a, b = b, a
        self.parent[b] = a
        self.roles[a] |= self.roles[b]
        self.interferes[a] |= self.interferes[b]
        for n in self.interferes[b]:
            self.interferes[n].add(a)
        return True

    def _is_copy_of_seed(self, name: str, seed: set[str]) -> bool:
        """Whether a name, coalesced with no other, is only ever assigned the seed."""
        alone = self.representative(name) == name and name not in self.parent.values()
        return alone and self.written[name] == 1 and any((name, s) in self.copies for s in seed)

    def identifiers(self, reserved: frozenset[str]) -> dict[str, str]:
        """The identifier of every name: parameters keep theirs, then the user's names, then temporaries."""
        groups: dict[str, list[str]] = {}
        for name in self.order:
            groups.setdefault(self.representative(name), []).append(name)
        params = self.params
        taken: set[str] = set(reserved)
        chosen: dict[str, str] = {}
        self.naming = []

        def rank(head: str) -> int:
            members = groups[head]
            return 0 if params & set(members) else 1 if not all(map(is_temporary, members)) else 2

        for head in sorted(groups, key=lambda h: (rank(h), self.position[h])):
            members = groups[head]
            parameters = [n for n in members if n in params]
            if self.unnamed_indices.issuperset(members):
                chosen |= dict.fromkeys(members, "_")
                continue
            if parameters:
                # a parameter may shadow a builtin that the text never calls
                wanted = _clean(_base(parameters[0]))
                may_shadow = wanted in dir(builtins) and wanted not in _CALLED
                wanted = wanted if wanted not in taken or may_shadow else unused_name(wanted, taken, "_")
            else:
                named = [n for n in members if not is_temporary(n)] or members
                wanted = unused_name(_clean(_base(named[0])), taken, "_")
                self.naming.append(named[0])
            taken.add(wanted)
            for n in members:
                chosen[n] = wanted
        return chosen


def _base(name: str) -> str:
    base, dot, version = name.rpartition(".")
    return base if dot and version.isdigit() else name


def _clean(base: str) -> str:
    """An identifier for a base: `%tanh` is `tanh`, `d_%sum` is `d_total`."""
    head, percent, role = base.rpartition("%")
    if percent:
        role = _ROLES.get(role, role)
    text = re.sub(r"\W", "_", head + role)
    if not text.strip("_"):
        text = "turn"
    if text[0].isdigit():
        text = "value"
    return text if not is_temporary(base) or text not in RESERVED else f"{text}_value"


def _have_one_type(a: Type | None, b: Type | None, alike: bool) -> bool:
    """Whether one Numba variable can hold both; with `alike`, the memory layouts must be equal too."""
    match a, b:
        case None, None:
            return True
        case Scalar(left), Scalar(right):
            return left == right
        case Array(left, _, one), Array(right, _, other):
            return left == right and a.rank == b.rank and (one == other or not alike)
        case ListOf(left_item), ListOf(right_item):
            return _have_one_type(left_item, right_item, True)
    return False

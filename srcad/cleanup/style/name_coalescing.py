"""Final identifiers: versions of one variable share its name again wherever they can."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from srcad import runtime, vector_math
from srcad.analysis.memory.liveness import Liveness, liveness
from srcad.cleanup.dead_code import remove_self_copies
from srcad.cleanup.expressions.forward_substitution import is_temporary
from srcad.ir.nodes import For, Function, Var
from srcad.ir.traversal import own_exprs, own_writes, reads, rename, walk
from srcad.ir.types import Array, ListOf, Scalar, Symbol, Type, counter, dim

_RESERVED = frozenset({*keyword.kwlist, *dir(builtins), "np", "math", *vars(runtime), *vars(vector_math)})
_CALLED = frozenset(
    "abs bool divmod float hasattr int isinstance len max min print range round sum tuple".split()
    + [name for name in dir(builtins) if name.endswith(("Error", "Exception"))]
)
"""Builtins that a text may call, whatever its parameters are called."""
_ROLES = {"sum": "total", "abs": "magnitude", "len": "count", "@": "product", "max": "largest", "min": "smallest"}
"""What a temporary is called where its operation's own name is a builtin."""


def coalesce_names(f: Function, reserved: Iterable[str] = ()) -> Function:
    """Give versions that never hold a value at the same time one name, and drop the copies this makes idle.

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

    Two versions that are alive at once (a swap; a value the reverse sweep still reads) stay apart: `acc`,
    `acc_1`. Only names of one dtype and rank are joined: Numba gives a name one type.
    """
    groups = _Groups(f)
    groups.coalesce()
    final = groups.final(frozenset(reserved) | _RESERVED | {f.name})
    body = remove_self_copies(rename(f.body, final))
    types: dict[str, Type] = {}
    for name, known in f.types.items():
        new = final.get(name)
        if new is not None:
            types[new] = _wider(new, types.get(new), known)
    params = tuple(replace(p, name=final[p.name]) for p in f.params)
    results = tuple(Var(final[e.name]) if isinstance(e, Var) else e for e in f.results)
    tape = {final[name]: f.tape[name] for name in groups.naming if name in f.tape}
    return replace(f, params=params, body=body, results=results, types=types, tape=tape)


class _Groups:
    """Names that will be one, and which must not."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.order: list[str] = []
        self.roles: dict[str, set[str]] = {}
        """A place that values are kept under is no variable of the user's, however that is called."""
        self.naming: list[str] = []
        """Of each variable in the end, the name that it is called after; parameters aside."""
        self.parent: dict[str, str] = {}
        self.against: dict[str, set[str]] = {}
        self.copies: list[tuple[str, str]] = []
        for p in f.params:
            self._meet(p.name)
        for stmt in walk(f.body):
            for n in own_writes(stmt):
                self._meet(n)
            for e in own_exprs(stmt):
                for n in reads(e):
                    self._meet(n)
        for e in f.results:
            for n in reads(e):
                self._meet(n)
        self.position = {n: i for i, n in enumerate(self.order)}
        self.params = params = {p.name for p in f.params}
        # the seed stays what the caller gave
        self.fixed = {p.name for p in f.params if p.seed}
        self.written = Counter(n for s in walk(f.body) for n in own_writes(s))
        self.nameless = self._nameless()
        results = [n for e in f.results for n in reads(e)]
        self._interfere(liveness(f.body, f.types, results, params, all_stays=True), params)

    def _nameless(self) -> set[str]:
        """The indices that nobody reads, and nobody gave another name than `_`."""
        read = {n for s in walk(self.f.body) for e in own_exprs(s) for n in reads(e)}
        read |= {n for e in self.f.results for n in reads(e)}
        loops = [s for s in walk(self.f.body) if isinstance(s, For)]
        unnamed = {s.index for s in loops if not _base(s.index).strip("_")}
        return (unnamed | {s.index for s in loops if s.span is None and _base(s.index) == "turn"}) - read

    def _meet(self, name: str) -> None:
        if name not in self.parent:
            self.parent[name] = name
            self.roles[name] = set() if is_temporary(name) else {"tape" if name in self.f.tape else "variable"}
            self.against[name] = set()
            self.order.append(name)

    def _interfere(self, live: Liveness, params: set[str]) -> None:
        for number, point in enumerate(live.points):
            if not point.writes:
                continue
            after = live.after(number)
            for target in point.writes:
                if target.startswith("&"):
                    continue
                for other in after:
                    # a name and its copy hold the same value: they may be one
                    if other != target and other != point.copy_of and not other.startswith("&"):
                        self.against[target].add(other)
                        self.against[other].add(target)
                if point.copy_of is not None:
                    self.copies.append((target, point.copy_of))
        for loop in (s for s in walk(self.f.body) if isinstance(s, For)):
            for inner in walk(loop.body):
                if isinstance(inner, For) and inner.index != loop.index:
                    # nobody wants to read that one loop changes the index of another
                    self.against[loop.index].add(inner.index)
                    self.against[inner.index].add(loop.index)
        at_entry = params | {n for n in live.before_all if not n.startswith("&")}
        for a in at_entry:
            for b in at_entry:
                if a != b:
                    self.against[a].add(b)

    def find(self, name: str) -> str:
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def coalesce(self) -> None:
        copies = [(a, b) for a, b in self.copies if a in self.parent and b in self.parent]
        for a, b in copies:
            if _base(a) == _base(b):
                self._join(a, b)
        for a, b in copies:
            # a parameter is never made to hold something else than a version of itself
            if (is_temporary(a) or is_temporary(b)) and not {self.find(a), self.find(b)} & self.params:
                self._join(a, b)
        named = {self.find(name) for name in self.order if not is_temporary(name)}
        seen: dict[str, list[str]] = {}
        for name in self.order:
            if is_temporary(name) and self.find(name) in named:
                continue  # it has the name of what it is copied to: no name for others of its role
            mine = seen.setdefault(_clean(_base(name)), [])
            if not any(self._join(other, name, alike=True) for other in mine):
                mine.append(name)

    def _join(self, a: str, b: str, alike: bool = False) -> bool:
        a, b = self.find(a), self.find(b)
        if a == b:
            return True
        if b in self.against[a]:  # what has become one name has told all whom either was against
            return False
        if not _one_type(self.f.types.get(a), self.f.types.get(b), alike):
            return False
        if len(self.roles[a] | self.roles[b]) > 1:
            return False
        if {a, b} & self.fixed and not all(self._is_only(n, {a, b} & self.fixed) for n in {a, b} - self.fixed):
            return False
        if self.position[b] < self.position[a]:
            a, b = b, a
        if b in self.params:
            a, b = b, a
        self.parent[b] = a
        self.roles[a] |= self.roles[b]
        self.against[a] |= self.against[b]
        for n in self.against[b]:
            self.against[n].add(a)
        return True

    def _is_only(self, name: str, seed: set[str]) -> bool:
        """Whether a name, joined with no other, is never anything but a copy of the seed."""
        alone = self.find(name) == name and name not in self.parent.values()
        return alone and self.written[name] == 1 and any((name, s) in self.copies for s in seed)

    def final(self, reserved: frozenset[str]) -> dict[str, str]:
        """The identifier of every name: parameters keep theirs, then the user's names, then temporaries."""
        groups: dict[str, list[str]] = {}
        for name in self.order:
            groups.setdefault(self.find(name), []).append(name)
        params = self.params
        taken: set[str] = set(reserved)
        chosen: dict[str, str] = {}
        self.naming = []

        def rank(head: str) -> int:
            members = groups[head]
            return 0 if params & set(members) else 1 if not all(map(is_temporary, members)) else 2

        for head in sorted(groups, key=lambda h: (rank(h), self.position[h])):
            members = groups[head]
            own = [n for n in members if n in params]
            if self.nameless.issuperset(members):
                chosen |= dict.fromkeys(members, "_")
                continue
            if own:
                # a parameter may be named like a builtin that no text calls: then that name is the user's
                wanted = _clean(_base(own[0]))
                mine = wanted in dir(builtins) and wanted not in _CALLED
                wanted = wanted if wanted not in taken or mine else _free(wanted, taken)
            else:
                named = [n for n in members if not is_temporary(n)] or members
                wanted = _free(_clean(_base(named[0])), taken)
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
    return text if not is_temporary(base) or text not in _RESERVED else f"{text}_value"


def _free(wanted: str, taken: set[str]) -> str:
    name, k = wanted, 0
    while name in taken:
        k += 1
        name = f"{wanted}_{k}"
    return name


def _one_type(a: Type | None, b: Type | None, alike: bool) -> bool:
    """Whether one Numba variable can hold both; `alike` asks for the same memory layout too."""
    match a, b:
        case None, None:
            return True
        case Scalar(left), Scalar(right):
            return left == right
        case Array(left, _, one), Array(right, _, other):
            return left == right and a.rank == b.rank and (one == other or not alike)
        case ListOf(left_item), ListOf(right_item):
            return _one_type(left_item, right_item, True)
    return False


def _wider(name: str, a: Type | None, b: Type) -> Type:
    """A type for a name that holds values of both: lengths in which they differ are not known."""
    match a, b:
        case Array(dtype, dims, layout), Array(_, others):
            pairs = enumerate(zip(dims, others, strict=True))
            kept = tuple(
                d if d == o else dim(Symbol(f"?{name}", k, d.is_not_one and o.is_not_one)) for k, (d, o) in pairs
            )
            return Array(dtype, kept, layout if layout == b.layout else "A")
        case Scalar(dtype, value), Scalar(_, other) if value != other:
            both = value is not None and other is not None and value.is_index and other.is_index
            return Scalar(dtype, counter(f"?{name}") if both else None)
        case ListOf(item), ListOf(other):
            return ListOf(_item(_wider(name, item, other)))
        case None, _:
            return b
        case _:
            return a


def _item(known: Type) -> Scalar | Array:
    assert isinstance(known, Scalar | Array)
    return known

"""What the variables of a primal depend on, and where a derivative passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from srcad.analysis.values.activity import flows_of
from srcad.ir.names import base, is_temporary, stem
from srcad.ir.nodes import Assign, Block, Comment, Expr, For, Function, If, Op, Return, Span, Stmt, Store, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import bindings, block_stores, blocks, own_exprs, own_stores, reads, walk
from srcad.rules.traits import SHAPE_READS

Kind = Literal["derivative", "value", "control"]
"""A derivative passes; a value is read, and none passes; it decides which statements run, or how often."""
_STRENGTH: dict[Kind, int] = {"derivative": 2, "value": 1, "control": 0}


@dataclass(frozen=True)
class Variable:
    """A parameter, a variable of the source, an unnamed value that is saved, or what is returned."""

    label: str
    kind: Literal["parameter", "variable", "result"]
    active: bool
    saved: bool
    spans: tuple[Span, ...] = ()
    """The statements that give it a value."""


@dataclass(frozen=True)
class Dependence:
    """The second variable is computed from the first; both by their number."""

    source: int
    target: int
    kind: Kind


@dataclass(frozen=True)
class Dependences:
    function: str
    variables: tuple[Variable, ...]
    edges: tuple[Dependence, ...]


def dependences(primal: Function, active: frozenset[str], saved: frozenset[str]) -> Dependences:
    """The dependences of a function in normal form; `saved` are variables without a version, as the tape names them.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> __name__ = "user_module"
    >>> def f(x, limit):
    ...     y = np.sin(x)
    ...     if y > limit:
    ...         y = limit * x
    ...     return y
    >>> found = dependences(normal_form(f, 1.0, 0.5), frozenset({"x", "y.0", "y.1", "y.2"}), frozenset({"y"}))
    >>> for edge in found.edges:
    ...     print(found.variables[edge.source].label, found.variables[edge.target].label, edge.kind)
    x y derivative
    limit y value
    y return derivative
    """
    graph = _Graph(primal, active, saved)
    graph.block(primal.body, frozenset())
    return graph.contracted()


Key = tuple[str, str]
"""The function whose variable it is, and its name."""
_RESULT: Key = ("", "")


@dataclass
class _Graph:
    primal: Function
    active: frozenset[str]
    saved: frozenset[str]
    keys: dict[str, Key] = field(default_factory=dict)
    """Of the names that are shown."""
    spans: dict[Key, dict[Span, None]] = field(default_factory=dict)
    into: dict[str, dict[tuple[str, bool], Kind]] = field(default_factory=dict)
    """For each name what it depends on, and whether as another version of the same value."""
    indices: set[Key] = field(default_factory=set)
    """Of loops."""

    def __post_init__(self) -> None:
        self.main = self.primal.span.function if self.primal.span is not None else self.primal.name
        self.stored = block_stores(self.primal.body)
        for param in self.primal.params:
            self.keys[param.name] = (self.main, param.name)

    def edge(self, source: str, target: str, kind: Kind, same: bool = False) -> None:
        known = self.into.setdefault(target, {})
        if kind == "derivative" and not (source in self.active and target in self.active):
            kind = "value"
        if _STRENGTH[kind] >= _STRENGTH[known.get((source, same), "control")]:
            known[source, same] = kind

    def name(self, name: str, span: Span | None, assigned: bool = True) -> None:
        """A variable of the source, or a value that is saved, is shown. A join assigns nothing in the source."""
        if name in self.keys or (is_temporary(name) and stem(name) not in self.saved):
            return
        self.keys[name] = (span.function if span is not None else self.main, base(name))
        if span is not None and assigned:
            self.spans.setdefault(self.keys[name], {})[span] = None

    def block(self, block: Block, above: frozenset[str]) -> None:
        """`above` decides whether the block runs, or how often."""
        for stmt in block:
            if not isinstance(stmt, Comment | Return):
                self.statement(stmt, above)

    def statement(self, stmt: Stmt, above: frozenset[str]) -> None:
        flows = set(flows_of(self.primal, stmt))
        span = None if isinstance(stmt, Comment) else stmt.span
        match stmt:
            case Assign(target, value):
                self.name(target, span)
                for name in _values_of((value,)):
                    self.edge(name, target, "derivative" if (name, target) in flows else "value")
                whole = root(value)
                if whole is not None and (target, whole) in flows and target in self.stored:
                    self.edge(target, whole, "derivative")  # a store into a view
                return
            case Store(whole_, index, value):
                self.changed(own_stores(stmt), span, above)
                into = root(whole_)
                assert into is not None
                for name in reads(value):
                    self.edge(name, into, "derivative" if (name, into) in flows else "value")
                for name in _values_of((whole_, *index)).keys() - {into}:
                    self.edge(name, into, "value")
                return
            case If(cond) | While(_, cond):
                deciding = frozenset(reads(cond))
            case For(index=index_, start=start, stop=stop, step=step, exit=leave):
                deciding = frozenset(_values_of((start, stop, step, *(() if leave is None else (leave,)))))
                self.name(index_, span)
                if index_ in self.keys:
                    self.indices.add(self.keys[index_])
                for name in _values_of((start, stop, step)):
                    self.edge(name, index_, "value")
            case _:
                deciding = frozenset()
                self.changed(own_stores(stmt), span, above)
                for into in own_stores(stmt):
                    for name in _values_of(own_exprs(stmt)).keys() - {into}:
                        self.edge(name, into, "value")
        for target, value in bindings(stmt):
            self.name(target, span, assigned=False)
            for name in reads(value):
                self.edge(name, target, "derivative", same=True)
            for name in deciding:
                self.edge(name, target, "control")
        for inner in blocks(stmt):
            self.block(inner, above | deciding)

    def changed(self, names: Iterable[str], span: Span | None, above: frozenset[str]) -> None:
        for name in names:
            if span is not None and name in self.keys:
                self.spans.setdefault(self.keys[name], {})[span] = None
            for deciding in above:
                self.edge(deciding, name, "control")

    # ---- without the names that are not shown -------------------------------------------------

    def sources(self, name: str) -> Iterator[tuple[Key, Kind, bool]]:
        """The variables that a name depends on, through names that are not shown."""
        pending: list[tuple[str, Kind]] = [(name, "derivative")]
        seen: dict[str, int] = {}
        while pending:
            at, so_far = pending.pop()
            for (source, same), kind in self.into.get(at, {}).items():
                kind = min(kind, so_far, key=_STRENGTH.__getitem__)
                if source in self.keys:
                    yield self.keys[source], kind, same and at == name
                elif seen.get(source, -1) < _STRENGTH[kind]:
                    seen[source] = _STRENGTH[kind]
                    pending.append((source, kind))

    def contracted(self) -> Dependences:
        found: dict[tuple[Key, Key], Kind] = {}
        results = [name for e in self.primal.results for name in reads(e)]
        ends = [(key, name) for name, key in self.keys.items()] + [(_RESULT, name) for name in results]
        for target, name in ends:
            into = self.sources(name)
            if target == _RESULT:
                returned: Kind = "derivative" if name in self.active else "value"
                into = iter([(self.keys[name], returned, False)]) if name in self.keys else into
            for source, kind, same in into:
                if source == target and (same or kind == "control"):
                    continue
                if _STRENGTH[kind] >= _STRENGTH[found.get((source, target), "control")]:
                    found[source, target] = kind
        parameters = {self.keys[p.name] for p in self.primal.params}
        kept = self.read({*self.keys.values(), *([_RESULT] if results else [])}, found, parameters)
        number = {key: at for at, key in enumerate(kept)}
        edges = [Dependence(number[a], number[b], kind) for (a, b), kind in found.items() if {a, b} <= {*kept}]
        edges.sort(key=lambda one: (one.source, one.target))
        variables = tuple(self.variable(key, key in parameters) for key in kept)
        return Dependences(self.primal.name, variables, tuple(edges))

    def read(self, keys: set[Key], edges: Collection[tuple[Key, Key]], parameters: set[Key]) -> list[Key]:
        """Parameters, and what leads to a result or into the memory of a parameter, in the order of the text.

        An index that counts up to a length has no dependence to show.
        """
        wanted = {_RESULT} | {self.keys[n] for n in self.stored if self.keys.get(n) in parameters}
        pending = [*wanted]
        while pending:
            at = pending.pop()
            for source, target in edges:
                if target == at and source not in wanted:
                    wanted.add(source)
                    pending.append(source)
        order = dict.fromkeys([*self.keys.values(), _RESULT])
        wanted -= self.indices - {target for _, target in edges}
        return [key for key in order if key in keys and key in wanted | parameters]

    def variable(self, key: Key, parameter: bool) -> Variable:
        function, name = key
        own = [one for one, known in self.keys.items() if known == key]
        if key == _RESULT:
            active = any(name in self.active for e in self.primal.results for name in reads(e))
            return Variable("return", "result", active, False, self.returns())
        paths = {p.name: p.path for p in self.primal.params}
        label = paths.get(name, name.lstrip("%")) if parameter else name.lstrip("%")
        label = label if function == self.main else f"{function}.{label}"
        active = any(one in self.active for one in own)
        kind: Literal["parameter", "variable"] = "parameter" if parameter else "variable"
        return Variable(label, kind, active, name.lstrip("%") in self.saved, tuple(self.spans.get(key, ())))

    def returns(self) -> tuple[Span, ...]:
        results = {name for e in self.primal.results for name in reads(e)}
        spans = [s.span for s in walk(self.primal.body) if isinstance(s, Assign) and s.target in results and s.span]
        return tuple(dict.fromkeys(spans))


def _values_of(exprs: Iterable[Expr]) -> dict[str, None]:
    """The names whose values are read: of an array whose length alone is asked for, they are not."""
    asking = [e for e in exprs if not (isinstance(e, Op) and e.prim in SHAPE_READS)]
    return dict.fromkeys(name for e in asking for name in reads(e))

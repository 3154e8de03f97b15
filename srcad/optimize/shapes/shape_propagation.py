"""What the assignments of a name say about its lengths, where its type does not: each may make three elements."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, Expr, Function, Var
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Dim, Type
from srcad.typing.typeof import typeof

_Lengths = tuple[Dim, ...]


def propagate_constant_shapes(f: Function) -> Function:
    """The function with the lengths of arrays in its types that all their values are seen to have.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Symbol, dim
    >>> body = parse('''
    ... f = np.zeros(3)
    ... for i in range(n):
    ...     new = np.empty(3)
    ...     f = new
    ... ''')
    >>> types = dict.fromkeys(("f", "new"), Array("float64", (dim(Symbol("?", None)),)))
    >>> made = propagate_constant_shapes(Function("f", (), body, (), types))
    >>> [d.const for name in ("f", "new") for d in made.types[name].dims]
    [3, 3]
    """
    values: dict[str, list[Expr]] = {p.name: [] for p in f.params}
    for stmt in walk(f.body):
        if isinstance(stmt, Assign) and _is_open(f.types.get(stmt.target)):
            values.setdefault(stmt.target, []).append(stmt.value)
    for p in f.params:
        del values[p.name]
    types = dict(f.types)
    while True:
        found = _agreed(values, types)
        for name, dims in found.items():
            kind = types[name]
            assert isinstance(kind, Array)
            types[name] = replace(kind, dims=dims)
            del values[name]
        if not found:
            return replace(f, types=types)


def _is_open(kind: Type | None) -> bool:
    return isinstance(kind, Array) and any(d.terms for d in kind.dims)


def _agreed(values: dict[str, list[Expr]], types: dict[str, Type]) -> dict[str, _Lengths]:
    """The names of which all values have the same lengths, those that are given one another taken together."""
    lengths: dict[str, set[_Lengths | None]] = {}
    given: dict[str, set[str]] = {}
    for name, assigned in values.items():
        known = lengths.setdefault(name, set())
        for value in assigned:
            if isinstance(value, Var) and value.name in values:
                given.setdefault(name, set()).add(value.name)
                continue
            kind = typeof(value, types)
            fits = isinstance(kind, Array) and not any(d.terms for d in kind.dims)
            known.add(kind.dims if isinstance(kind, Array) and fits else None)
    changed = True
    while changed:
        changed = False
        for name, others in given.items():
            joined = lengths[name].union(*(lengths[other] for other in others))
            changed |= joined != lengths[name]
            lengths[name] = joined
    found: dict[str, _Lengths] = {}
    for name, known in lengths.items():
        kind = types[name]
        match list(known):
            case [tuple() as dims] if isinstance(kind, Array) and len(dims) == kind.rank:
                found[name] = dims
    return found

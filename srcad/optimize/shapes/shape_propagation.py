"""Constant shape propagation: a name has the constant shape that all its definitions have."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, Expr, Function, Var
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Dim, Type
from srcad.typing.typeof import typeof

_Shape = tuple[Dim, ...]


def propagate_constant_shapes(f: Function) -> Function:
    """Refine the types of arrays by constant lengths that all their definitions agree on.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Symbol, dim
    >>> body = parse('''
    ... f = np.zeros(3)
    ... for i in range(n):
    ...     new = np.empty(3)
    ...     f = new
    ... ''')
    >>> types = dict.fromkeys(("f", "new"), Array("float64", (dim(Symbol("?", None)),)))
    >>> refined = propagate_constant_shapes(Function("f", (), body, (), types))
    >>> [d.const for name in ("f", "new") for d in refined.types[name].dims]
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
        found = _common_shapes(values, types)
        for name, dims in found.items():
            kind = types[name]
            assert isinstance(kind, Array)
            types[name] = replace(kind, dims=dims)
            del values[name]
        if not found:
            return replace(f, types=types)


def _is_open(kind: Type | None) -> bool:
    return isinstance(kind, Array) and any(d.terms for d in kind.dims)


def _common_shapes(values: dict[str, list[Expr]], types: dict[str, Type]) -> dict[str, _Shape]:
    """The names of which all definitions have the same shape; copies between names are resolved by a fixpoint."""
    shapes: dict[str, set[_Shape | None]] = {}
    copies: dict[str, set[str]] = {}
    for name, assigned in values.items():
        candidates = shapes.setdefault(name, set())
        for value in assigned:
            if isinstance(value, Var) and value.name in values:
                copies.setdefault(name, set()).add(value.name)
                continue
            kind = typeof(value, types)
            is_constant = isinstance(kind, Array) and not any(d.terms for d in kind.dims)
            candidates.add(kind.dims if isinstance(kind, Array) and is_constant else None)
    changed = True
    while changed:
        changed = False
        for name, others in copies.items():
            joined = shapes[name].union(*(shapes[other] for other in others))
            changed |= joined != shapes[name]
            shapes[name] = joined
    found: dict[str, _Shape] = {}
    for name, candidates in shapes.items():
        kind = types[name]
        match list(candidates):
            case [tuple() as dims] if isinstance(kind, Array) and len(dims) == kind.rank:
                found[name] = dims
    return found

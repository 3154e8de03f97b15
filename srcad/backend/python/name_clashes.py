"""Renaming of variables that would clash with the SSA names Numba makes, and of functions that would with variables.

Numba numbers the versions of a variable (`x`, `x.1`), and inside one array expression writes `x.1` as `x_1`: where the
function has a variable `x_1` as well, compilation fails ("'x_1_1' not unique"). Such a variable becomes `x1`.
"""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from srcad import runtime
from srcad.ir.calls import with_callees
from srcad.ir.nodes import Expr, Function, Op, Var
from srcad.ir.traversal import defined, map_expr, ops, own_exprs, own_writes, reads, rename, rewrite, walk
from srcad.ir.types import Array
from srcad.rules.external import is_external, with_other_name


def rename_clashes(function: Function) -> Function:
    """Rename the variables that would clash; most functions are returned unchanged.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> body = parse("x = a + a\\nx = x + a\\nx_1 = a * a\\ny = x + x_1")
    >>> types = dict.fromkeys(("x", "x_1", "y", "a"), Array("float64", (dim(3),)))
    >>> print(show(rename_clashes(Function("f", (), body, (), types)).body))
    x = a + a
    x = x + a
    x1 = a * a
    y = x + x1
    """
    writes = Counter(name for stmt in walk(function.body) for name in own_writes(stmt))
    params = {param.name for param in function.params}
    writes.update(params)
    taken = set(writes)
    mapping: dict[str, str] = {}
    for stmt in walk(function.body):
        names = {name for expr in own_exprs(stmt) for name in reads(expr)}
        if not any(isinstance(function.types.get(name), Array) for name in names):
            continue
        for name in sorted(names):
            match = re.fullmatch(r"(.+)_(\d+)", name)
            if match is None or match[1] not in names or writes[match[1]] < 2 or name in params:
                continue
            new = match[1] + match[2]
            while new in taken:
                new += "_"
            mapping.setdefault(name, new)
            taken.add(new)
    if not mapping:
        return function

    def renamed(expr: Expr) -> Expr:
        return Var(mapping.get(expr.name, expr.name)) if isinstance(expr, Var) else expr

    types = {mapping.get(name, name): known for name, known in function.types.items()}
    results = tuple(renamed(expr) for expr in function.results)
    adjoints = {mapping.get(name, name): of for name, of in function.adjoints.items()}
    tape = {mapping.get(name, name): saved for name, saved in function.tape.items()}
    body = rename(function.body, mapping)
    return replace(function, body=body, results=results, types=types, adjoints=adjoints, tape=tape)


def with_distinct_names(functions: Sequence[Function], public: int = 1) -> list[Function]:
    """The functions of a module, whose last `public` names stay; no other has the name of a variable.

    >>> from srcad.ir.notation import parse
    >>> rhs, f = Function("rhs", (), (), (), {}), Function("f", (), parse("rhs = 1.0"), (), {})
    >>> [one.name for one in with_distinct_names((rhs, f))]
    ['rhs_1', 'f']
    """
    others, last = functions[:-public], functions[-public:]
    if not others:
        return list(last)
    taken = {*(one.name for one in last), *(f"_{one.name}" for one in last), *_TAKEN, *dir(runtime)}
    for one in functions:
        taken |= {param.name for param in one.params} | defined(one.body)
    names: dict[str, str] = {}
    for one in others:
        candidate, count = one.name, 0
        while candidate in taken:
            count += 1
            candidate = f"{one.name}_{count}"
        taken.add(candidate)
        names[one.name] = candidate
    renamed = [replace(one, name=names.get(one.name, one.name)) for one in others]
    return [with_callees(one, lambda called: replace(called, name=names[called.name])) for one in (*renamed, *last)]


def externals_of(function: Function) -> list[str]:
    """The functions of the user's that it calls."""
    expressions = [e for stmt in walk(function.body) for e in own_exprs(stmt)]
    return sorted({op.prim for e in (*expressions, *function.results) for op in ops(e) if is_external(op.prim)})


def with_distinct_externals(functions: Sequence[Function]) -> list[Function]:
    """The functions of a module, where no function of the user's that they call has the name of something else."""
    used = {prim for one in functions for prim in externals_of(one)}
    if not used:
        return list(functions)
    taken = {*_TAKEN, *dir(runtime)}
    for one in functions:
        taken |= {one.name, f"_{one.name}"} | {param.name for param in one.params} | defined(one.body)
    names = {prim: with_other_name(prim, taken) for prim in used}

    def named(expr: Expr) -> Expr:
        return map_expr(expr, lambda e: replace(e, prim=names.get(e.prim, e.prim)) if isinstance(e, Op) else e)

    return [
        replace(one, body=tuple(rewrite(stmt, named) for stmt in one.body), results=tuple(map(named, one.results)))
        for one in functions
    ]


_TAKEN = frozenset({"np", "math", "cuda", "njit", "scipy", "special", "sys", *dir(builtins)})

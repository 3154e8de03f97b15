"""Renaming of variables that would clash with the SSA names Numba makes in array expressions.

Numba numbers the versions of a variable (`x`, `x.1`), and inside one array expression writes `x.1` as `x_1`: where the
function has a variable `x_1` as well, compilation fails ("'x_1_1' not unique"). Such a variable becomes `x1`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from srcad.ir.nodes import Expr, Function, Var
from srcad.ir.traversal import own_exprs, own_writes, reads, rename, walk
from srcad.ir.types import Array


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

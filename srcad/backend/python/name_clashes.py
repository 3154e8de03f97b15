"""Names that Numba would take for one another are kept apart.

Numba numbers the values a name gets one after another (`x`, `x.1`), and inside one array expression writes
`x.1` as `x_1`: where the function has a name `x_1` as well, it stops ("'x_1_1' not unique"). Such a name
becomes `x1`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from srcad.ir.nodes import Expr, Function, Var
from srcad.ir.traversal import own_exprs, own_writes, reads, rename, walk
from srcad.ir.types import Array


def rename_clashes(function: Function) -> Function:
    """Rename what would collide; most functions come back as they are."""
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
    return replace(function, body=rename(function.body, mapping), results=results, types=types)

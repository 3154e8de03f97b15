"""Shape templates: an array of which the reverse sweep reads only the shape is not computed for that.

`np.full_like(w * p, d)` needs what `np.full_like(w, d)` has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.names import base
from srcad.ir.nodes import Assign, Block, Expr, Function, Op, Var
from srcad.ir.traversal import map_expr, own_exprs, own_writes, reads, rewrite, walk
from srcad.ir.types import Array, Type
from srcad.rules.primitives import PRIMITIVES


def read_shapes_of_parameters(f: Function, at: int) -> Function:
    """From position `at` on, replace names of which only the shape is read by parameters of the same shape and dtype.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> types = dict.fromkeys(("w", "p", "z", "d_z"), Array("float64", (dim(Symbol("w", 0)),)))
    >>> print(show(read_shapes_of_parameters(Function("f", (Param("w", "w"), Param("p", "p")), parse('''
    ... z = w * p
    ... d_z = np.full_like(z, d)
    ... '''), (Var("d_z"),), types), 0).body))
    z = w * p
    d_z = np.full_like(w, d)

    What nobody reads any more is removed as dead code.
    """
    # a parameter that lives on would keep the name from what the program rebinds it to
    assigned = {base(n) for s in walk(f.body) for n in own_writes(s)}
    templates: dict[Type, str] = {}
    for p in f.params:
        t = f.types.get(p.name)
        if isinstance(t, Array) and base(p.name) not in assigned:
            templates.setdefault(t, p.name)
    # a name for what is there anyway stays
    computed = {s.target for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Op)}
    computed -= {s.target for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Var)}
    wanted = _of_shape_only(f.body) & computed - {p.name for p in f.params}
    found = {name: templates[f.types[name]] for name in wanted if f.types.get(name) in templates}
    if not found:
        return f
    body = f.body[:at] + tuple(rewrite(s, lambda e: _replaced(e, found)) for s in f.body[at:])
    return f if body == f.body else replace(f, body=body)


def _of_shape_only(block: Block) -> set[str]:
    """The names of which no element is read."""
    every = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))
    shapes: Counter[str] = Counter()

    def count(e: Expr) -> Expr:
        shapes.update(_shapes_read(e))
        return e

    for s in walk(block):
        for e in own_exprs(s):
            map_expr(e, count)
    return {name for name, times in shapes.items() if times == every[name]}


def _shapes_read(e: Expr) -> list[str]:
    """The names whose shapes an operation reads, without what its operands read."""
    if not isinstance(e, Op) or e.prim not in PRIMITIVES:
        return []
    read = [e.args[at] for at in PRIMITIVES[e.prim].shape_operands if at < len(e.args)]
    return [one.name for one in read if isinstance(one, Var)]


def _replaced(e: Expr, found: Mapping[str, str]) -> Expr:
    return map_expr(e, lambda part: Var(found[part.name]) if isinstance(part, Var) and part.name in found else part)

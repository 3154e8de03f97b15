"""Lengths that the reverse sweep reads of an array of an iteration, read of arrays from before the loop instead.

The adjoint of `y = reshape(x, ...)` reads the shape of x. Where that is all that is read of x, no x need be saved: its
lengths are those of arrays that are there anyway, if they are the same in every iteration.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def folded(W, h):
...     for t in range(4):
...         h = np.tanh((h @ W).reshape(2, -1))[0]
...     return np.sum(h)
>>> source = srcad.grad(folded, target="python").source_for(np.ones((3, 6)), np.ones(3))
>>> "product_saved" in source
False
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set

from srcad.analysis.shapes.outer_lengths import OuterLengths
from srcad.ir.length_exprs import nonnegative_length, shape_query
from srcad.ir.nodes import Expr, Op, Var
from srcad.ir.regions import Regions
from srcad.ir.traversal import map_expr, ops, own_exprs, reads, rewrite, walk
from srcad.ir.types import Array
from srcad.reverse.adjoint.reverse_sweep import ReverseSweep
from srcad.typing.builder import Builder


def read_outer_lengths(sweep: ReverseSweep, regions: Regions, builder: Builder) -> None:
    """Replace `shape(x)` in the sweep, where nothing else is read of x and the length is known before the loops."""
    names = _of_shape_only(sweep, regions)
    if not names:
        return
    lengths = OuterLengths(regions, builder.typeof)

    def replaced(e: Expr) -> Expr:
        match e:
            case Op("shape", (Var(name),), static) if name in names:
                known = builder.types[name]
                assert isinstance(known, Array)
                region = regions.definitions[name].region
                same = lengths.before_loops(known.dims[int(str(dict(static)["axis"]))], region)
                return e if same is None else nonnegative_length(same, shape_query)
        return e

    for _, group in sweep.walk():
        group.stmts[:] = [rewrite(stmt, lambda e: map_expr(e, replaced)) for stmt in group.stmts]


def _of_shape_only(sweep: ReverseSweep, regions: Regions) -> Set[str]:
    """The arrays of iterations of which the sweep reads nothing but lengths."""
    exprs = [e for _, group in sweep.walk() for stmt in walk(tuple(group.stmts)) for e in own_exprs(stmt)]
    every = Counter(name for e in exprs for name in reads(e))
    lengths = Counter(
        op.args[0].name for e in exprs for op in ops(e) if op.prim == "shape" and isinstance(op.args[0], Var)
    )
    return {name for name, times in lengths.items() if times == every[name] and _is_of_iteration(name, regions)}


def _is_of_iteration(name: str, regions: Regions) -> bool:
    definition = regions.definitions.get(name)
    return definition is not None and bool(regions.enclosing_loops(definition.region))

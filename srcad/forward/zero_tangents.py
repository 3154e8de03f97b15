"""Tangents that begin as zeros, told from zeros of the primal.

>>> import numpy as np
>>> from srcad.compiler.stages import normal_form
>>> from srcad.forward.tangents import with_tangents
>>> from srcad.ir.printer import text
>>> __name__ = "user_module"
>>> def scatter(x):
...     y = np.zeros(3)
...     y[1] = x
...     return y
>>> print(text(mark_zero_tangents(with_tangents(normal_form(scatter, 2.0), ("x",)))))
scatter_jvp(x: float64, t_x.0: float64, zero.0: float64):
    y.0 = np.zeros(3, dtype='float64')
    %zeros.0 = np.zeros_like(y.0)
    t_y.0 = %zeros.0 + zero.0
    y.0[1] = x
    t_y.0[1] = t_x.0
    return y.0, t_y.0
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.may_alias import may_alias
from srcad.analysis.values.activity import flows, reached
from srcad.ir.nodes import Assign, Block, Function, Op, Param, Stmt
from srcad.ir.traversal import blocks, reads, with_blocks
from srcad.ir.types import Array, Scalar, has_floats
from srcad.typing.builder import Builder


def mark_zero_tangents(f: Function) -> Function:
    """Add to each array that tangents are written into a parameter `zero`, the last one.

    What a caller gives for it spreads to all memory of tangents. Where objects stand in the place of tangents, the
    arrays that take these are so arrays of objects.
    """
    builder = Builder.resume(f)
    tangents = _tangents(f)
    zero = builder.fresh("zero", Scalar("float64", weak=True))

    def marked(block: Block) -> Block:
        made: list[Stmt] = []
        for stmt in block:
            match stmt:
                case Assign(target, Op() as value) if (
                    target in tangents
                    and isinstance(f.types[target], Array)
                    and not any(name in tangents for name in reads(value))
                ):
                    plain = builder.fresh("%zeros", f.types[target])
                    made += [
                        replace(stmt, target=plain.name),
                        replace(stmt, value=Op("+", (plain, zero))),
                    ]
                case _:
                    made.append(with_blocks(stmt, [marked(inner) for inner in blocks(stmt)]))
        return tuple(made)

    body = marked(f.body)
    return builder.built(replace(f, params=(*f.params, Param(zero.name, zero.name)), body=body))


def _tangents(f: Function) -> set[str]:
    """What the tangents of the parameters reach, and all that may share memory with it."""
    shared = may_alias(f.body, f.types)
    floats = {name for name, t in f.types.items() if has_floats(t)}
    edges = flows(f)
    for name in floats:
        if shared.has_memory(name):
            edges += [(name, shared.class_of(name)), (shared.class_of(name), name)]
    return reached({p.name for p in f.params if p.name in f.adjoints}, edges, floats)

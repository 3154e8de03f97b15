"""Loop-carried values: what an iteration carries to the next is what that one begins with; once is saved.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(h, w, n):
...     for t in range(n):
...         h = np.tanh(h * w)
...     return h
>>> source = srcad.grad(iterate, argnums=("h", "w"), target="python").source_for(1.0, 2.0, 3)
>>> print(source[source.index("    for t in range(n - 1") : source.index("    return")].rstrip())
    for t in range(n - 1, -1, -1):
        # L3: h = np.tanh(h * w)
        d_product = (1.0 - h * h) * d_h
        h = h_saved[t]
        d_w += h * d_product
        d_h = w * d_product

Reversing, `h` still holds the result of the iteration, because the iteration after it has recovered what it began with.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from srcad.ir.nodes import Carry, For, Undef, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Type, is_float


@dataclass(frozen=True)
class LoopCarried:
    """A loop-carried value; `loop` is the region of the loop body."""

    loop: Region
    carry: Carry


def loop_carried_values(regions: Regions, types: Mapping[str, Type], stored: Container[str]) -> dict[str, LoopCarried]:
    """By name: the values that need not be saved if the initial value of the iteration is recovered.

    Excluded are arrays that are written in place (`stored`), whose content differs from one point to another, and inner
    loops, which start again in each iteration of the outer one.
    """
    found: dict[str, LoopCarried] = {}
    for loop in regions:
        if not isinstance(loop.owner, For | While) or regions.enclosing_loops(loop) != (loop,):
            continue
        for carry in loop.owner.carried:
            match carry:
                case Carry(arg, init, Var(end), result) if not isinstance(init, Undef) and is_float(types[end]):
                    definition = regions.definitions[end]
                    # of `a, b = b, a` one has to be recovered in another way
                    defined_here = definition.region is loop and not isinstance(definition.node, Carry)
                    if defined_here and not any(name in stored for name in (arg, end, result)):
                        found[end] = LoopCarried(loop, carry)
    return found

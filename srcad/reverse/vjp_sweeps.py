"""Both sweeps for a vjp, whose cotangents are arguments; `compiler/sweep_pairs` makes two functions of them.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "user_module"
>>> def scaled(x, k):
...     return k * x, 2.0 * k
>>> f = normal_form(scaled, 2.0, 3.0)
>>> print(text(pair(of_pair(f, ["x"], (), 2))))
scaled_vjp(x: float64, k: float64, d_result_0.0: float64, d_result_1.0: float64):
    # ---- forward sweep -----------------------------------------------------
    %product.0 = k * x
    %product.1 = 2.0 * k
    # ---- reverse sweep -----------------------------------------------------
    %d_product.0 = d_result_0.0
    %part.0 = k * %d_product.0
    d_x.0 = %part.0
    return %product.0, %product.1, d_x.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.ir.names import base
from srcad.ir.nodes import Assign, Block, Expr, Function, Op, Param, Return, Var
from srcad.ir.traversal import block_stores
from srcad.ir.types import Array, Scalar, is_float
from srcad.reverse.driver import Reversal
from srcad.reverse.source_comments import FORWARD, REVERSE
from srcad.typing.builder import Builder


def of_pair(f: Function, wrt: Sequence[str], checkpoint: Sequence[str], count: int) -> Reversal:
    """Of each of the first `count` results that is a float; its cotangent is a parameter.

    The sweeps are to be two functions.
    """
    builder = Builder.resume(f)
    several = count > 1
    seeds = []
    for at, result in enumerate(f.results[:count]):
        t = builder.typeof(result)
        if is_float(t) and isinstance(t, Scalar | Array):
            # the caller makes an array of it that lies in memory as the text expects
            own = Scalar(t.dtype) if isinstance(t, Scalar) else replace(t, layout="C")
            seeds.append((result, builder.adjoint(f"d_result_{at}" if several else "d_result", own, "result")))
    given = builder.built(f)
    return Reversal(given, tuple(wrt), (tuple(seeds),), {}, tuple(checkpoint), interleaving=False)


def pair(reversal: Reversal) -> Function:
    """Both sweeps, which `compiler/sweep_pairs` makes two functions of.

    It takes the primal's parameters and the cotangents, and returns the results, then a gradient for each of `wrt`.
    """
    f, plan = reversal.function, reversal.plan
    sweeps, builder = plan.assembled(), plan.builder
    values, copies = _kept_from(sweeps.reverse, f, builder)
    results = (*values, *(plan.adjoints[0][name] for name in reversal.wrt))
    seeds = [seed for _, seed in reversal.seeds[0] if isinstance(seed, Var)]
    params = (*f.params, *(Param(seed.name, base(seed.name)) for seed in seeds))
    body = (FORWARD, *sweeps.forward, *copies, REVERSE, *sweeps.reverse, Return(results))
    return builder.built(replace(f, name=f"{f.name}_vjp", params=params, body=body, results=results))


def _kept_from(reverse: Block, f: Function, builder: Builder) -> tuple[list[Expr], list[Assign]]:
    """The results, as copies where the reverse sweep restores what was overwritten in their memory; and the copies."""
    class_of = alias_classes(f).class_of
    restored = {class_of.get(name) for name in block_stores(reverse)} - {None}
    values: list[Expr] = []
    copies = []
    for result in f.results:
        if isinstance(result, Var) and class_of.get(result.name) in restored:
            own = builder.fresh(base(result.name), f.types[result.name])
            copies.append(Assign(own.name, Op("copy", (result,)), f.span))
            result = own
        values.append(result)
    return values, copies

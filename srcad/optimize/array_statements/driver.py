"""Statements on whole arrays become loops, as few and with as little memory as is sure to give the same numbers.

Numba makes of each operation on whole arrays a pass of its own over memory, with an array for its result, and takes
ten times as long to compile it. In order: each statement becomes a nest of loops (`scalarization`), nests over the same
elements become one (`fusion`), arrays of which one iteration meets one element become scalars (`array_contraction`),
loops change places to go along rows (`interchange`), short loops are unrolled (`unrolling`), small arrays of a loop
become scalars (`scalar_replacement`), arrays of one iteration of an outer loop are allocated before it
(`allocation_hoisting`), and what every iteration adds to stays in a register (`accumulator_promotion`).

Products of matrices stay calls of BLAS, but for those of small ones (`small_products`). Where a statement reads what it
writes (`x[1:] += x[:-1]`), its right side is an array of its own. A statement stays as it is where dtypes are promoted
otherwise for single numbers than for arrays (int32, a sum of bools), and where the compiler does not know what an
operation does to single elements.
"""

from __future__ import annotations

from srcad.ir.nodes import Function
from srcad.optimize.array_statements.scalarization import lower_array_statements
from srcad.optimize.loops.interchange import interchange
from srcad.optimize.loops.unrolling import unroll_short_loops
from srcad.optimize.memory.accumulator_promotion import promote_accumulators
from srcad.optimize.memory.allocation_hoisting import hoist_allocations
from srcad.optimize.memory.array_contraction import contract_arrays
from srcad.optimize.memory.live_range_splitting import split_live_ranges
from srcad.optimize.memory.scalar_replacement import replace_small_arrays
from srcad.optimize.shapes.shape_propagation import propagate_constant_shapes


def array_statements_to_loops(f: Function) -> Function:
    """The function in loops.

    >>> from srcad.ir.nodes import Param, Var
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Scalar, Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0, not_one=True)),))
    >>> body = parse("y = np.tanh(x)\\nz = 1.0 - y * y\\ns = np.sum(z * x)")
    >>> types = {"x": x, "y": x, "z": x, "s": Scalar("float64")}
    >>> print(show(array_statements_to_loops(Function("f", (Param("x", "x"),), body, (Var("s"),), types)).body))
    total = 0.0
    for i in range(shape(x, axis=0)):
        y_here = np.tanh(x[i])
        z_here = 1.0 - (y_here * y_here)
        total += z_here * x[i]
    s = total
    """
    return promote_accumulators(
        hoist_allocations(
            replace_small_arrays(
                unroll_short_loops(
                    propagate_constant_shapes(
                        interchange(contract_arrays(lower_array_statements(split_live_ranges(f))))
                    )
                )
            )
        )
    )

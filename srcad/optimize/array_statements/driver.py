"""Statements on whole arrays become loops, as few and with as little memory as is sure to give the same numbers.

Numba makes of each operation on whole arrays a pass of its own over memory, with an array for its result, and takes
ten times as long to compile it. In order: each statement becomes a nest of loops (`spread`, with `arrays`, `turns`,
`operands`, `trees`, `views`), nests over the same elements become one (`fuse`), arrays of one turn numbers
(`contract`), loops change places to go along rows (`interchange`), short loops are written out (`unroll`) and small
arrays of a loop become numbers (`scalars`), arrays of one turn of an outer loop are made before it (`buffers`), and
what every turn adds to stays out of memory (`locals`, `kept`).

Products of matrices stay calls of BLAS, but for those of small ones (`products`). Where a statement reads what it
writes (`x[1:] += x[:-1]`), its right side is an array of its own. A statement stays as it is where dtypes are promoted
otherwise for single numbers than for arrays (int32, a sum of bools), and where the compiler does not know what an
operation does to single elements.
"""

from __future__ import annotations

from srcad.ir.nodes import Function
from srcad.optimize.array_statements.scalarization import spread
from srcad.optimize.loops.interchange import interchange
from srcad.optimize.loops.unrolling import unroll
from srcad.optimize.memory.accumulator_promotion import local_sums
from srcad.optimize.memory.allocation_hoisting import buffers
from srcad.optimize.memory.array_contraction import contract
from srcad.optimize.memory.live_range_splitting import lives
from srcad.optimize.memory.scalar_replacement import scalars
from srcad.optimize.shapes.shape_propagation import as_made


def loops(f: Function) -> Function:
    """The function in loops.

    >>> from srcad.ir.nodes import Param, Var
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Scalar, Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0, many=True)),))
    >>> body = parse("y = np.tanh(x)\\nz = 1.0 - y * y\\ns = np.sum(z * x)")
    >>> types = {"x": x, "y": x, "z": x, "s": Scalar("float64")}
    >>> print(show(loops(Function("f", (Param("x", "x"),), body, (Var("s"),), types)).body))
    total = 0.0
    for i in range(shape(x, axis=0)):
        y_here = np.tanh(x[i])
        z_here = 1.0 - (y_here * y_here)
        total += z_here * x[i]
    s = total
    """
    return local_sums(buffers(scalars(unroll(as_made(interchange(contract(spread(lives(f)))))))))

"""The text that is compiled: what the reader sees, spelled for the machine.

A person reads `d_z = d_h * (1.0 - h ** 2)`; a machine is served better by one loop and no temporary array. The
passes here take a finished function and give one that computes the same numbers, in a spelling Numba makes faster
code of. It stays plain NumPy and Numba; only what `target="cpu"` compiles is made of it, never what is printed.
"""

from __future__ import annotations

from srcad.ir.nodes import Function
from srcad.optimize.array_statements.driver import loops
from srcad.optimize.loops.capacity_check_hoisting import room
from srcad.optimize.loops.loop_reversal import ascending
from srcad.optimize.memory.restore_forwarding import unrestored
from srcad.optimize.stencils.scatter_to_gather import gather
from srcad.optimize.vectorize.nonnegative_indices import counters
from srcad.optimize.vectorize.reassociation import sums
from srcad.optimize.vectorize.sine_versioning import sines
from srcad.optimize.vectorize.vector_functions import functions

PASSES = (loops, room, unrestored, ascending, gather, sines, functions, counters, sums)


def tuned(f: Function) -> Function:
    """Statements on arrays as loops, shifts gathered, vector functions; then no negative index, sums in any order."""
    for step in PASSES:
        f = step(f)
    return f

"""The text that is compiled: what the reader sees, spelled for the machine.

A person reads `d_z = d_h * (1.0 - h ** 2)`; a machine is served better by one loop and no temporary array. The
passes here take a finished function and give one that computes the same numbers, in a spelling Numba makes faster
code of. It stays plain NumPy and Numba; only what `target="cpu"` compiles is made of it, never what is printed.
"""

from __future__ import annotations

from srcad.analysis.cache import remembered_analyses
from srcad.ir.nodes import Function
from srcad.optimize.array_statements.driver import array_statements_to_loops
from srcad.optimize.loops.capacity_check_hoisting import hoist_capacity_checks
from srcad.optimize.loops.loop_reversal import reverse_descending_loops
from srcad.optimize.memory.restore_forwarding import forward_restored_elements
from srcad.optimize.stencils.scatter_to_gather import scatter_to_gather
from srcad.optimize.vectorize.nonnegative_indices import mark_nonnegative_indices
from srcad.optimize.vectorize.reassociation import allow_reassociation
from srcad.optimize.vectorize.sine_versioning import version_on_argument_range
from srcad.optimize.vectorize.vector_functions import use_vector_functions

PASSES = (
    array_statements_to_loops,
    hoist_capacity_checks,
    forward_restored_elements,
    reverse_descending_loops,
    scatter_to_gather,
    version_on_argument_range,
    use_vector_functions,
    mark_nonnegative_indices,
    allow_reassociation,
)


@remembered_analyses()
def optimize(f: Function) -> Function:
    """Statements on arrays as loops, shifts gathered, vector functions; then no negative index, sums in any order."""
    for step in PASSES:
        f = step(f)
    return f

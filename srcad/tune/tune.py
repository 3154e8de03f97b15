"""The text that is compiled: what the reader sees, spelled for the machine.

A person reads `d_z = d_h * (1.0 - h ** 2)`; a machine is served better by one loop and no temporary array. The
passes here take a finished function and give one that computes the same numbers, in a spelling Numba makes faster
code of. It stays plain NumPy and Numba; only what `target="cpu"` compiles is made of it, never what is printed.
"""

from __future__ import annotations

from srcad.ir.nodes import Function
from srcad.tune.ascending import ascending
from srcad.tune.counters import counters
from srcad.tune.functions import functions
from srcad.tune.gather import gather
from srcad.tune.loops import loops
from srcad.tune.room import room
from srcad.tune.sines import sines
from srcad.tune.sums import sums
from srcad.tune.unrestored import unrestored

PASSES = (loops, room, unrestored, ascending, gather, sines, functions, counters, sums)


def tuned(f: Function) -> Function:
    """Statements on arrays as loops, shifts gathered, vector functions; then no negative index, sums in any order."""
    for step in PASSES:
        f = step(f)
    return f

"""The primitives of kernels: which thread it is that runs, memory that threads share, barriers.

A kernel is a function that many threads of a GPU run at once; the names are those of `numba.cuda`. Elements of arrays
that other threads may write are read and written by primitives of their own: the compiler knows nothing of what is
there, and evaluates each access once, in the order of the program.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import row

_INDEX: dict[str, Any] = {"cheap": True, "differentiable": False, "dtype": "int64", "nonnegative": True}

GRID, GRID_SIZE = "cuda.grid", "cuda.gridsize"
"""The index of the thread in the grid along one `axis` of `ndim`, and how many threads there are along it."""
for _name in (GRID, GRID_SIZE):
    row(_name, lambda axis, ndim: 0, "query", **_INDEX)

LETTERS = "xyz"
"""Of the axes of a grid, and of a block."""
THREAD, BLOCK, BLOCK_SIZE, GRID_BLOCKS = "cuda.threadIdx", "cuda.blockIdx", "cuda.blockDim", "cuda.gridDim"
"""The index of the thread in its block, that of the block, and how many there are; each with a letter after a point."""
for _name in (THREAD, BLOCK, BLOCK_SIZE, GRID_BLOCKS):
    for _letter in LETTERS:
        row(f"{_name}.{_letter}", lambda: 0, "query", **_INDEX)

SIZES = frozenset({GRID_SIZE, BLOCK_SIZE, GRID_BLOCKS})
"""Those that are positive."""

NOUNS = {
    GRID: "thread",
    GRID_SIZE: "threads",
    THREAD: "place",
    BLOCK: "block",
    BLOCK_SIZE: "size",
    GRID_BLOCKS: "blocks",
}
"""What a value is called in the text."""

SHARED_ARRAY = "cuda.shared.array"
row(SHARED_ARRAY, lambda *shape, dtype: np.ones((1,) * len(shape), dtype), "create", differentiable=False,
    lengths_from=0, layout="C")  # fmt: skip

BARRIER = "cuda.syncthreads"
row(BARRIER, lambda: None, "effect", differentiable=False)

# the array, what is stored or added, and the indices
LOAD, STORE, ADD, ATOMIC_ADD = "cuda.load", "cuda.store", "cuda.add", "cuda.atomic.add"
row(LOAD, lambda base, *items: base[items], "effect", linear=(0,), noun="item")
ATOMIC_MAX = "cuda.atomic.max"
"""In generated kernels only."""
for _name in (STORE, ADD, ATOMIC_ADD, ATOMIC_MAX):
    row(_name, lambda base, value, *items: None, "effect")


def axes_of(prim: str, static: tuple[tuple[str, object], ...]) -> int:
    """How many axes of the grid a primitive speaks of; 0 where it is none of these.

    >>> axes_of("cuda.grid", (("axis", 0), ("ndim", 2))), axes_of("cuda.threadIdx.y", ()), axes_of("np.sin", ())
    (2, 2, 0)
    """
    if prim in (GRID, GRID_SIZE):
        return int(str(dict(static)["ndim"]))
    name, _, letter = prim.rpartition(".")
    return 1 + LETTERS.index(letter) if name in (THREAD, BLOCK, BLOCK_SIZE, GRID_BLOCKS) else 0

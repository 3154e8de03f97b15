"""A program for a device: kernels, and the host function that launches them.

What the host function does to the device stands in it as statements of these primitives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srcad.ir.nodes import Effect, Expr, Function, Op, Var

LAUNCH = "cuda.launch"
"""A launch: of as many blocks as the first operand says; of one thread where there is none."""
LEAVE = "cuda.leave"
"""In a kernel: the thread ends here."""
BLOCK_SUM = "block_sum"
"""In a kernel: the sum of a value over the threads of a block, stored in the column of the block."""
BLOCKS_OF = "blocks_of"
"""On the host: the number of blocks for a number of iterations."""
FEWER_BLOCKS_OF = "fewer_blocks_of"
"""The same, for threads that have a number of elements of their own."""
THREADS_IN = "threads_in"
"""On the host: the number of threads in a number of blocks."""
SUMS_OF = "sums_of"
"""On the host: the sum of each row."""
TO_HOST = "to_host"
"""On the host: a small array of the device, copied."""
NO_ERROR = "no_error"
"""On the host: an array of the device that says that no thread has found an error."""
MATMUL = "matmul"
TRANSPOSED = "transposed"
"""On the host: a view of an array of the device."""

NAMES = frozenset(
    "stream cp np math cuda THREADS zeros MOST_BLOCKS MOST_ELEMENTS ADD_UP blocks_of fewer_blocks_of threads_in "
    "sums_of to_host copied no_error transposed matmul block_sum_float64 block_sum_float32 block_sum_int64 "
    "add_up_float64 add_up_float32 add_up_int64".split()
)
"""What the text of a program means something by."""


@dataclass(frozen=True)
class Kernel:
    """A function of which each thread runs some iterations of a loop, or one thread the whole."""

    function: Function
    notes: tuple[str, ...] = ()
    """What is to be known of it, a line each."""


@dataclass(frozen=True)
class DeviceProgram:
    kernels: tuple[Kernel, ...]
    host: Function

    def __post_init__(self) -> None:
        assert len({one.function.name for one in self.kernels}) == len(self.kernels)


def launch(kernel: str, blocks: Expr | None, args: Sequence[str]) -> Effect:
    """The statement of the host function that launches a kernel; of one thread, where no number of blocks is given."""
    given = () if blocks is None else (blocks,)
    static = (("kernel", kernel), ("one", blocks is None))
    return Effect(Op(LAUNCH, (*given, *map(Var, args)), static))

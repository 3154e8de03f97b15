"""Kernels whose adjoints are launched: in Numba's simulator, and compiled to PTX.

`python -m tests.cuda_kernels` launches them where `NUMBA_ENABLE_CUDASIM=1` or a GPU is there, else compiles them. It
prints a line for each: its name, and the largest difference from the machine in `tests/kernel_machine`, or the size of
the PTX for two compute capabilities.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda, float32, float64, types

import srcad
from srcad.backend.modules.cache_files import store
from srcad.backend.modules.import_module import load
from srcad.backend.python.argument_checks import notation
from srcad.compiler.kernel_text import KernelText
from tests.random_kernels import copies, launched

N = 11
WIDTH = 4
TILE = 3
_rng = np.random.default_rng(7)
X, Y = _rng.uniform(-1.0, 1.0, N), _rng.uniform(-1.0, 1.0, N)
ROWS = _rng.uniform(-1.0, 1.0, (N, 3))
PLANE = _rng.uniform(-1.0, 1.0, (5, 7))
INDEX = _rng.integers(0, 3, N)
BINS = np.zeros(3)
LEFT, RIGHT = _rng.uniform(-1.0, 1.0, (4, 5)), _rng.uniform(-1.0, 1.0, (5, 6))


@dataclass(frozen=True)
class Program:
    kernel: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: tuple[str, ...]
    blocks: Any
    threads: Any
    private: str
    atomic: str

    @property
    def name(self) -> str:
        return str(self.kernel.__name__)

    @property
    def positions(self) -> tuple[int, ...]:
        names = getattr(self.kernel, "py_func", self.kernel).__code__.co_varnames
        return tuple(names.index(name) for name in self.wrt)

    def adjoint(self) -> Any:
        return srcad.adjoint(self.kernel, self.wrt, target="cuda")

    def buffers(self) -> list[np.ndarray[Any, Any]]:
        """Cotangents, and zeros for what is a number."""
        rng = np.random.default_rng(3)
        given = [self.args[at] for at in self.positions]
        return [rng.normal(size=a.shape).astype(a.dtype) if np.ndim(a) else np.zeros(1, _dtype(a)) for a in given]


def _dtype(number: Any) -> Any:
    return getattr(number, "dtype", np.float64)


PROGRAMS: list[Program] = []


def program(*args: Any, wrt: str, blocks: Any = 3, threads: Any = WIDTH, private: str = "", atomic: str = "") -> Any:
    """Register a kernel; `private` and `atomic` are what the text says of the buffers."""

    def register(function: Any) -> Any:
        PROGRAMS.append(Program(function, args, tuple(wrt.split()), blocks, threads, private, atomic))
        return function

    return register


@program(X, Y, 0.7, wrt="x y a", private="d_x", atomic="d_a")
def saxpy(x, y, a):
    i = cuda.grid(1)
    if i < x.shape[0]:
        y[i] += a * x[i]


@program(X, Y, 0.7, wrt="x y a", blocks=2, private="d_x", atomic="d_a")
@cuda.jit
def grid_stride(x, y, a):
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        y[i] = a * math.sin(x[i]) * x[i]


@program(X, INDEX, Y, wrt="x y", atomic="d_x")
def gather(x, index, y):
    i = cuda.grid(1)
    if i >= y.shape[0]:
        return
    y[i] = x[index[i]] * x[(index[i] + 1) % 3] + x[i]


@program(X, INDEX, BINS, wrt="x bins", private="d_x")
def histogram(x, index, bins):
    i = cuda.grid(1)
    if i < x.shape[0]:
        cuda.atomic.add(bins, index[i], x[i] * x[i])


@program(ROWS, Y, wrt="x y", private="d_x")
def norms(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        row = x[i]
        total = 0.1
        for k in range(row.shape[0]):
            total += row[k] * row[k]
        y[i] = math.sqrt(total)


@program(PLANE, PLANE * 0.5, wrt="u v", blocks=(2, 3), threads=(3, 3), atomic="d_u")
def laplacian(u, v):
    i, j = cuda.grid(2)
    if 0 < i < u.shape[0] - 1 and 0 < j < u.shape[1] - 1:
        v[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j] * u[i, j]


@cuda.jit(device=True)
def reaction(u, v, rate):
    return u * v * v * rate


@program(PLANE, PLANE * 0.5, 0.3, wrt="u v rate", blocks=(2, 3), threads=(3, 3), private="d_u, d_v", atomic="d_rate")
def react(u, v, rate):
    i, j = cuda.grid(2)
    if i < u.shape[0] and j < u.shape[1]:
        change = reaction(u[i, j], v[i, j], rate)
        u[i, j] -= change
        v[i, j] += change


@program(X, BINS, wrt="x total", private="d_x", atomic="d_shared")
def block_sum(x, total):
    """A tree of sums in shared memory; the number of its levels is counted."""
    shared = cuda.shared.array(WIDTH, float64)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    shared[t] = 0.0
    if i < x.shape[0]:
        shared[t] = math.exp(x[i])
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            shared[t] += shared[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        cuda.atomic.add(total, 0, math.log(shared[0]))


@program(X, BINS, wrt="x total", blocks=2, private="d_x", atomic="d_shared")
def sum_of_a_block(x, total):
    """What follows the barrier is linear: nothing of it is needed in reverse, and still it comes after the barrier."""
    shared = cuda.shared.array(WIDTH, float64)
    own = 0.0
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        own += math.sin(x[i]) * x[i]
    shared[cuda.threadIdx.x] = own
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(total, 0, shared[0] + shared[1] - shared[2] + 2.0 * shared[3])


@program(X, Y, BINS, wrt="x y total", blocks=2, private="d_x")
def updates_beside_a_sum(x, y, total):
    """The loop must not run twice, though its sum is needed by what follows."""
    own = 0.0
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        y[i] += x[i]
        own += math.sin(x[i]) * x[i]
    cuda.atomic.add(total, 0, math.sin(own))


@program(X[:8], Y[:8], 4, wrt="x y", blocks=2, private="d_x")
def sums_in_a_local_array(x, y, n):
    sums = cuda.local.array(2, float64)
    i = cuda.grid(1)
    sums[0], sums[1] = 0.3, 0.1
    s = 0.0
    for k in range(n):
        v = math.sin(x[i] * k)
        sums[k % 2] += v * v * x[i]
        s += v * v
    y[i] = s * s * sums[0] * sums[1]


@program(X, Y, wrt="x y", private="d_x", atomic="d_shared")
def mirrored(x, y):
    """Each thread has an element of its own in shared memory, but not that of its index."""
    shared = cuda.shared.array(WIDTH, float64)
    i = cuda.grid(1)
    if i < x.shape[0]:
        place = WIDTH - 1 - cuda.threadIdx.x
        shared[place] = x[i] * x[i]
        y[i] = math.sin(shared[place])


@program(X, Y, 3, wrt="x y", private="d_x")
def saves_in_one_branch(x, y, n):
    i = cuda.grid(1)
    if i < x.shape[0]:
        s = x[i]
        if s > 0.2:
            s = 2.0 * s
        else:
            for _ in range(n):
                s = math.sin(s) * s + 0.1
        y[i] = s


@program(LEFT, RIGHT, np.ones((4, 6)), wrt="a b c", blocks=(2, 2), threads=(TILE, TILE),
         atomic="d_a, d_b, d_right, d_left")  # fmt: skip
def matrix_product(a, b, c):
    left = cuda.shared.array((TILE, TILE), float64)
    right = cuda.shared.array((TILE, TILE), float64)
    i, j = cuda.grid(2)
    ti, tj = cuda.threadIdx.x, cuda.threadIdx.y
    total = 0.0
    for tile in range((a.shape[1] + TILE - 1) // TILE):
        left[ti, tj] = 0.0
        right[ti, tj] = 0.0
        if i < a.shape[0] and tile * TILE + tj < a.shape[1]:
            left[ti, tj] = a[i, tile * TILE + tj]
        if tile * TILE + ti < b.shape[0] and j < b.shape[1]:
            right[ti, tj] = b[tile * TILE + ti, j]
        cuda.syncthreads()
        for k in range(TILE):
            total += left[ti, k] * right[k, tj]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@program(
    X.astype(np.float32), Y.astype(np.float32), np.float32(0.6), wrt="x y a", private="d_x, d_shared", atomic="d_a"
)
def single_precision(x, y, a):
    shared = cuda.shared.array(WIDTH, float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    if i < x.shape[0]:
        shared[t] = x[i] * a
        v = shared[t]
        for k in range(3):
            v = v * v + math.sin(v) * a
        y[i] = v


@program(X, Y, wrt="x y", private="d_x, d_y")
def conditions_in_order(x, y):
    """What is behind `and` is read only where it is in bounds."""
    i = cuda.grid(1)
    if i < x.shape[0] and x[i] > -0.5 and y[i] < 5.0:
        y[i] = (x[i] if y[i] > 0.0 else 2.0 * x[i]) * y[i]


@program(X[:8], Y[:8], 3, wrt="x y", blocks=2, private="d_x, d_y")
def recurrence_in_memory(x, y, n):
    i = cuda.grid(1)
    for _ in range(n):
        y[i] = math.sin(y[i]) * x[i] + y[i]


@program(X, Y, wrt="x y", private="d_x, d_y")
def swapped(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        before = x[i]
        x[i] = y[i] * y[i]
        y[i] = before


@program(PLANE.reshape(5, 7, 1), PLANE.reshape(5, 7, 1) * 0.5, 3, wrt="x y", blocks=(2, 3, 1), threads=(3, 3, 2),
         private="d_x")  # fmt: skip
def three_axes(x, y, n):
    i, j, k = cuda.grid(3)
    if i < x.shape[0] and j < x.shape[1] and k < x.shape[2]:
        v = x[i, j, k]
        for _ in range(n):
            v = v * v + math.sin(v)
        y[i, j, k] = v


@program(X, INDEX.astype(np.uint8), (INDEX > 0), Y, wrt="x y", atomic="d_x")
def narrow_integers(x, index, chosen, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        k = index[i]
        if chosen[i]:
            y[i] = x[k] * x[i] + k
        else:
            y[i] = x[k] * (k + 1) * 0.5


@program(X, Y, 0.3, 0.4, wrt="d_x d_y a d_a", private="d_d_x", atomic="d_a_1, d_d_a")
def called_like_adjoints(d_x, d_y, a, d_a):
    column = cuda.grid(1)
    if column < d_x.shape[0]:
        d_a_own = d_x[column] * a
        d_y[column] = d_a_own * d_a_own * d_a


@program(X, Y, wrt="x y", atomic="d_x")
def from_the_end(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        y[i] = x[i - 1] * x[-1] * x[i]


@program(X, Y, wrt="x y", private="d_x")
def local_matrix(x, y):
    m = cuda.local.array((2, 2), float64)
    i = cuda.grid(1)
    if i < x.shape[0]:
        m[0, 0], m[0, 1], m[1, 0], m[1, 1] = x[i], 1.0, 0.5, x[i] * x[i]
        total = 0.0
        for r in range(2):
            for c in range(2):
                total += m[r, c] * m[c, r] * m[r, r]
        y[i] = total


# ---- programs that go wrong in other tools (`docs/elsewhere.md`) ----------------------------------------------------


@program(X, Y, INDEX, wrt="x y", private="d_x")
def carried_in_a_run_time_loop(x, y, count):
    i = cuda.grid(1)
    if i < x.shape[0]:
        s = x[i]
        for _ in range(count[i] + 2):
            s = s * x[i] + math.sin(s)
        y[i] = s


@program(X, Y, INDEX, wrt="x y", private="d_x")
def continue_in_a_run_time_loop(x, y, count):
    i = cuda.grid(1)
    if i < x.shape[0]:
        s = x[i]
        for k in range(count[i] + 3):
            if k % 2 == 1:
                continue
            s = s * s + 0.3 * x[i]
        y[i] = s


@program(X, Y, wrt="x y", private="d_x, d_y")
def written_several_times(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        y[i] = x[i] * x[i]
        y[i] *= x[i]
        y[i] = math.sin(y[i]) * y[i]
        y[i] += x[i]


@program(X, Y, wrt="x y", private="d_x, d_y")
def overwritten_after_it_was_read(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        before = y[i]
        y[i] = x[i] * before
        x[i] = before * before
        y[i] = y[i] * x[i] * before


@program(X, Y, 3, wrt="x y", private="d_x")
def branches_in_nested_loops(x, y, n):
    i = cuda.grid(1)
    if i < x.shape[0]:
        total = x[i]
        for j in range(n):
            for k in range(j + 1):
                v = total * x[i]
                if v > 0.1:
                    v = v * v
                else:
                    v = math.cos(v)
                total = total * 0.5 + v
        y[i] = total


@program(X, Y, wrt="x y", private="d_x")
def until_it_converges(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        a = 1.5 + x[i]
        root = a
        while abs(root * root - a) > 1e-10:
            root = 0.5 * (root + a / root)
        y[i] = root


# ---- what is done with them -----------------------------------------------------------------------------------------


def on_machine(one: Program) -> tuple[list[Any], list[np.ndarray[Any, Any]]]:
    """The arguments and the buffers after a launch on the machine."""
    args, buffers = copies(list(one.args)), one.buffers()
    races = launched(one.adjoint(), one.blocks, one.threads, args, buffers)
    assert not races, races
    return args, buffers


def difference(one: Program) -> float:
    """The largest difference between a launch by Numba and one on the machine."""
    args, buffers = copies(list(one.args)), one.buffers()
    one.adjoint().kernel(*args)[one.blocks, one.threads](*args, *buffers)
    pairs = zip([*args, *buffers], [part for parts in on_machine(one) for part in parts], strict=True)
    return max(float(np.max(np.abs(np.asarray(a, float) - np.asarray(b, float)))) for a, b in pairs)


def ptx_size(one: Program, capability: tuple[int, int]) -> int:
    """The number of characters of the PTX of the adjoint kernel, and of the one that counts, where there is one."""
    import numba.cuda.dispatcher

    class Device:
        compute_capability = capability

    numba.cuda.dispatcher.get_current_device = lambda: Device  # there is none here: PTX is compiled without
    adjoint = one.adjoint()
    made = KernelText(adjoint.specialisation(*one.args).generated)
    takes = [notation(p.type) for p in made.takes]
    size = _compiled(made.name, made.text(), takes, capability)
    if not {part.name for part in adjoint.plan(*one.args).saved if part.bytes is not None}.issuperset(made.tape):
        size += _compiled(f"{made.name}_counts", made.counts_text(), [*takes[: made.primal], "int64[::1]"], capability)
    return size


def _compiled(name: str, text: str, takes: list[str], capability: tuple[int, int]) -> int:
    kernel = getattr(load(store(name, text, keep=False)), name).py_func
    signature = tuple(eval(known.replace("bool[", "bool_["), vars(types)) for known in takes)
    ptx, _ = cuda.compile_ptx(kernel, signature, cc=capability)
    assert f".target sm_{capability[0]}{capability[1]}" in ptx
    return len(ptx)


if __name__ == "__main__":
    for each in PROGRAMS:
        if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" or cuda.is_available():
            print(each.name, difference(each), flush=True)
        else:
            print(each.name, *(ptx_size(each, capability) for capability in ((7, 5), (9, 0))), flush=True)

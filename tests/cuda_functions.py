"""Functions of arrays on a device, and a process of its own for each way to run them.

`NUMBA_ENABLE_CUDASIM=1 python -m tests.cuda_functions NAME …` prints for each of these programs the largest difference
between what Numba's simulator gives and `target="python"`, and whether two calls give equal bits; without the variable,
the size of the PTX of each kernel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import srcad
from srcad.backend.cuda import program_helpers
from tests import device_programs

rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Program:
    function: Callable[..., Any]
    wrt: tuple[int, ...]
    args: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "_".join((self.function.__name__, *self.options))


def weighted_sines(x: Any, y: Any) -> Any:
    return np.sum(np.sin(x) * y)


def black_scholes(spot: Any, strike: Any, rate: Any, volatility: Any) -> Any:
    d1 = (np.log(spot / strike) + rate + 0.5 * volatility**2) / volatility
    d2 = d1 - volatility
    return np.sum(spot / (1.0 + np.exp(-d1)) - strike * np.exp(-rate) / (1.0 + np.exp(-d2)))


def diffusion(u: Any, k: Any, steps: Any) -> Any:
    """A kernel each step, in a loop of the host; borders by one thread."""
    for _ in range(steps):
        v = u.copy()
        for i in range(1, len(u) - 1):
            v[i] = u[i] + k[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1]) + 0.1 * u[i] * u[i]
        u = v
    return np.sum(u * u)


def paths(z: Any, s0: Any, sigma: Any) -> Any:
    """A tape for each thread."""
    total = 0.0
    for path in range(z.shape[0]):
        s = s0
        for t in range(z.shape[1]):
            s = s * np.exp(0.1 * sigma * z[path, t] - 0.005 * sigma * sigma)
        if s > 1.0:
            total += s - 1.0
    return total / z.shape[0]


def pairs(x: Any) -> Any:
    """Both members of a pair are added to."""
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            d = x[i] - x[j]
            energy += 1.0 / np.sqrt(np.sum(d * d) + 0.01)
    return energy


def gathered(x: Any, index: Any, w: Any) -> Any:
    """Elements that several iterations read, at places that are checked on the device."""
    total = 0.0
    for k in range(len(index)):
        total += np.sin(x[index[k]] * w[k])
    return total


def normalised(x: Any) -> Any:
    """A scalar that the host needs between two kernels, and one element."""
    norm = np.sqrt(np.sum(x * x))
    if norm > x[0]:
        norm = norm + x[0]
    return np.sum(np.exp(x / norm))


def recurrence(x: Any, a: Any) -> Any:
    """What one thread does."""
    s = a
    for i in range(len(x)):
        s = 0.9 * np.tanh(s) + x[i]
    return s


def single(x: Any, y: Any) -> Any:
    """In single precision."""
    return np.sum(x * x * y)


def matrix(x: Any, y: Any) -> Any:
    """A nest of two loops: a thread for each element."""
    return np.sum(np.exp(-((x[:, None] - y[None, :]) ** 2)))


CAPABILITIES = ((7, 5), (9, 0))
N = 150
PROGRAMS = (
    Program(weighted_sines, (0, 1), (rng.normal(size=N), rng.normal(size=N))),
    Program(black_scholes, (0, 2, 3), (1.0 + rng.random(N), 1.0 + rng.random(N), 0.03, 0.2)),
    Program(diffusion, (0, 1), (rng.random(40), 0.3 * rng.random(40), 3)),
    Program(paths, (1, 2), (rng.normal(size=(130, 5)), 1.0, 0.3)),
    Program(pairs, (0,), (rng.normal(size=(12, 3)),)),
    Program(pairs, (0,), (rng.normal(size=(12, 3)),), {"deterministic": True}),
    Program(gathered, (0, 2), (rng.normal(size=7), rng.integers(-7, 7, 140), rng.normal(size=140))),
    Program(
        gathered, (0, 2), (rng.normal(size=7), rng.integers(-7, 7, 140), rng.normal(size=140)), {"deterministic": True}
    ),
    Program(normalised, (0,), (rng.normal(size=N),)),
    Program(recurrence, (0, 1), (rng.normal(size=20), 0.3)),
    Program(single, (0, 1), (rng.random(N, dtype=np.float32), rng.random(N, dtype=np.float32))),
    Program(matrix, (0, 1), (rng.normal(size=20), rng.normal(size=15))),
)


OF_USERS = tuple(Program(one.function, one.wrt, one.args) for one in device_programs.PROGRAMS if not one.refused)


def numbers(result: Any) -> list[np.ndarray[Any, Any]]:
    """The value and all gradients, on the host."""
    value, gradients = result
    return [np.asarray(x.copy_to_host() if hasattr(x, "copy_to_host") else x) for x in (value, *gradients)]


def expected(one: Program) -> list[np.ndarray[Any, Any]]:
    return numbers(srcad.value_and_grad(one.function, one.wrt, target="python")(*one.args))


def worst(found: list[np.ndarray[Any, Any]], wanted: list[np.ndarray[Any, Any]]) -> float:
    assert all(a.shape == b.shape and a.dtype == b.dtype for a, b in zip(found, wanted, strict=True))
    return max(float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)))) for a, b in zip(found, wanted, strict=True))


def derivative_of(one: Program) -> Any:
    return srcad.value_and_grad(one.function, one.wrt, target="cuda", **one.options)


def with_small_blocks() -> None:
    """Programs that are made from now on have few threads: each of the simulator's is a thread of Python's."""
    few = program_helpers.BLOCKS.replace("THREADS = 128", "THREADS = 8").replace(
        "MOST_BLOCKS = 2048", "MOST_BLOCKS = 3"
    )
    assert few.count(" = 8") == few.count(" = 3") == 1
    program_helpers.BLOCKS = few


def on_device(one: Program) -> tuple[float, bool]:
    """The largest difference from `target="python"`, and whether two calls give equal bits."""
    from numba import cuda

    derivative = derivative_of(one)
    calls = []
    for _ in range(2):
        args = [cuda.to_device(x) if isinstance(x, np.ndarray) else x for x in one.args]
        result = derivative(*args)
        assert all(hasattr(x, "copy_to_host") == bool(np.ndim(one.args[n])) for n, x in zip(one.wrt, result[1]))
        calls.append(numbers(result))
    return worst(calls[0], expected(one)), all((a == b).all() for a, b in zip(*calls))


def ptx_sizes(one: Program, capability: tuple[int, int]) -> list[int]:
    """The number of characters of the PTX of each kernel."""
    import numba.cuda.dispatcher
    from numba import cuda
    from numba.core import sigutils

    from srcad.backend.modules import cache_files
    from srcad.backend.modules.import_module import load
    from srcad.backend.python.argument_checks import notation

    class Device:
        compute_capability = capability

    numba.cuda.dispatcher.get_current_device = lambda: Device  # there is none here: PTX is compiled without
    made = derivative_of(one).specialisation(*one.args).generated
    text = made.program_text().replace("import cupy as cp\n", "")  # which no kernel needs
    module = load(cache_files.store(made.name, text, str(capability), keep=False))
    sizes = []
    for kernel in made.device_program.kernels:
        f = kernel.function
        taken = ", ".join(notation(f.types[p.name]) for p in f.params)
        signature, _ = sigutils.normalize_signature(f"({taken},)")
        ptx, _ = cuda.compile_ptx(getattr(module, f.name).py_func, signature, cc=capability)
        assert f".target sm_{capability[0]}{capability[1]}" in ptx
        sizes.append(len(ptx))
    return sizes


def errors() -> str:
    """What the simulator raises for an index out of bounds, and for arrays of the host."""
    from numba import cuda

    x, index, w = rng.normal(size=7), np.array([0, 3, 9, -8]), rng.normal(size=4)
    said = []
    for target, args in (
        ("cuda", [cuda.to_device(x), cuda.to_device(index), cuda.to_device(w)]),
        ("python", [x, index, w]),
        ("cuda", [cuda.to_device(x), index, w]),
    ):
        try:
            srcad.grad(gathered, (0, 2), target=target)(*args)
        except Exception as error:
            said.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
    return "|".join(said)


def in_place() -> float:
    """A function that writes into an argument, and an adjoint that adds to a buffer of the caller's."""
    from numba import cuda

    def squares(x: Any, y: Any) -> None:
        for i in range(len(x)):
            y[i] = x[i] * x[i]

    x, y, d_x = cuda.to_device(np.arange(5.0)), cuda.to_device(np.zeros(5)), cuda.to_device(np.ones(5))
    srcad.jit(squares, target="cuda")(x, y)
    srcad.adjoint(single, ("x",), target="cuda")(x, y, d_x)
    wanted = 1.0 + 2.0 * np.arange(5.0) ** 3
    return float(np.max(np.abs(y.copy_to_host() - np.arange(5.0) ** 2) + np.abs(d_x.copy_to_host() - wanted)))


def along() -> float:
    """Tangents in forward mode, of a function and of its gradient."""
    from numba import cuda

    def chain(x: Any, a: Any) -> Any:
        return np.exp(a * x) * x[0]

    x, v = rng.normal(size=6), rng.normal(size=6)
    there, direction = cuda.to_device(x), cuda.to_device(v)
    found = [
        *srcad.jvp(chain, target="cuda")((there, 0.3), (direction, 1.0)),
        srcad.hvp(normalised, target="cuda")((there,), (direction,)),
    ]
    wanted = [
        *srcad.jvp(chain, target="python")((x, 0.3), (v, 1.0)),
        srcad.hvp(normalised, target="python")((x,), (v,)),
    ]
    return max(float(np.max(np.abs(a.copy_to_host() - b))) for a, b in zip(found, wanted, strict=True))


def samples() -> float:
    """A gradient for each of many samples: a thread a sample."""
    from numba import cuda

    def loss(w: Any, x: Any, y: Any) -> Any:
        s = 0.0
        for k in range(len(x)):
            s += np.tanh(w[k] * x[k])
        return (s - y) ** 2

    args = rng.normal(size=3), rng.normal(size=(140, 3)), rng.normal(size=140)
    axes = (None, 0, 0)
    wanted = srcad.value_and_grad(loss, target="python").batched(in_axes=axes)(*args)
    batched = srcad.value_and_grad(loss, target="cuda").batched(in_axes=axes)
    for _ in range(2):
        found = batched(*map(cuda.to_device, args))
    assert len(batched._loops) == 1
    (made,) = batched._loops.values()
    assert len(made._newest.generated.device_program.kernels) == 1, made._newest.generated.program_text()
    return max(float(np.max(np.abs(a.copy_to_host() - b))) for a, b in zip(found, wanted, strict=True))


if __name__ == "__main__":
    chosen = [each for each in (*PROGRAMS, *OF_USERS) if each.name in sys.argv[1:]]
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        with_small_blocks()
        for each in chosen:
            print(each.name, *on_device(each), sep="|", flush=True)
        print("errors", errors(), sep="|")
        print("in_place", in_place(), sep="|")
        print("samples", samples(), sep="|")
        print("along", along(), sep="|")
    else:
        for each in chosen:
            print(each.name, *(min(ptx_sizes(each, capability)) for capability in CAPABILITIES), sep="|", flush=True)

"""What `tests/gpu.sh` runs: the CUDA target on a GPU, compared with the CPU, and timed.

Times are medians, of launches that the device has finished. Beside each stands a copy of as many bytes as the adjoint
has to move, at the speed of memory, and the same gradient by JAX and PyTorch where they are installed for a GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import cuda, float64

import srcad

THREADS = 256


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2**24, help="elements of the arrays that are timed")
    chosen = parser.parse_args()
    if not _has_device():
        print("no GPU that Numba can use: nothing is run on one")
        return 0
    started = time.perf_counter()
    print(f"device: {cuda.get_current_device().name.decode()}")
    failed = _check_device_functions() + _check_kernels() + _check_functions() + _check_examples()
    for timed in (_time_elementwise, _time_stencil, _time_chain, _time_functions):
        timed(chosen.size)
    print(f"{failed} wrong, {time.perf_counter() - started:.0f} s")
    return int(failed > 0)


def _has_device() -> bool:
    try:
        return bool(cuda.is_available())
    except Exception:  # a driver that does not fit raises errors of many kinds
        return False


# ---- numbers ---------------------------------------------------------------------------------------------------------


def _check_device_functions() -> int:
    """Level 1: each program of `tests/cuda_programs` in a kernel."""
    from tests.cuda_programs import PROGRAMS, difference

    return _checked("device function", [(one.name, one, difference) for one in PROGRAMS], lambda _: 1e-9)


def _check_kernels() -> int:
    """Level 2: each kernel of `tests/cuda_kernels`."""
    from tests.cuda_kernels import PROGRAMS, difference

    return _checked(
        "kernel",
        [(one.name, one, difference) for one in PROGRAMS],
        lambda name: 1e-4 if name == "single_precision" else 1e-9,
    )


def _check_functions() -> int:
    """Level 3: each function of arrays of `tests/cuda_functions` and `tests/device_programs`, and equal bits."""
    from tests.cuda_functions import OF_USERS, PROGRAMS, Program, derivative_of, on_device

    def difference(one: Program) -> float:
        found, same = on_device(one)
        is_ordered = "atomic" not in derivative_of(one).device_source(*one.args)
        return found if same or not is_ordered else math.nan

    single = {
        one.name for one in (*PROGRAMS, *OF_USERS) if any("float32" in str(np.asarray(x).dtype) for x in one.args)
    }
    programs = [(one.name, one, difference) for one in (*PROGRAMS, *OF_USERS) if "matri" not in one.name or _has_cupy()]
    return _checked("function of arrays", programs, lambda name: 1e-4 if name in single else 1e-9)


def _has_cupy() -> bool:
    return importlib.util.find_spec("cupy") is not None


def _checked(what: str, programs: list[tuple[str, Any, Callable[[Any], float]]], bound: Callable[[str], float]) -> int:
    failed = 0
    for name, one, difference in programs:
        try:
            found = difference(one)
        except Exception as error:  # of any kind: the others are still to run
            found, name = math.inf, f"{name} ({type(error).__name__}: {str(error).splitlines()[0]})"
        if not found <= bound(one.name):
            failed += 1
            print(f"wrong: {what} {name}, by {found}")
    print(f"{len(programs)} {what}s, {failed} wrong")
    return failed


def _check_examples() -> int:
    """The examples, on the device: they compare with differences themselves."""
    failed = 0
    folder = Path(__file__).resolve().parents[1] / "examples"
    for name, more in (
        ("cuda_pathwise_delta", ("paths", 20_000)),
        ("cuda_monte_carlo", ("paths", 20_000)),
        ("cuda_reaction_diffusion", ("size", 64)),
        ("cuda_groundwater", ("size", 64)),
    ):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        arguments, sys.argv = sys.argv, [name, "--gpu"]
        try:
            spec.loader.exec_module(module)
            module.main(**{more[0]: more[1], "gpu": True})
        except Exception as error:
            failed += 1
            print(f"wrong: {name}: {type(error).__name__}: {error}")
        finally:
            sys.argv = arguments
    return failed


# ---- times -----------------------------------------------------------------------------------------------------------


def _median(run: Callable[[], Any], finish: Callable[[], Any] = cuda.synchronize, count: int = 15) -> float:
    """Seconds of one run; the first two, which compile, do not count."""
    times = []
    for at in range(count + 2):
        start = time.perf_counter()
        run()
        finish()
        if at > 1:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


@cuda.jit
def _copied(source: Any, target: Any) -> None:
    for i in range(cuda.grid(1), source.shape[0], cuda.gridsize(1)):
        target[i] = source[i]


def _copy_seconds(count: int) -> float:
    """Of reading and writing so many float64 together, at the speed of memory."""
    source, target = cuda.device_array(count // 2, np.float64), cuda.device_array(count // 2, np.float64)
    return _median(lambda: _copied[_blocks(count // 2), THREADS](source, target))


def _blocks(count: int) -> int:
    return min(65_535, (count + THREADS - 1) // THREADS)


def _report(name: str, seconds: dict[str, float]) -> None:
    print(f"{name}: " + ", ".join(f"{what} {1e3 * value:.2f} ms" for what, value in seconds.items()))


def _others(function: str, inputs: list[np.ndarray[Any, Any]]) -> dict[str, float]:
    """The same gradient by JAX and PyTorch: `function` is the sum of what the kernel writes, `np` is their module."""
    found: dict[str, float] = {}
    if not function:
        return found
    if importlib.util.find_spec("jax") is not None:
        import jax

        if jax.default_backend() == "gpu":
            jax.config.update("jax_enable_x64", True)
            gradient = jax.jit(jax.grad(eval(f"lambda x: {function}", {"np": jax.numpy})))
            x = jax.numpy.asarray(inputs[0])
            found["JAX"] = _median(lambda: gradient(x).block_until_ready(), lambda: None)
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            of_torch = torch.tensor(inputs[0], device="cuda", requires_grad=True)
            total = eval(f"lambda x: {function}", {"np": torch})
            found["PyTorch"] = _median(
                lambda: torch.autograd.grad(total(of_torch), of_torch), lambda: torch.cuda.synchronize()
            )
    return found


def _timed(name: str, kernel: Any, size: int, moved: int, function: str) -> None:
    """The kernel of x and y, and its adjoint; `moved` is how many float64 the adjoint has to read and write."""
    x = np.random.default_rng(0).uniform(-1.0, 1.0, size)
    given = [cuda.to_device(x), cuda.to_device(np.zeros_like(x))]
    buffers = [cuda.to_device(np.zeros_like(x)), cuda.to_device(np.ones_like(x))]
    adjoint = srcad.adjoint(kernel, ("x", "y"), target="cuda").kernel(*given)
    launch = _blocks(size), THREADS
    seconds = {
        "kernel": _median(lambda: kernel[launch](*given)),
        "adjoint": _median(lambda: adjoint[launch](*given, *buffers)),
        "copy of as much": _copy_seconds(moved),
    }
    _report(name, seconds | _others(function, [x]))


@cuda.jit
def _elementwise(x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        y[i] = math.sin(x[i]) * math.exp(-x[i] * x[i])


def _time_elementwise(size: int) -> None:
    # x is read, y written, d_y read and written, d_x read and written
    _timed("elementwise", _elementwise, size, 6 * size, "np.sum(np.sin(x) * np.exp(-x * x))")


@cuda.jit
def _stencil(x: Any, y: Any) -> None:
    i = cuda.grid(1)
    if 0 < i < x.shape[0] - 1:
        y[i] = x[i - 1] * x[i + 1] - 2.0 * x[i] * x[i]


def _time_stencil(size: int) -> None:
    _timed("stencil", _stencil, size, 6 * size, "np.sum(x[:-2] * x[2:] - 2.0 * x[1:-1] * x[1:-1])")


@cuda.jit
def _chain(x: Any, y: Any) -> None:
    i = cuda.grid(1)
    if i < x.shape[0]:
        s = x[i]
        kept = cuda.local.array(2, float64)
        kept[0], kept[1] = 0.5, x[i]
        for k in range(32):
            s = s * kept[k % 2] + math.sin(s)
        y[i] = s


def _time_chain(size: int) -> None:
    """A recurrence in each thread, whose states are saved in local memory."""
    count = size // 16
    # 32 states of each thread are written and read
    _timed("recurrence of 32 steps", _chain, count, (6 + 2 * 32) * count, "")


def _time_functions(size: int) -> None:
    """A function of arrays, called with arrays that are on the device: a launch and a sum, which the host waits for."""

    def elementwise(x: Any) -> Any:
        return np.sum(np.sin(x) * np.exp(-x * x))

    def stencil(x: Any) -> Any:
        return np.sum(x[:-2] * x[2:] - 2.0 * x[1:-1] * x[1:-1])

    x = np.random.default_rng(0).uniform(-1.0, 1.0, size)
    there = cuda.to_device(x)
    for function, text in (
        (elementwise, "np.sum(np.sin(x) * np.exp(-x * x))"),
        (stencil, "np.sum(x[:-2] * x[2:] - 2.0 * x[1:-1] * x[1:-1])"),
    ):
        device, host = srcad.value_and_grad(function, target="cuda"), srcad.value_and_grad(function)
        (value, gradient), (expected, wanted) = device(there), host(x)
        error = max(abs(value - expected) / abs(expected), float(np.max(np.abs(gradient.copy_to_host() - wanted))))
        seconds = {
            "value and gradient": _median(lambda device=device: device(there)),
            "copy of as much": _copy_seconds(2 * size),
            "the CPU": _median(lambda host=host: host(x), lambda: None, 3),
        }
        _report(f"function {function.__name__} (differs from the CPU by {error:.0e})", seconds | _others(text, [x]))


if __name__ == "__main__":
    sys.exit(main())

"""Programs whose derivatives are device functions, each called in a kernel: in Numba's simulator, and compiled to PTX.

`python -m tests.cuda_programs` runs them in the simulator where `NUMBA_ENABLE_CUDASIM=1`, else compiles them. It prints
a line for each: its name, and the largest difference from `target="python"`, or the size of the PTX.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import srcad

STEPS = 8
X = np.array([0.3, -0.8, 1.1, 0.4, -0.2])
Y = np.array([1.3, 0.6, -0.5, 0.9, 0.1])


@dataclass(frozen=True)
class Program:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: Any = 0
    make: Callable[..., Any] = srcad.grad
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.make.__name__}:{self.function.__name__}"


PROGRAMS: list[Program] = []


def program(*args: Any, wrt: Any = 0, make: Callable[..., Any] = srcad.grad, **options: Any) -> Any:
    def register(function: Any) -> Any:
        PROGRAMS.append(Program(function, args, wrt, make, tuple(options.items())))
        return function

    return register


@program(100.0, 95.0, 0.03, 0.2, 1.5, wrt=(0, 3), make=srcad.value_and_grad)
@program(100.0, 95.0, 0.03, 0.2, 1.5, wrt=(0, 1, 2, 3, 4))
def black_scholes(spot, strike, rate, volatility, time):
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / (volatility * np.sqrt(time))
    d2 = d1 - volatility * np.sqrt(time)
    first = 0.5 * (1.0 + math.erf(d1 / np.sqrt(2.0)))
    second = 0.5 * (1.0 + math.erf(d2 / np.sqrt(2.0)))
    return spot * first - strike * np.exp(-rate * time) * second


@program(2.0, 0.7, wrt=(0, 1))
def newton(p, q):
    x = 1.0
    for _ in range(6):
        x = x - (x**3 + q * x - p) / (3.0 * x * x + q)
    return x


@program(0.4, 1.5, 0.2, wrt=(0, 1, 2), make=srcad.jacobian)
def rk4_step(position, speed, h):
    def slope(x, v):
        return v, -np.sin(x) - 0.1 * v

    a, b = slope(position, speed)
    c, d = slope(position + 0.5 * h * a, speed + 0.5 * h * b)
    e, f = slope(position + 0.5 * h * c, speed + 0.5 * h * d)
    g, i = slope(position + h * e, speed + h * f)
    return position + h / 6.0 * (a + 2.0 * c + 2.0 * e + g), speed + h / 6.0 * (b + 2.0 * d + 2.0 * f + i)


@program(1.2, 0.3, wrt=(0, 1))
@program(-0.7, 0.3, wrt=(0, 1))
@program(0.1, 0.3, wrt=(0, 1))
def branches(x, y):
    if x > 0.5:
        z = np.exp(-x) * y
    elif x < 0.0:
        z = abs(x) ** 1.5 + np.maximum(y, 0.1)
    else:
        z = np.where(y > x, np.tanh(x * y), math.atan2(x, y))
    return z * np.log1p(x * x)


@program(X, Y, 0.2, wrt=(0, 2), make=srcad.adjoint)
def polynomial(x, y, scale):
    total = 0.0
    for i in range(len(x)):
        total += scale * x[i] * x[i] + np.sin(x[i])
    return np.sqrt(1.0 + total * total)


@program(X, Y, 0.2, wrt=(0, 1, 2), make=srcad.adjoint, boundscheck=False)
def dot(w, x, b):
    s = b
    for i in range(len(w)):
        s += w[i] * x[i]
    return np.tanh(s)


@program(X, 1.1, 0.4, wrt=(0, 1, 2), make=srcad.adjoint, boundscheck=False)
def recurrence(u, decay, start):
    state = start
    for i in range(5):
        state = np.tanh(decay * state + u[i]) * state
    return state


@program(0.8, 0.1, wrt=(0, 1))
def fixed_by_a_global(rate, start):
    state, total = start, 0.0
    for _ in range(STEPS):
        state = state + rate * state * (1.0 - state)
        total += np.abs(state - 0.5)
    return total


@program(0.8, 0.3, wrt=(0, 1))
def local_arrays(a, b):
    state = np.array([a, b, a * b])
    weights = np.zeros(3)
    for t in range(4):
        for k in range(3):
            weights[k] = weights[k] * 0.5 + np.cos(state[k] * t)
            state[k] = state[k] * weights[k] + b
    total = 0.0
    for k in range(3):
        total += state[k] * weights[k]
    return total


@program(np.linspace(-1.0, 1.0, 12).reshape(4, 3), 0.5, wrt=(0, 1), make=srcad.adjoint)
def matrix(a, power):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += np.exp(power * a[i, j]) * a[i, j]
    return total


@program(X, 2.0, wrt="scale", boundscheck=False)
def reads_an_array(x, scale):
    best = 0.0
    for i in range(5):
        best = max(best, scale * x[i] - 0.5 * scale * scale * x[i] * x[i])
    return best


@program(0.7, 3, wrt="x")
def integers(x, n):
    total = 0.0
    for k in range(STEPS):
        if k % n == 0:
            total += x**k / (k // 2 + n)
    return total


@program(np.float32(0.7), np.float32(0.3), wrt=(0, 1))
def single_precision(x, y):
    kept = x
    for _ in range(4):
        kept = kept * kept * y + x
    return kept


@program(0.8, 0.3, 2, wrt=(0, 1))
def arrays_that_change_places(a, b, n):
    old = np.array([a, b, a + b])
    new = np.zeros(3)
    for t in range(4):
        for k in range(3):
            new[k] = old[(k + n) % 3] * b + np.sin(old[k])
        for k in range(3):
            old[k] = new[k]
    return old[0] * old[1] + old[2]


@program(0.8, True, X > 0.0, np.array([2, 0, 1]), wrt="x", boundscheck=False)
def bools_and_positions(x, squared, mask, order):
    total = 0.0
    for k in range(3):
        if mask[order[k]]:
            total += np.cos(x) * (k + 1)
    return total * total if squared else total


@program([0.7, 0.2], {"scale": 1.5, "shift": -0.3}, wrt=(0, 1))
def nested(pair, params):
    return np.exp(pair[0] * params["scale"]) * np.sign(pair[1] - params["shift"]) * pair[1] ** 2


def buffers_of(one: Program) -> list[np.ndarray[Any, Any]]:
    """Those of an adjoint: zeros but for one, to which is added."""
    if one.make is not srcad.adjoint:
        return []
    chosen = one.wrt if isinstance(one.wrt, tuple) else (one.wrt,)
    arrays = [one.args[at] for at in chosen if isinstance(one.args[at], np.ndarray)]
    return [np.full_like(array, 0.25) for array in arrays]


def numbers(result: Any) -> list[float]:
    """The numbers of a result, whatever their structure."""
    if isinstance(result, tuple | list | dict):
        items = result.values() if isinstance(result, dict) else result
        return [number for item in items for number in numbers(item)]
    return [] if result is None else [float(result)]


def flat(values: Any) -> list[Any]:
    """The leaves of arguments."""
    if isinstance(values, tuple | list | dict):
        items = values.values() if isinstance(values, dict) else values
        return [leaf for item in items for leaf in flat(item)]
    return [values]


def kernel_of(device: Any, taken: int, given: int) -> Any:
    """A kernel that calls the device function and stores what it returns."""
    from numba import cuda

    names = ", ".join(f"a{at}" for at in range(taken))
    kept = ", ".join(f"out[{at}]" for at in range(given))
    text = f"def kernel(out, {names}):\n    if cuda.grid(1) == 0:\n        {kept} = device({names})\n"
    scope: dict[str, Any] = {"cuda": cuda, "device": device}
    exec(text, scope)
    return scope["kernel"]


def expected(one: Program) -> tuple[list[float], list[np.ndarray[Any, Any]]]:
    buffers = buffers_of(one)
    options = {"target": "python", **dict(one.options)}
    return numbers(one.make(one.function, one.wrt, **options)(*one.args, *buffers)), buffers


def device_of(one: Program) -> Any:
    return one.make(one.function, one.wrt, target="cuda", **dict(one.options)).device(*one.args)


def difference(one: Program) -> float:
    """The largest difference between what the device function gives in the simulator and `target="python"`."""
    from numba import cuda

    wanted, wanted_buffers = expected(one)
    buffers = buffers_of(one)
    out = np.zeros(len(wanted))
    cuda.jit(kernel_of(device_of(one), len(flat(one.args)) + len(buffers), len(wanted)))[1, 2](
        out, *flat(one.args), *buffers
    )
    pairs = [(out, np.array(wanted)), *zip(buffers, wanted_buffers)]
    return max(float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)))) for a, b in pairs)


def ptx_size(one: Program, capability: tuple[int, int]) -> int:
    """The number of characters of the PTX of a kernel that calls the device function."""
    import numba.cuda.dispatcher
    from numba import cuda, typeof, types

    class Device:
        compute_capability = capability

    numba.cuda.dispatcher.get_current_device = lambda: Device  # there is none here: PTX is compiled without
    wanted, _ = expected(one)
    buffers = buffers_of(one)
    kernel = kernel_of(device_of(one), len(flat(one.args)) + len(buffers), len(wanted))
    signature = (types.float64[::1], *map(typeof, (*flat(one.args), *buffers)))
    ptx, _ = cuda.compile_ptx(kernel, signature, cc=capability)
    assert f".target sm_{capability[0]}{capability[1]}" in ptx
    return len(ptx)


if __name__ == "__main__":
    for at, each in enumerate(PROGRAMS):
        if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
            print(at, each.name, difference(each), flush=True)
        else:
            print(at, each.name, *(ptx_size(each, capability) for capability in ((7, 5), (9, 0))), flush=True)

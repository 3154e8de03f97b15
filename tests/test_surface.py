"""The NumPy surface through the whole compiler: the gradient of each call of `test_prelude` against differences.

Each case becomes a small function in a module of its own, because srcad reads source. The text runs uncompiled;
that what is printed compiles, the programs and the goldens show.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import srcad
from tests import test_prelude

pytestmark = pytest.mark.one_in(10, least=3)

NO_DERIVATIVE = {
    np.argmax, np.argmin, np.any, np.all, np.count_nonzero, np.argsort, np.searchsorted, np.nonzero, np.flatnonzero,
    np.isclose, np.allclose, np.int64, np.zeros_like, np.ones_like, np.tri, np.eye, np.identity, np.zeros, np.ones,
    np.float32, np.arange, math.remainder, np.heaviside,
}  # fmt: skip
"""... or none that differences could show (jumps)."""
FIXED = {np.quantile: (1,), np.percentile: (1,), np.interp: (0, 1), np.take_along_axis: (2,)}
"""Positions of arguments that are not differentiated: places of kinks."""
KINKED_AT_TIES = {np.max, np.min, np.ptp, np.sort, np.median}


@dataclass(frozen=True)
class Program:
    """A function's text, the values it is differentiated by, and the globals it reads."""

    text: str
    values: tuple[Any, ...]
    constants: dict[str, Any]
    title: str


def spelled(function: Callable[..., Any]) -> str:
    for module, name in ((np, "np"), (np.linalg, "np.linalg"), (math, "math")):
        if getattr(module, function.__name__, None) is function:
            return f"{name}.{function.__name__}"
    return function.__name__


def is_real(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype == np.float64 and value.size > 0 and bool(np.all(np.isfinite(value)))
    return isinstance(value, float)


def program(case: test_prelude.Case, name: str) -> Program | None:
    """The case as a function of its float arguments, or None where differences cannot judge it."""
    if case.function in NO_DERIVATIVE or "dtype" in case.keywords:
        return None
    if case.function in KINKED_AT_TIES and case.args[0] is test_prelude.TIES:
        return None
    with np.errstate(all="ignore"):
        out = case.function(*case.args, **case.keywords)
    outs = list(out) if isinstance(out, tuple | list) else [out]
    if np.asarray(outs[0]).dtype != np.float64 or not all(np.all(np.isfinite(o)) for o in outs):
        return None
    values: list[Any] = []
    constants: dict[str, Any] = {}
    parameters: list[str] = []

    def argument(value: Any, at: str, active: bool) -> str:
        if active and is_real(value):
            parameters.append(f"x{at}")
            values.append(value)
            return parameters[-1]
        if active and isinstance(value, tuple | list) and value and all(is_real(item) for item in value):
            inner = ", ".join(argument(item, f"{at}_{k}", True) for k, item in enumerate(value))
            return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
        if isinstance(value, np.ndarray) or (isinstance(value, list) and value and isinstance(value[0], np.ndarray)):
            constants[f"{name}_c{at}"] = value
            return f"{name}_c{at}"
        return repr(value).replace("inf", "np.inf")

    fixed = FIXED.get(case.function, ())
    parts = [argument(value, str(k), k not in fixed) for k, value in enumerate(case.args)]
    parts += [f"{k}={argument(value, k, False)}" for k, value in case.keywords.items()]
    if not values:
        return None
    rng = np.random.default_rng(len(values))
    for k, one in enumerate(outs):
        constants[f"{name}_w{k}"] = rng.normal(size=np.shape(one))[()]
    call = f"{spelled(case.function)}({', '.join(parts)})"
    total = " + ".join(f"np.sum({name}_w{k} * y[{k}])" for k in range(len(outs)))
    total = total if isinstance(out, tuple | list) else f"np.sum({name}_w0 * y)"
    return Program(
        f"def {name}({', '.join(parameters)}):\n    y = {call}\n    return {total}\n", tuple(values), constants, call
    )


def indexing(x: Any, items: tuple[Any, ...], name: str) -> Program:
    """Write `v` to the items, scale what is there, and read it again."""
    constants: dict[str, Any] = {f"{name}_w": np.random.default_rng(0).normal(size=x[items].shape)}
    parts = []
    for k, item in enumerate(items):
        if isinstance(item, slice):
            bounds = ["" if b is None else str(b) for b in (item.start, item.stop, item.step)]
            parts.append(":".join(bounds))
        elif isinstance(item, np.ndarray):
            constants[f"{name}_i{k}"] = item
            parts.append(f"{name}_i{k}")
        else:
            parts.append("..." if item is Ellipsis else repr(item))
    at = ", ".join(parts)
    text = (
        f"def {name}(x, v):\n    y = x * 1.0\n    z = y[{at}]\n    y[{at}] = v\n    y[{at}] *= z\n"
        f"    return np.sum({name}_w * y[{at}] * z) + np.sum(y * y)\n"
    )
    return Program(text, (x, np.random.default_rng(1).normal(size=x[items].shape)), constants, f"x{x.shape}[{at}]")


PROGRAMS = [p for k, c in enumerate(test_prelude.CASES) if (p := program(c, f"case_{k}")) is not None]
PROGRAMS += [indexing(x, items, f"index_{k}") for k, (x, items) in enumerate(test_prelude.INDEXINGS) if x[items].size]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path: Path = tmp_path_factory.mktemp("surface") / "surface.py"
    path.write_text("import math\n\nimport numpy as np\n\n\n" + "\n\n".join(p.text for p in PROGRAMS))
    spec = importlib.util.spec_from_file_location("surface", path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    for p in PROGRAMS:
        vars(loaded).update(p.constants)
    spec.loader.exec_module(loaded)
    return loaded


def differences(f: Callable[..., float], values: tuple[Any, ...], k: int) -> Any:
    x = np.array(values[k], dtype=float)
    out = np.zeros_like(x)
    step = 1e-6
    for at in np.ndindex(x.shape):
        ends = []
        for by in (step, -step):
            moved = x.copy()
            moved[at] += by
            ends.append(f(*values[:k], moved if moved.ndim else float(moved), *values[k + 1 :]))
        out[at] = (ends[0] - ends[1]) / (2.0 * step)
    return out


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.title)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_gradient(program: Program, module: ModuleType) -> None:
    f = getattr(module, program.text.split("(")[0].removeprefix("def "))
    gradient = srcad.grad(f, argnums=tuple(range(len(program.values))), target="python", cache=False)
    found = gradient(*program.values)
    for k, have in enumerate(found):
        want = differences(f, program.values, k)
        assert np.shape(have) == np.shape(want)
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=2e-6)

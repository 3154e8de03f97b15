"""Functions that are linked into generated code: compiled once, and told from others of the same name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import types

import srcad
from srcad.backend.numba import linked_functions, target

PROGRAM = """
import numpy as np
import srcad
from srcad.backend.numba import linked_functions

compiled = []
make = linked_functions.LinkedFunctions.compiled
def counted(self, context, parts, one):
    return make(self, context, parts, lambda: (compiled.append(parts[1].__qualname__), one())[1])
linked_functions.LinkedFunctions.compiled = counted


def f(A, x, steps):
    for step in range(steps):
        x = np.linalg.solve(A, A @ x) * STEP
    return x @ x


A, x = np.array([[2.0, 1.0], [0.5, 3.0]]), np.array([1.0, -2.0])
d_A, d_x = srcad.grad(f, ("A", "x"))(A, x, 2)
np.testing.assert_allclose(d_x, 2.0 * STEP**4 * x, rtol=1e-12)
np.testing.assert_allclose(d_A, 0.0, atol=1e-12)
print(len(compiled))
"""


def compiled_functions(folder: Path, step: str) -> int:
    """How many linked functions a process compiles that finds this cache folder, for a gradient of its own."""
    file = folder.parent / f"program_{step.replace('.', '_')}.py"
    file.write_text(PROGRAM.replace("STEP", step))
    environment = {**os.environ, "SRCAD_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, file], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_another_gradient_in_another_process_finds_them(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert compiled_functions(folder, "0.5") > 10
    assert compiled_functions(folder, "2.0") == 0
    for kept in folder.glob("linked/*/*.linked"):  # files of which a killed process has written a half
        content = kept.read_bytes()
        kept.write_bytes(content[: len(content) // 2])
    assert compiled_functions(folder, "3.0") > 10


def adding(amount: Any) -> Callable[..., Any]:
    return lambda x: x + amount


def described(function: Any, *others: Any) -> str | None:
    context = target.Dispatcher.targetdescr.target_context
    return linked_functions._tag(context, (function, *others))


@pytest.fixture
def of_srcad(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions of this module count as those of srcad."""
    monkeypatch.setitem(sys.modules, "srcad.linked", sys.modules[__name__])


def of_module(function: Any) -> Any:
    function.__module__ = "srcad.linked"
    return function


def test_closures_are_told_apart(of_srcad: None) -> None:
    values = (1, 1.0, True, -0.0, 0.0, "1", None, (1, 2), (1, (2,)), np.dtype("f4"), np.sin, np.cos, types.float32)
    tags = [described(of_module(adding(value))) for value in values]
    assert None not in tags and len(set(tags)) == len(values)
    assert described(of_module(adding(1))) == tags[0]


def test_types_and_options_are_told_apart(of_srcad: None) -> None:
    function, array = of_module(adding(1)), types.Array
    takes = [types.float64, types.float32, array(types.float64, 1, "C"), array(types.float64, 1, "A")]
    takes += [array(types.float64, 2, "C"), array(types.float64, 1, "C", readonly=True), types.literal(1)]
    takes += [types.literal(2), types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)]
    takes += [array(types.float64, 1, "C", aligned=False), types.slice2_type, types.slice3_type]
    tags = [described(function, one) for one in takes]
    assert None not in tags and len(set(tags)) == len(takes)


def test_what_another_process_cannot_know_is_compiled_anew(of_srcad: None) -> None:
    itself = of_module(adding(None))
    itself.__closure__[0].cell_contents = itself
    for value in (object(), np.ones(3), adding, itself, lambda x: x):
        assert described(of_module(adding(value))) is None
    assert described(adding(1), types.float64) is None  # a function of the user's, whose globals may be others


def test_without_a_cache_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))

    def f(x: Any) -> Any:
        return np.sum(x[:, None] * x)

    x = np.arange(3.0)
    np.testing.assert_allclose(srcad.grad(f, cache=False)(x), 2.0 * np.sum(x))
    assert not list(tmp_path.glob("cache/linked/**/*.linked"))

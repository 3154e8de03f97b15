"""The time to make a text grows with the length of the function, not with its square: counted in calls, not seconds."""

from __future__ import annotations

import cProfile
import importlib.util
import pstats
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

BODIES = {
    "numbers": ("a = np.sin(a) * b + 0.1", "b = b * a + np.cos(b)"),
    "arrays": ("u{k} = np.sin(y) * x + a", "y = u{k} * y"),
    "stores": ("y[{i}] = np.sin(y[{j}]) * a", "y[{j}] *= y[{i}]"),
}


def calls(kind: str, many: int, folder: Path) -> int:
    """How many calls Python makes for the text of a function of so many statements."""
    lines = ["import numpy as np", "", "", "def f(x):", "    y = x * 1.0", "    a, b = x[0], x[1]"]
    for k in range(many):
        text = BODIES[kind][k % 2].format(k=k // 2, i=k // 2 % 7, j=(k // 2 + 3) % 8)
        lines.append(f"    {text}")
    lines.append("    return np.sum(y) + a * b")
    path = folder / f"long_{kind}_{many}.py"
    path.write_text("\n".join(lines) + "\n")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    profile = cProfile.Profile()
    profile.enable()
    srcad.grad(module.f, target="python").specialisation(np.ones(12))
    profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", BODIES)
def test_twice_the_statements(kind: str, tmp_path: Path) -> None:
    calls(kind, 4, tmp_path)  # what is made once in a process
    once, twice = (calls(kind, many, tmp_path) for many in (40, 80))
    assert twice < 2.6 * once, f"{twice} calls after {once}"


def test_axes_that_are_known_are_no_loop() -> None:
    def moved(x):
        return np.sum(np.roll(np.roll(x, 1, 0), 2, axis=(1,)) * np.roll(x, (1, 2), (0, 1)))

    df = srcad.grad(moved, target="python")
    df(np.ones((3, 4)))
    assert "for " not in df.source.replace("for x", "")

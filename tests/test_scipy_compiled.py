"""Functions of `scipy.special` in compiled code: their values, gradients, the cache, files that are shipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

import srcad
from srcad.backend.modules.import_module import imported
from tests.test_scipy_special import ROWS, arguments


def written(tmp_path: Path, text: str, name: str) -> Any:
    """A module with this text, which the compiler can read."""
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return imported(path, name, registered=True)


def rows_of(names: list[str]) -> tuple[list[Any], list[str]]:
    """Samples, and for each function the text of a call with rows of them."""
    given: list[Any] = []
    calls = []
    for name in names:
        texts = []
        for arg in arguments(name, 3):
            texts.append(f"x[{len(given)}]" if isinstance(arg, np.ndarray) else repr(arg))
            given += [arg] if isinstance(arg, np.ndarray) else []
        calls.append(f"special.{name}({', '.join(texts)})")
    return given, calls


HEAD = "import numpy as np\nfrom scipy import special\n\n\ndef f(x):\n"


def test_every_function_compiled(tmp_path: Path) -> None:
    """Of numbers: the values of SciPy."""
    given, calls = rows_of(sorted(ROWS))
    text = f"{HEAD}    return np.array([{', '.join(calls)}])\n"
    f = written(tmp_path, text, "special_of_numbers").f
    exact, single = np.array(given)[:, 0], np.array(given, np.float32)[:, 0]
    np.testing.assert_allclose(srcad.jit(f)(exact), f(exact), rtol=1e-13)
    # SciPy rounds to float32 what cancels at a zero of kerp
    np.testing.assert_allclose(srcad.jit(f)(single), f(single), rtol=1e-6, atol=1e-7)


SOME = "expit log_ndtr gammaln betaln xlogy iv i1e".split()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_compiled(dtype: str, tmp_path: Path) -> None:
    """Of vectors and of numbers together, in loops."""
    given, calls = rows_of(SOME)
    lines = "".join(f"    out += {one} * (1.0 + {one.replace(']', ', 0]')})\n" for one in calls)
    text = f"{HEAD}    out = np.zeros_like(x[0])\n{lines}    return np.sum(out)\n"
    f, x = written(tmp_path, text, f"special_of_{dtype}").f, np.array(given, dtype)
    value, gradient = srcad.value_and_grad(f)(x)
    expected, slopes = srcad.value_and_grad(f, target="python")(x)
    assert np.asarray(value).dtype == np.asarray(expected).dtype and gradient.dtype == slopes.dtype
    rtol = 1e-12 if dtype == "float64" else 2e-4
    np.testing.assert_allclose(value, f(x), rtol=rtol)
    np.testing.assert_allclose(gradient, slopes, rtol=rtol, atol=rtol)


def test_code_from_the_cache_runs_in_another_process(tmp_path: Path) -> None:
    text = (
        "import srcad\nfrom scipy import special\n\n\ndef f(x):\n    return special.gammaln(x) ** 2\n\n\n"
        "print(srcad.grad(f)(2.5))\n"
    )
    (tmp_path / "cached.py").write_text(text)
    env = {**os.environ, "SRCAD_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.run([sys.executable, "cached.py"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""
    assert list((tmp_path / "cache").rglob("*.nbc"))


def shipped(x: Any) -> Any:
    return np.sum(special.gammaln(x) * special.xlogy(x, 2.0)) + special.polygamma(1, x[0])


def test_a_shipped_file_needs_no_srcad(tmp_path: Path) -> None:
    df, x = srcad.grad(shipped), np.array([0.4, 1.3])
    want = df(x)
    assert "\nneeds   SciPy" in df.save(tmp_path / "shipped.py").read_text()
    line = "import sys, numpy as np, shipped as s; print(s.shipped_grad(np.array([0.4, 1.3])).tolist(), [*sys.modules])"
    env = {"PATH": os.environ["PATH"]}
    for _ in range(2):  # with its compiled form, and without
        call = [sys.executable, "-c", line]
        run = subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True)
        numbers, modules = run.stdout.split("] [")
        np.testing.assert_allclose([float(n) for n in numbers.strip("[").split(",")], want, rtol=1e-13)
        assert "'srcad'" not in modules and not run.stderr
        shutil.rmtree(tmp_path / "_machine", ignore_errors=True)

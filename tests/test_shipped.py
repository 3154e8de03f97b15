"""Files that leave the house: imported from anywhere, by a Python that has no srcad, with whatever lies beside them."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import srcad
from srcad import runtime

plain = {"target": "python"}


def with_helpers(A, x):
    return np.sum((A @ x) ** 2) + np.sum(np.prod(A, axis=0) * x)


def without(x, s):
    return np.sum(np.exp(s * x))


def broadcast(x, y):
    return np.sum(np.prod(x + y, axis=0))


def python(code, folder, *blocked):
    """Run code in a process that cannot import the modules `blocked`."""
    head = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}")
sys.meta_path.insert(0, Blocked())
import numpy as np
"""
    return subprocess.run([sys.executable, "-c", head + code], cwd=folder, capture_output=True, text=True)


def test_a_file_with_helpers_is_a_module_of_its_own(tmp_path):
    A, x = np.diag([1.0, 2.0, 3.0]), np.ones(3)
    df = srcad.grad(with_helpers, (0, 1), **plain)
    right = df(A, x)
    compiled = srcad.grad(with_helpers, (0, 1))
    compiled.source_for(A, x)
    folder = tmp_path / "made"
    folder.mkdir()
    compiled.save(folder / "loss_grad.py")
    assert sorted(path.name for path in folder.iterdir()) == ["_machine", "loss_grad.py"]
    text = (folder / "loss_grad.py").read_text()
    assert "relative" not in text and "from ." not in text and "srcad.runtime" not in text
    assert "\nneeds   SciPy beside NumPy and Numba" in text and "\nimport scipy  # noqa: F401\n" in text
    call = "d_A, d_x = loss_grad(np.diag([1.0, 2.0, 3.0]), np.ones(3)); print(float(d_A.sum()), float(d_x.sum()))"
    wanted = [pytest.approx(float(right[0].sum())), pytest.approx(float(right[1].sum()))]
    for start in (
        "from loss_grad import with_helpers_grad as loss_grad",
        "import importlib.util as u; s = u.spec_from_file_location('other', 'loss_grad.py'); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); loss_grad = m.with_helpers_grad",
        "import runpy; loss_grad = runpy.run_path('loss_grad.py')['with_helpers_grad'].py_func",
    ):
        done = python(f"{start}\n{call}", folder, "srcad")
        assert [float(part) for part in done.stdout.split()] == wanted, done.stderr
    # the folder with its caches, where there is no SciPy: an error, not the end of the process
    other = tmp_path / "other"
    shutil.copytree(folder, other, copy_function=shutil.copy2)
    assert list(other.glob("_machine/__pycache__/*.nbi"))
    done = python(f"from loss_grad import with_helpers_grad as loss_grad\n{call}", other, "srcad", "scipy")
    assert done.returncode == 1 and done.stderr.endswith("ModuleNotFoundError: No module named 'scipy'\n")
    done = python(f"from loss_grad import with_helpers_grad as loss_grad\n{call}", other, "srcad")
    assert [float(part) for part in done.stdout.split()] == wanted, done.stderr


def test_scipy_is_asked_for_where_numba_needs_it_only(tmp_path):
    df = srcad.grad(without)
    df.source_for(np.ones(3), 2.0)
    text = df.save(tmp_path / "one.py").read_text()
    assert "scipy" not in text.lower()
    df = srcad.grad(with_helpers, **plain)
    df.source_for(np.eye(2), np.ones(2))
    assert "scipy" not in df.save(tmp_path / "two.py").read_text().lower()  # it is not compiled


def test_every_helper_can_stand_in_a_file():
    from srcad.compiler.standalone import _definition, _with_theirs

    names = [name for name, value in vars(runtime).items() if callable(value) and value.__module__ == runtime.__name__]
    assert len(names) > 20
    for name in names:
        needed = _with_theirs([name])
        scope = {"np": np, "math": __import__("math")}
        exec("\n".join(_definition(one, False) for one in needed), scope)
        assert name in needed and "Any" not in _definition(name, True)
        called = [other for other in names if other in scope[name].__code__.co_names]
        assert set(called) <= set(needed)


def test_helpers_stand_below_in_the_order_of_the_library(tmp_path):
    df = srcad.grad(broadcast, (0, 1), **plain)
    x, y = np.arange(6.0).reshape(2, 3) + 1.0, np.ones((1, 3))
    right = df(x, y)
    text = df.save(tmp_path / "made.py").read_text()
    assert text.index("def broadcast_grad(") < text.index("# ---- what NumPy or Numba lacks ---")
    scope = {}
    exec(compile(text, "made", "exec"), scope)
    for have, want in zip(scope["broadcast_grad"](x, y), right, strict=True):
        np.testing.assert_array_equal(have, want)


def test_two_files_in_one_folder_do_not_share_helpers(tmp_path):
    for name, f, args in (("one", broadcast, (np.ones((2, 3)), np.ones((2, 3)))), ("two", without, (np.ones(2), 1.0))):
        df = srcad.grad(f, **plain)
        df.source_for(*args)
        df.save(tmp_path / f"{name}.py")
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == ["one.py", "two.py"]

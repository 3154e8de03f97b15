"""With `cache=True`, the default, a second process compiles nothing: of called gradients, and of saved files.

Numba says of each compilation when it starts, of every function, its own included.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import srcad

COUNTED = """
import sys
from numba.core import event
recorder = event.RecordingListener()
with event.install_listener("numba:compile", recorder):
    exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
print(sum(one.is_start for _, one in recorder.buffer))
"""

MODEL = """
import numpy as np

def energy(x, w, n):
    total = 0.0
    for t in range(n):
        x = np.tanh(w @ x) + np.clip(x, -1.0, 1.0)
        total += np.sum(np.exp(-x * x))
    return total

def grows(x):
    while x < 1e6:
        x = x * x + 0.1
    return x

def solves(A, b):
    y = np.linalg.solve(A, b)
    return np.sum(np.sort(y) ** 2) + np.max(A, axis=0).sum()

def two(x, y):
    return (1.0 - x) ** 2, 100.0 * (y - x * x) ** 2

def squares(x, y):
    for i in range(len(x)):
        y[i] = x[i] ** 2
"""

CALLS = """
import numba
import numpy as np
import srcad
from model import *

A, x = np.eye(3) * 2.0 + 0.1, np.ones(3)
srcad.grad(energy, ("x", "w"))(x, A, 4)
srcad.value_and_grad(grows)(1.5)
srcad.grad(solves, ("A", "b"))(A, x)
srcad.jacobian(two, ("x", "y"))(1.0, 2.0)
srcad.adjoint(squares, ("x", "y"))(x, np.zeros(3), np.zeros(3), np.ones(3))
df = srcad.grad(grows)
df.source_for(1.5)
inner = df.compiled

@numba.njit(cache=True)
def step(x):
    return x - 1e-9 * inner(x, 1.0)

step(1.5)
"""


def printed(folder: Path, program: str) -> list[str]:
    """What a new process prints that runs the program; at last, how many functions it has compiled."""
    if not (folder / "program.py").exists():  # a new date is a new function for Numba's cache
        (folder / "program.py").write_text(program)
    return output(folder, COUNTED, "program.py").split()


def output(folder: Path, code: str, *args: str) -> str:
    """What a new process prints that runs the code."""
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    environment = {**os.environ, "SRCAD_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=folder, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def compilations(folder: Path, program: str) -> int:
    return int(printed(folder, program)[-1])


def test_called_gradients(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    first = compilations(tmp_path, CALLS)
    assert first > 7
    assert compilations(tmp_path, CALLS) == 0
    (tmp_path / "model.py").write_text(MODEL.replace("0.1", "0.2"))  # another function is compiled, and no other
    assert 0 < compilations(tmp_path, CALLS) < first / 2


def solves(A, b):
    y = np.linalg.solve(A, b)
    return np.sum(np.sort(y) ** 2) + np.max(A, axis=0).sum()


FILE = """
import sys
import numpy as np
from solves_grad import solves_grad
sys.modules["srcad"] = None  # nothing is generated
solves_grad(np.eye(3) * 2.0 + 0.1, np.ones(3))
solves_grad(np.eye(3) * 2.0 + 0.1, np.ones(3))
"""


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("kind", ["as it was written", "edited", "alone"])
@pytest.mark.filterwarnings("ignore")
def test_saved_files(tmp_path: Path, kind: str) -> None:
    gradient = srcad.grad(solves, ("A", "b"), cache=False)
    gradient.source_for(np.eye(3), np.ones(3))
    path = tmp_path / "solves_grad.py"
    gradient.save(path)
    if kind == "edited":
        path.write_text(path.read_text() + "\nEDITED = True\n")
    if kind == "alone":
        for place in sorted((tmp_path / "_machine").rglob("*"), reverse=True):
            place.unlink() if place.is_file() else place.rmdir()
    assert compilations(tmp_path, FILE) > 0
    assert compilations(tmp_path, FILE) == 0


MADE = {
    "called": "import srcad\nfrom model import f\ndf = srcad.grad(f)\ndf.source_for(1.5)\nf_grad = df.compiled\n",
    "saved": "from f_grad import f_grad\n",
}
CALLER = """
from numba import njit

@njit(cache=True)
def twice(x):
    return 2.0 * f_grad(x, 1.0)

print(twice(1.5))
"""
SAVE = "import sys, srcad\nfrom model import f\ndf = srcad.grad(f)\ndf.source_for(1.5)\ndf.save('f_grad.py')\n"


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("kind", MADE)
def test_a_cached_caller_of_a_gradient_that_has_changed(tmp_path: Path, kind: str) -> None:
    """It is compiled again: Numba's cache knows nothing of what a function calls in another file."""
    program = MADE[kind] + CALLER
    for factor in (3.0, 5.0):
        (tmp_path / "model.py").write_text(f"def f(x):\n    return {factor} * x * x\n")
        if kind == "saved":
            output(tmp_path, SAVE)
        values = [printed(tmp_path, program) for _ in range(2)]
        assert [float(value) for value, _ in values] == [6.0 * factor] * 2
        assert values[0][1] != "0" and values[1][1] == "0"

"""Threads and processes: gradients are made and called from all of them at once, beside the user's own Numba."""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from srcad.backend.modules import cache_files, import_module
from srcad.backend.numba import target
from srcad.dispatch.pytree import flatten
from tests import numba_tables, threads

ROOT = Path(__file__).resolve().parents[1]


def test_first_calls_from_many_threads() -> None:
    """The command `python -m tests.threads` makes two hundred; here are some."""
    numba_tables.settled()
    before, filters = numba_tables.tables(contexts=False), list(warnings.filters)
    tally, faults = threads.mixture(6, 8, ({"cache": False}, {"cache": True}))
    assert faults == []
    assert sum(tally.values()) > 6
    assert numba_tables.changed(before, numba_tables.tables(contexts=False), grown=True) == []
    assert warnings.filters == filters


def test_nothing_of_numba_changes() -> None:
    """Not an attribute of a module or class, and no entry of a table, of those that `njit` compiles with included."""
    of_users = [(numba.njit(function), args) for function, args in threads.OF_USERS.items()]
    for compiled, args in of_users:
        compiled(*args)
    for function, args in threads.GRADIENTS.items():
        srcad.grad(function, cache=False).source_for(*args)  # imports what it needs
    numba_tables.settled()
    gc.collect()  # what is compiled and nobody has any more leaves the tables
    before = numba_tables.tables()
    assert len(before) > 10_000
    for function in (threads.products, threads.choices, threads.stencil):
        srcad.grad(function, cache=False)(*threads.GRADIENTS[function])
    assert numba_tables.changed(before, numba_tables.tables()) == []


def test_what_users_compile_is_numba_s_own() -> None:
    """After a gradient has compiled the same functions in their lighter forms: `x[1:3] = y` says what it said."""

    def said() -> str:
        with pytest.raises(ValueError) as caught:
            numba.njit(threads.mismatch)(np.zeros(6), np.zeros(4))
        return str(caught.value)

    before = said()
    srcad.grad(threads.stencil, cache=False)(*threads.GRADIENTS[threads.stencil])
    assert said() == before


def test_njit_calls_what_we_compile() -> None:
    """In Numba's own contexts, which know it until its end; the parts of its errors come along."""

    def checked(x, i):
        if i > 3:
            raise IndexError("index", i + 1, "of", x.size)
        return x[i] * 2.0

    ours = target.compiled(checked, False)
    user: Any = numba.njit(lambda x, i: ours(x, i) + 1.0)
    assert user(threads.X, 2) == 2.0 * threads.X[2] + 1.0
    with pytest.raises(IndexError) as caught:
        user(threads.X, 7)
    assert caught.value.args == ("index", 8, "of", 9)


def test_one_derivative_is_made_once() -> None:
    """Of eight threads that call it first, all go by what the first has made."""
    gradient = srcad.grad(threads.series, (0, 1), target="python")
    start = threading.Barrier(8)

    def call(at: int) -> Any:
        start.wait()
        return threads.flat(gradient(threads.X, 0.1 * at))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(call, range(8)))
    for at, have in enumerate(found):
        np.testing.assert_array_equal(have, threads.flat(gradient(threads.X, 0.1 * at)))


def test_a_dataclass_is_registered_by_several_threads() -> None:
    for turn in range(20):
        cls = make_dataclass(f"Made{turn}", ["a", "b"])
        start = threading.Barrier(6)

        def leaves(_: int) -> Any:
            start.wait()
            return flatten([cls(1.0, cls(2.0, 3.0))])[0]

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(leaves, range(6))) == [[1.0, 2.0, 3.0]] * 6


def test_a_module_is_seen_whole(tmp_path: Path) -> None:
    """Whoever loads a file while another thread executes it does not get a part of it."""
    path = cache_files.folder(False) / "srcad_slow_module.py"
    cache_files.write_atomically(path, "import time\ntime.sleep(0.05)\nvalue = 1\n")
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: import_module.load(path), range(6)))
    assert [module.value for module in found] == [1] * 6


def test_uncompiled_calls_leave_the_error_state() -> None:
    """Each thread's own: one that leaves while another is inside must not take its state along."""
    gradient = srcad.grad(lambda x: np.sum(1.0 / x), target="python")
    zeros = np.zeros(3)

    def call(_: int) -> Any:
        before = np.geterr()
        for _ in range(20):
            gradient(zeros)
        return before == np.geterr()

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("error")
        assert all(pool.map(call, range(8)))


def energy(x, k):
    return k * np.sum(x * x)


GRADIENT = srcad.grad(energy, ("x", "k"))


def _called(scale: float) -> Any:
    return threads.flat(GRADIENT(scale * threads.X, 2.0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_while_a_thread_compiles() -> None:
    """The child may compile: the lock of Numba is not held by a thread that it does not have."""
    done = threading.Event()

    def compile_again() -> None:
        while not done.is_set():
            numba.njit(lambda x: x + 1.0)(1.0)

    _called(1.0)
    worker = threading.Thread(target=compile_again)
    worker.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of all forks beside threads
            with multiprocessing.get_context("fork").Pool(2) as pool:
                found = pool.map_async(_called, [1.0, 2.0]).get(timeout=120)
    finally:
        done.set()
        worker.join()
    np.testing.assert_array_equal(found, [_called(1.0), _called(2.0)])


# ---- files that processes share ----------------------------------------------------------------------


def test_signatures_of_one_text_have_files_of_their_own(tmp_path: Path, monkeypatch: Any) -> None:
    """Two processes that store two of them at once cannot take one for the other's: they write no file in common."""
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path))
    gradient = srcad.grad(lambda x, k: k * x)
    gradient(2.0, 3.0)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*.nb[ic]")}
    function = gradient.specialisation(2.0, 3.0).compiled()
    assert function(np.float32(2.0), 3) == 3
    second = {path: path.read_bytes() for path in tmp_path.rglob("*.nb[ic]")}
    assert len(first) == 2 and len(second) == 4
    assert {path: second[path] for path in first} == first


# ---- without compiling -------------------------------------------------------------------------------

UNCOMPILED = """
import numpy as np, srcad, pathlib, sys
def f(x, k):
    total = 0.0
    for i in range(len(x)):
        total += np.exp(x[i] * k) + np.maximum(x[i], 0.2)
    return total + np.linalg.det(np.outer(x, x) + np.eye(len(x)))
x = np.linspace(-1, 1, 4)
have, want = srcad.grad(f, (0, 1))(x, 0.5), srcad.grad(f, (0, 1), target="python")(x, 0.5)
np.testing.assert_array_equal(have[0], want[0])
assert have[1] == want[1]
np.testing.assert_array_equal(srcad.value_and_grad(f)(x, 0.5)[1], want[0])
assert srcad.grad(f, (0, 1)).source_for(x, 0.5) == srcad.grad(f, (0, 1), target="python").source_for(x, 0.5)
np.testing.assert_array_equal(srcad.jacobian(lambda x: x * x)(x), np.diag(2 * x))
df = srcad.grad(f, (0, 1))
df(x, 0.5)
np.testing.assert_array_equal(df.compiled(x, 0.5)[0], want[0])
package = pathlib.Path(sys.argv[1]) / "package"
package.mkdir()
df.save(package / "saved_grad.py")
sys.path.insert(0, sys.argv[1])
from package import saved_grad
np.testing.assert_array_equal(saved_grad.f_grad(x, 0.5)[0], want[0])
assert np.isinf(srcad.grad(lambda x: 1.0 / x)(0.0))
print("right")
"""


def test_numba_disable_jit(tmp_path: Path) -> None:
    """Everything works, uncompiled: the readable text runs, as with `target="python"`."""
    script = tmp_path / "script.py"
    script.write_text(UNCOMPILED)
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("right\n", "")

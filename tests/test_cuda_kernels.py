"""Kernels differentiated: their numbers against differences, races, launches in Numba's simulator, PTX, refusals."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import cuda, float64

import srcad
from srcad.errors import ArgumentError, CompileError, SrcadError
from tests.cuda_kernels import BINS, INDEX, PROGRAMS, ROWS, WIDTH, X, Y, on_machine
from tests.kernel_machine import Machine
from tests.random_kernels import copies, difference, directional, launched

BY_NAME = {one.name: one for one in PROGRAMS}
SINGLE = {"single_precision"}
"""In float32, differences say little: it is compared with float64."""


def _lines(**environment: str) -> dict[str, list[str]]:
    """What each program printed in a process of its own: the simulator is chosen when Numba is imported."""
    variables = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0", **environment}
    command = [sys.executable, "-W", "ignore", "-m", "tests.cuda_kernels"]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return {name: rest for name, *rest in (line.split() for line in ran.stdout.splitlines())}


@pytest.fixture(scope="module")
def simulated() -> dict[str, list[str]]:
    return _lines(NUMBA_ENABLE_CUDASIM="1")


@pytest.fixture(scope="module")
def compiled() -> dict[str, list[str]]:
    if importlib.util.find_spec("numba_cuda") is None or cuda.is_available():
        pytest.skip("numba-cuda, which compiles without a GPU, is not installed; or there is a GPU")
    return _lines()


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in SINGLE])
def test_adjoint_against_differences(name: str) -> None:
    one = BY_NAME[name]
    args = copies(list(one.args))
    direction, cotangents, expected = directional(one.kernel, one.blocks, one.threads, args, one.positions, 5)
    buffers = [np.array(c) if np.ndim(c) else np.zeros(1) for c in cotangents]
    assert not launched(one.adjoint(), one.blocks, one.threads, args, buffers)
    found = sum(np.sum(b * d) for b, d in zip(buffers, direction, strict=True))
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-9)


def test_single_precision() -> None:
    one = BY_NAME["single_precision"]
    _, narrow = on_machine(one)
    args = [np.asarray(a, np.float64) if np.ndim(a) else float(a) for a in one.args]
    wide = [buffer.astype(np.float64) for buffer in one.buffers()]
    launched(one.adjoint(), one.blocks, one.threads, args, wide)
    for buffer, other in zip(narrow, wide, strict=True):
        assert buffer.dtype == np.float32
        np.testing.assert_allclose(buffer, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", BY_NAME)
def test_arguments_are_left_as_by_the_kernel(name: str) -> None:
    one = BY_NAME[name]
    args, _ = on_machine(one)
    plain = copies(list(one.args))
    Machine().launch(one.kernel, one.blocks, one.threads, *plain)
    for given, other in zip(args, plain, strict=True):
        np.testing.assert_allclose(given, other, rtol=1e-12)


@pytest.mark.parametrize("name", BY_NAME)
def test_launch_in_the_simulator(simulated: dict[str, list[str]], name: str) -> None:
    (found,) = map(float, simulated[name])
    assert found <= 1e-6 if name in SINGLE else found <= 1e-12


@pytest.mark.parametrize("name", BY_NAME)
def test_kernel_is_compiled_to_ptx(compiled: dict[str, list[str]], name: str) -> None:
    assert all(int(size) > 500 for size in compiled[name])


# ---- accumulations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_classes_of_accumulations(name: str) -> None:
    one = BY_NAME[name]
    found = {m[2]: m[1] for m in re.finditer(r"# (.*): (private|atomic),", one.adjoint().source_for(*one.args))}
    assert found == {k: v for k, v in (("private", one.private), ("atomic", one.atomic)) if v}


def _without_atomics(text: str) -> str:
    return re.sub(r"cuda\.atomic\.add\((\w+), (\([^()]*\)|[^,()]*), (.*)\)", r"\1[\2] += \3", text)


def _without_reversed_barriers(text: str) -> str:
    forward, ruler, reverse = text.rpartition("reverse sweep")
    return forward + ruler + reverse.replace("cuda.syncthreads()", "pass")


@pytest.mark.parametrize("name", ["gather", "laplacian", "block_sum", "matrix_product"])
def test_machine_finds_the_race_without_atomics(name: str) -> None:
    one = BY_NAME[name]
    args = copies(list(one.args))
    assert launched(one.adjoint(), one.blocks, one.threads, args, one.buffers(), change=_without_atomics)


@pytest.mark.parametrize("name", ["block_sum", "matrix_product"])
def test_machine_finds_the_race_without_a_barrier(name: str) -> None:
    one = BY_NAME[name]
    args = copies(list(one.args))
    assert launched(one.adjoint(), one.blocks, one.threads, args, one.buffers(), change=_without_reversed_barriers)


def test_random_kernels(tmp_path: Path) -> None:
    wrong = {seed: found for seed in range(30) if (found := difference(seed, tmp_path)[0])}
    assert not wrong


def test_elements_are_own_only_where_that_is_proved() -> None:
    def kernel(x, y, z, w):
        i = cuda.grid(1)
        j = cuda.threadIdx.x
        if i < x.shape[0]:
            z[i] = x[i + 1] * y[j] + w[i] * w[i + 1]

    text = srcad.adjoint(kernel, ("x", "y", "z", "w"), target="cuda").source_for(X, X, X, X)
    assert "# d_x: private" in text and "# d_y, d_w: atomic" in text


BACK = -1


def test_elements_are_not_own_at_other_indices() -> None:
    def kernel(x, y, z, w, u):
        i = cuda.grid(1)
        if i < x.shape[0] + 1:
            z[i] = x[i + BACK] * y[i // 2]  # -1 is the last one
            for j in range(i, x.shape[0]):
                z[i] += w[j]
            for j in range(i, x.shape[0], cuda.blockDim.x):
                z[i] += u[j]

    text = srcad.adjoint(kernel, ("x", "y", "z", "w", "u"), target="cuda").source_for(X, X, X, X, X)
    assert "# d_x, d_y, d_w, d_u: atomic" in text and "private" not in text


def test_block_and_thread_are_the_thread() -> None:
    def kernel(x, y):
        b, t = cuda.blockIdx.x, cuda.threadIdx.x
        for k in range(t, x.shape[1], cuda.blockDim.x):
            y[b, k] = x[b, k] * x[b, k]

    args = [ROWS, ROWS.copy()]
    adjoint = srcad.adjoint(kernel, ("x", "y"), target="cuda")
    assert "# d_x: private" in adjoint.source_for(*args)
    buffers = [np.zeros_like(ROWS), np.ones_like(ROWS)]
    assert not launched(adjoint, len(ROWS), 2, args, buffers)
    np.testing.assert_allclose(buffers[0], 2.0 * ROWS)


# ---- what the threads save -------------------------------------------------------------------------------------------


def test_grid_stride_loop_saves_nothing() -> None:
    one = BY_NAME["grid_stride"]
    assert one.adjoint().plan(*one.args).bytes == 0
    assert "keeps" not in one.adjoint().source_for(*one.args)


def test_what_is_saved_has_a_column_for_each_thread() -> None:
    def kernel(x, y, n):
        i = cuda.grid(1)
        if i < x.shape[0]:
            s = x[i]
            for _ in range(n):
                s = math.sin(s) * s
            y[i] = s

    adjoint = srcad.adjoint(kernel, ("x", "y"), target="cuda")
    text = adjoint.source_for(X, Y, 300)
    assert "column = cuda.grid(1)" in text
    assert re.search(r"s_saved\[\w+, column\] = s\n", text)
    assert [one.shape for one in adjoint.plan(X, Y, 300).saved] == [(300,), (300,)]


def test_lengths_that_are_elements_are_counted() -> None:
    def kernel(x, y, count):
        i = cuda.grid(1)
        s = x[i]
        for _ in range(count[1]):
            s = math.sin(s) * s
        y[i] = s

    args = [X.copy(), Y.copy(), np.array([2, 400])]
    adjoint = srcad.adjoint(kernel, ("x", "y"), target="cuda")
    assert not adjoint.plan(*args).exact
    buffers = [np.zeros(len(X)), np.ones(len(X))]
    assert not launched(adjoint, len(X), 1, args, buffers)
    assert np.all(np.isfinite(buffers[0]))


# ---- launches --------------------------------------------------------------------------------------------------------


def _saxpy() -> tuple[srcad.Derivative, list[np.ndarray]]:
    one = BY_NAME["saxpy"]
    return one.adjoint(), [*one.args, np.zeros(len(X)), np.zeros(len(X)), np.zeros(1)]


def test_axes_that_the_kernel_does_not_ask_for() -> None:
    adjoint, _ = _saxpy()
    with pytest.raises(ArgumentError, match=r"S361: threads = \(4, 2\) have more axes than saxpy_adjoint"):
        adjoint.kernel(X, Y, 0.5)[2, (4, 2)]
    with pytest.raises(ArgumentError, match=r"S361: saxpy_adjoint\[...\] takes blocks and threads"):
        adjoint.kernel(X, Y, 0.5)[2]


def test_buffers_that_do_not_fit() -> None:
    adjoint, given = _saxpy()
    launch = adjoint.kernel(X, Y, 0.5)[3, 4]
    with pytest.raises(ArgumentError, match=r"S309: the adjoint buffer d_x is float64 \(3,\)"):
        launch(X, Y, 0.5, np.zeros(3), *given[4:])
    with pytest.raises(ArgumentError, match=r"S309: the adjoint buffer d_a is float64 \(11,\), and not float64 \(1,\)"):
        launch(X, Y, 0.5, *given[3:5], np.zeros(11))
    with pytest.raises(SrcadError, match="S306: saxpy_adjoint takes 6 arguments, and 3 are given"):
        launch(X, Y, 0.5)


def test_arrays_that_overlap() -> None:
    adjoint, given = _saxpy()
    launch = adjoint.kernel(X, Y, 0.5)[3, 4]
    with pytest.raises(SrcadError, match="S308: y and x overlap in memory"):
        launch(X, X, 0.5, *given[3:])
    with pytest.raises(SrcadError, match="S308: d_x and d_y overlap in memory"):
        launch(X, Y, 0.5, given[3], given[3], given[5])
    both = np.zeros(2 * len(X))
    with pytest.raises(SrcadError, match="S308: y and x overlap in memory"):
        launch(both[: len(X)], both[len(X) - 1 : -1], 0.5, *given[3:])


def test_it_is_launched_and_not_called() -> None:
    adjoint, given = _saxpy()
    with pytest.raises(ArgumentError, match="S361: the adjoint of the kernel saxpy is called"):
        adjoint(*given)
    with pytest.raises(ArgumentError, match="S361: saxpy is a kernel, and no device function"):
        adjoint.device(X, Y, 0.5)
    with pytest.raises(ArgumentError, match="S361: the adjoint of the kernel saxpy runs on a device"):
        adjoint.trace(*given)
    with pytest.raises(ArgumentError, match="S361: the adjoint of the kernel saxpy has no batches"):
        adjoint.batched()
    assert "wrt" in adjoint.source_for(X, Y, 0.5)
    with pytest.raises(SrcadError, match="S523"):
        adjoint.compiled  # noqa: B018
    assert "wrt" in adjoint.source and "x" in str(adjoint.explain(X, Y, 0.5))


def test_saved_file_is_the_text(tmp_path: Path) -> None:
    adjoint, _ = _saxpy()
    path = adjoint.kernel(X, Y, 0.5).save(tmp_path / "saxpy_adjoint.py")
    assert path.read_text() == adjoint.source_for(X, Y, 0.5)
    assert "srcad" not in path.read_text().replace("generated by srcad", "")
    assert "launch  saxpy_adjoint[blocks, threads](x, y, a, d_x, d_y, d_a)" in path.read_text()
    assert adjoint.save(tmp_path / "again.py").read_text() == path.read_text()


def test_one_text_for_all_lengths() -> None:
    adjoint, _ = _saxpy()
    assert adjoint.source_for(X, Y, 0.5) == adjoint.source_for(X[:1], Y[:1], 0.5) == adjoint.source_for(ROWS[0], Y, 1.0)


# ---- what is refused -------------------------------------------------------------------------------------------------

FACTOR = 1.5


def _from_outside(x, y):
    y[cuda.grid(1)] = FACTOR * x[cuda.grid(1)]


def _returning(x, y):
    i = cuda.grid(1)
    y[i] = x[i]
    return x[0]


def _printing(x, y):
    i = cuda.grid(1)
    print(i)
    y[i] = x[i]


def _raising(x, y):
    i = cuda.grid(1)
    if x[i] < 0.0:
        raise ValueError("negative")
    y[i] = x[i]


def _shuffling(x, y):
    i = cuda.grid(1)
    y[i] = cuda.shfl_down_sync(0xFFFFFFFF, x[i], 1)


def _of_a_grid(x, y):
    i = cuda.grid(1)
    cuda.cg.this_grid().sync()
    y[i] = x[i]


def _greatest(x, y):
    i = cuda.grid(1)
    cuda.atomic.max(y, 0, x[i])


def _old_value(x, y):
    i = cuda.grid(1)
    before = cuda.atomic.add(y, 0, x[i])
    y[i] = before


def _racing(x, y):
    i = cuda.grid(1)
    y[i] = x[i]
    y[i] = y[i] + y[i - 1]


def _sum_that_is_read(x, y):
    i = cuda.grid(1)
    cuda.atomic.add(y, i // 2, x[i])
    x[i] = y[i // 2]


def _sum_that_is_read_in_its_place(x, y):
    i = cuda.grid(1)
    k = i // 2
    cuda.atomic.add(y, k, x[i])
    x[i] = y[k]


def _barrier_where_an_element_says_so(x, y):
    i = cuda.grid(1)
    y[i] = x[i]
    if y[0] > 0.0:
        cuda.syncthreads()


def _whole_array(x, y):
    i = cuda.grid(1)
    y[:] = x[i]


def _row_of_what_is_written(x, y):
    i = cuda.grid(1)
    row = y[i : i + 2]
    row[0] = x[i]


def _early_return_before_a_barrier(x, y):
    shared = cuda.shared.array(WIDTH, float64)
    i = cuda.grid(1)
    if i >= x.shape[0]:
        return
    shared[cuda.threadIdx.x] = x[i]
    cuda.syncthreads()
    y[i] = shared[0]


def _barrier_in_a_loop_of_the_thread(x, y):
    i = cuda.grid(1)
    for _ in range(i):
        cuda.syncthreads()
    y[i] = x[i]


def _factorial(n):
    return 1.0 if n == 0 else n * _factorial(n - 1)


def _recursive(x, y):
    i = cuda.grid(1)
    y[i] = x[i] * _factorial(3)


def _shared_in_a_loop(x, y):
    i = cuda.grid(1)
    for _ in range(3):
        shared = cuda.shared.array(WIDTH, float64)
        shared[cuda.threadIdx.x] = x[i]
        y[i] += shared[cuda.threadIdx.x]


def _shared_of_any_length(x, y):
    i = cuda.grid(1)
    shared = cuda.shared.array(x.shape[0], float64)
    shared[cuda.threadIdx.x] = x[i]
    y[i] = shared[cuda.threadIdx.x]


@pytest.mark.parametrize(
    ("kernel", "code", "words"),
    [
        (_from_outside, "S520", "FACTOR is read from outside"),
        (_returning, "S524", "the kernel _returning returns a value"),
        (_printing, "S520", "print is not possible in a kernel"),
        (_raising, "S522", "a kernel cannot raise ValueError"),
        (_shuffling, "S524", "cuda.shfl_down_sync in a kernel"),
        (_of_a_grid, "S524", "cuda.cg in a kernel"),
        (_greatest, "S524", "cuda.atomic.max in a kernel"),
        (_old_value, "S524", "the old value that cuda.atomic.add returns"),
        (_racing, "S525", "a thread may read an element of y that another one writes"),
        (_sum_that_is_read, "S525", "a thread may read an element of y that another one writes"),
        (_sum_that_is_read_in_its_place, "S525", "a thread may read an element of y that another one writes"),
        (_barrier_where_an_element_says_so, "S525", "a barrier that only some threads of a block may come to"),
        (_whole_array, "S524", "an operation on the whole of y, or on a part of it"),
        (_row_of_what_is_written, "S524", "an operation on the whole of y, or on a part of it"),
        (_early_return_before_a_barrier, "S525", "a barrier that only some threads of a block may come to"),
        (_barrier_in_a_loop_of_the_thread, "S525", "a barrier that only some threads of a block may come to"),
        (_recursive, "S520", "a function that calls itself is not possible in a kernel"),
        (_shared_in_a_loop, "S521", "a shared array that is made in a loop"),
        (_shared_of_any_length, "S521", "the shape of cuda.shared.array is not known"),
    ],
)
def test_refused(kernel, code: str, words: str) -> None:
    with pytest.raises(CompileError) as caught:
        srcad.adjoint(kernel, ("x", "y"), target="cuda").source_for(X, Y)
    assert caught.value.problems[0].code == code
    assert words in str(caught.value)


def test_arrays_between_input_and_output_need_a_buffer() -> None:
    def kernel(x, between, y):
        i = cuda.grid(1)
        between[i] = x[i] * x[i]
        y[i] = between[i] * between[i]

    with pytest.raises(CompileError, match="S524: between is not among argnums"):
        srcad.adjoint(kernel, ("x", "y"), target="cuda").source_for(X, X, Y)
    with pytest.raises(CompileError, match="S524: nothing that kernel writes to is among argnums"):
        srcad.adjoint(kernel, "x", target="cuda").source_for(X, X, Y)
    buffers = [np.zeros(len(X)), np.zeros(len(X)), np.ones(len(X))]
    args = [X.copy(), np.zeros(len(X)), np.zeros(len(X))]
    assert not launched(srcad.adjoint(kernel, ("x", "between", "y"), target="cuda"), len(X), 1, args, buffers)
    np.testing.assert_allclose(buffers[0], 4.0 * X**3)


def test_thread_indices_are_of_kernels() -> None:
    def outside(x):
        return x[cuda.grid(1)] ** 2

    with pytest.raises(CompileError, match="S524: cuda.grid in a function that is no kernel"):
        srcad.grad(outside)(X)
    with pytest.raises(CompileError, match="S524: cuda.grid in a function that is no kernel"):
        srcad.adjoint(outside, target="cpu")(X, np.zeros(len(X)))


def test_checkpointed_loops() -> None:
    """Their segments run twice, which a loop must not that others see."""

    def kernel(x, y, n):
        i = cuda.grid(1)
        s = x[i]
        for k in range(n):
            s = math.sin(s) * s + 0.3
        y[i] = s

    def seen(x, y, n):
        i = cuda.grid(1)
        s = x[i]
        for k in range(n):
            s = math.sin(s) * s + 0.3
            y[i] += s

    args = [X[:8].copy(), Y[:8].copy(), 9]
    direction, cotangents, expected = directional(kernel, 2, 4, args, (0, 1), 3)
    buffers = [np.array(c) for c in cotangents]
    adjoint = srcad.adjoint(kernel, ("x", "y"), target="cuda", checkpoint="k")
    assert not launched(adjoint, 2, 4, args, buffers)
    assert sum(np.sum(b * d) for b, d in zip(buffers, direction, strict=True)) == pytest.approx(expected, rel=1e-8)
    with pytest.raises(SrcadError, match="S208: the loop over k cannot be checkpointed"):
        srcad.adjoint(seen, ("x", "y"), target="cuda", checkpoint="k").source_for(*args)


@pytest.mark.parametrize("option", ["max_tape", "on_nonfinite"])
def test_options_of_calls_are_refused(option: str) -> None:
    value = {"max_tape": 100, "on_nonfinite": print}[option]
    with pytest.raises(ArgumentError, match=f"S310: the adjoint of a kernel has no option {option}"):
        srcad.adjoint(BY_NAME["saxpy"].kernel, target="cuda", **{option: value})


def test_histogram_of_integers_counts_on() -> None:
    """A sum of integers has no derivative, and is part of the kernel."""

    def kernel(x, index, counts, y):
        i = cuda.grid(1)
        if i < x.shape[0]:
            cuda.atomic.add(counts, index[i], 1)
            y[i] = x[i] * x[i]

    args = [X.copy(), INDEX, np.zeros(3, np.int64), np.zeros(len(X))]
    buffers = [np.zeros(len(X)), np.ones(len(X))]
    assert not launched(srcad.adjoint(kernel, ("x", "y"), target="cuda"), 3, 4, args, buffers)
    np.testing.assert_array_equal(args[2], np.bincount(INDEX, minlength=3))
    np.testing.assert_allclose(buffers[0], 2.0 * X)
    assert len(BINS) == 3


def test_script_for_a_gpu_says_that_there_is_none() -> None:
    if cuda.is_available():
        pytest.skip("there is a GPU")
    script = Path(__file__).parent / "gpu.sh"
    environment = {**os.environ, "PYTHON": sys.executable}
    ran = subprocess.run(["bash", script], capture_output=True, text=True, env=environment, timeout=100)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "no GPU that Numba can use: nothing is run on one\n"

"""Functions of arrays on a device: numbers and equal bits in Numba's simulator, PTX, races, refusals."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, CompileError, SrcadError
from tests import device_programs
from tests.cuda_functions import OF_USERS, PROGRAMS, Program, derivative_of, expected, gathered, numbers, worst
from tests.device_emulator import Device, Race, emulated, value_and_grad
from tests.numeric import copied, worst_error
from tests.programs.registry import Case, all_cases
from tests.random_parallel import WRT, arguments, program, serial
from tests.test_parallel_scratch import ARGS, OWN, SHARED


def _lines(names: list[str], **environment: str) -> dict[str, list[str]]:
    """What these programs printed in a process of its own: the simulator is chosen when Numba is imported."""
    variables = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0", **environment}
    command = [sys.executable, "-W", "ignore", "-m", "tests.cuda_functions", *names]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return {name: rest for name, *rest in (line.split("|") for line in ran.stdout.splitlines())}


def _chosen(request: pytest.FixtureRequest, fixture: str) -> list[str]:
    """The programs of those tests that are going to be run."""
    asking = [item for item in request.session.items if fixture in getattr(item, "fixturenames", ())]
    return [item.callspec.params["name"] for item in asking if hasattr(item, "callspec")]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def simulated(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    return _lines(_chosen(request, "simulated"), NUMBA_ENABLE_CUDASIM="1")


@pytest.fixture(scope="module")
def compiled(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    if importlib.util.find_spec("numba_cuda") is None:
        pytest.skip("numba-cuda, which compiles without a GPU, is not installed")
    return _lines(_chosen(request, "compiled"))


NAMES = [one.name for one in PROGRAMS]
ALL = [one.name for one in (*PROGRAMS, *OF_USERS)]


@pytest.mark.one_in(5, least=3)
@pytest.mark.parametrize("name", NAMES)
def test_device_gives_what_python_gives_and_equal_bits(simulated, name):
    difference, same = simulated[name]
    assert float(difference) <= 1e-12
    assert same == "True"


@pytest.mark.one_in(20, least=3)
@pytest.mark.parametrize("name", ALL)
def test_kernels_are_compiled_to_ptx(compiled, name):
    assert all(int(size) > 500 for size in compiled[name])


def test_an_index_out_of_bounds_is_the_error_of_python(simulated):
    out_of_bounds, of_python, on_host = simulated["errors"]
    assert out_of_bounds == of_python
    assert "x[index[k]]: index 9 is out of bounds for length 7" in of_python
    assert "S528" in on_host
    assert simulated["in_place"] == ["0.0"]
    assert float(simulated["samples"][0]) < 1e-12
    assert float(simulated["along"][0]) < 1e-12


# ---- races -------------------------------------------------------------------------------------


@pytest.mark.one_in(3, least=4)
@pytest.mark.parametrize("one", PROGRAMS, ids=NAMES)
def test_no_thread_depends_on_another(one: Program) -> None:
    result, device = emulated(derivative_of(one), one.args)
    assert device.launches > 0
    assert worst(numbers(result), expected(one)) <= (1e-5 if one.name == "single" else 1e-12)


def test_a_race_is_found() -> None:
    """Were the additions not atomic, the emulator would say so."""
    derivative = srcad.grad(gathered, (0, 2), target="cuda")
    args = (np.ones(3), np.array([0, 1, 1, 0, 2]), np.ones(5))
    emulated(derivative, args)
    plain = "d_x[index[k]] += w[k] * d_product"

    def without_atomic(text: str) -> str:
        changed = text.replace("cuda.atomic.add(d_x, index[k], w[k] * d_product)", plain)
        assert plain in changed
        return changed

    with pytest.raises(Race, match="at one element"):
        emulated(derivative, args, changed=without_atomic)


@pytest.mark.one_in(8, least=6)
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("one", device_programs.PROGRAMS, ids=lambda one: one.name)
def test_program_of_a_user(one: device_programs.UserProgram, deterministic: bool) -> None:
    derivative = srcad.value_and_grad(one.function, one.wrt, target="cuda", deterministic=deterministic)
    if one.refused:
        with pytest.raises(CompileError, match="S527") as caught:
            derivative.device_source(*one.args)
        assert one.refused in str(caught.value)
        return
    text = derivative.device_source(*one.args)
    if deterministic:
        assert "atomic" not in text
    expects = srcad.value_and_grad(one.function, one.wrt, target="python")(*copied(one.args))
    found, _ = emulated(derivative, copied(one.args))
    assert worst_error(found, expects) < (1e-5 if "float32" in text else 1e-12), text


@pytest.mark.one_in(160)
@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
def test_corpus(case: Case) -> None:
    with np.errstate(all="ignore"):
        value, gradient = srcad.value_and_grad(case.function, case.wrt, target="python")(*copied(case.args))
    try:
        again, same = value_and_grad(case.function, case.wrt, copied(case.args))
    except SrcadError as error:
        assert error.problems[0].code == "S527"
        return
    text = srcad.value_and_grad(case.function, case.wrt, target="cuda").device_source(*case.args)
    close = 1e-4 if "float32" in text else 1e-9
    np.testing.assert_allclose(again, value, rtol=close, atol=1e-300)
    assert worst_error(same, gradient) < close, text


@pytest.mark.one_in(3, least=2)
@pytest.mark.parametrize("seed", range(6))
def test_random_program(seed: int, tmp_path: Path) -> None:
    function, text = program(seed, tmp_path)
    args = arguments(seed)
    want = serial(function, args)
    if isinstance(want, SrcadError):  # refused on the CPU, too
        return
    try:
        value, gradient = value_and_grad(function, WRT, copied(args), deterministic=seed % 2 == 1)
    except SrcadError as error:
        assert error.problems[0].code == "S527", text
        return
    except Exception as error:
        assert type(error) is type(want) and str(error) == str(want), text
        return
    assert not isinstance(want, Exception), text
    assert max(worst_error(value, want[0]), worst_error(gradient, want[1])) < 1e-4, text


def _equal(function, wrt, args, **options):
    value, gradient = srcad.value_and_grad(function, wrt, target="python")(*copied(args))
    again, same = value_and_grad(function, wrt, copied(args), **options)
    np.testing.assert_allclose(again, value, rtol=1e-12)
    assert worst_error(same, gradient) < 1e-12


# ---- programs that would get a wrong number --------------------------------------------------


def test_a_product_of_matrices_waits_for_the_element_stored_before_it():
    def f(x):
        m = np.outer(x, x)
        for k in range(2, 1, -1):
            m[0, 1] -= m[k, 0]
        return np.sum(m @ x)

    _equal(f, 0, (np.arange(1.0, 5.0),))


def test_a_sum_is_read_before_the_host_needs_it_in_each_turn():
    def f(x, n):
        s = 1.0
        for _ in range(n):
            s = np.sqrt(np.sum(x * x) * s + 1.0)
            x = x / s
        return s + x[1]

    _equal(f, 0, (np.arange(1.0, 12.0), 3))


def test_a_variable_of_one_path_only():
    def f(x, c):
        if c:
            s = 0.0
            for i in range(len(x)):
                s = s * 0.5 + x[i]
        else:
            s = 1.0
        return s * np.sum(x)

    for c in (True, False):
        _equal(f, 0, (np.arange(1.0, 6.0), c))


def test_variables_with_the_names_of_the_text():
    def copied(stream, THREADS, blocks_of):
        cp = THREADS * 2.0
        total = 0.0
        to_host = stream.copy()
        for matmul in range(len(stream)):
            to_host[matmul] = np.exp(stream[matmul] * cp) * blocks_of
            total += to_host[matmul]
        return total

    _equal(copied, (0, 1), (np.arange(5.0) / 5.0, 0.3, 2.0))
    derivative = srcad.jit(copied, target="cuda")
    value, _ = emulated(derivative, (np.arange(5.0) / 5.0, 0.3, 2.0))
    np.testing.assert_allclose(value, copied(np.arange(5.0) / 5.0, 0.3, 2.0))


def test_an_empty_array():
    def f(x):
        return np.sum(np.exp(x)) + 1.0

    value, gradient = value_and_grad(f, 0, (np.zeros(0),))
    assert value == 1.0 and gradient.shape == (0,)


def test_more_iterations_than_threads():
    def f(x):
        return np.sum(x**3)

    _equal(f, 0, (np.arange(1.0, 200.0),))


def test_arrays_by_columns_and_strided():
    def f(a, x):
        total = 0.0
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                total += np.sin(a[i, j]) * x[j]
        return total

    _equal(f, (0, 1), (np.asfortranarray(np.arange(20.0).reshape(4, 5)), np.arange(10.0)[::2]))


def test_the_first_error_in_the_order_of_the_iterations():
    def f(x, first, second):
        total = 0.0
        for k in range(len(first)):
            total += x[first[k]] * x[second[k]]
        return total

    args = (np.ones(5), np.array([0, 1, 2, 9]), np.array([0, 1, 8, 0]))
    with pytest.raises(IndexError) as wanted:
        srcad.grad(f, target="python")(*args)
    for seed in range(5):
        with pytest.raises(IndexError) as caught:
            emulated(srcad.grad(f, target="cuda"), args, seed=seed)
        assert str(caught.value) == str(wanted.value)


@pytest.mark.one_in(4, least=3)
@pytest.mark.parametrize("function", [*OWN, *SHARED], ids=lambda f: f.__name__)
def test_scratch_arrays(function: Callable[..., Any]) -> None:
    """A thread has its own of what each iteration may have its own of, as a block of a loop on threads."""
    derivative = srcad.jit(function, target="cuda")
    found, _ = emulated(derivative, copied(ARGS))
    assert found == pytest.approx(function(*copied(ARGS)), rel=1e-12)
    text = derivative.device_source(*ARGS)
    assert ("One thread" not in text) == (function in OWN), text


def test_an_array_of_a_negative_length() -> None:
    def f(x: Any, n: Any) -> Any:
        total = 0.0
        for i in range(len(x)):
            y = np.empty(n)
            for k in range(n):
                y[k] = x[i] * k
            for k in range(n):
                total += y[k] ** 2
        return total

    _equal(f, 0, (np.arange(1.0, 5.0), 3))
    _equal(f, 0, (np.zeros(0), -1))
    with pytest.raises(ValueError) as wanted:
        f(np.ones(3), -1)
    with pytest.raises(ValueError) as caught:
        emulated(srcad.grad(f, target="cuda"), (np.ones(3), -1))
    assert str(caught.value) == str(wanted.value)


def test_threads_of_few_blocks_have_sums_of_their_own():
    """Where arrays are large, fewer threads run, which depends on lengths alone."""
    derivative = srcad.grad(gathered, 0, target="cuda", deterministic=True)
    text = derivative.device_source(np.ones(3), np.array([0, 1]), np.ones(2))
    assert "atomic" not in text
    scope = {"cuda": Device()}
    exec(text[text.index("THREADS = ") : text.index("@cuda.jit")], {**scope, "np": np}, scope)
    scope["fewer_blocks_of"].__globals__.update(scope)
    assert scope["fewer_blocks_of"](10**6, 10**4) < scope["fewer_blocks_of"](10**6, 3) == 2048
    assert scope["fewer_blocks_of"](10**6, 10**9) == 1


# ---- refusals, and what a user sees ----------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "words"),
    [
        (lambda x: np.cumsum(x)[-1], (np.ones(12),), "is not possible on the device"),
        (lambda a, b: np.sum(np.linalg.solve(a, b)), (np.eye(12), np.ones(12)), "np.linalg.solve"),
        (lambda x: np.sum(np.sort(x) * np.arange(12.0)), (np.ones(12),), "is not possible on the device"),
    ],
)
def test_refused(function, args, words):
    with pytest.raises(CompileError, match="S527") as caught:
        srcad.grad(function, target="cuda").device_source(*args)
    assert words in str(caught.value)


def test_a_text_for_the_device_needs_the_target():
    with pytest.raises(ArgumentError, match='needs target="cuda"'):
        srcad.grad(gathered).device_source(np.ones(3), np.array([0]), np.ones(1))


def test_products_of_matrices_are_those_of_cupy():
    def f(w, x):
        return np.sum(np.tanh(x @ w))

    args = (np.arange(12.0).reshape(4, 3) / 12.0, np.arange(20.0).reshape(5, 4) / 20.0)
    text = srcad.grad(f, target="cuda").device_source(*args)
    assert "import cupy as cp" in text and "matmul(x, w, stream)" in text
    _equal(f, (0, 1), args)


def test_each_kernel_is_launched_and_no_name_is_used_twice():
    for one in PROGRAMS[2:5]:
        made = derivative_of(one).specialisation(*one.args).generated
        names = [kernel.function.name for kernel in made.device_program.kernels]
        text = made.program_text()
        assert len(set(names)) == len(names)
        assert all(f"    {name}[" in text for name in names)

"""Device functions for CUDA: their numbers in Numba's simulator, their PTX where numba-cuda is installed, refusals."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, CompileError
from tests.cuda_programs import PROGRAMS, X

NUMBERS = [f"{at} {one.name}" for at, one in enumerate(PROGRAMS)]


def _lines(**environment: str) -> dict[str, list[str]]:
    """What each program printed in a process of its own: the simulator is chosen when Numba is imported."""
    variables = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0", **environment}
    command = [sys.executable, "-W", "ignore", "-m", "tests.cuda_programs"]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    found = [line.split() for line in ran.stdout.splitlines()]
    return {f"{at} {name}": rest for at, name, *rest in found}


@pytest.fixture(scope="module")
def simulated() -> dict[str, list[str]]:
    return _lines(NUMBA_ENABLE_CUDASIM="1")


@pytest.fixture(scope="module")
def compiled() -> dict[str, list[str]]:
    if importlib.util.find_spec("numba_cuda") is None:
        pytest.skip("numba-cuda, which compiles without a GPU, is not installed")
    return _lines()


@pytest.mark.parametrize("name", NUMBERS)
def test_device_function_gives_what_python_gives(simulated, name):
    (difference,) = map(float, simulated[name])
    assert difference <= 1e-12


@pytest.mark.parametrize("name", NUMBERS)
def test_device_function_is_compiled_to_ptx(compiled, name):
    assert all(int(size) > 500 for size in compiled[name])


# ---- what is refused ---------------------------------------------------------------------------

FACTOR = 1.5


def _printing(x):
    print(x)
    return x * x


def _gradient_of_array(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] ** 2
    return total


def _recursive(x, n):
    return x if n == 0 else x * _recursive(x, n - 1)


def _run_time_size(x, n):
    for _ in range(n):
        x = x * x - 0.5
    return x


def _other_length(w, x):
    total = 0.0
    for i in range(len(w)):
        total += w[i] * x[i]
    return total


def _shapes_that_fit(x, y):
    return np.sum(x * y)


def _raising(x):
    if x < 0.0:
        raise ValueError("negative")
    return np.sqrt(x)


def _float_from_outside(x):
    return FACTOR * x


def _helper_of_arrays(x):
    return np.prod(x)


def _solving(a, b):
    return np.sum(np.linalg.solve(a, b))


def _function_unknown_to_cuda(x):
    return np.floor(x) * x


def _too_large(x):
    for _ in range(100_000):
        x = np.sin(x) + x
    return x


def _axis_that_broadcasts(x):
    return np.sum(x + np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("function", "args", "code", "words"),
    [
        (_printing, (2.0,), "S520", "print is not possible in a device function"),
        (_gradient_of_array, (X,), "S520", "cannot return an array"),
        (_recursive, (2.0, 3), "S520", "a function that calls itself"),
        (_float_from_outside, (2.0,), "S520", "FACTOR is read from outside of the function, and is no integer"),
        (_function_unknown_to_cuda, (2.5,), "S520", "a call of np.floor is not possible"),
        (_run_time_size, (0.5, 4), "S521", "is known at run time only"),
        (_too_large, (0.5,), "S521", "bytes of local memory"),
        (_raising, (2.0,), "S522", "cannot raise ValueError"),
    ],
)
def test_refused(function, args, code, words):
    with pytest.raises(CompileError) as caught:
        srcad.grad(function, target="cuda").device(*args)
    assert caught.value.problems[0].code == code
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("function", "args", "codes", "options"),
    [
        (_other_length, (X, X), {"S522"}, {}),
        (_shapes_that_fit, (X, X), {"S522"}, {}),
        (_shapes_that_fit, (X, X), {"S522"}, {"boundscheck": False}),
        (_helper_of_arrays, (X,), {"S520", "S521"}, {}),
        (_solving, (np.eye(3), np.ones(3)), {"S520", "S521", "S522"}, {}),
        (_axis_that_broadcasts, (np.ones(1),), {"S520", "S521", "S522"}, {}),
    ],
)
def test_adjoint_refused(function, args, codes, options):
    with pytest.raises(CompileError) as caught:
        srcad.adjoint(function, target="cuda", **options).device(*args)
    assert caught.value.problems[0].code in codes


def test_call_on_the_host_is_refused():
    with pytest.raises(CompileError, match="S523: _raising_grad is called on the host"):
        srcad.grad(_raising, target="cuda")(2.0)
    with pytest.raises(CompileError, match="S523"):
        srcad.vjp(_raising, 2.0, target="cuda")


def test_files_are_for_the_cpu(tmp_path):
    gradient = srcad.grad(lambda x: x * x, target="cuda")
    gradient.source_for(2.0)
    with pytest.raises(ArgumentError, match='nothing is saved with target="cuda"'):
        gradient.save(tmp_path / "square_grad.py")
    with pytest.raises(CompileError, match="S523"):
        gradient.compiled(2.0, 1.0)


@pytest.mark.parametrize("option", ["parallel", "fastmath"])
def test_options_of_the_cpu_are_refused(option):
    with pytest.raises(ArgumentError, match=f'target="cuda" has no option {option}'):
        srcad.grad(_raising, target="cuda", **{option: True})


def test_device_is_of_the_cuda_target():
    with pytest.raises(ArgumentError, match='a device function needs target="cuda"'):
        srcad.grad(_raising).device(2.0)


def test_memory_that_iterations_cannot_share_is_no_local_array():
    """`cuda.local.array` in a loop is the same memory in all iterations: `old` would become `new`."""

    def swapped(a, b, n):
        old = np.array([a, b, a * b])
        for t in range(4):
            new = np.zeros(3)
            for k in range(3):
                new[k] = old[(k + n) % 3] * b + np.sin(old[k])
            old = new
        return old[0] * old[1] + old[2]

    with pytest.raises(CompileError, match=r"S521: new is a new array in each iteration of a loop"):
        srcad.jit(swapped, target="cuda").device(0.8, 0.3, 2)
    with pytest.raises(CompileError, match=r"S520: a list is not possible"):  # the tape of arrays
        srcad.grad(swapped, (0, 1), target="cuda").device(0.8, 0.3, 2)


def test_local_arrays_stand_before_loops():
    """Of each program: the memory that a device function asks for, it asks for once."""
    for one in PROGRAMS:
        made = one.make(one.function, one.wrt, target="cuda", **dict(one.options))
        tree = ast.parse(made.specialisation(*one.args).generated.machine_text())
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
        assert "local.array" not in "".join(map(ast.unparse, loops)), one.name


def test_a_variable_may_be_called_cuda():
    def f(cuda):
        x = 1.0
        for _ in range(5):
            x = np.sin(x * cuda)
        return x

    text = srcad.grad(f, target="cuda").specialisation(0.5).generated.machine_text()
    scope = {}
    exec(compile(text.replace("from numba import cuda", ""), "text", "exec"), scope)
    assert "cuda" not in scope["f_grad"].__code__.co_varnames


def test_python_target_has_no_import_of_cuda():
    assert "numba" not in srcad.grad(_float_from_outside, target="cuda").source_for(2.0)


def test_errors_of_numba_become_s501(monkeypatch):
    from numba import cuda

    class Refusing:
        def compile_device(self, args):
            raise TypeError(f"Failed in cuda mode pipeline\nno implementation for {args[0]}")

    monkeypatch.setattr(cuda, "jit", lambda device: lambda function: Refusing())
    with pytest.raises(CompileError, match="S501: Numba refused the generated code: no implementation for float64"):
        srcad.grad(lambda x: x * x, target="cuda").device(2.0)


def test_without_a_gpu_there_is_an_error_that_says_so():
    from numba import cuda

    if cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(CompileError, match="S523: there is no GPU to compile a device function for"):
        srcad.grad(lambda x: x * x, target="cuda").device(2.0)

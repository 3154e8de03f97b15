"""Device functions for CUDA: their numbers in Numba's simulator, their PTX where numba-cuda is installed, refusals."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.cuda_programs import PROGRAMS

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

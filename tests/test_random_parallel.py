"""Random programs on threads: the numbers of the serial text; compiled, the same bits at any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.random_parallel import difference


@pytest.mark.one_in(2, least=12)
@pytest.mark.parametrize("seed", range(25))
def test_random_program(seed: int, tmp_path: Path) -> None:
    wrong, text, _ = difference(seed, tmp_path)
    assert not wrong, f"{wrong}\n{text}"


@pytest.mark.parametrize("seed", [864, 20172])
def test_what_random_seeds_have_found(seed: int, tmp_path: Path) -> None:
    wrong, text, _ = difference(seed, tmp_path)
    assert not wrong, f"{wrong}\n{text}"


def test_compiled() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.random_parallel", "--count", "1", "--compiled", "1"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr

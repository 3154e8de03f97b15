"""Gradients of random loop nests in place, as they are read and as they are compiled, against a complex step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import srcad
from srcad.backend.modules.import_module import load
from tests.random_nests import arguments, by_complex_step, nest

pytestmark = pytest.mark.one_in(10, least=2)

_EACH = 12
"""Nests to a test: generating their gradients is what takes the time."""


def check(seed: int, folder: Path, target: str = "python") -> None:
    program, text = nest(seed, folder)
    args = arguments()
    with np.errstate(all="ignore"):
        wanted = by_complex_step(program, args, 4)
        if not all(np.all(np.isfinite(one)) and np.max(np.abs(one)) < 1e8 for one in wanted):
            return  # grew beyond what rounding leaves of it
    derivative = srcad.grad(program, argnums=(0, 1, 2, 3), target=target)
    made = derivative.specialisation(*args).generated
    tuned = folder / f"nest_{seed}.py"
    tuned.write_text(made.machine_text())
    for shown, gradient in ((made.text(), derivative), (tuned.read_text(), getattr(load(tuned), made.function.name))):
        for have, want in zip(gradient(*args), wanted, strict=True):
            error = np.max(np.abs(have - want)) / (1.0 + np.max(np.abs(want)))
            assert error < 1e-8, f"seed {seed}: {error}\n{text}\n{shown}"


@pytest.mark.parametrize("first", range(0, 20 * _EACH, _EACH))
def test_random_nests(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + _EACH):
        check(seed, tmp_path)


@pytest.mark.parametrize("seed", [1001, 1002])
def test_random_nests_compiled(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path, "cpu")

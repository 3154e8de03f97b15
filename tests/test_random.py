"""Random programs: plain value, differences, python target and compiled code agree; arguments stay; bits repeat.

SRCAD_RANDOM_EXAMPLES=1000 tries that many, others each time.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, settings

import srcad
from srcad.errors import AliasError
from tests.numeric import copied, leaves, numeric_gradient, worst_error
from tests.programs.registry import real
from tests.random_expressions import expressions
from tests.random_programs import LENGTH, ROWS, load, programs

FOLDER = Path(tempfile.mkdtemp(prefix="random_programs_"))
ASKED = os.environ.get("SRCAD_RANDOM_EXAMPLES")
WRT = (0, 1, 2, 3, 4)

common = settings(
    deadline=None,
    derandomize=ASKED is None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    print_blob=False,
    database=None,
    phases=[Phase.generate],  # each try costs a compilation: to shrink a failure by hand is quicker
)


def arguments(turns: int) -> tuple[Any, ...]:
    return (
        0.37,
        -0.61,
        real(LENGTH, seed=21) * 0.6,
        real(LENGTH, seed=22) * 0.6,
        real(ROWS, LENGTH, seed=23) * 0.6,
        turns,
    )


def differences(f: Any, args: tuple[Any, ...], wrt: tuple[int, ...] = WRT) -> Any:
    """The gradient by differences, or None where there is a kink or a jump too near."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coarse = tuple(numeric_gradient(f, args, i, 1e-3) for i in wrt)
        fine = tuple(numeric_gradient(f, args, i, 2e-4) for i in wrt)
    return fine if worst_error(coarse, fine) < 1e-7 else None


def check(program: Any, args: tuple[Any, ...], wrt: tuple[int, ...], target: str, text: str) -> None:
    want = differences(program, args, wrt)
    assume(want is not None)
    before = copied(args)
    try:
        derivative = srcad.value_and_grad(program, wrt, target=target)
        value, gradient = derivative(*args)
        again, same = derivative(*args)
    except AliasError as error:  # refused, with a line: not wrong
        event(f"refused {error.problems[0].code}")
        assume(False)
    assert value == again
    for one, other in zip(leaves(gradient), leaves(same), strict=True):
        np.testing.assert_array_equal(one, other)
    for have, was in zip(args, before, strict=True):
        np.testing.assert_array_equal(have, was)
    np.testing.assert_allclose(value, program(*copied(args)), rtol=1e-11, atol=1e-13)
    error = worst_error(gradient, want)
    assert error < 1e-6, f"worst relative error {error:.1e}, {target}\n{text}"


@pytest.mark.one_in(8, least=1)
@settings(common, max_examples=int(ASKED or 8))
@given(programs())
@pytest.mark.parametrize("turns", [0, 1, 3])
def test_random_programs(turns: int, text: str) -> None:
    check(load(text, FOLDER).program, arguments(turns), WRT, "python", text)


@settings(common, max_examples=int(ASKED or 16) // 8)
@given(programs())
def test_random_programs_compiled(text: str) -> None:
    check(load(text, FOLDER).program, arguments(3), WRT, "cpu", text)


TWICE = [r"return \1, np.sum(np.sin(x) * y) + a * b", r"return np.array([\1, np.sum(y) * a])"]


def check_rows(text: str, returned: str, target: str) -> None:
    """Two outputs where a program had one: each has the gradient that differences give of it."""
    before, program = text.split("def program")
    text = f"{before}def program{re.sub(r'return (.*)', returned, program)}"
    f, args = load(text, FOLDER).program, arguments(3)
    want = [differences(lambda *given, at=at: f(*given)[at], args) for at in (0, 1)]
    assume(None not in want)
    try:
        found = srcad.jacobian(f, WRT, target=target)(*args)
    except AliasError as error:
        event(f"refused {error.problems[0].code}")
        assume(False)
    rows = found if len(found) == 2 else [tuple(by[at] for by in found) for at in (0, 1)]
    for row, one in zip(rows, want, strict=True):
        assert worst_error(row, one) < 1e-6, f"{target}\n{text}"


@pytest.mark.one_in(8, least=1)
@settings(common, max_examples=int(ASKED or 8))
@given(programs())
@pytest.mark.parametrize("returned", TWICE)
def test_random_jacobians(returned: str, text: str) -> None:
    check_rows(text, returned, "python")


@pytest.mark.one_in(8, least=1)
@settings(common, max_examples=int(ASKED or 16) // 8)
@given(programs())
@pytest.mark.parametrize("returned", TWICE)
def test_random_jacobians_compiled(returned: str, text: str) -> None:
    check_rows(text, returned, "cpu")


@settings(common, max_examples=int(ASKED or 40))
@given(expressions())
def test_random_expressions(made: tuple[str, tuple[Any, ...]]) -> None:
    check(load(made[0], FOLDER).program, made[1], (0, 1, 2), "python", made[0])


@settings(common, max_examples=int(ASKED or 16) // 8)
@given(expressions())
def test_random_expressions_compiled(made: tuple[str, tuple[Any, ...]]) -> None:
    check(load(made[0], FOLDER).program, made[1], (0, 1, 2), "cpu", made[0])

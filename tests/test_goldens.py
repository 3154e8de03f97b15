"""The golden programs: srcad's text is as committed, right, right compiled, and no mutant of it passes as right."""

from __future__ import annotations

import ast
import importlib
import inspect
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from tests.mutants import mutants, run
from tests.numeric import copied, numeric_gradient, worst_error

pytestmark = pytest.mark.one_in(10, least=3)

FOLDER = Path(__file__).parent / "golden"
T, H, D = 7, 4, 3
rng = np.random.default_rng(0)
RNN = (
    rng.normal(size=(T, D)),
    rng.normal(size=H),
    rng.normal(size=(H, H)) * 0.5,
    rng.normal(size=(H, D)) * 0.5,
    rng.normal(size=H),
    rng.normal(size=(T, H)),
)

CASES: dict[str, tuple[tuple[int, ...], list[tuple[Any, ...]]]] = {
    # Twelve turns forget the start: three do not.
    "leaky_integrator": (
        (0, 1, 2),
        [(rng.normal(0.3, 1.0, 12), 0.9, 0.4), (np.array([0.2, 0.1, 0.9]), 0.9, 0.4), (np.zeros(0), 0.9, 0.4)],
    ),
    "rnn_loss": ((1, 2, 3, 4), [RNN]),
    "fisher_kpp": (
        (0, 1, 2),
        [(rng.uniform(0.1, 0.9, (7, 6)), 0.3, 1.2, 0.15, 5), (rng.uniform(0.1, 0.9, (5, 5)), 0.3, 1.2, 0.15, 0)],
    ),
    # A converged Newton iteration forgets where it started: stopped early, the loop and the first assignment show.
    # 1e-12 takes more turns than a stack first holds, 0.5 takes none.
    "newton_sqrt": ((0,), [(7.3, 2.0), (1e-12, 5e-13), (0.5, 2.0), (7.3, 1e-13)]),
}

# Mutants that are right: a stack that grows when it need not holds the same values.
HARMLESS: tuple[str, ...] = ()


def primal(name: str) -> Any:
    return getattr(importlib.import_module(f"tests.golden.{name}"), name)


def derivative(name: str, target: str = "python") -> Any:
    return srcad.grad(primal(name), CASES[name][0], target=target)


@cache
def differences(name: str) -> list[tuple[Any, ...]]:
    wrt, points = CASES[name]
    return [tuple(numeric_gradient(primal(name), args, i) for i in wrt) for args in points]


def wrong(name: str, gradient: Any) -> str | None:
    """What is wrong with a gradient function, or None."""
    wrt, points = CASES[name]
    for args, want in zip(points, differences(name), strict=True):
        given = copied(args)
        have = gradient(*given)
        have = have if isinstance(have, tuple) else (have,)
        if len(have) != len(want):
            return "another number of results"
        error = worst_error(have, want)
        if not error < 1e-7:
            return f"worst relative error {error:.1e}"
        for a, b in zip(given, args, strict=True):
            if not np.array_equal(a, b):
                return "an argument was written to"
        twice = gradient(*given, 2.0)
        twice = twice if isinstance(twice, tuple) else (twice,)
        if not worst_error(twice, tuple(2.0 * np.asarray(h) for h in have)) < 1e-12:
            return "the sweep is not linear in its seed"
    return None


def committed(name: str) -> Path:
    return FOLDER / f"{name}_grad.py"


def function_of(path: Path, name: str) -> Any:
    return run(ast.parse(path.read_text()), f"{name}_grad")


@pytest.mark.parametrize("name", CASES)
def test_text_is_as_committed(name: str, update_golden: bool) -> None:
    text = derivative(name).source_for(*CASES[name][1][0])
    if update_golden:
        committed(name).write_text(text)
    assert text == committed(name).read_text()


def lines_of_code(path: Path, name: str) -> int:
    """The lines of a gradient that compute something.

    Checks that lengths fit are left out: the person's texts have none, and give numbers for what does not fit.
    """
    text = path.read_text()
    (function,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    assert function.name == f"{name}_grad"
    left_out: set[int] = set()
    for node in ast.walk(function):
        checks = isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise)
        described = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if checks or described:
            left_out.update(range(node.lineno, node.end_lineno + 1))
    lines = list(enumerate(text.splitlines(), 1))[function.lineno - 1 : function.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") and at not in left_out for at, line in lines)


@pytest.mark.parametrize("name", CASES)
def test_as_short_as_by_hand(name: str) -> None:
    ours, by_hand = (lines_of_code(folder / f"{name}_grad.py", name) for folder in (FOLDER, FOLDER / "by_hand"))
    assert ours <= 1.15 * by_hand


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "by_hand"], ids=["ours", "by_hand"])
@pytest.mark.parametrize("name", CASES)
def test_right(name: str, folder: Path) -> None:
    assert wrong(name, function_of(folder / f"{name}_grad.py", name)) is None


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("name", CASES)
def test_right_compiled_by_numba_alone(name: str) -> None:
    module = importlib.import_module(f"tests.golden.{name}_grad")
    assert wrong(name, numba.njit(inspect.unwrap(getattr(module, f"{name}_grad")))) is None


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("name", CASES)
def test_derivative_object(name: str, target: str) -> None:
    gradient = derivative(name, target)
    for args, want in zip(CASES[name][1], differences(name), strict=True):
        assert worst_error(gradient(*args), want) < 1e-7


@pytest.mark.parametrize("name", CASES)
def test_comments_quote_the_original(name: str) -> None:
    original = inspect.getsource(importlib.import_module(f"tests.golden.{name}")).splitlines()
    quotes = [line.strip() for line in committed(name).read_text().splitlines() if line.strip().startswith("# L")]
    assert quotes
    for quote in quotes:
        number, said = quote.removeprefix("# L").split(": ", 1)
        line = original[int(number) - 1].strip()
        assert line == said or line.startswith(said.removesuffix(" ..."))


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "by_hand"], ids=["ours", "by_hand"])
@pytest.mark.parametrize("name", CASES)
def test_every_mutant_is_caught(name: str, folder: Path) -> None:
    survivors = []
    for what, tree in mutants((folder / f"{name}_grad.py").read_text()):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                fault = wrong(name, run(tree, f"{name}_grad"))
            except Exception as error:
                fault = type(error).__name__
        if fault is None and not any(harmless in what for harmless in HARMLESS):
            survivors.append(what)
    assert not survivors, "\n".join(survivors)

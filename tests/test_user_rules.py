"""Functions of the user that are called as they are, with derivatives that the user gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.rules import external, partials
from tests.user_functions import (
    bessel,
    discounted,
    identity,
    moved_average,
    scaled_by,
    shortened,
    softer,
    with_bad_rule,
    without_rule,
    writes,
)


def mixed(x: Any, a: Any) -> Any:
    for _ in range(3):
        x = softer(x) + discounted(x, a)
    discounted_value = np.sum(x * x)
    return discounted_value + softer(a)


def of_c(x: Any, a: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += bessel(a * x[i]) ** 2
    return total


def averaged(x: Any, a: Any) -> Any:
    y = moved_average(x * a, 3)
    y[0] = y[1] * y[2]
    return np.sum(scaled_by(y * y, np.sin(a)))


def named_alike(softer: Any, a: Any) -> Any:
    return mixed(softer, a)


X = np.array([0.3, -0.2, 1.1, 0.7, 0.4])


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("f", [mixed, of_c, averaged, named_alike])
def test_gradient(f: Callable[..., Any], target: str) -> None:
    srcad.check_grad(f, X, 0.4, argnums=(0, 1), target=target)
    srcad.check_grad(f, X, 0.4, argnums=1, target=target)


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("f", [mixed, of_c])
def test_tangent(f: Callable[..., Any], target: str) -> None:
    t_x, t_a, h = np.cos(X), 0.3, 1e-6
    value, tangent = srcad.jvp(f, (X, 0.4), (t_x, t_a), target=target)
    np.testing.assert_allclose(value, f(X, 0.4))
    np.testing.assert_allclose(tangent, (f(X + h * t_x, 0.4 + h * t_a) - f(X - h * t_x, 0.4 - h * t_a)) / (2 * h), 1e-7)


def test_linear() -> None:
    _, t = srcad.jvp(lambda x: moved_average(x, 2), (X,), (np.ones(5),), target="python")
    np.testing.assert_allclose(t, moved_average(np.ones(5), 2))


def test_text() -> None:
    text = srcad.grad(mixed).source_for(X, 0.4)
    assert "from tests.user_functions import discounted, softer\n" in text and "discounted(x" in text
    renamed = srcad.grad(named_alike).source_for(X, 0.4)
    assert "import discounted, softer as softer_1\n" in renamed and "def named_alike_grad(softer, a," in renamed


def test_saved(tmp_path: Path) -> None:
    """The file imports the functions; one that is Python's is compiled."""
    gradient = srcad.grad(mixed)
    gradient.source_for(X, 0.4)
    gradient.save(tmp_path / "saved_mixed.py")
    script = (
        "import numpy as np, warnings; warnings.simplefilter('error'); import saved_mixed;"
        f"print(list(saved_mixed.mixed_grad(np.array({X.tolist()}), 0.4)))"
    )
    root = Path(__file__).parents[1]
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {script}"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(eval(done.stdout), srcad.grad(mixed)(X, 0.4))


def test_local_function() -> None:
    @external
    def local(x: Any) -> Any:
        return x * x

    @partials(local)
    def local_partials(y: Any, x: Any) -> Any:
        return 2.0 * x

    for target in ("python", "cpu"):
        assert srcad.grad(lambda x: local(x) * 3.0, target=target)(2.0) == 12.0


def test_function_made_anew() -> None:
    """As in a notebook whose cell is run again: the new function and its rule are called, not those compiled before."""

    def made(factor: float) -> Any:
        text = f"def again(x):\n    return {factor} * x\n"
        scope: dict[str, Any] = {}
        exec(text, scope)
        return partials(scope["again"])(lambda y, x: 1.0) and scope["again"]

    for factor in (2.0, 3.0):
        again = made(factor)
        assert srcad.jit(lambda x: again(x))(1.0) == factor  # noqa: B023


@pytest.mark.parametrize(
    ("f", "code", "words"),
    [
        (lambda x: np.sum(without_rule(x)), "S203", "without_rule"),
        (lambda x: np.sum(identity(x)), "S127", "shares memory with an argument"),
        (lambda x: np.sum(writes(x)), "S127", "writes into an argument"),
        (lambda x: np.sum(shortened(x)), "S127", "elementwise"),
        (lambda x: np.sum(with_bad_rule(x) ** 2), "S206", "bad_rule writes into an argument"),
    ],
)
def test_refused(f: Callable[..., Any], code: str, words: str) -> None:
    with pytest.raises(srcad.SrcadError, match=code) as raised:
        srcad.grad(f, target="python")(X)
    assert words in str(raised.value)


def test_tangent_rule_that_writes() -> None:
    with pytest.raises(srcad.SrcadError, match="bad_tangent writes into an argument"):
        srcad.jvp(lambda x: with_bad_rule(x), (X,), (X,), target="python")

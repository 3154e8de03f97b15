"""Functions of the user that are called as they are, with derivatives that the user gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from srcad.rules import external, linear, partials, vjp
from tests.user_functions import (
    bessel,
    by_jvp,
    by_vjp,
    counted,
    discounted,
    doubled,
    forgetful,
    halted,
    identity,
    measured,
    measured_once,
    moved_average,
    scaled,
    scaled_by,
    shortened,
    smoothed,
    softer,
    squared,
    too_long,
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


WITH_LOCAL_FUNCTION = """
import sys
import srcad
from srcad.rules import external, partials

def gradient_of(factor):
    @external
    def local(x):
        return factor * x

    @partials(local)
    def local_partials(y, x):
        return factor

    def f(x):
        return local(x)

    return srcad.value_and_grad(f)

gradient = gradient_of(float(sys.argv[1]))
gradient(1.0)
if len(sys.argv) > 2:
    gradient.save("saved_local.py")
import saved_local
print(saved_local.f_grad(1.0))
"""


def test_local_function_in_another_process(tmp_path: Path) -> None:
    """There a function of the same name may be another one."""
    (tmp_path / "run.py").write_text(WITH_LOCAL_FUNCTION)

    def run(*args: str) -> Any:
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        return subprocess.run([sys.executable, "run.py", *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    assert run("2.0", "saved").stdout == "(2.0, 2.0)\n"
    assert "S313" in (message := run("3.0").stderr) and "local, which a generated file calls" in message


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


# ---- check_grad, of rules that are wrong -------------------------------------------------------------


def test_check_compares_forward_and_reverse_mode() -> None:
    with pytest.raises(srcad.SrcadError, match="forward and reverse mode differ") as raised:
        srcad.check_grad(lambda a, x: np.sum(doubled(x) * a), 2.0, X, argnums=(0, 1), target="python")
    assert "In x, they differ by" in str(raised.value)
    found = srcad.check_grad(lambda a, x: np.sum(doubled(x) * a), 2.0, X, argnums=0, target="python")
    assert isinstance(found.forward, float) and found.forward < 1e-12


def test_check_compares_second_derivatives() -> None:
    def f(x: Any, p: Any) -> Any:
        return np.sum(squared(x)) * p["a"], x

    given = (X, {"a": 2.0})
    with pytest.raises(srcad.SrcadError, match="second derivatives of f differ from differences of gradients"):
        srcad.check_grad(f, *given, has_aux=True, order=2, target="python")
    found = srcad.check_grad(f, *given, has_aux=True, target="python")
    assert found.second == "not compared" and "forward mode: relative error" in str(found)
    found = srcad.check_grad(
        lambda x, p: np.sum(np.sin(x)) * p["a"] ** 2, *given, argnums=(0, 1), order=2, target="python"
    )
    assert isinstance(found.second, float) and found.second < 1e-7


def test_check_refuses_other_bits() -> None:
    with pytest.raises(srcad.SrcadError, match="two equal calls of the gradient"):
        srcad.check_grad(lambda x: x * counted(x), 2.0, target="python")


def test_check_says_what_is_refused() -> None:
    found = srcad.check_grad(lambda x, a: np.sum(scaled_by(x, a)), X, 2.0, target="python")
    assert found.forward == "refused (S203)"


def test_compiled_form_of_a_function_with_a_rule() -> None:
    """`njit(f)` has the rule of f, here as in a saved file, where f is compiled."""
    compiled = numba.njit(halted)
    assert srcad.grad(lambda x: compiled(x), target="python")(2.0) == 3.0
    assert srcad.grad(srcad.grad(lambda x: squared(x)), target="python")(2.0) == 6.0


# ---- one direction is derived from the other ---------------------------------------------------------


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, a: np.sum(by_vjp(x * a, np.sin(a)) ** 2),
        lambda x, a: np.sum(by_jvp(x * a, np.sin(a)) ** 2),
        lambda x, a: np.sum(smoothed(x * a, x * x, 2) ** 2) * a,
    ],
)
def test_derived(f: Callable[..., Any], target: str) -> None:
    found = srcad.check_grad(f, X, 0.4, argnums=(0, 1), order=2, target=target)
    assert isinstance(found.forward, float) and found.forward < 1e-12
    assert isinstance(found.second, float) and found.second < 1e-7


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (softer, (X,)),
        (softer, (0.3,)),
        (discounted, (X, 0.4)),
        (bessel, (0.7,)),
        (by_vjp, (X, 0.4)),
        (by_jvp, (X, 0.4)),
        (moved_average, (X, 2)),
    ],
)
def test_check_rule(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    found = srcad.check_rule(f, *args, target="python")
    assert isinstance(found.forward, float) and found.forward < 1e-12
    assert isinstance(found.second, float) and found.second < 1e-7


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (identity, "returns memory of an argument"),
        (writes, "writes into an argument"),
        (counted, "two equal calls of counted differ"),
        (doubled, "forward and reverse mode differ"),
        (halted, "differs from finite differences"),
    ],
)
def test_check_rule_refuses(f: Callable[..., Any], words: str) -> None:
    with pytest.raises(srcad.SrcadError, match=words):
        srcad.check_rule(f, X if f is not counted else 1.0, target="python")


# ---- differences, where they are asked for ------------------------------------------------------------


def test_differences() -> None:
    def f(x: Any, a: Any) -> Any:
        return np.sum(measured(x, a * a) ** 2) + measured_once(a)

    found = srcad.check_grad(f, X, 0.4, argnums=(0, 1), target="python")
    assert isinstance(found.forward, float) and found.forward < 1e-8
    matrix = np.array([[1.0, 2.0], [3.0, 0.0]])
    for given in (matrix, np.asfortranarray(matrix)):
        gradient = srcad.grad(lambda m: np.sum(measured_once(m) * matrix), target="python")(given)
        np.testing.assert_allclose(gradient, 3.0 * given**2 * matrix, atol=1e-7)
    assert abs(srcad.grad(lambda a: measured_once(a) * 2.0)(2.0) - 24.0) < 1e-7
    single = srcad.grad(lambda m: np.sum(measured_once(m)), target="python")(np.float32([1.0, 2.0]))
    np.testing.assert_allclose(single, [3.0, 12.0], rtol=1e-3)
    _, t = srcad.jvp(measured_once_of, (X,), (np.zeros(5),), target="python")
    np.testing.assert_array_equal(t, np.zeros(5))


def measured_once_of(x: Any) -> Any:
    return measured_once(x)


def test_differences_come_with_a_warning() -> None:
    with pytest.warns(srcad.NumericalDerivativeWarning, match="unseen is differentiated by differences"):

        @srcad.opaque(differences=True)
        def unseen(x: Any) -> Any:
            return x

    @srcad.opaque
    def without(x: Any) -> Any:
        return x * 2.0

    with pytest.raises(srcad.SrcadError, match="S203"):
        srcad.grad(lambda x: without(x), target="python")(1.0)


# ---- rules that say less than they should ------------------------------------------------------------


def test_linear_in_some_arguments_says_nothing_of_the_others() -> None:
    def product(a: Any, x: Any) -> Any:
        return a * a * x

    linear(product, 1)
    with pytest.raises(srcad.SrcadError, match="S203"):
        srcad.jvp(lambda a, x: product(a, x), (3.0, X), (1.0, None), target="python")
    with pytest.raises(ValueError, match="already"):
        linear(product, 0)

    @vjp(product)
    def product_vjp(d_y: Any, y: Any, a: Any, x: Any) -> Any:
        return np.sum(d_y * 2.0 * a * x), a * a * d_y

    for tangents in ((1.0, None), (None, X), (1.0, X)):
        _, t = srcad.jvp(lambda a, x: product(a, x), (3.0, X), tangents, target="python")
        want = 6.0 * X * (tangents[0] or 0.0) + 9.0 * (0.0 if tangents[1] is None else X)
        np.testing.assert_allclose(t, want)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_what_a_rule_gives_fits(target: str) -> None:
    with pytest.raises(srcad.SrcadError, match="forgetful_vjp gives 1 value, for 2 arguments of forgetful"):
        srcad.grad(lambda x: np.sum(forgetful(x, x)), target=target)(X[:2])
    with pytest.raises(ValueError, match=r"the rule too_long_vjp gives the length 7, and argument 0 has 5"):
        srcad.grad(lambda x: np.sum(too_long(x)), target=target)(X)
    with pytest.raises(ValueError, match=r"the rule too_long_jvp gives the length 7, and the result has 5"):
        srcad.jvp(lambda x: too_long(x), (X,), (X,), target=target)


def test_rule_reads_a_number_of_its_module() -> None:
    for target in ("python", "cpu"):
        assert srcad.grad(lambda x: scaled(x), target=target)(3.0) == 7.0


def test_corrected_rule_is_seen() -> None:
    @external
    def cubed(x: Any) -> Any:
        return x * x * x

    gradient = srcad.grad(lambda x: cubed(x), target="python")
    pair = srcad.vjp(lambda x: cubed(x), target="python")
    for factor in (2.0, 3.0):
        partials(cubed)(lambda y, x, factor=factor: factor * x * x)
        assert f"{factor} * x * x" in gradient.source_for(2.0)
        assert gradient(2.0) == 4.0 * factor
        assert pair(2.0)[1](1.0) == (4.0 * factor,)

"""L-BFGS: its direction and its line search against their definitions, minima against SciPy's, states, refusals."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import srcad
from srcad.errors import SrcadError
from srcad.optim import lbfgs
from srcad.optim.compiled_kernels import kernel
from srcad.optim.wolfe import Point, Search
from tests.numeric import leaves


def chain(x: Any) -> Any:
    """Rosenbrock's function of many variables."""
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def nested(p: Any) -> Any:
    first, second = p["a"]
    bowl = np.sum((first - 2.0) ** 2 * np.array([1.0, 30.0])) + 0.5 * np.sum(second**4 - second)
    return bowl + (p["b"] - first[0, 0]) ** 2


def start() -> Any:
    return {"a": (np.ones((3, 2)), np.full(4, 2.0)), "b": 0.0, "name": "bowl"}


def test_the_direction_is_that_of_the_matrix() -> None:
    """H by the update formula, Nocedal and Wright equation 7.16, from the oldest pair to the newest."""
    rng = np.random.default_rng(0)
    n, memory = 6, 4
    for pairs in range(10):
        steps, changes = np.zeros((memory, n)), np.zeros((memory, n))
        for k in range(pairs):
            s = rng.normal(size=n)
            steps[k % memory], changes[k % memory] = s, s * rng.uniform(0.5, 2.0, n)
        newest = (pairs - 1) % memory
        H = np.eye(n)
        if pairs:
            H *= (steps[newest] @ changes[newest]) / (changes[newest] @ changes[newest])
        for k in range(max(0, pairs - memory), pairs):
            s, y = steps[k % memory], changes[k % memory]
            V = np.eye(n) - np.outer(y, s) / (y @ s)
            H = V.T @ H @ V + np.outer(s, s) / (y @ s)
        g = rng.normal(size=n)
        kept = g.copy()
        np.testing.assert_allclose(kernel("direction", "lbfgs_kernels")(g, steps, changes, pairs), -H @ g, rtol=1e-10)
        assert np.array_equal(g, kept)


LINES = {
    "parabola": lambda t: ((t - 3.0) ** 2, 2.0 * (t - 3.0)),
    "far": lambda t: ((t / 1e4 - 1.0) ** 2, 2e-4 * (t / 1e4 - 1.0)),
    "near": lambda t: ((1e4 * t - 1.0) ** 2, 2e4 * (1e4 * t - 1.0)),
    "waves": lambda t: (-np.sin(t) * t + 0.05 * t * t - 0.1 * t, -np.cos(t) * t - np.sin(t) + 0.1 * t - 0.1),
    "wall": lambda t: (-np.log(2.0 - t) * 1e-3 - t, 1e-3 / (2.0 - t) - 1.0) if t < 2.0 else (np.nan, np.nan),
    "overflow": lambda t: (np.cosh(1e3 * min(t, 2.0) - 1.0), 1e3 * np.sinh(1e3 * min(t, 2.0) - 1.0)),
    # Moré and Thuente (1994), functions 5.1 and 5.2
    "more": lambda t: (-t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0) ** 2),
    "thuente": lambda t: ((t + 0.004) ** 5 - 2.0 * (t + 0.004) ** 4, (t + 0.004) ** 3 * (5.0 * (t + 0.004) - 8.0)),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("curvature", [0.1, 0.9])
def test_what_the_line_search_finds_fulfils_the_strong_wolfe_conditions(
    name: str, first: float, curvature: float
) -> None:
    tried = []

    def at(step: float) -> Point:
        value, slope = LINES[name](step)
        tried.append(step)
        return Point(step, float(value), float(slope), np.empty(0), np.empty(0))

    origin = at(0.0)
    assert origin.slope < 0.0
    found = Search(at, origin, 1e-4, curvature, 40).found(first)
    assert found is not None and found.step > 0.0
    assert found.value <= origin.value + 1e-4 * found.step * origin.slope
    assert abs(found.slope) <= curvature * abs(origin.slope)
    assert len(tried) <= 41


def test_minima_are_those_of_scipy() -> None:
    df = srcad.value_and_grad(chain)
    x = np.full(40, -1.0)
    x[0] = -1.2
    theirs = minimize(df.scipy, x.copy(), jac=True, method="L-BFGS-B", options={"ftol": 0.0, "gtol": 1e-8})
    mine = x.copy()
    calls = []
    counted = lambda p: calls.append(1) or df(p)
    found, state = lbfgs(counted).minimize(mine)
    assert found is mine and np.max(np.abs(state["gradient"])) <= 1e-8
    np.testing.assert_allclose(mine, theirs.x, atol=1e-7)
    assert len(calls) <= 1.5 * theirs.nfev


def test_nested_parameters_are_changed_in_place() -> None:
    own = start()
    method = lbfgs(srcad.value_and_grad(nested, target="python"))
    arrays = own["a"]
    found, state = method.minimize(own)
    assert found["a"][0] is arrays[0] and found["a"][1] is arrays[1] and found["name"] == "bowl"
    np.testing.assert_allclose(found["a"][0], 2.0, atol=1e-8)
    np.testing.assert_allclose(found["a"][1], 0.25 ** (1 / 3), atol=1e-8)
    assert found["b"] == pytest.approx(2.0, abs=1e-8) and type(found["b"]) is float
    assert state["value"] == pytest.approx(nested(found))
    assert method.update(found, state)["b"] == pytest.approx(2.0, abs=1e-8)


def test_strided_arrays_and_columns() -> None:
    rows = np.zeros((3, 4))
    view, columns = rows[:, ::2], np.asfortranarray(np.zeros((2, 3)))
    target = np.arange(6.0)
    f = lambda p: np.sum((p[0] - 1.0) ** 2) + np.sum((p[1] - np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])) ** 2)
    lbfgs(srcad.value_and_grad(f, target="python")).minimize((view, columns))
    np.testing.assert_allclose(rows, [[1.0, 0.0, 1.0, 0.0]] * 3, atol=1e-8)
    np.testing.assert_allclose(columns, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], atol=1e-8)


def test_float32_stops_where_its_digits_end() -> None:
    x = np.array([-1.2, 1.0], np.float32)
    found, state = lbfgs(srcad.value_and_grad(chain, target="python")).minimize(x, tolerance=0.0)
    assert found is x and x.dtype == np.float32 and np.array_equal(x, state["x"])
    np.testing.assert_allclose(x, 1.0, atol=2e-3)
    assert state["count"] < 200


def test_arguments_go_on_to_the_function() -> None:
    df = srcad.value_and_grad(lambda x, target, weight: weight * np.sum((x - target) ** 2), target="python")
    x = np.zeros(2)
    lbfgs(df).minimize(x, np.array([1.0, 2.0]), 3.0)
    np.testing.assert_allclose(x, [1.0, 2.0])


def by_file(state: Any) -> Any:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    return dict(np.load(file))


@pytest.mark.parametrize("through", [by_file, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_that_is_saved_goes_on_bit_for_bit(through: Any) -> None:
    method = lbfgs(srcad.value_and_grad(nested, target="python"), memory=3)
    once, twice = start(), start()
    state, own = method.start(once), method.start(twice)
    for k in range(10):
        once = method.update(once, state)
        twice = method.update(twice, own)
        if k == 5:
            twice, own = pickle.loads(pickle.dumps(twice)), through(own)
    for a, b in zip(leaves(once) + leaves(state), leaves(twice) + leaves(own), strict=True):
        assert np.array_equal(a, b)


def test_at_a_minimum_nothing_moves() -> None:
    x = np.ones(3)
    method = lbfgs(srcad.value_and_grad(chain, target="python"))
    state = method.start(x)
    assert method.update(x, state) is x and state["step"] == 0.0 and x.tolist() == [1.0, 1.0, 1.0]
    _, state = method.minimize(x)
    assert state["count"] == 0


def test_a_wrong_gradient_moves_nothing() -> None:
    """Along the negative of it the value rises: there is no step, and no endless search."""
    x = np.array([1.0, 2.0])
    calls = []
    method = lbfgs(lambda p: (calls.append(1) or float(p @ p), -2.0 * p))
    _, state = method.minimize(x)
    assert x.tolist() == [1.0, 2.0] and state["step"] == 0.0 and len(calls) <= 27


def test_an_error_of_the_function_leaves_everything_as_it_was() -> None:
    def f(p: Any) -> Any:
        if p[0] < 0.9:
            raise ValueError("out of range")
        return float(p @ p), 2.0 * p

    x = np.ones(2)
    method = lbfgs(f)
    state = method.start(x)
    with pytest.raises(ValueError, match="out of range"):
        method.update(x, state)
    assert x.tolist() == [1.0, 1.0] and state["count"] == 0 and state["x"].tolist() == [1.0, 1.0]


def test_a_domain_that_ends_is_not_left() -> None:
    """The logarithm of a negative number is NaN: steps that go there are shortened."""
    df = srcad.value_and_grad(lambda x: np.sum(x - np.log(x)), target="python")
    x = np.array([1e-3, 50.0])
    with np.errstate(invalid="ignore"):
        lbfgs(df).minimize(x)
    np.testing.assert_allclose(x, 1.0, atol=1e-7)


def quadratic() -> Any:
    return lbfgs(lambda p: (float(p @ p), 2.0 * p))


@pytest.mark.parametrize(
    "code, call",
    [
        ("S310", lambda: lbfgs(chain, memory=0)),
        ("S310", lambda: lbfgs(chain, evaluations=0)),
        ("S310", lambda: lbfgs(chain, curvature=1.0)),
        ("S310", lambda: lbfgs(chain, decrease=0.95)),
        ("S310", lambda: quadratic().minimize(np.ones(2), updates=-1)),
        ("S310", lambda: quadratic().minimize(np.ones(2), tolerance=-1.0)),
        ("S601", lambda: quadratic().start(np.array([np.nan]))),
        ("S601", lambda: lbfgs(lambda p: (1.0, p * np.inf)).start(np.ones(2))),
        ("S340", lambda: lbfgs(lambda p: (1.0, np.ones(3))).start(np.ones(2))),
        ("S340", lambda: lbfgs(lambda p: (1.0, None)).start(np.ones(2))),
        ("S341", lambda: quadratic().update(np.ones(3), quadratic().start(np.ones(2)))),
        ("S341", lambda: quadratic().update(np.zeros(2), quadratic().start(np.ones(2)))),
        ("S341", lambda: lbfgs(chain, memory=3).update(np.ones(2), quadratic().start(np.ones(2)))),
        ("S341", lambda: quadratic().update(np.ones(2), srcad.optim.adam().start(np.ones(2)))),
        ("S308", lambda: quadratic().start([x := np.ones(2), x])),
    ],
)
def test_refused(code: str, call: Any) -> None:
    with pytest.raises(SrcadError, match=code):
        call()

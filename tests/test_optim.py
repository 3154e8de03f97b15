"""Optimisers: each method against its formula, states that are saved, clipping, schedules, and what is refused."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import srcad
from srcad import optim
from srcad.errors import SrcadError
from tests.numeric import leaves

ROOT = Path(__file__).resolve().parent.parent


class Layer(NamedTuple):
    weights: Any
    bias: Any


@dataclass
class Model:
    layers: list[Layer]
    scale: Any
    name: str = "model"


# ---- formulas, written once more, on whole arrays -----------------------------------------------------

Update = Callable[[Any, Any, dict[str, Any], int], Any]


def by_sgd(x: Any, g: Any, s: Any, t: int) -> Any:
    return x - 0.1 * g


def by_momentum(x: Any, g: Any, s: Any, t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0.0) + g
    return x - 0.1 * s["v"]


def by_nesterov(x: Any, g: Any, s: Any, t: int) -> Any:
    """Sutskever et al. (2013), equations 3 and 4; x is their theta + mu v, the point where the gradient is taken."""
    v = s.get("v", 0.0)
    theta = x - 0.9 * v
    s["v"] = 0.9 * v - 0.1 * g
    return theta + s["v"] + 0.9 * s["v"]


def by_adagrad(x: Any, g: Any, s: Any, t: int) -> Any:
    s.setdefault("all", []).append(g)
    return x - 0.1 * g / (np.sqrt(sum(one**2 for one in s["all"])) + 1e-10)


def by_rmsprop(x: Any, g: Any, s: Any, t: int) -> Any:
    s.setdefault("all", []).append(g)
    square = sum(0.1 * 0.9 ** (t - k) * one**2 for k, one in enumerate(s["all"], 1))
    return x - 0.02 * g / (np.sqrt(square) + 1e-8)


def by_adadelta(x: Any, g: Any, s: Any, t: int) -> Any:
    s["g2"] = 0.9 * s.get("g2", 0.0) + 0.1 * g**2
    change = -np.sqrt(s.get("d2", 0.0) + 1e-6) / np.sqrt(s["g2"] + 1e-6) * g
    s["d2"] = 0.9 * s.get("d2", 0.0) + 0.1 * change**2
    return x + change


def by_adam(x: Any, g: Any, s: Any, t: int) -> Any:
    s.setdefault("all", []).append(g)
    mean = sum(0.1 * 0.9 ** (t - k) * one for k, one in enumerate(s["all"], 1)) / (1 - 0.9**t)
    square = sum(0.001 * 0.999 ** (t - k) * one**2 for k, one in enumerate(s["all"], 1)) / (1 - 0.999**t)
    return x - 0.05 * mean / (np.sqrt(square) + 1e-8)


def by_adamw(x: Any, g: Any, s: Any, t: int) -> Any:
    return by_adam(x, g, s, t) - 0.05 * 0.3 * x


METHODS: list[tuple[optim.Optimiser, Update]] = [
    (optim.sgd(0.1), by_sgd),
    (optim.sgd(0.1, momentum=0.9), by_momentum),
    (optim.sgd(0.1, momentum=0.9, nesterov=True), by_nesterov),
    (optim.adagrad(0.1), by_adagrad),
    (optim.rmsprop(0.02), by_rmsprop),
    (optim.adadelta(), by_adadelta),
    (optim.adam(0.05), by_adam),
    (optim.adamw(0.05, decay=0.3), by_adamw),
]
each_method = pytest.mark.parametrize("method, formula", METHODS, ids=[form.__name__ for _, form in METHODS])


def model(dtype: Any = np.float64, seed: int = 0) -> Model:
    """Numbers of all kinds, and arrays of all layouts."""
    rng = np.random.default_rng(seed)
    array = lambda *shape: rng.normal(size=shape).astype(dtype)
    return Model(
        [
            Layer(array(3, 4), array(4)),
            Layer(np.asfortranarray(array(4, 2)), array(2, 8)[:, ::3]),
            Layer(array(2, 3, 4).transpose(1, 0, 2), array(9)[::-2]),
            Layer(array(0, 3), array(2, 1)),
        ],
        {"number": dtype(0.5), "0-d": array()},
    )


def gradient_of(params: Any) -> Any:
    """The gradient of a smooth function of each number, in another layout than the parameters."""
    of = lambda x: np.sin(3.0 * x) + 0.5 * x
    layers = [Layer(of(np.ascontiguousarray(w)), np.asfortranarray(of(b))) for w, b in params.layers]
    scale = {key: np.asarray(of(x)) if isinstance(x, np.ndarray) else of(x) for key, x in params.scale.items()}
    return Model(layers, scale, None)  # type: ignore[arg-type]


@each_method
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 2e-5)])
def test_twenty_updates_are_those_of_the_formula(
    method: optim.Optimiser, formula: Update, dtype: Any, tolerance: float
) -> None:
    params = model(dtype)
    expected = [np.array(leaf, np.float64) for leaf in leaves(params)]
    memory: list[dict[str, Any]] = [{} for _ in expected]
    arrays = [leaf for leaf in leaves(params) if isinstance(leaf, np.ndarray)]
    state = method.start(params)
    in_state = list(state.values())
    for t in range(1, 21):
        slopes = [np.sin(3.0 * x) + 0.5 * x for x in expected]
        expected = [formula(x, g, s, t) for x, g, s in zip(expected, slopes, memory)]
        params = method.update(params, gradient_of(params), state)
    for found, wanted in zip(leaves(params), expected, strict=True):
        assert np.shape(found) == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    assert all(a is b for a, b in zip(arrays, [x for x in leaves(params) if isinstance(x, np.ndarray)], strict=True))
    assert all(a is b for a, b in zip(in_state, state.values(), strict=True))
    assert params.name == "model" and type(params.scale["number"]) is dtype
    assert state["count"] == 20


# x after 4 steps of PyTorch 2.13's optimisers, from (1, -2, 0.5), of the gradient below, in float64
OF_PYTORCH = [
    (optim.sgd(0.1), [0.7243659109519648, -0.33432384750250077, -0.03390692798076008]),
    (optim.sgd(0.1, momentum=0.9), [0.3006995979893655, 1.4234201690509447, -0.7178297770519967]),
    (optim.sgd(0.1, 0.9, nesterov=True), [-0.1985689585590736, 0.8141855887902436, -0.9262760391818132]),
    (optim.adagrad(0.1), [0.8668772380939553, -1.7271658654951478, 0.23475562476590212]),
    (optim.rmsprop(0.05), [0.7815715430480428, -1.5601410405693514, 0.07860938228490108]),
    (optim.adadelta(), [0.9945011331697639, -1.9869628492880558, 0.4869838990982633]),
    (optim.adam(0.1), [0.784909731326053, -1.601133614517679, 0.10329580229551542]),
    (optim.adamw(0.1, decay=0.05), [0.7667577809698211, -1.5645489043150742, 0.09644395178785448]),
]


@pytest.mark.parametrize("method, wanted", OF_PYTORCH, ids=[str(method) for method, _ in OF_PYTORCH])
def test_steps_are_those_of_pytorch(method: optim.Optimiser, wanted: list[float]) -> None:
    x = np.array([1.0, -2.0, 0.5])
    state = method.start(x)
    for _ in range(4):
        g = np.array([2.0 * x[0] + x[1], 4.0 * x[1] + x[0] - np.cos(x[1]), np.exp(x[2])])
        assert method.update(x, g, state) is x
    np.testing.assert_allclose(x, wanted, rtol=1e-12)


def by_file(state: Any) -> Any:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    return dict(np.load(file))


@each_method
@pytest.mark.parametrize("through", [by_file, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_that_is_saved_goes_on_bit_for_bit(method: optim.Optimiser, formula: Update, through: Any) -> None:
    once, twice = model(), model()
    state, own = method.start(once), method.start(twice)
    for k in range(12):
        once = method.update(once, gradient_of(once), state)
        twice = method.update(twice, gradient_of(twice), own)
        if k == 5:
            twice, own, method = pickle.loads(pickle.dumps((twice, through(own), method)))
    for a, b in zip(leaves(once) + leaves(state), leaves(twice) + leaves(own), strict=True):
        assert np.array_equal(a, b)


def rosenbrock(p: Any) -> Any:
    return (1.0 - p["x"]) ** 2 + 100.0 * (p["y"][0] - p["x"] ** 2) ** 2


@pytest.mark.parametrize(
    "method, updates",
    [
        (optim.sgd(2e-4, momentum=0.99), 6000),
        (optim.sgd(2e-4, momentum=0.99, nesterov=True), 6000),
        (optim.adam(optim.cosine(0.05, 4000)), 4000),
    ],
)
def test_minimum_of_rosenbrocks_function_is_found(method: optim.Optimiser, updates: int) -> None:
    gradient = srcad.grad(rosenbrock, target="python")
    params = {"x": -1.2, "y": np.array([1.0])}
    state = method.start(params)
    for _ in range(updates):
        params = method.update(params, gradient(params), state)
    assert params["x"] == pytest.approx(1.0, abs=1e-4) and params["y"][0] == pytest.approx(1.0, abs=2e-4)


def test_what_is_no_float_stays_and_numbers_become_floats() -> None:
    params = {"n": 3, "name": "x", "none": None, "index": np.arange(2), "w": np.ones(2), "one": np.float32(1.0)}
    gradient = {"n": 2.0, "name": None, "none": None, "index": None, "w": np.ones(2), "one": np.float32(1.0)}
    method = optim.sgd(0.5)
    new = method.update(params, gradient, method.start(params))
    assert new["n"] == 2.0 and type(new["n"]) is float and new["one"] == 0.5 and type(new["one"]) is np.float32
    assert new["w"] is params["w"] and new["index"] is params["index"] and new["name"] == "x"
    assert params["n"] == 3


def test_a_gradient_that_is_a_view_of_parameters_is_read_before_they_change() -> None:
    """By hand, the gradient of a.b is (b, a): the arrays themselves."""
    params = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 5.0])}
    method = optim.sgd(0.1)
    method.update(params, {"a": params["b"], "b": params["a"]}, method.start(params))
    np.testing.assert_allclose(params["a"], [0.7, 1.5])
    np.testing.assert_allclose(params["b"], [2.9, 4.8])
    x = np.array([1.0, 2.0, 3.0])
    method.update(x, x[::-1], method.start(x))
    np.testing.assert_allclose(x, [0.7, 1.8, 2.9])


def test_parameters_that_are_views_of_one_vector_are_changed_in_it() -> None:
    x = np.arange(6.0)
    params = (x[:2], x[2:].reshape(2, 2))
    method = optim.sgd(1.0)
    method.update(params, (np.ones(2), np.ones((2, 2))), method.start(params))
    assert x.tolist() == [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]


def test_gradients_that_are_read_only_and_parameters_that_are_not_aligned() -> None:
    x = np.frombuffer(bytearray(1 + 3 * 8), np.float64, 3, offset=1)
    gradient = np.array([1.0, 2.0, 3.0])
    gradient.setflags(write=False)
    method = optim.sgd(1.0)
    assert method.update(x, gradient, method.start(x)) is x and x.tolist() == [-1.0, -2.0, -3.0]
    y = np.zeros(3)
    method.update(y, np.broadcast_to(np.float64(2.0), 3), method.start(y))
    assert y.tolist() == [-2.0, -2.0, -2.0]


@pytest.mark.parametrize("count", [1, 3])
def test_checks_hold_for_arrays_that_have_been_updated_before(count: int) -> None:
    """What is checked is a property of the arrays of each call, not of the structure."""
    method, params = optim.adam(), {"a": np.ones((4, 2)), "b": np.ones((4, 2))}
    state, ones = method.start(params), {"a": np.ones((4, 2)), "b": np.ones((4, 2))}
    for _ in range(count):
        method.update(params, ones, state)
    before = {"a": params["a"].copy(), "b": params["b"].copy()}
    both = np.ones((8, 2))
    for code, other in (
        ("S308", {"a": params["a"], "b": params["a"]}),
        ("S308", {"a": both[:4], "b": both[3:7]}),
        ("S305", {"a": params["a"].astype(">f8"), "b": params["b"]}),
        ("S305", {"a": params["a"].astype(np.longdouble), "b": params["b"]}),
        ("S340", {"a": np.ones((2, 4)), "b": params["b"]}),
    ):
        with pytest.raises(SrcadError, match=code):
            method.update(other, ones, state)
    params["a"].flags.writeable = False
    with pytest.raises(SrcadError, match="S317"):
        method.update(params, ones, state)
    params["a"].flags.writeable = True
    state["mean['b']"].flags.writeable = False
    with pytest.raises(SrcadError, match="S341"):
        method.update(params, ones, state)
    assert state["count"] == count
    for name, want in before.items():
        np.testing.assert_array_equal(params[name], want)


def test_a_state_of_any_layout_is_changed_in_place() -> None:
    method, params, ones = optim.adam(), {"a": np.ones((3, 2))}, {"a": np.ones((3, 2))}
    state, plain = method.start(params), method.start(params)
    state["mean['a']"] = np.zeros((3, 4))[:, ::2]
    state["square['a']"] = np.zeros((2, 3)).T
    twin = {"a": np.ones((3, 2))}
    for _ in range(3):
        method.update(params, ones, state)
        method.update(twin, ones, plain)
    np.testing.assert_array_equal(params["a"], twin["a"])
    for key in plain:
        np.testing.assert_array_equal(state[key], plain[key])


def test_keys_that_look_alike_have_states_of_their_own() -> None:
    own = {"a'b": np.zeros(1), 'a"b': np.zeros(1), 1: np.zeros(1), "1": np.zeros(1), "a/b": np.zeros(1)}
    method = optim.adam(0.1)
    state = method.start(own)
    assert len(state) == 11 and len(by_file(state)) == 11
    for key, slope in zip(own, (1.0, -1.0, 1.0, -1.0, 0.0)):
        method.update({key: own[key]}, {key: np.array([slope])}, method.start({key: own[key]}))
    once = [x.copy() for x in own.values()]
    own = {key: np.zeros(1) for key in own}
    method.update(own, dict(zip(own, map(np.atleast_1d, (1.0, -1.0, 1.0, -1.0, 0.0)))), by_file(state))
    assert all(map(np.array_equal, own.values(), once))


class Alike:
    def __repr__(self) -> str:
        return "key"


def test_keys_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(SrcadError, match="S302"):
        optim.adam().start({Alike(): np.zeros(1), Alike(): np.zeros(1)})


def test_float32_is_computed_in_float32() -> None:
    """As NumPy computes the same formula in float32, bit for bit."""
    x = np.linspace(-1.0, 1.0, 1001, dtype=np.float32)
    g = np.cos(5.0 * x)
    method = optim.adagrad(np.float64(0.1), epsilon=1e-7)
    step, epsilon = np.float32(0.1), np.float32(1e-7)
    wanted = x - step * g / (np.sqrt(g * g) + epsilon)
    method.update(x, g.astype(np.float64), method.start(x))
    assert np.array_equal(x, wanted)


def test_nan_goes_into_its_own_parameter_only() -> None:
    x = np.ones(4)
    method = optim.adam(0.1)
    state = method.start(x)
    method.update(x, np.array([1.0, np.nan, 1.0, np.inf]), state)
    assert np.isnan(x).tolist() == [False, True, False, True]


@pytest.mark.parametrize("count", range(1, 20))
def test_arrays_of_any_length_are_changed_to_the_end(count: int) -> None:
    x, y = np.ones(count), np.ones(count)
    method = optim.adam(0.1)
    method.update(x, np.full(count, 2.0), method.start(x))
    assert np.allclose(x, 0.9) and np.array_equal(optim.sgd(1.0).update(y, y, optim.sgd(1.0).start(y)), np.zeros(count))


# ---- schedules ----------------------------------------------------------------------------------------


def test_a_schedule_gets_the_number_of_updates_before() -> None:
    seen: list[int] = []

    def schedule(count: int) -> float:
        seen.append(count)
        return 0.5**count

    x, method = np.zeros(1), optim.sgd(schedule)
    state = method.start(x)
    for _ in range(4):
        method.update(x, np.ones(1), state)
    assert seen == [0, 1, 2, 3] and x[0] == -(1.0 + 0.5 + 0.25 + 0.125)


def test_schedules_at_their_ends() -> None:
    cosine = optim.cosine(1.0, 10, last=0.2)
    assert cosine(0) == 1.0 and cosine(5) == pytest.approx(0.6) and cosine(10) == pytest.approx(0.2) == cosine(11)
    assert [optim.warm_up(0, 0.3)(k) for k in (0, 1)] == [0.3, 0.3]
    assert optim.warm_up(10, optim.cosine(1.0, 10))(9) == 1.0 == optim.warm_up(10, optim.cosine(1.0, 10))(10)
    assert optim.exponential_decay(2.0, 0.1, every=10)(5) == pytest.approx(2.0 * 0.1**0.5)
    assert [optim.piecewise((3.0, 2.0, 1.0), (2, 4))(k) for k in range(6)] == [3.0, 3.0, 2.0, 2.0, 1.0, 1.0]
    nested = optim.adam(optim.warm_up(5, optim.constant(0.1)))
    assert pickle.loads(pickle.dumps(nested)) == nested and "warm_up(updates=5" in repr(nested)


# ---- clipping -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_clipping_by_norm_scales_all_leaves(dtype: Any) -> None:
    gradient = gradient_of(model(dtype))
    whole = np.concatenate([np.ravel(np.array(leaf, np.float64)) for leaf in leaves(gradient)])
    before = leaves(gradient)
    norm = np.linalg.norm(whole)
    clipped, found = optim.clip_by_norm(gradient, 0.5)
    assert found == pytest.approx(norm, rel=1e-12)
    after = np.concatenate([np.ravel(np.array(leaf, np.float64)) for leaf in leaves(clipped)])
    np.testing.assert_allclose(after, whole * (0.5 / norm), rtol=1e-6 if dtype is np.float32 else 1e-14)
    assert all(a is b for a, b in zip(before, leaves(clipped), strict=True) if isinstance(a, np.ndarray))
    again, norm_again = optim.clip_by_norm(clipped, 0.6)
    assert norm_again == pytest.approx(0.5, rel=1e-6) and again is clipped


@pytest.mark.parametrize("size", [1e200, 1e-200, 1e-310, 3e-162])
def test_norms_neither_overflow_nor_vanish(size: float) -> None:
    gradient = [np.array([3.0 * size]), np.array([4.0 * size])]
    _, norm = optim.clip_by_norm(gradient, 1e250)
    assert norm == pytest.approx(5.0 * size, rel=1e-12)
    single = [np.array([3e30, 4e30], np.float32)]
    _, norm = optim.clip_by_norm(single, 1.0)
    assert norm == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(single[0], [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_leaves_the_gradient_as_it_is(bad: float) -> None:
    gradient = {"a": np.array([1.0, bad]), "b": np.array([1e300])}
    kept = gradient["a"].copy()
    same, norm = optim.clip_by_norm(gradient, 1.0)
    assert same is gradient and not np.isfinite(norm) and np.array_equal(gradient["a"], kept, equal_nan=True)
    assert np.isnan(norm) == np.isnan(bad)


def test_clipping_by_value() -> None:
    rows = np.zeros((2, 3))
    rows[:, ::2] = [[-5.0, 0.5], [np.inf, np.nan]]
    view = rows[:, ::2]
    gradient = {"a": view, "b": -2.0, "c": None}
    clipped = optim.clip_by_value(gradient, -1.0, 2.0)
    assert clipped["a"] is view and clipped["b"] == -1.0 and clipped["c"] is None
    assert np.array_equal(rows, [[-1.0, 0.0, 0.5], [2.0, 0.0, np.nan]], equal_nan=True)
    assert optim.clip_by_value(-5.0, 0.0, np.inf) == 0.0
    assert optim.clip_by_norm((), 1.0) == ((), 0.0)


# ---- what is refused ----------------------------------------------------------------------------------


def params() -> Any:
    return {"w": np.ones((2, 3)), "b": np.ones(2), "c": 1.0, "s": "name"}


def fitting(**other: Any) -> Any:
    return {"w": np.ones((2, 3)), "b": np.ones(2), "c": 1.0, "s": None} | other


@pytest.mark.parametrize(
    "gradient",
    [
        fitting(w=np.ones((3, 2))),
        fitting(w=np.ones(3)),  # it would broadcast
        fitting(w=1.0),
        fitting(w=None),
        fitting(b=np.ones((2, 1))),
        fitting(b=np.ones(2, complex)),
        fitting(b=np.ones(2, int)),
        fitting(c=np.ones(1)),
        fitting(c=None),
        fitting(s=1.0),
        {"w": np.ones((2, 3))},
        fitting(more=1.0),
        list(fitting().values()),
        fitting(w=[[1.0] * 3] * 2),
        None,
    ],
)
def test_gradients_that_do_not_fit_are_refused_before_anything_changes(gradient: Any) -> None:
    own, method = params(), optim.adam()
    state = method.start(own)
    with pytest.raises(SrcadError, match="S340"):
        method.update(own, gradient, state)
    assert np.all(own["w"] == 1.0) and np.all(own["b"] == 1.0)
    assert all(not np.any(one) for one in state.values())


def test_the_order_of_keys_does_not_count() -> None:
    own, method = {"a": np.zeros(2), "b": np.zeros(2)}, optim.sgd(1.0)
    method.update(own, {"b": np.ones(2), "a": np.full(2, 5.0)}, method.start(own))
    assert own["a"].tolist() == [-5.0, -5.0] and own["b"].tolist() == [-1.0, -1.0]


def spoiled(change: Callable[[Any], Any]) -> Any:
    state = optim.adam().start(params())
    return change(state) or state


@pytest.mark.parametrize(
    "state",
    [
        optim.rmsprop().start(params()),
        optim.sgd(1.0).start(params()),
        optim.adam().start({"w": np.ones((2, 3))}),
        optim.adam().start(params() | {"more": 1.0}),
        spoiled(lambda state: state.update({"mean['b']": np.zeros(3)})),
        spoiled(lambda state: state.update({"mean['b']": np.zeros(2, np.float32)})),
        spoiled(lambda state: state.update(count=np.array(1.0))),
        spoiled(lambda state: state.update(count=1)),
        spoiled(lambda state: state["square['w']"].setflags(write=False)),
        spoiled(lambda state: list(state.values())),
    ],
)
def test_states_that_do_not_fit_are_refused(state: Any) -> None:
    own = params()
    with pytest.raises(SrcadError, match="S341"):
        optim.adam().update(own, fitting(), state)
    assert np.all(own["w"] == 1.0)


def read_only() -> Any:
    x = np.ones(3)
    x.setflags(write=False)
    return x


SHARED = np.ones(4)


@pytest.mark.parametrize(
    "code, own",
    [
        ("S308", [SHARED, SHARED]),
        ("S308", (SHARED[:3], SHARED[2:])),
        ("S308", np.lib.stride_tricks.as_strided(np.ones(4), (3, 2), (8, 8))),
        ("S317", {"x": read_only()}),
        ("S305", np.ones(2, np.float16)),
        ("S305", np.ones(2, ">f8")),
        ("S304", np.ones(2, complex)),
        ("S304", {"w": np.ones(2), "z": 1j}),
        ("S302", np.ma.masked_array(np.ones(2), [True, False])),
    ],
)
def test_parameters_that_cannot_be_changed_in_place_are_refused(code: str, own: Any) -> None:
    with pytest.raises(SrcadError, match=code):
        optim.adam().start(own)
    with pytest.raises(SrcadError, match=code):
        optim.sgd(1.0).update(own, own, {"count": np.array(0)})
    with pytest.raises(SrcadError, match=code):
        optim.clip_by_norm(own, 1.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optim.sgd(-1.0),
        lambda: optim.sgd(float("nan")),
        lambda: optim.sgd("fast"),
        lambda: optim.sgd(0.1, momentum=1.0),
        lambda: optim.sgd(0.1, nesterov=True),
        lambda: optim.adam(beta1=1.0),
        lambda: optim.adam(beta2=-0.1),
        lambda: optim.adam(epsilon=-1e-8),
        lambda: optim.rmsprop(decay=2.0),
        lambda: optim.adamw(decay=-1.0),
        lambda: optim.warm_up(-1, 0.1),
        lambda: optim.cosine(0.1, 0),
        lambda: optim.piecewise((0.1,), (10,)),
        lambda: optim.piecewise((0.1, 0.2, 0.3), (10, 5)),
        lambda: optim.clip_by_norm(1.0, -1.0),
        lambda: optim.clip_by_value(1.0, 2.0, 1.0),
        lambda: optim.clip_by_value(1.0, float("nan"), 1.0),
        lambda: optim.sgd(lambda count: None).update(1.0, 1.0, optim.sgd(1.0).start(1.0)),
        lambda: optim.sgd(lambda count: "0.1 each").update(1.0, 1.0, optim.sgd(1.0).start(1.0)),
        lambda: optim.sgd(lambda count: float("nan")).update(1.0, 1.0, optim.sgd(1.0).start(1.0)),
    ],
)
def test_numbers_out_of_range_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(SrcadError, match="S310"):
        make()


@pytest.mark.parametrize("leaf", ["text", True, np.arange(3)])
def test_only_gradients_are_clipped(leaf: Any) -> None:
    with pytest.raises(SrcadError, match="S340"):
        optim.clip_by_norm({"a": leaf}, 1.0)


# ---- compilation --------------------------------------------------------------------------------------

LIGHT = "import srcad, sys; assert not {'numba', 'scipy', 'srcad.optim.kernels'} & set(sys.modules)"
UPDATE = """
import numpy as np, srcad, sys
method = srcad.optim.adam(0.1)
for dtype in (np.float64, np.float32):
    for shape in ((), (1,), (3,), (20,), (3, 4), (2, 3, 4)):
        x = np.ones(shape, dtype)
        method.update(x, x, method.start(x))
from srcad.optim.compiled_kernels import kernel
one = kernel("adam")
print(sum(one.stats.cache_misses.values()), sum(one.stats.cache_hits.values()), len(one.signatures))
"""


def run(code: str, **variables: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def test_importing_compiles_nothing_and_a_second_process_starts_warm(tmp_path: Path) -> None:
    run(LIGHT)
    folder = str(tmp_path / "cache")
    assert run(UPDATE, SRCAD_CACHE_DIR=folder) == "2 0 2"  # one for each dtype, whatever the shape
    assert run(UPDATE, SRCAD_CACHE_DIR=folder) == "0 2 2"


def test_without_a_folder_for_the_cache_each_process_compiles_anew(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert run(UPDATE, SRCAD_CACHE_DIR=str(file / "cache")) == "2 0 2"


def test_without_numbas_compiler_the_loops_run_in_python() -> None:
    code = "import numpy as np, srcad; x = np.ones(2); m = srcad.optim.adam(0.5)\n"
    code += (
        "print(m.update(x, np.array([1.0, -2.0]), m.start(x)).round(6), round(srcad.optim.clip_by_norm(x, 1.0)[1], 6))"
    )
    assert run(code, NUMBA_DISABLE_JIT="1") == "[0.5 1.5] 1.581139"


def test_kernels_can_be_called_in_a_loop_that_numba_compiles() -> None:
    from numba import njit

    from srcad.optim import kernels

    update = njit(kernels.nesterov)

    @njit
    def descend(x: Any, velocity: Any, updates: int) -> None:
        for _ in range(updates):
            update(x, 2.0 * x, velocity, 0.1, 0.9)

    x, y = np.array([1.0, -2.0]), np.array([1.0, -2.0])
    descend(x, np.zeros(2), 10)
    method = optim.sgd(0.1, momentum=0.9, nesterov=True)
    state = method.start(y)
    for _ in range(10):
        method.update(y, 2.0 * y, state)
    assert np.array_equal(x, y)

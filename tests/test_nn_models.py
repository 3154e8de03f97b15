"""Models: their values against formulas written out here, their gradients, their parameters, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import nn

pytestmark = pytest.mark.one_in(10, least=3)

rng = np.random.default_rng(13)


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def randomised(params: Any) -> Any:
    return {name: rng.normal(size=value.shape) for name, value in params.items()}


def test_neural_network() -> None:
    f, params = nn.neural_network(4, [5, 6, 3], ["tanh", "relu", "sigmoid"])
    params = [randomised(layer) for layer in params]
    x = rng.normal(size=(7, 4))
    h = np.tanh(x @ params[0]["weights"] + params[0]["bias"])
    h = np.maximum(h @ params[1]["weights"] + params[1]["bias"], 0.0)
    scores = h @ params[2]["weights"] + params[2]["bias"]
    np.testing.assert_allclose(f(params, x), sigmoid(scores), rtol=1e-12)
    classifier, _ = nn.neural_network(4, [5, 6, 3], ["tanh", "relu", "sigmoid"], classifier=True)
    np.testing.assert_allclose(classifier(params, x), scores, rtol=1e-12)
    srcad.check_grad(lambda params, x: np.sum(np.sin(f(params, x))), params, x, argnums=(0, 1), target="python")


def test_dropout_of_a_network() -> None:
    f, params = nn.neural_network(4, [5, 3], "tanh", classifier=True, dropout_rates=[0.0, 0.5])
    x = rng.normal(size=(7, 4))
    draws = nn.dropout_draws(rng, 7, [4, 5])
    h = np.tanh(x @ params[0]["weights"]) * (draws[1] >= 0.5) / 0.5
    np.testing.assert_allclose(f(params, x, draws), h @ params[1]["weights"], rtol=1e-12)
    np.testing.assert_allclose(f(params, x), np.tanh(x @ params[0]["weights"]) @ params[1]["weights"], rtol=1e-12)
    srcad.check_grad(lambda params: np.sum(np.sin(f(params, x, draws))), params, target="python")


def test_a_function_of_ones_own_as_activation() -> None:
    f, params = nn.neural_network(2, [3], lambda x: x * x)
    x = rng.normal(size=(4, 2))
    np.testing.assert_allclose(f(params, x), (x @ params[0]["weights"]) ** 2, rtol=1e-12)
    srcad.check_grad(lambda params: np.sum(f(params, x)), params, target="python")


def test_spatial_network() -> None:
    f, params = nn.spatial_network(2, [3, 4], [3, 2], [2, 1], ["relu", "tanh"], [0.0, 0.4], [1, 0], [1, 2])
    x = rng.normal(size=(2, 2, 6, 7))
    draws = nn.dropout_draws(rng, 2, [2, 3])
    params = [randomised(layer) for layer in params]
    h = nn.max_pool2d(np.maximum(nn.conv2d(params[0], x, 1), 0.0), 2)
    np.testing.assert_allclose(f(params, x), np.tanh(nn.conv2d(params[1], h, 0, 2)), rtol=1e-12)
    h = h * (draws[1] >= 0.4)[:, :, None, None] / 0.6
    np.testing.assert_allclose(f(params, x, draws), np.tanh(nn.conv2d(params[1], h, 0, 2)), rtol=1e-12)
    srcad.check_grad(lambda params: np.sum(np.sin(f(params, x, draws))), params, target="python")


def elman(params: Any, x: Any, state: Any) -> Any:
    return np.tanh(x @ params["inputs"] + state @ params["hidden"] + params["bias"])


def lstm(params: Any, x: Any, state: Any) -> Any:
    h, c = state
    i, f, g, o = np.split(x @ params["inputs"] + h @ params["hidden"] + params["bias"], 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(params: Any, x: Any, h: Any) -> Any:
    r, z, n = np.split(x @ params["inputs"] + params["bias"], 3, axis=-1)
    u_r, u_z, u_n = np.split(h @ params["hidden"], 3, axis=-1)
    update = sigmoid(z + u_z)
    return (1.0 - update) * np.tanh(n + sigmoid(r + u_r) * u_n) + update * h


RECURRENT: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "recurrent": (nn.recurrent_network, elman),
    "lstm": (nn.lstm_network, lstm),
    "gru": (nn.gru_network, gru),
}
kinds = pytest.mark.parametrize("kind", list(RECURRENT))


def first(kind: str, shape: tuple[int, ...]) -> Any:
    return (rng.normal(size=shape), rng.normal(size=shape)) if kind == "lstm" else rng.normal(size=shape)


@kinds
@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("shape", [(5, 3, 2), (5, 2), (1, 3, 2)])
def test_recurrent_networks(kind: str, output: str, shape: tuple[int, ...]) -> None:
    make, step = RECURRENT[kind]
    f, params = make(2, 4, output=output)
    params, x = randomised(params), rng.normal(size=shape)
    state = start = first(kind, (*shape[1:-1], 4))
    outputs = []
    for t in range(len(x)):
        state = step(params, x[t], state)
        outputs.append(state[0] if kind == "lstm" else state)
    found, found_state = f(params, x, start)
    np.testing.assert_allclose(found, np.array(outputs) if output == "all" else outputs[-1], rtol=1e-12)
    for one, want in zip(np.atleast_3d(found_state), np.atleast_3d(state)):
        np.testing.assert_allclose(one, want, rtol=1e-12)
    zeros = (np.zeros((*shape[1:-1], 4)),) * 2 if kind == "lstm" else np.zeros((*shape[1:-1], 4))
    np.testing.assert_array_equal(f(params, x)[0], f(params, x, zeros)[0])


@kinds
@pytest.mark.parametrize("output", ["last", "all"])
def test_gradients_of_recurrent_networks(kind: str, output: str) -> None:
    f, params = RECURRENT[kind][0](2, 3, output=output)
    params, x = randomised(params), rng.normal(size=(4, 2, 2))

    def total(params: Any, x: Any, state: Any) -> Any:
        found, after = f(params, x, state)
        if kind == "lstm":
            return np.sum(np.sin(found)) + np.sum(after[0] * after[1])
        return np.sum(np.sin(found)) + np.sum(after**2)

    srcad.check_grad(total, params, x, first(kind, (2, 3)), argnums=(0, 1, 2), target="python")
    srcad.check_grad(lambda params: np.sum(f(params, x)[0] ** 2), params, target="python")


@kinds
def test_no_steps_leave_the_state(kind: str) -> None:
    f, params = RECURRENT[kind][0](2, 3)
    x, start = np.zeros((0, 2, 2)), first(kind, (2, 3))
    h = start[0] if kind == "lstm" else start
    np.testing.assert_array_equal(f(params, x, start)[0], h)
    gradient = srcad.grad(lambda state: np.sum(f(params, x, state)[0]), target="python")(start)
    np.testing.assert_array_equal(gradient[0] if kind == "lstm" else gradient, np.ones((2, 3)))


@kinds
def test_two_halves_are_the_whole(kind: str) -> None:
    f, params = RECURRENT[kind][0](2, 3, output="all")
    params, x = randomised(params), rng.normal(size=(7, 2, 2))

    def whole(params: Any, x: Any) -> Any:
        return np.sum(np.sin(f(params, x)[0]))

    def halves(params: Any, x: Any) -> Any:
        early, state = f(params, x[:3])
        late, _ = f(params, x[3:], state)
        return np.sum(np.sin(early)) + np.sum(np.sin(late))

    early, state = f(params, x[:3])
    late, _ = f(params, x[3:], state)
    np.testing.assert_allclose(np.concatenate([early, late]), f(params, x)[0], rtol=1e-14)
    want = srcad.value_and_grad(whole, target="python")(params, x)
    found = srcad.value_and_grad(halves, target="python")(params, x)
    np.testing.assert_allclose(found[0], want[0], rtol=1e-12)
    for name in params:
        np.testing.assert_allclose(found[1][name], want[1][name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_cells_in_a_loop_of_ones_own(kind: str) -> None:
    f, params = RECURRENT[kind][0](2, 3)
    params, x = randomised(params), rng.normal(size=(4, 2, 2))
    cell = {"lstm": nn.lstm_cell, "gru": nn.gru_cell}[kind]
    start = first(kind, (2, 3))

    def looped(params: Any, x: Any, state: Any) -> Any:
        for t in range(len(x)):
            state = cell(params, nn.input_gates(params, x[t]), state)
        return np.sum(state[0] if kind == "lstm" else state)

    np.testing.assert_allclose(looped(params, x, start), np.sum(f(params, x, start)[0]), rtol=1e-12)
    srcad.check_grad(looped, params, x, start, argnums=(0, 1), target="python")


@kinds
def test_extreme_gates(kind: str) -> None:
    f, params = RECURRENT[kind][0](1, 2)
    params = {name: np.where(value >= 0.0, 1.0, -1.0) * 1000.0 for name, value in params.items()}
    gradient = srcad.grad(lambda params, x: np.sum(f(params, x)[0]), (0, 1), target="python")
    for part in (*(found := gradient(params, np.array([[[1.0]], [[-1.0]]])))[0].values(), found[1]):
        assert np.all(np.isfinite(part))


def test_shapes_of_parameters_that_do_not_fit() -> None:
    x = rng.normal(size=(4, 2, 2))
    for make in (nn.lstm_network, nn.gru_network):
        f, params = make(2, 4)
        narrower = {"inputs": params["inputs"][:, :-3], "hidden": params["hidden"][:, :-3], "bias": params["bias"][:-3]}
        for call in (f, srcad.value_and_grad(lambda params, x: np.sum(f(params, x)[0]), target="python")):
            with pytest.raises(ValueError):
                call(narrower, x)


def test_seeds_and_dtypes() -> None:
    def arrays(params: Any) -> list[Any]:
        layers = params if isinstance(params, list) else [params]
        return [value for layer in layers for value in layer.values()]

    for make, args in [
        (nn.neural_network, (3, [4, 2])),
        (nn.spatial_network, (1, [2])),
        (nn.recurrent_network, (3, 4)),
        (nn.lstm_network, (3, 4)),
        (nn.gru_network, (3, 4)),
    ]:
        one, same, other = (arrays(make(*args, seed=seed)[1]) for seed in (1, np.random.default_rng(1), 2))
        assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
        assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
        assert {a.dtype for a in arrays(make(*args, dtype=np.float32)[1])} == {np.dtype(np.float32)}


def test_first_weights_have_the_variance_of_their_formula() -> None:
    _, (relu, tanh) = nn.neural_network(400, [300, 200], ["relu", "tanh"])
    assert abs(np.var(relu["weights"]) / (2.0 / 400) - 1.0) < 0.02
    assert abs(np.var(tanh["weights"]) / (2.0 / 500) - 1.0) < 0.02
    assert np.max(np.abs(tanh["weights"])) <= np.sqrt(6.0 / 500)
    _, (kernel,) = nn.spatial_network(30, [40], 3)
    assert abs(np.var(kernel["kernel"]) / (2.0 / 270) - 1.0) < 0.05
    _, params = nn.lstm_network(3, 4)
    np.testing.assert_array_equal(params["bias"], np.repeat([0.0, 1.0, 0.0, 0.0], 4))


def test_float32_models() -> None:
    x = rng.normal(size=(3, 2, 2)).astype(np.float32)
    for make, _ in RECURRENT.values():
        f, params = make(2, 4, dtype=np.float32)
        assert f(params, x)[0].dtype == np.float32
        value, gradient = srcad.value_and_grad(lambda params: np.sum(f(params, x)[0]), target="python")(params)
        assert value.dtype == np.float32 and {part.dtype for part in gradient.values()} == {np.dtype(np.float32)}


def test_the_text_says_which_layer_is_reversed() -> None:
    f, params = nn.neural_network(3, [4, 2], "tanh", classifier=True)

    def loss(params: Any, x: Any, y: Any) -> Any:
        return nn.least_squares(f(params, x), y)

    text = srcad.grad(loss).source_for(params, np.ones((5, 3)), np.ones((5, 2)))
    comments = [line.split()[1] for line in text.partition("reverse sweep")[2].splitlines() if "# " in line]
    assert comments == ["least_squares", "dense", "tanh", "dense"]


def test_errors_are_at_the_call_of_the_model() -> None:
    f, params = nn.neural_network(3, [2], classifier=True)

    def loss(params: Any, x: Any) -> Any:
        return np.sum(f(params, x)[0, :, 0])

    with pytest.raises(srcad.SrcadError) as caught:
        srcad.grad(loss)(params, np.ones((5, 3)))
    assert caught.value.problems[0].span.file.endswith("test_nn_models.py")
    with pytest.raises(ValueError, match=r"L\d+: f\(params, x\): shapes"):
        srcad.grad(lambda params, x: np.sum(f(params, x)), target="python")(params, np.ones((5, 4)))


def test_what_constructors_refuse() -> None:
    for wrong in (
        lambda: nn.neural_network(4, [5, 6], "swoosh"),
        lambda: nn.neural_network(4, [5, 6], ["relu"]),
        lambda: nn.neural_network(4, [5, 6], dropout_rates=[0.5, 1.0]),
        lambda: nn.spatial_network(4, [5, 6], poolings=[1, 2, 3]),
        lambda: nn.lstm_network(4, 5, output="first"),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_another_network_under_the_same_name_is_another_network() -> None:
    x = rng.normal(size=(4, 3))
    made = {kind: nn.neural_network(3, [3, 3], kind) for kind in ("relu", "tanh")}
    params = [randomised(layer) for layer in made["relu"][1]]
    chosen = {"f": made["relu"][0]}

    def loss(params: Any) -> Any:
        return np.sum(f(params, x))

    f = made["relu"][0]
    gradient = srcad.value_and_grad(loss, target="python")
    assert gradient(params)[0] == loss(params)
    f = made["tanh"][0]
    np.testing.assert_allclose(gradient(params)[0], loss(params), rtol=1e-14)
    assert chosen["f"](params, x).shape == (4, 3)


def test_compiled_models_learn() -> None:
    images = rng.normal(size=(20, 1, 6, 6))
    labels = (images[:, 0, :3].sum(axis=(1, 2)) > images[:, 0, 3:].sum(axis=(1, 2))).astype(np.int64)
    features, kernels = nn.spatial_network(1, [3], 3, 2, "tanh", paddings=1)
    scores, weights = nn.neural_network(27, [2], classifier=True)

    def loss(params: Any, x: Any, labels: Any) -> Any:
        maps = features(params["kernels"], x)
        return nn.multinomial_logistic(scores(params["weights"], np.reshape(maps, (len(x), -1))), labels)

    step = srcad.value_and_grad(loss)
    params = {"kernels": kernels, "weights": weights}
    before, found = step(params, images, labels)
    want = srcad.grad(loss, target="python")(params, images, labels)
    np.testing.assert_allclose(found["kernels"][0]["kernel"], want["kernels"][0]["kernel"], rtol=1e-10)
    np.testing.assert_allclose(found["weights"][0]["weights"], want["weights"][0]["weights"], rtol=1e-10)
    for _ in range(60):
        gradient = step(params, images, labels)[1]
        for group in params:
            for layer, change in zip(params[group], gradient[group]):
                for name in layer:
                    layer[name] -= 0.5 * change[name]
    assert step(params, images, labels)[0] < 0.2 * before


def test_compiled_lstm() -> None:
    f, params = nn.lstm_network(2, 3, output="all")
    params, x = randomised(params), rng.normal(size=(4, 2, 2))
    gradients = [
        srcad.grad(lambda params: np.sum(np.sin(f(params, x)[0])), target=t)(params) for t in ("cpu", "python")
    ]
    for name in params:
        np.testing.assert_allclose(gradients[0][name], gradients[1][name], rtol=1e-10, atol=1e-12)

"""`srcad.interop.torch`: functions of ours in torch's graph, modules of torch in functions of ours."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

torch = pytest.importorskip("torch")

from srcad.interop.torch import AutoCriterion, AutoModule, as_torch, functionalize  # noqa: E402
from srcad.rules.external import digest  # noqa: E402
from srcad.rules.primitives import PRIMITIVES  # noqa: E402


def layered(x: Any, p: Any, n: Any, labels: Any) -> Any:
    y = np.tanh(x @ p["w"]) * p["s"]
    for _ in range(n):
        y = y * y + p["w"][0]
    return {"y": y, "loss": np.sum(y), "count": n + 1, "labels": labels, "positive": y > 0}


def linear(x: Any, weight: Any, bias: Any) -> Any:
    return x @ weight.T + bias


def linear_relu(x: Any, weight: Any, bias: Any) -> Any:
    y = x @ weight.T + bias
    return 0.5 * (np.abs(y) + y)


def squares(x: Any, target: Any) -> Any:
    return np.mean((x - target) ** 2)


def random(*shape: int, dtype: Any = torch.float64) -> Any:
    made = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))
    return made.to(dtype).requires_grad_()


# ---- a function of ours ------------------------------------------------------------------------------


def test_gradcheck() -> None:
    """Any nesting, a tensor that is not contiguous, a number, integers that have no gradient; second derivatives."""
    f = as_torch(layered, target="python")

    def flat(x: Any, w: Any, s: Any) -> Any:
        out = f(x, {"w": w, "s": s}, 2, torch.arange(3))
        return out["y"], out["loss"]

    given = random(4, 3), random(2, 3).detach().T.requires_grad_(), random()
    assert torch.autograd.gradcheck(flat, given)
    assert torch.autograd.gradgradcheck(flat, given)
    out = f(given[0], {"w": given[1], "s": given[2]}, 2, torch.arange(3))
    assert out["count"] == 3 and not out["labels"].requires_grad and out["positive"].dtype == torch.bool


def test_third_derivative() -> None:
    x = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    y = as_torch(lambda x: x**4, target="python")(x)
    for want in (4 * 0.7**3, 12 * 0.7**2, 24 * 0.7):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        assert abs(y.item() - want) < 1e-12


def test_single_precision() -> None:
    x = random(5, dtype=torch.float32)
    y = as_torch(lambda x, s: np.sin(x) * s, target="python")(x, torch.tensor(2.0, requires_grad=True))
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.float32
    torch.testing.assert_close(x.grad, 2.0 * torch.cos(x.detach()))


def test_no_copies() -> None:
    """The function reads the memory of the tensor, and the tensor is the memory of the result."""
    x = random(1000)
    seen = []
    f = as_torch(lambda x: 2.0 * x, target="python")
    made = f._vjp((0,))
    f._vjp = lambda argnums: lambda *args: (seen.append(args[0]), made(*args))[1]
    y = f(x)
    assert seen[0].ctypes.data == x.data_ptr() and not y.detach().numpy().flags.owndata


@pytest.mark.parametrize(
    "f", [lambda x: x, lambda x: x[::-1], lambda x: (x, x)[1], lambda x: np.broadcast_to(x, (2, 3))]
)
def test_results_are_memory_of_their_own(f: Callable[..., Any]) -> None:
    x = random(3)
    y = as_torch(f, target="python")(x)
    with torch.no_grad():
        y.fill_(7.0)
    assert 7.0 not in x


def test_gradients_are_memory_of_their_own() -> None:
    """Torch adds later gradients into the memory of the first: it may not be another's."""
    x, y = random(3), random(3)
    f = as_torch(lambda x, y: x + y, target="python")
    f(x, y).sum().backward()
    f(x, 2.0).sum().backward()
    assert x.grad.tolist() == [2.0] * 3 and y.grad.tolist() == [1.0] * 3


def test_arguments_are_not_changed() -> None:
    def writes(x: Any, y: Any) -> Any:
        y[0] = 2.0 * x[0]
        return x * y

    x, y = random(3), torch.zeros(3, dtype=torch.float64)
    as_torch(writes, target="python")(x, y).sum().backward()
    assert y.tolist() == [0.0] * 3
    torch.testing.assert_close(x.grad, torch.tensor([4.0 * x[0].item(), 0.0, 0.0], dtype=torch.float64))


def test_argument_changed_after_the_call() -> None:
    x = random(3)
    p = torch.ones(3, dtype=torch.float64)
    y = as_torch(lambda x, p: x * p, target="python")(x, p).sum()
    with torch.no_grad():
        p.fill_(9.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):  # of torch, as for its own functions
        y.backward()


def test_only_what_requires_a_gradient() -> None:
    """No derivative is asked for of what has none: here, of the function of the second argument that has no rule."""

    @srcad.opaque
    def unknown(x: Any) -> Any:
        return 2.0 * x

    f = as_torch(lambda x, y: x * unknown(y), target="python")
    x, y = random(3), random(3).detach()
    f(x, y=y).sum().backward()
    assert x.grad.tolist() == (2.0 * y).tolist()
    with pytest.raises(srcad.DerivativeError, match="S203"):
        f(x, y.requires_grad_())


def test_unused_output_and_flag() -> None:
    x = random(3)
    first, _ = as_torch(lambda x, flag: (2.0 * x if flag else x, np.sum(x)), target="python")(x, True)
    first.sum().backward()
    assert x.grad.tolist() == [2.0] * 3


@dataclass
class State:
    level: Any
    rate: Any


def test_dataclass() -> None:
    x = random(3)
    found = as_torch(lambda s: State(s.level * s.rate, s.rate), target="python")(State(x, torch.full((3,), 2.0)))
    assert isinstance(found, State)
    found.level.sum().backward()
    assert x.grad.tolist() == [2.0] * 3


def test_tensors_that_overlap() -> None:
    """Views of one memory are refused where the function writes into one of them."""

    def writes(u: Any, v: Any) -> Any:
        u[0] = 3.0 * v[1]
        return u * v

    whole = torch.arange(4.0)
    with pytest.raises(srcad.ArgumentError, match="S308"):
        as_torch(writes, target="python")(whole[:2].requires_grad_(), whole[1:3])
    with pytest.raises(srcad.ArgumentError, match="S308"):
        as_torch(writes, target="python")(torch.ones(1).expand(3).requires_grad_(), torch.ones(3))


def test_graph_used_twice_and_result_changed() -> None:
    """The pullback keeps what it reads of the result: what torch does to that afterwards is no matter."""
    x = random(3)
    y = as_torch(lambda x: np.exp(x), target="python")(x)
    y.mul_(2.0)
    for count in (1, 2):
        y.sum().backward(retain_graph=True)
        torch.testing.assert_close(x.grad, 2.0 * count * x.detach().exp())


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.ones(2, dtype=torch.float16), r"S305: args\[0\]\[\"a\"\] is a tensor of torch.float16"),
        (torch.ones(2, dtype=torch.complex64), "S305"),
        (torch.ones(2, device="meta"), "S302: .* is a tensor on meta"),
        (torch.ones(2, 2).to_sparse(), "S302"),
    ],
)
def test_refused(tensor: Any, words: str) -> None:
    with pytest.raises(srcad.ArgumentError, match=words):
        as_torch(lambda p: 2.0 * p["a"], target="python")({"a": tensor})


# ---- modules and criteria ----------------------------------------------------------------------------


def native() -> Any:
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 2))


def automatic(target: str = "python") -> Any:
    of, (first, _, second) = {}, native()
    for f in (linear_relu, linear):
        of[f] = as_torch(f, target=target)
    return torch.nn.Sequential(
        AutoModule(of[linear_relu], weight=first.weight, bias=first.bias),
        AutoModule(of[linear], weight=second.weight, bias=second.bias),
    )


def trained(model: Any, criterion: Any, steps: int = 50) -> list[Any]:
    generator = torch.Generator().manual_seed(5)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    model.double()
    for _ in range(steps):
        x = torch.randn(8, 5, dtype=torch.float64, generator=generator)
        optimiser.zero_grad()
        criterion(model(x), torch.stack([x.sum(1), x.prod(1)], 1)).backward()
        optimiser.step()
    return list(model.parameters())


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_trains_as_the_native_module(target: str) -> None:
    ours = trained(automatic(target), AutoCriterion(as_torch(squares, target=target)))
    theirs = trained(native(), torch.nn.MSELoss())
    start = list(native().double().parameters())
    for a, b, c in zip(ours, theirs, start, strict=True):
        torch.testing.assert_close(a, b, rtol=0.0, atol=1e-6)
        assert (a - c).abs().max() > 1e-2


def test_copied_saved_loaded() -> None:
    model, x = automatic().double(), random(8, 5)
    twin = copy.deepcopy(model)
    assert [*twin.state_dict()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    trained(twin, AutoCriterion(as_torch(squares, target="python")), 3)
    assert not torch.equal(twin(x), model(x))
    file = io.BytesIO()
    torch.save(twin.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))
    assert torch.equal(twin(x), model(x))
    again = pickle.loads(pickle.dumps(twin))
    assert torch.equal(again(x), twin(x)) and "linear_relu" in repr(again)


def test_parameters_are_copies() -> None:
    weight = np.ones((2, 3))
    module = AutoModule(linear, weight=weight, bias=torch.zeros(2, dtype=torch.float64))
    with torch.no_grad():
        module.weight.fill_(3.0)
    assert np.all(weight == 1.0) and module.weight.dtype == torch.float64


# ---- modules of torch in functions of ours -----------------------------------------------------------


def test_functionalized() -> None:
    """Value and gradient are torch's, in plain Python and compiled; what is around them is differentiated by srcad."""
    net = native().double()
    x, target = random(8, 5).detach().numpy(), random(8, 2).detach().numpy()
    f, params = functionalize(net, x)
    mean_square, none = functionalize(torch.nn.MSELoss(), target, target)
    assert none == {} and [*params] == ["0.weight", "0.bias", "2.weight", "2.bias"]

    def loss(params: Any, x: Any) -> Any:
        return mean_square(f(params, np.sin(x)), target) + np.sum(params["0.bias"] ** 2)

    leaf = torch.from_numpy(x).requires_grad_()
    want = torch.nn.MSELoss()(net(torch.sin(leaf)), torch.from_numpy(target)) + (net[0].bias ** 2).sum()
    want.backward()
    for kind in ("python", "cpu"):
        value, (d_params, d_x) = srcad.value_and_grad(loss, (0, 1), target=kind)(params, x)
        assert abs(value - want.item()) < 1e-14
        np.testing.assert_allclose(d_x, leaf.grad, rtol=1e-12, atol=1e-14)
        for name, parameter in net.named_parameters():
            np.testing.assert_allclose(d_params[name], parameter.grad, rtol=1e-12, atol=1e-14)


def test_second_derivatives_of_a_functionalized_module() -> None:
    """Reverse mode of the gradient, and forward mode of it."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh()).double()
    x = np.array([[0.3, -0.2], [0.5, 1.0]])
    f, params = functionalize(net, x)
    gradient = srcad.grad(lambda x, params: np.sum(f(params, x) ** 2), target="python")
    want = torch.autograd.functional.hessian(lambda x: (net(x) ** 2).sum(), torch.from_numpy(x))
    for mode in ("reverse", "forward"):
        found = srcad.jacobian(gradient, mode=mode, target="python")(x, params)
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-14)


def test_numbers_and_integers() -> None:
    """A number has a number for its gradient, an integer none; in float32 too."""
    f, _ = functionalize(lambda x, k, s: (x * s).relu() ** k, np.ones(3, np.float32), 2, np.float32(1.0))
    entropy, _ = functionalize(torch.nn.functional.cross_entropy, np.ones((2, 3)), np.zeros(2, np.int64))
    x = np.array([1.0, -2.0, 3.0], np.float32)
    d_x, d_s = srcad.grad(lambda x, s: np.sum(f(x, 2, s)), (0, 1), target="python")(x, np.float32(0.5))
    assert d_x.dtype == np.float32 and d_x.tolist() == [0.5, 0.0, 1.5] and d_s == 10.0
    scores, labels = random(4, 3), torch.tensor([0, 2, 1, 1])
    torch.nn.functional.cross_entropy(scores, labels).backward()
    given = scores.detach().numpy(), labels.numpy()
    found = srcad.grad(lambda s, labels: entropy(s, labels), target="python")(*given)
    np.testing.assert_allclose(found, scores.grad, rtol=1e-12)


def test_training_in_the_memory_of_the_module() -> None:
    """Steps on `params` in place train the module, as torch trains its twin."""
    ours, theirs = native().double(), native().double()
    x, target = random(8, 5).detach().numpy(), random(8, 2).detach().numpy()
    f, params = functionalize(ours, x)
    gradient = srcad.grad(lambda p: np.mean((f(p, x) - target) ** 2), target="python")
    optimiser = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(50):
        for name, d in gradient(params).items():
            params[name] -= 0.1 * d
        optimiser.zero_grad()
        torch.nn.MSELoss()(theirs(torch.from_numpy(x)), torch.from_numpy(target)).backward()
        optimiser.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0.0, atol=1e-6)


def test_layouts_and_views() -> None:
    """Arrays that torch cannot have in their memory; a result that is memory of an argument, or of the module."""
    f, _ = functionalize(lambda x: x.reshape(-1), np.ones((2, 3)))
    x = np.arange(6.0).reshape(3, 2).T[::-1]
    x.flags.writeable = False
    weight = np.arange(6.0)
    gradient = srcad.grad(lambda x: np.sum(f(x) * weight), target="python")(x)
    assert gradient.tolist() == weight.reshape(2, 3).tolist()
    kept = torch.ones(3, dtype=torch.float64, requires_grad=True)
    g, _ = functionalize(lambda x: kept if len(x) else x, np.ones(3))

    def writes(x: Any) -> Any:
        y = g(x)
        y[0] = 5.0
        return np.sum(y)

    assert srcad.jit(writes, target="python")(np.ones(3)) == 7.0 and kept.tolist() == [1.0] * 3


def test_buffers_are_not_written() -> None:
    """Batch normalisation writes its running mean: the sweeps have to see the same module."""
    net = torch.nn.BatchNorm1d(3).double()
    f, params = functionalize(net, np.ones((4, 3)))
    x = random(4, 3).detach().numpy()
    d_params, d_x = srcad.grad(lambda p, x: np.sum(f(p, x) ** 3), (0, 1), target="python")(params, x)
    assert net.running_mean.tolist() == [0.0] * 3
    leaf = torch.from_numpy(x).requires_grad_()
    (net(leaf) ** 3).sum().backward()
    np.testing.assert_allclose(d_x, leaf.grad, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(d_params["weight"], net.weight.grad, rtol=1e-12)


def test_parameter_in_two_places() -> None:
    first, second = torch.nn.Linear(2, 2, bias=False).double(), torch.nn.Linear(2, 2, bias=False).double()
    second.weight = first.weight
    net, x = torch.nn.Sequential(first, torch.nn.Tanh(), second), np.array([0.3, 0.4])
    f, params = functionalize(net, x)
    net(torch.from_numpy(x)).sum().backward()
    assert [*params] == ["0.weight"]
    found = srcad.grad(lambda p: np.sum(f(p, x)), target="python")(params)
    np.testing.assert_allclose(found["0.weight"], first.weight.grad, rtol=1e-12)


def test_parameters_by_name() -> None:
    """A dict of them in another order, with others beside them, is the same."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)).double()
    x = np.array([0.3, 0.4])
    f, params = functionalize(net, x)
    turned = {"more": 1.0, **dict(reversed(params.items()))}
    found = srcad.jit(lambda p: f(p, x), target="python")(turned)
    np.testing.assert_allclose(found, net(torch.from_numpy(x)).detach(), rtol=1e-14)


def test_mixed_precision() -> None:
    f, _ = functionalize(lambda a, b: (a.double() * b).sum(), np.ones(2, np.float32), np.ones(2))
    given = np.float32([1.0, 2.0]), np.array([3.0, 4.0])
    for target in ("python", "cpu"):
        d_a, d_b = srcad.grad(lambda a, b: f(a, b) ** 2, (0, 1), target=target)(*given)
        assert d_a.dtype == np.float32 and d_a.tolist() == [66.0, 88.0]
        assert d_b.dtype == np.float64 and d_b.tolist() == [22.0, 44.0]


def test_frozen_parameters_stay() -> None:
    net = torch.nn.Linear(2, 1).double()
    net.bias.requires_grad_(False)
    assert [*functionalize(net, np.ones(2))[1]] == ["weight"]


@pytest.mark.parametrize(
    ("module", "given", "words"),
    [
        (torch.nn.Dropout(0.5), np.ones(3), "S206: Dropout, .* draws random numbers"),
        (torch.nn.ReLU(inplace=True), np.ones(3), "S206: ReLU, .* writes into an argument"),
        (lambda x: (x, x), np.ones(3), "S302: lambda_ returns something else"),
        (lambda x: x > 0, np.ones(3), "S302"),
        (torch.nn.Linear(2, 2, device="meta"), np.ones(2), "S302: Linear is on meta"),
        (lambda x: x * np.random.random(), np.ones(3), "S206: lambda_, .* two results for equal arguments"),
        (lambda x: x.detach(), np.ones(3), "S203: torch has no derivative of lambda"),
    ],
)
def test_functionalize_refuses(module: Any, given: Any, words: str) -> None:
    with pytest.raises(srcad.SrcadError, match=words):
        functionalize(module, given)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_other_inputs_than_the_examples(target: str) -> None:
    f, _ = functionalize(lambda x: x.sum(-1), np.ones((2, 3)))
    with pytest.raises(srcad.SrcadError, match=r"S206: lambda_, .* returns float64\[:, :\]"):
        srcad.grad(lambda x: np.sum(f(x)), target=target)(np.ones((2, 3, 4)))


def test_compiled_code_of_another_module() -> None:
    """Compiled code is kept for other processes by its text, where a module of the same name is another."""

    def digest_of(factor: float) -> str:
        functionalize(lambda x: factor * x, np.ones(1))
        return digest([*PRIMITIVES][-1])

    assert digest_of(2.0) != digest_of(3.0)


def test_examples_of_the_page() -> None:
    switched_off = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-m", "tests.interop_page", "torch"], env=switched_off, cwd=root, check=True)

"""Random programs on a tape: the gradient of the recording against that of the function, and differences."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

pytestmark = pytest.mark.one_in(10, least=3)

ELEMENTWISE = (
    "np.tanh({a})",
    "np.sin({a}) * {b}",
    "{a} + {b}",
    "{a} - 2 * {b}",
    "{a} * {b}",
    "{a} / (2.0 + {b} ** 2)",
    "0.5 * {a} + {c} * {b}",
    "1 - np.exp(-np.abs({a}))",
    "np.where({a} > {b}, {a}, 0.3 * {b})",
    "np.maximum({a}, {c})",
    "({a} @ m) / 3.0",
    "m @ {a}",
    "{a}.sum() * {b}",
    "{a} - np.mean({b})",
    "np.concatenate([{a}[1:], {b}[:1]])",
    "np.stack([{a}, {b}])[k]",
    "{a}[::-1] + {b}[np.array([0, 2, 1])]",
    "np.outer({a}, {b}).reshape(3, 3).T[1]",
    "{a}.copy()",
    "{a} + x[k]",
    "{a}.T",
    "np.cumsum({a}) - {b}.max()",
    "np.clip({a}, -0.8, 0.9)",
    "np.linalg.norm({a} + 2.0) * {b}",
)
CHANGES = ("{fresh} += {b}", "{fresh}[1] = {b}[2] * {a}[0]", "{fresh}[1:] *= {b}[:2]", "{fresh}[0] -= np.sum({a})")
CONTROL = ("if {a}[0] > {b}[1]:", "for k in range(2):", "if np.sum({a}) > 0.0 and k == 1:")


def program(rng: np.random.Generator) -> str:
    """A function of two vectors, a matrix and a number, with control flow that depends on them."""
    names, fresh = ["u", "v"], []
    lines = ["def f(u, v, m, c, x):", "    k = 1"]
    indent = 1
    for at in range(rng.integers(4, 11)):
        a, b = rng.choice(names, 2)
        words = {"a": a, "b": b, "c": "c", "fresh": rng.choice(fresh) if fresh else ""}
        kind = rng.random()
        if kind < 0.3 and fresh:
            lines.append("    " * indent + str(rng.choice(CHANGES)).format(**words))
        elif kind < 0.4 and indent < 3:
            lines.append("    " * indent + str(rng.choice(CONTROL)).format(**words))
            indent += 1
            lines.append("    " * indent + f"{a} = {a} * 0.9 + 0.1 * {b}")
        else:
            target = f"t{at}" if indent == 1 else str(rng.choice(names))
            lines.append("    " * indent + f"{target} = " + str(rng.choice(ELEMENTWISE)).format(**words))
            if indent == 1:
                names.append(target)
                if "copy" in lines[-1] or lines[-1].endswith(("* v", "+ v", "* u", "+ u")):
                    fresh.append(target)
            elif rng.random() < 0.5:
                indent -= 1
    return "\n".join([*lines, f"    return np.sum({names[-1]} * {names[-2]}) + c * np.sum({rng.choice(names)} ** 2)"])


def function(text: str, folder: Path) -> Callable[..., Any]:
    path = folder / "random_program.py"
    path.write_text("import numpy as np\n\n\n" + text + "\n")
    spec = importlib.util.spec_from_file_location("random_program", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    f: Callable[..., Any] = module.f
    return f


def differences(f: Callable[..., Any], values: list[Any], at: int, step: float) -> Any:
    value = np.array(values[at])
    found = np.empty_like(value)
    for index in np.ndindex(value.shape):
        moved = []
        for h in (step, -step):
            changed = [np.array(one) for one in values]
            changed[at][index] += h
            moved.append(float(f(*changed, np.array([0.3, -0.7]))))
        found[index] = (moved[0] - moved[1]) / (2.0 * step)
    return found


@pytest.mark.parametrize("seed", range(60))
def test_random_program(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    text = program(rng)
    f = function(text, tmp_path)
    values = [rng.normal(size=3), rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal()]
    leaves = [srcad.Tensor(value, requires_grad=True) for value in values]
    x = np.array([0.3, -0.7])
    with srcad.Tape(target="python") as tape:
        loss = f(*leaves, x)
    expected = f(*map(np.array, values), x)
    assert np.array_equal(loss.value, expected), text
    tape.backward()
    for at, leaf in enumerate(leaves):
        found = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad
        by_steps = [differences(f, values, at, step) for step in (1e-5, 2e-5)]
        if np.allclose(*by_steps, rtol=1e-4, atol=1e-6):  # else there is an edge
            np.testing.assert_allclose(
                found, by_steps[0], rtol=1e-4, atol=1e-6, err_msg=text + "\n" + tape.primal_source
            )


@pytest.mark.parametrize("seed", range(0, 60, 6))
def test_gradient_of_the_function(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    f = function(program(rng), tmp_path)
    values = [rng.normal(size=3), rng.normal(size=3), rng.normal(size=(3, 3)), float(rng.normal())]
    leaves = [srcad.Tensor(value, requires_grad=True) for value in values]
    with srcad.Tape(target="python"):
        loss = f(*leaves, np.array([0.3, -0.7]))
    loss.backward()
    gradients = srcad.grad(f, (0, 1, 2, 3), target="python")(*values, np.array([0.3, -0.7]))
    for leaf, gradient in zip(leaves, gradients, strict=True):
        np.testing.assert_allclose(
            np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, gradient, rtol=1e-10, atol=1e-12
        )

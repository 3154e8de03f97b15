"""States in buffers that change places: the gradient with copies of the states is the one that restores memory."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules.import_module import load
from srcad.compiler.manager import settings

pytestmark = pytest.mark.one_in(8, least=6)


def program(seed: int) -> str:
    """Steps that read one buffer and write another; some also do what forbids a copy."""
    draw = random.Random(seed)
    names = ["a", "b", "c"][: draw.choice([2, 2, 3])]
    begin = [
        f"    {name} = x.copy()" if draw.random() < 0.9 else f"    {name} = {draw.choice('x' + names[0])}"
        for name in names
    ]
    if draw.random() < 0.2:
        begin[-1] = f"    {names[-1]} = np.zeros(len(x))"
    source, target = draw.sample(names, 2)
    element = draw.choice(["{s}[i - 1] * {s}[i + 1]", "np.sin({s}[i]) + {s}[i - 1]", "{s}[i] ** 2 - {s}[i + 1]"])
    step = ["for i in range(1, len(x) - 1):", f"    {target}[i] = 0.3 * ({element.format(s=source)})"]
    if draw.random() < 0.3:
        step = [f"{target}[1:-1] = 0.3 * {source}[:-2] * {source}[2:] + {source}[1:-1]"]
    if draw.random() < 0.3:
        edge = draw.choice(
            [f"{target}[0] = {source}[1] * {source}[2]", f"{source}[0] = {source}[1] * 0.5", f"{target}[-1] *= 0.5"]
        )
        step.insert(draw.choice([0, len(step)]), edge)
    if draw.random() < 0.2:
        step.append(f"total += {draw.choice(names)}[1] ** 2")
    if draw.random() < 0.15:
        step += [f"view = {source}[1:]", f"view[0] = {target}[0] * view[1]"]
    order = draw.sample(names, len(names)) if draw.random() < 0.3 else [*names[1:], names[0]]
    swap = f"{', '.join(names)} = {', '.join(order)}"
    if draw.random() < 0.2:
        step += ["if t % 2 == 0:", f"    {swap}"]
    else:
        step.append(swap)
    if draw.random() < 0.15:
        step.append(f"{draw.choice(names)} = {draw.choice(names)} * 1.5")
    lines = [*begin, "    total = 0.0", "    for t in range(steps):", *(f"        {line}" for line in step)]
    result = " + ".join(f"np.sum({name} ** 2)" for name in names)
    return "import numpy as np\n\n\ndef f(x, steps):\n" + "\n".join(lines) + f"\n    return total + {result}\n"


def gradient(function: Any, x: Any, steps: int, without: frozenset[str]) -> tuple[Any, str]:
    with settings(without=without):
        derivative = srcad.grad(function, 0, target="python", cache=False)
        return derivative(x.copy(), steps), derivative.source_for(x, steps)


@pytest.mark.parametrize("seed", range(48))
def test_random_steps(seed: int, tmp_path: Path) -> None:
    path = tmp_path / f"steps_{seed}.py"
    path.write_text(program(seed))
    function = load(path).f
    for n, steps in ((3, 2), (4, 0), (6, 3)):
        x = np.random.default_rng(seed).uniform(0.4, 0.9, n)
        try:
            want, _ = gradient(function, x, steps, frozenset({"copy_states"}))
        except srcad.errors.SrcadError:
            return
        have, text = gradient(function, x, steps, frozenset())
        np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-14, err_msg=f"{path.read_text()}\n{text}")


def steps_in_two_buffers(x: Any, steps: int) -> Any:
    u, new = x.copy(), x.copy()
    for step in range(steps):
        for i in range(1, len(x) - 1):
            new[i] = u[i] * u[i - 1] + u[i + 1]
        u, new = new, u
    return np.sum(u)


def test_one_state_an_iteration_is_saved() -> None:
    source = srcad.grad(steps_in_two_buffers, 0, target="python").source_for(np.ones(9), 3)
    assert source.count("_saved = ") == 1 and "u_saved[step] = u" in source and "append" not in source


def a_state_that_changes(x: Any, steps: int) -> Any:
    u, new = x.copy(), x.copy()
    for step in range(steps):
        for i in range(1, len(x) - 1):
            new[i] = u[i] * u[i - 1] + u[i + 1]
        for i in range(1, len(x) - 1):
            u[i] = 0.5 * u[i]
        for i in range(1, len(x) - 1):
            new[i] += u[i] * u[i + 1]
        u, new = new, u
    return np.sum(u)


def one_buffer(x: Any, steps: int) -> Any:
    u = x.copy()
    new = u
    for step in range(steps):
        for i in range(1, len(x) - 1):
            new[i] = u[i] * u[i - 1] + u[i + 1]
        u, new = new, u
    return np.sum(u * u)


def test_a_state_that_changes_on_the_way() -> None:
    srcad.check_grad(a_state_that_changes, np.linspace(0.3, 0.7, 6), 3, argnums=0, target="python")


def test_buffers_that_may_be_one() -> None:
    with pytest.raises(srcad.errors.AliasError):
        srcad.grad(one_buffer, 0, target="python")(np.linspace(0.3, 0.7, 6), 3)

"""Saved and built text of functions with inactive code: a function of Python computes it, and calls the other."""

import copy
import heapq
import importlib
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from typer.testing import CliRunner

import srcad
from srcad.backend.modules.text_functions import function_of
from srcad.cli import app
from tests import saved_inactive_model as model

X = np.array([0.7, 1.3, 0.4])
PROGRAMS = [
    (model.of_table, [("a.json",), ("b.json",)]),
    (model.walk, [(5, np.random.default_rng(7)), (1, np.random.default_rng(8)), (0, np.random.default_rng(8))]),
    (model.jobs, [(4,), (1,), (9,)]),
    (model.rows_in_one_buffer, [(3,), (1,)]),
    (model.by_a_condition, [(5,), (2,)]),
    (model.by_a_text, [(4,), (6,)]),
    (model.with_its_names, [(1,)]),
    (model.left_early, [(3,), (0,)]),
    (model.argument_changed, [(np.array([1.0, 2.0, 3.0]),)]),
    (model.of_a_callee, [(3,), (4,)]),
]


def text_of(derivative, *args):
    derivative.source_for(*copy.deepcopy(args))
    return derivative._current().shipment().text


def run(f, *args):
    model.EVENTS.clear()
    return f(*copy.deepcopy(args)), list(model.EVENTS)


@pytest.mark.parametrize(("f", "calls"), PROGRAMS, ids=lambda one: getattr(one, "__name__", ""))
def test_values_and_effects(f, calls, monkeypatch):
    derivative = srcad.value_and_grad(f, target="python")
    saved = function_of(text_of(derivative, X, *calls[0]))
    more = [model.GAIN] if f in (model.walk, model.of_a_callee) else []
    for args in calls:
        (value, gradient), effects = run(lambda *a: saved(*a, *more), X + 0.1, *args)
        want, right_effects = run(f, X + 0.1, *args)
        assert effects == right_effects
        assert value == pytest.approx(want)
        for k, h in enumerate(1e-6 * np.eye(3)):
            ends = [run(f, X + 0.1 + s * h, *args)[0] for s in (1, -1)]
            assert gradient[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-7)


WALK = """\
def walk_inactive(steps, rng):
    standard_normal_values = []
    for _ in range(steps):
        standard_normal_values.append(rng.standard_normal())
    return standard_normal_values


def walk_grad(x, steps, rng, GAIN, d_result=1.0):
    standard_normal_values = walk_inactive(steps, rng)
    return walk_grad_active(x, steps, as_array(standard_normal_values, float), GAIN, d_result)
"""


def test_the_text():
    text = srcad.grad(model.walk, target="python").source_for(X, 4, np.random.default_rng(0))
    assert "from srcad.handed_over import as_array\n" in text
    assert text.endswith(WALK)


def numbers(code, cwd):
    """What code prints, in a process that has no srcad."""
    head = "import sys\nsys.modules['srcad'] = None\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + textwrap.dedent(code)],
        cwd=cwd, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(cwd)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [float(part) for part in done.stdout.split()]


MODEL = """
import logging
import numpy as np

SCALE = 2.0


def simulated(x, steps, seed):
    rng = np.random.default_rng(seed)
    jobs = [(3, "b"), (1, "a")]
    state = 1.0
    for _ in range(steps):
        state = state + x[0] * state * 0.01 + x[1] * state * 0.1 * rng.standard_normal()
    while jobs:
        cost, name = jobs.pop()
        logging.info("job %s", name)
        state = state * (1.0 + 0.001 * cost * SCALE)
    return state


def example():
    return np.array([0.5, 0.2]), 20, 0
"""
LISTED = """
[tool.srcad]
functions = [{ function = "inactive_model:simulated", mode = "value", EXAMPLE }]
"""


@pytest.fixture(name="project")
def project_fixture(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(LISTED.replace("EXAMPLE", 'examples = "inactive_model:example"'))
    (tmp_path / "inactive_model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("inactive_model", None)


def command(*args, code=0):
    sys.modules.pop("inactive_model", None)
    result = CliRunner().invoke(app, list(args))
    assert result.exit_code == code, result.output
    return result.output


CALL = """
import numpy as np
import inactive_model
from generated.simulated_grad import simulated_grad, simulated_grad_active
assert type(simulated_grad_active).__name__ == "_Form"
for inactive_model.SCALE in (2.0, 3.0):
    value, d_x = simulated_grad(np.array([0.5, 0.2]), 20, 0, inactive_model.SCALE)
    print(value, *d_x)
"""


def test_a_file_is_built_edited_and_checked(project, monkeypatch):
    assert "written" in command("build")
    assert "unchanged" in command("build")
    assert "up to date" in command("build", "--check")
    sys.modules.pop("inactive_model", None)
    found = numbers(CALL, project)
    monkeypatch.syspath_prepend(project)
    module = importlib.import_module("inactive_model")
    for at, module.SCALE in enumerate((2.0, 3.0)):
        value, d_x = srcad.value_and_grad(module.simulated, target="python")(*module.example())
        assert found[3 * at : 3 * at + 3] == pytest.approx([value, *d_x])
    path = project / "generated" / "simulated_grad.py"
    generated = path.read_text()
    path.write_text(generated.replace("append(rng.standard_normal())", "append(rng.normal(0.5))"))
    assert "rng.normal(0.5)" in command("status")
    command("build", "--check", code=1)
    assert "value is another" in command("check", code=1)
    path.write_text(generated.replace("append(rng.standard_normal())", "append(rng.normal())"))
    assert "kept" in command("build")
    assert "right" in command("check")
    assert "up to date" in command("build", "--check")
    (project / "inactive_model.py").write_text(MODEL.replace('"job %s"', '"a job %s"'))
    assert "changed" in command("build", "--check", code=1)
    assert "merged" in command("build")
    assert '"a job %s"' in path.read_text() and "rng.normal()" in path.read_text()


def test_values_of_another_type_are_refused():
    saved = function_of(text_of(srcad.grad(model.of_table, target="python"), X, "a.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "loaded", lambda path: {"scale": 1, "rows": [2.0, 3.0]})
        with pytest.raises(TypeError, match="inactive code gave 1"):
            saved(X, "a.json")
    other = function_of(text_of(srcad.grad(model.by_a_text, target="python"), X, 4))
    with pytest.raises(TypeError, match="'tanh'"):
        other(X, 5)


def around(scale):
    def local(x):
        return np.sum(x) * float(sorted({scale, 1.0})[0])

    return local


@pytest.mark.parametrize(("f", "name"), [(around(3.0), "scale")])
def test_what_a_file_cannot_have(f, name, tmp_path):
    derivative = srcad.grad(f, target="python")
    derivative(X)
    assert name in derivative.source
    with pytest.raises(srcad.SrcadError, match=f"S363.*it reads {name}"):
        derivative.save(tmp_path / "f_grad.py")


def refused_for_large(x, rng):
    r = rng.normal()
    if x[0] > 1.0:
        raise ValueError(f"{x[0] * r:.3f} is too large")
    return np.sum(x) * r


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_messages_are_those_of_python_and_nothing_is_drawn_twice(target):
    derivative = srcad.grad(refused_for_large, target=target)
    derivative(X, np.random.default_rng(0))
    said = []
    for f in (refused_for_large, derivative):
        rng = np.random.default_rng(1)
        with pytest.raises(ValueError, match="is too large") as caught:
            f(X + 1.0, rng)
        said.append((str(caught.value), rng.random()))
    assert said[0] == said[1]


def written_into(x, w):
    heapq.heapify(w)
    return x[0] * w[0]


def test_a_reason_is_given():
    with pytest.raises(srcad.SrcadError, match="it may write into the argument w, which the rest reads"):
        srcad.grad(written_into)(X, [2.0, 1.0])


def test_a_pullback_is_not_saved(tmp_path):
    pullback = srcad.vjp(model.of_table, target="python")
    value, back = pullback(X, "a.json")
    assert back(1.0)[0] == pytest.approx(srcad.grad(model.of_table, target="python")(X, "a.json"))
    with pytest.raises(srcad.SrcadError, match="S363"):
        pullback.save(tmp_path / "table_vjp.py")

"""`srcad check` and `srcad status`: what they compare, what they find, and what they say of files in any state."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.editing_project import AFTER, BEFORE, CHANGED, built_fixture, change, edit, project_fixture, run  # noqa: F401

MANY = """
import numpy as np

OFFSET = np.array([0.3, 0.1])


def turned(x, angle):
    return np.cos(angle) * x + np.sin(angle) * x * x


def pair(a, b):
    return {"product": a * b, "sum": a + b * b}


def loss(params, x, *, scale=2.0):
    total = 0.0
    for i in range(len(x)):
        total += scale * params["w"] * x[i] + params["b"] ** 2
    return total, len(x)


def shifted(x):
    return np.sum((x + OFFSET) ** 2)


def arguments():
    return {"w": 0.5, "b": 1.5}, np.arange(1.0, 4.0)


def two():
    return (np.array([1.5, 0.5]),)


def by_keyword(x, *, scale=2.0):
    return np.sum(x * x) * scale


def never(x):
    if x > 0.0 or x <= 0.0:
        raise ValueError("no")
    return x
"""
MANY_ENTRIES = """
[tool.srcad]
functions = [
  { function = "edit_primal:turned", mode = "jacobian", signature = "(float64[:], float64)", wrt = ["x", "angle"] },
  { function = "edit_primal:pair", mode = "jacobian", signature = "(float64, float64)", wrt = ["a", "b"] },
  { function = "edit_primal:loss", has_aux = true, mode = "value", examples = "edit_primal:arguments" },
  { function = "edit_primal:shifted", examples = "edit_primal:two" },
  { function = "edit_primal:by_keyword", wrt = ["scale", "x"], signature = "(float64[:],)" },
]
"""


def test_check_of_every_kind_of_entry(project):
    change(project, MANY)
    (project / "pyproject.toml").write_text(MANY_ENTRIES)
    run("build")
    assert run("check").count("right") == 5
    folder = project / "generated"
    edits = [("turned_jacobian", "+ cos * d_sum", "+ sin * d_sum"), ("pair_jacobian", "2.0 * b", "3.0 * b")]
    edits += [("by_keyword_grad", "np.sum(", "1.1 * np.sum(")]
    edits += [("loss_grad", "d_params_w +=", "d_params_w -="), ("shifted_grad", "2.0 * ", "2.5 * ")]
    for name, before, after in edits:
        path = folder / f"{name}.py"
        text = path.read_text()
        assert before in text, text
        head, _, tail = text.rpartition(before)
        path.write_text(head + after + tail)
    said = run("check", code=1)
    assert said.count("wrong") == 5 + 5 and said.count("they differ most at") == 5, said
    for name, _, after in edits:
        assert any(f"{name}.py:" in line and after in line for line in said.splitlines()), said


IN_PLACE = """
import numpy as np


def scaled(x, k, y):
    s = 0.0
    for i in range(len(x)):
        y[i] = y[i] * k * x[i]
        s += y[i] ** 2
    return s


def fill(state, n):
    for i in range(n):
        state["y"][i] = state["x"][i] ** 2 * state["k"]


def halve(x):
    for i in range(len(x)):
        x[i] = 0.5 * x[i]


def arguments():
    return np.array([0.5, 1.5, 2.0]), 1.5, np.array([1.0, 2.0, -1.0])


def state():
    return {"x": np.array([0.5, 1.5, 2.0]), "k": 1.5, "y": np.ones(3), "kind": "square"}, 3
"""
IN_PLACE_ENTRIES = """
[tool.srcad]
functions = [
  { function = "edit_primal:scaled", mode = "adjoint", wrt = ["y", "k", "x"], examples = "edit_primal:arguments" },
  { function = "edit_primal:scaled", name = "by_k", mode = "adjoint", wrt = "k", examples = "edit_primal:arguments" },
  { function = "edit_primal:fill", mode = "adjoint", wrt = "state", examples = "edit_primal:state" },
  { function = "edit_primal:halve", mode = "primal", signature = "(float64[:],)" },
]
"""
# of a file: what was there, what was planted, what the line that is named says, and what is said of it
IN_PLACE_EDITS = [
    ("scaled_adjoint", "d_x[i] += item * k", "d_x[i] -= item * k", None, "d_x[0] is "),
    ("scaled_adjoint", "        d_y[i] = k * d_product\n", "", "return d_k", "this statement is missing before"),
    ("scaled_adjoint", "y[i] = item * k * x[i]", "y[i] = item * k * x[i] + 1.0", None, "y[0] is "),
    ("scaled_adjoint", "d_y[i] += 2.0 * y[i] * d_s", "d_y[i] = 2.0 * y[i] * d_s", None, "d_y[0] is "),
    ("scaled_adjoint", "    return d_k", "    d_x[1] = 0.0\n    return d_k", "d_x[1] = 0.0", "d_x the values that it"),
    ("scaled_adjoint", "    return d_k", "    y[0] = 0.0\n    return d_k", "y[0] = 0.0", "y the values that it should"),
    ("by_k", "d_k += item", "d_k += 1.5 * item", None, "d_k is "),
    ("halve_primal", "x[i] = 0.5 * x[i]", "x[i] = 0.25 * x[i]", None, "x[0] is "),
]


@pytest.fixture
def in_place(project):
    change(project, IN_PLACE)
    (project / "pyproject.toml").write_text(IN_PLACE_ENTRIES)
    run("build")
    return project / "generated"


def test_check_in_place(in_place):
    assert run("check").count("right") == 4
    for name, before, after, named, what in IN_PLACE_EDITS:
        path = in_place / f"{name}.py"
        as_built = path.read_text()
        assert as_built.count(before) == 1, (before, as_built)
        path.write_text(as_built.replace(before, after))
        said = run("check", code=1)
        assert said.count("wrong") == 2 and what in said, said
        (line,) = [line for line in said.splitlines() if f"{name}.py:" in line]
        wanted = path.read_text().splitlines()[int(line.split(".py:")[1].split(":")[0]) - 1]
        assert (named or after) in wanted, said
        path.write_text(as_built)


def test_every_result_in_place_is_compared_with_differences(in_place):
    """A fault of srcad in a generated text: a wrong number in any buffer, array or returned value is seen."""
    import numpy as np

    from srcad.build_step.config import entries
    from srcad.build_step.editing.differences import Point
    from srcad.build_step.editing.recording import Run, record
    from srcad.build_step.locate import find, importable

    seen = 0
    for entry in entries(in_place.parent)[1]:
        if entry.examples is None:
            continue
        with importable(in_place.parent):
            derivative = entry.derivative()
            example = entry.example(derivative)
            point = Point(entry, find(entry.function), derivative.specialise_for(example), example)
        text = (in_place / entry.file).read_text()
        right = record(text, point.one.generated.function.name, point.flat, noting=False).run
        assert point.difference(right) is None
        arrays = [at for at, value in enumerate(right.arguments) if isinstance(value, np.ndarray)]
        for at in arrays:
            arguments = [np.array(one) if isinstance(one, np.ndarray) else one for one in right.arguments]
            arguments[at][1] += 0.01
            assert point.difference(Run(right.returned, arguments)), (entry.file, at)
            seen += 1
        assert point.difference(Run(right.returned * 1.01, right.arguments)), entry.file
        assert not point.agree(Run(right.returned * 1.01, right.arguments), right)
    assert seen == 4 + 2 + 4


def test_check_without_arguments_to_be_found(project):
    change(project, MANY)
    entry = '{ function = "edit_primal:never", signature = "(float64,)" }'
    (project / "pyproject.toml").write_text(f"[tool.srcad]\nfunctions = [{entry}]\n")
    run("build")
    said = run("check", code=2)
    assert "S513: no arguments were found with which edit_primal:never can be run" in said
    assert "raised ValueError: no" in said


# ---- what somebody new meets -----------------------------------------------------------------------


def test_the_commands_say_what_to_do_next(project):
    generated = project / "generated" / "energy_grad.py"
    assert run("status") == "energy_grad.py: missing\nrun `srcad build`\n"
    assert run("check", code=1) == "outdated   energy_grad.py\n  it is missing: run `srcad build`\n"
    run("build")
    assert run("status") == "energy_grad.py: up to date\n"
    edit(generated, BEFORE, AFTER)
    said = run("status")
    assert said.startswith("energy_grad.py: edited, compiled form out of date, not checked\n")
    assert said.endswith("\nrun `srcad build`, then `srcad check`\n")
    change(project, CHANGED)
    assert "edited, function changed, not checked" in run("status")
    assert "energy changed: run `srcad build`" in run("check", code=1)
    run("build")
    run("check")
    assert run("status").startswith("energy_grad.py: edited, checked\n") and "run `" not in run("status")
    (project / "pyproject.toml").unlink()
    for command in ("status", "check", "build"):
        assert "there is no pyproject.toml in the folder" in run(command, code=2)


def test_an_edit_is_checked_before_it_is_built(built):
    """What is compared is the form that the build then writes."""
    form = built.parent / "_machine" / built.name
    before = form.read_bytes()
    edit(built, BEFORE, AFTER)
    said = "right      energy_grad.py\n  its compiled form is out of date: run `srcad build`\n"
    assert run("check") == said and form.read_bytes() == before
    assert "the compiled form of energy_grad.py is not of its text" in run("build", "--check", code=1)
    run("build")
    assert "up to date" in run("build", "--check") and form.read_bytes() != before


def test_a_form_that_is_wrong_is_found(built):
    """Also where it says that it is of this text."""
    form = built.parent / "_machine" / built.name
    text = form.read_text()
    assert "np.cos(" in text
    form.write_text(text.replace("np.cos(", "np.sin("))
    assert run("status").startswith("energy_grad.py: compiled form out of date\n")
    assert "out of date" in run("check") and "is not of its text" in run("build", "--check", code=1)
    run("build")
    assert form.read_text() == text


def test_an_edit_that_is_no_python(built):
    text = edit(built, "    d_total = k * d_result", "    d_total = = k * d_result")
    line = text.splitlines().index("    d_total = = k * d_result") + 1
    wanted = f"energy_grad.py is no Python: invalid syntax, in line {line}"
    for command in (("build",), ("check",)):
        assert wanted in run(*command, code=2) and built.read_text() == text
    assert wanted in run("build", "--check", code=1)
    assert run("status") == f"energy_grad.py: no Python: invalid syntax, in line {line}\n"
    run("build", "--force")
    assert built.with_name("energy_grad.py.orig").read_text() == text and "= =" not in built.read_text()


KEPT_ON_DISK = """
[tool.srcad]
folder = "generated"
compiled = false
functions = [
    { function = "leaky_integrator.py:leaky_integrator", wrt = "x", signature = "(float64[::1], float64, float64)" },
]
"""


def test_a_second_check_finds_what_the_first_has_compiled(tmp_path):
    """Numba keeps what it compiles beside a file, and a file that is checked is a module that one process alone has."""
    root = Path(__file__).parents[1]
    shutil.copy(root / "examples" / "leaky_integrator.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text(KEPT_ON_DISK)
    env = {**os.environ, "PYTHONPATH": str(root)}
    for asked in ("build", "check", "check"):
        command = [sys.executable, "-c", "from srcad.cli import app; app()", asked]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert asked == "build" or done.stdout.startswith("right"), done.stdout

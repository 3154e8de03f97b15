"""A project with one function, whose gradient is built, edited and checked."""

import sys

import pytest
from typer.testing import CliRunner

from srcad.cli import app

PYPROJECT = """
[tool.srcad]
functions = [{ function = "edit_primal:energy", signature = "float64(float64[:], float64)", wrt = ["x", "k"] }]
"""
PRIMAL = """
import numpy as np


def energy(x, k):
    total = 0.0
    for i in range(len(x)):
        total += np.sin(x[i]) * x[i]
    for i in range(len(x)):
        total = total + k * x[i] ** 3
    return total * k
"""
# in the second loop; and what a person edits is in the reversal of the first
CHANGED = PRIMAL.replace("k * x[i] ** 3", "k * np.cos(x[i])")
EXCLUDING = PRIMAL.replace("np.sin(x[i]) * x[i]", "np.exp(x[i]) * x[i]")


@pytest.fixture(name="project")
def project_fixture(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "edit_primal.py").write_text(PRIMAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("edit_primal", None)


@pytest.fixture(name="built")
def built_fixture(project):
    run("build")
    return project / "generated" / "energy_grad.py"


def run(*args, code=0):
    sys.modules.pop("edit_primal", None)
    result = CliRunner().invoke(app, list(args))
    assert result.exit_code == code, result.output
    return result.output


def edit(path, before, after):
    text = path.read_text()
    assert text.count(before) == 1, text
    path.write_text(text.replace(before, after))
    return path.read_text()


def change(project, text):
    (project / "edit_primal.py").write_text(text)


def forms(path):
    return {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


BEFORE = "d_x[i] += sin_saved[i] * d_total + np.cos(x[i]) * x[i] * d_total"
AFTER = "d_x[i] += (sin_saved[i] + np.cos(x[i]) * x[i]) * d_total  # ours"

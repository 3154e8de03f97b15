"""Wheels whose gradients the hooks write, installed where srcad cannot be imported."""

import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numba
import numpy
import pytest

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).resolve().parent.parent
SETUPTOOLS = {
    'requires = ["hatchling>=1.21", "srcad"]\nbuild-backend = "hatchling.build"': (
        'requires = ["setuptools>=70.1", "srcad"]\nbuild-backend = "setuptools.build_meta"'
    ),
    '[tool.hatch.build.targets.wheel]\npackages = ["springs"]\n': (
        '[tool.setuptools]\npackages = ["springs", "springs.gradients"]\n'
    ),
    "[tool.hatch.build.hooks.srcad]": (
        '[tool.setuptools.cmdclass]\nbuild_py = "srcad.build_step.wheels.setuptools_hook.BuildPy"\n'
    ),
}
USE = """
import sys

sys.modules["srcad"] = None  # an import of it fails
import numpy as np
import springs
from springs.forces import forces
from springs.gradients import energy_of_stiffness
from springs.gradients.energy_grad import energy_grad
from springs.model import energy

assert springs.__file__.startswith(sys.prefix), springs.__file__
x, k, length = np.array([0.0, 1.0, 2.5, 3.0]), np.array([1.0, 2.0, 3.0]), 0.5
stretch = np.diff(x) - length
pull = np.r_[k * stretch, 0.0] - np.r_[0.0, k * stretch]
assert np.allclose(forces(x, k, length), pull)
assert type(energy_grad).__name__ == "_Form" and "springs" in energy_grad.form.__file__, energy_grad
value, by_stiffness, by_length = energy_of_stiffness.energy_grad(x, k, length)
assert np.isclose(value, energy(x, k, length)) and np.allclose(by_stiffness, 0.5 * stretch**2)
assert np.isclose(by_length, -np.sum(k * stretch))
assert not [name for name in sys.modules if name.startswith("srcad.")]
print("ran")
"""


@pytest.fixture
def environment(tmp_path):
    """The environment of a build: srcad from here, with its entry points, and none of what users set."""
    described = tmp_path / "metadata" / "srcad-0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: srcad\nVersion: 0\n")
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in points.items()]
    (described / "entry_points.txt").write_text("".join(lines))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(tmp_path / "metadata"), str(ROOT))),
        "SRCAD_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",
    }


def ran(*command, cwd, code=0, **environment):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def wheel_of(project, environment, code=0):
    said = ran(
        *(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", "dist", "."),
        cwd=project,
        code=code,
        env=environment,
    )
    return said if code else next((project / "dist").glob("*.whl"))


def copied(folder, backend):
    shutil.copytree(
        ROOT / "examples" / "packaged", folder, ignore=shutil.ignore_patterns("_machine", "*_grad.py", "dist")
    )
    if backend == "setuptools":
        text = (folder / "pyproject.toml").read_text()
        for before, after in SETUPTOOLS.items():
            assert before in text
            text = text.replace(before, after)
        (folder / "pyproject.toml").write_text(text)
    return folder


@pytest.mark.parametrize("backend", ["hatchling", "setuptools"])
def test_a_wheel_runs_without_srcad(tmp_path, environment, backend):
    project = copied(tmp_path / "project", backend)
    wheel = wheel_of(project, environment)
    names = set(zipfile.ZipFile(wheel).namelist())
    gradients = "springs/gradients"
    for name in ("energy_grad.py", "energy_of_stiffness.py"):
        assert {f"{gradients}/{name}", f"{gradients}/_machine/{name}"} <= names
    assert f"{gradients}/_machine/_build.json" not in names and f"{gradients}/_machine/_support/target.py" in names

    place = tmp_path / "environment"
    ran(sys.executable, "-m", "venv", "--without-pip", str(place), cwd=tmp_path)
    python = next(path for path in (place / "bin" / "python", place / "Scripts" / "python.exe") if path.exists())
    site = Path(ran(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    libraries = {str(Path(module.__file__).parent.parent) for module in (numpy, numba)}
    (site / "libraries.pth").write_text("\n".join(libraries) + "\n")
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", str(wheel))
    ran(*pip, cwd=tmp_path, env=environment)
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SRCAD_CACHE_DIR")}
    assert ran(str(python), "-W", "error", "-c", USE, cwd=tmp_path, env=clean).strip() == "ran"


@pytest.mark.parametrize("backend", ["hatchling", "setuptools"])
def test_an_error_of_the_build_is_told(tmp_path, environment, backend):
    project = copied(tmp_path / "project", backend)
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace('mode = "value"', 'mode = "values"'))
    said = wheel_of(project, environment, code=1)
    assert "srcad error S505: mode is one of gradient, value, jacobian, adjoint, primal, not 'values'" in said

"""What the README shows is what there is. `--update-golden` puts the present gradient into it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import srcad

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SHOWN = ("leaky_integrator", "leaky_integrator_grad")


def text() -> str:
    """The example, and its gradient as one looks at it."""
    path = ROOT / "examples" / "leaky_integrator.py"
    scope = runpy.run_path(str(path))
    gradient = srcad.grad(scope["leaky_integrator"], ("x", "decay", "limit"))
    return path.read_text(encoding="utf-8") + "\n\n" + gradient.source_for(np.ones(5), 0.5, 0.2)


@pytest.mark.parametrize("name", SHOWN)
def test_functions_are_shown_as_they_are(name: str, update_golden: bool) -> None:
    readme = README.read_text(encoding="utf-8")
    wanted = definition(name, text())
    shown = definition(name, readme)
    if update_golden and shown != wanted:
        README.write_text(readme.replace(shown, wanted), encoding="utf-8")
    else:
        assert shown == wanted


def definition(name: str, text: str) -> str:
    """From `def name` up to the next line that is not indented, blank lines aside."""
    found = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[0].rstrip()


def test_commands_exist() -> None:
    readme = README.read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"pip install -e '\.\[(\w+)\]'", readme):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
    assert all((ROOT / script).exists() for script in re.findall(r"examples/\w+\.py", readme))

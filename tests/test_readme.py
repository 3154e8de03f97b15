"""What the README shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("leaky_integrator", "examples/leaky_integrator.py"),
        ("leaky_integrator_grad", "generated/leaky_integrator_grad.py"),
    ],
)
def test_functions_are_shown_as_they_are(name: str, file: str) -> None:
    wanted = definition(name, (ROOT / file).read_text(encoding="utf-8"))
    assert wanted in [definition(name, block) for block in BLOCKS if f"def {name}(" in block]


def definition(name: str, text: str) -> str:
    """The lines from `def name` up to the next line that is not indented, trailing space aside."""
    found = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[0].rstrip()


def test_commands_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"pip install -e '\.\[(\w+)\]'", readme):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
    assert all((ROOT / script).exists() for script in re.findall(r"examples/\w+\.py", readme))

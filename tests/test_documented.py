"""What is public is in the reference; what a key, an option or a command is called stands on a page."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import srcad
from srcad.build_step import config
from srcad.options import Options

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.mark.parametrize("module", [srcad, srcad.optim])
def test_public_names_are_in_the_reference(module: Any) -> None:
    reference = (DOCS / "api.md").read_text(encoding="utf-8")
    for name in module.__all__:
        assert getattr(module, name).__doc__, name
        if not inspect.ismodule(getattr(module, name)):
            assert re.search(rf"^\.\. auto\w+:: {name}(\(\))?$", reference, re.MULTILINE), name


def test_keys_are_on_the_page_of_builds() -> None:
    page = (DOCS / "build.md").read_text(encoding="utf-8")
    for key in config.KEYS:
        assert f"| `{key}` |" in page, key


def test_options_are_documented() -> None:
    """Each field is followed by its description, which the reference shows."""
    text = inspect.getsource(Options)
    for option in fields(Options):
        assert re.search(rf'^    {option.name}: .*\n    """', text, re.MULTILINE), option.name


def test_files_that_the_docs_name_exist() -> None:
    text = (DOCS / "ancestors.md").read_text()
    named = set(re.findall(r"\b(?:tests|examples)/\w+\.py\b", text))
    assert len(named) > 20 and not [one for one in named if not (DOCS.parent / one).exists()]


def test_texts_that_are_only_shown_are_python() -> None:
    """What needs a cluster or MPI is not run by the page."""
    shown = re.findall(r"^```python\n(.*?)^```", (DOCS / "many_machines.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(shown) == 2 and [compile(text, "many_machines.md", "exec") for text in shown]

"""The intermediate texts of one compilation, for `how_it_works.md`: `{stage} name`, as a block or inside a line.

The compiler runs once, on the function of `docs/overflow.py`, and what passes through its steps is recorded.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import gast
import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

import srcad
from srcad.frontend.source.read import read
from srcad.frontend.syntax.structured_exits import structure_exits
from srcad.ir import printer as ir

from overflow import overflow  # isort: skip  (docs/, which conf.py puts on the path)

STEPS = {
    "lowered": "srcad.compiler.pipeline.lower",
    "pruned": "srcad.compiler.pipeline.prune",
    "active": "srcad.reverse.driver.active_names",
    "finished": "srcad.reverse.driver.clean_up",
}


@functools.cache
def stages() -> dict[str, str]:
    """The text of each stage, by name."""
    seen: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def recorded(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            result = step(*args, **kwargs)
            seen.setdefault(name, (args, result))
            return result

        return wrapper

    with ExitStack() as patches:
        for name, place in STEPS.items():
            module, _, function = place.rpartition(".")
            step = getattr(importlib.import_module(module), function)
            patches.enter_context(mock.patch(place, recorded(name, step)))
        gradient = srcad.grad(overflow, argnums=("x", "decay"))
        text = gradient.source_for(np.zeros(3), 0.9, 1.0)
    return {
        "source": inspect.getsource(overflow),
        "single_exit": gast.unparse(structure_exits(read(overflow).tree)).strip(),
        "lowered": ir.text(seen["lowered"][1].function),
        "pruned": ir.text(seen["pruned"][1]),
        "active": ", ".join(sorted(seen["active"][1])),
        "assembled": ir.text(seen["finished"][0][0]),
        "keeps": text.split('"""')[1].strip(),
        "text": text,
        "layers": layers((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")),
    }


def layers(project: str) -> str:
    """The contract that import-linter checks, one layer a line."""
    listed = re.search(r"^layers = \[\n(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    assert listed is not None
    return textwrap.dedent(listed[1]).translate({ord('"'): None, ord(","): None}).rstrip()


class Stage(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = stages()[self.arguments[0]]
        language = "text" if self.arguments[0] in ("keeps", "layers") else "python"
        return [nodes.literal_block(text, text, language=language, force=True)]


class StageRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        text = stages()[self.text]
        return [nodes.literal(text, text)], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("stage", Stage)
    app.add_role("stage", StageRole())
    return {"parallel_read_safe": False, "parallel_write_safe": True}

"""The intermediate texts of one compilation, for `how_it_works.md`: `{stage} name`, as a block or inside a line.

The compiler runs once, on the function of `docs/overflow.py`, and records what each pass gives. `{stage} layers` is the
contract between the folders, from `pyproject.toml`.
"""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from pathlib import Path

import gast
import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

import srcad
from srcad.analysis.values.activity import active_names
from srcad.compiler.stages import recorded
from srcad.frontend.source.read import read
from srcad.frontend.syntax.structured_exits import structure_exits
from srcad.ir import printer as ir

from overflow import overflow  # isort: skip  (docs/, which conf.py puts on the path)


@functools.cache
def stages() -> dict[str, str]:
    """The text of each stage, by name."""
    with recorded() as passes:
        gradient = srcad.grad(overflow, argnums=("x", "decay"))
        text = gradient.source_for(np.zeros(3), 0.9, 1.0)
    after = {stage.of.name: stage.unit.function for stage in reversed(passes)}
    primal = after["count_trips"]
    return {
        "source": inspect.getsource(overflow),
        "single_exit": gast.unparse(structure_exits(read(overflow).tree)).strip(),
        "lowered": ir.text(after["lower"]),
        "pruned": ir.text(after["prune"]),
        "active": ", ".join(sorted(active_names(primal, ("x", "decay"), primal.results))),
        "assembled": ir.text(after["reverse"]),
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

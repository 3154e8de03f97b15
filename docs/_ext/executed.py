"""Directives that run the code they show, and fail the build if it does not do what the page says.

`{run}` shows code and what it prints; `{refused} CODE` shows code and the srcad error it must end in;
`{repair}` shows code that must run. These start from `import numpy as np` and `import srcad`. `{script}` shows a whole
program, run by a Python of its own, as one that starts processes must be, and what it prints.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import math
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import srcad
from srcad.errors import CODES, SrcadError

logger = logging.getLogger(__name__)


def execute(code: str, folder: Path) -> str:
    """Run `code` as the file `example.py` (srcad reads sources from files) and return what it printed."""
    file = folder / "example.py"
    file.write_text(code + "\n", encoding="utf-8")
    linecache.checkcache(str(file))
    printed = io.StringIO()
    module = ModuleType("example")
    vars(module).update(__file__=str(file), np=np, math=math, srcad=srcad)
    sys.modules["example"] = module  # dataclasses look their module up
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(file), "exec"), vars(module))
    return printed.getvalue()


def literal(text: str, language: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language)


class _Executed(SphinxDirective):
    has_content = True

    def result(self, code: str) -> list[nodes.Node]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        try:
            return [literal(code, "python"), *self.result(code)]
        except Exception:
            logger.warning("the example fails:\n%s\n%s", code, traceback.format_exc(), location=self.get_location())
            return [literal(code, "python")]

    def printed(self, code: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return execute(code, Path(folder))


class Run(_Executed):
    """Code, and what it prints."""

    def result(self, code: str) -> list[nodes.Node]:
        text = self.printed(code).rstrip("\n")
        return [literal(text, "python" if "def " in text else "text")] if text else []


class Script(_Executed):
    """A whole program, and what it prints."""

    def result(self, code: str) -> list[nodes.Node]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "example.py"
            file.write_text(code + "\n", encoding="utf-8")
            done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [literal(done.stdout.rstrip("\n"), "text")]


class Repair(_Executed):
    """Code that runs without an error."""

    def result(self, code: str) -> list[nodes.Node]:
        self.printed(code)
        return []


class Refused(_Executed):
    """Code that ends in the srcad error whose code is the argument."""

    required_arguments = 1

    def result(self, code: str) -> list[nodes.Node]:
        expected = self.arguments[0]
        try:
            self.printed(code)
        except SrcadError as error:
            if expected not in [problem.code for problem in error.problems]:
                raise
            return [literal(str(error), "text")]
        raise AssertionError(f"expected srcad error {expected}, but the example ran")


def check_headings(app: Sphinx, doctree: nodes.document) -> None:
    """The page `errors` has one heading for each code, with its title."""
    if app.env.docname != "errors":
        return
    found = {title.astext() for title in doctree.findall(nodes.title)}
    for code, (_, title) in CODES.items():
        if f"{code}: {title}" not in found:
            logger.warning("no heading '%s: %s' in errors.md", code, title, location="errors")
    for heading in found:
        code = heading.partition(":")[0]
        if code[1:].isdigit() and code not in CODES:
            logger.warning("errors.md speaks of %s, which srcad does not raise", code, location="errors")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("run", Run)
    app.add_directive("script", Script)
    app.add_directive("repair", Repair)
    app.add_directive("refused", Refused)
    app.connect("doctree-read", check_headings)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

"""Directives that print the tables of the compiler and of its tests.

`{programs}` the corpus of programs that the tests differentiate, area by area; `{program} name` one of those that go
wrong elsewhere; `{functions}` the functions of NumPy and `math` that the front end knows; `{rules}` the rules.
"""

from __future__ import annotations

import ast
import html
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from types import ModuleType

import numpy as np
from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from srcad.rules.primitives import PRIMITIVE_OF
from srcad.rules.registry import EXPANSIONS, METHODS, RULES
from tests.programs import elsewhere
from tests.programs.registry import all_cases


class Programs(SphinxDirective):
    """One section of folded programs for each area of the corpus."""

    def run(self) -> list[nodes.Node]:
        areas: dict[str, dict[str, Callable[..., object]]] = {}
        for case in all_cases():
            if not is_elsewhere(case.function):
                areas.setdefault(case.function.__module__, {})[case.function.__name__] = case.function
        return [node for module, programs in areas.items() for node in area(sys.modules[module], programs.values())]


def area(module: ModuleType, programs: Iterable[Callable[..., object]]) -> list[nodes.Node]:
    title = module.__name__.rpartition(".")[2].replace("_", " ").capitalize()
    about = inspect.getdoc(module) or ""
    return [
        nodes.rubric(title, title),
        nodes.paragraph(about, about.partition("\n\n")[0]),
        *(folded(program.__name__.replace("_", " "), source(program)) for program in programs),
    ]


def source(program: Callable[..., object]) -> str:
    """The text of a program without the decorators that register it."""
    lines = textwrap.dedent(inspect.getsource(getattr(program, "py_func", program))).splitlines()
    statement = ast.parse("\n".join(lines)).body[0]
    for decorator in reversed(getattr(statement, "decorator_list", [])):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "case":
            del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "\n".join(lines)


def folded(title: str, text: str) -> nodes.Node:
    code = highlight(text, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    return nodes.raw("", f"<details><summary>{html.escape(title)}</summary>{code}</details>", format="html")


class Program(SphinxDirective):
    """The text of one program of `tests/programs/elsewhere.py`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        registered = {case.function.__name__: case.function for case in all_cases() if is_elsewhere(case.function)}
        if name not in registered:
            raise self.error(f"no program of tests/programs/elsewhere.py is called {name}")
        text = source(registered[name])
        return [nodes.literal_block(text, text, language="python")]


def is_elsewhere(function: Callable[..., object]) -> bool:
    return function.__module__ == elsewhere.__name__


class Functions(SphinxDirective):
    """What the front end knows by name: NumPy, math, and methods of arrays."""

    def run(self) -> list[nodes.Node]:
        known = {name_of(f) for f in (*PRIMITIVE_OF, *EXPANSIONS)}
        groups = {
            "NumPy": {n for n in known if n.startswith("numpy.")},
            "math": {n for n in known if n.startswith("math.")},
            "Methods of arrays": {f"x.{name}" for name in METHODS},
        }
        return [node for title, names in groups.items() for node in listing(title, sorted(names))]


def name_of(function: object) -> str:
    """`numpy.linalg.norm` for what it is called by: a ufunc has a name and no module."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(owner, np.ufunc):  # np.add.at
        return f"numpy.{owner.__name__}.{name}"
    return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"


def listing(title: str, names: list[str]) -> list[nodes.Node]:
    paragraph = nodes.paragraph()
    for name in names:
        paragraph += [nodes.literal(name, name), nodes.Text(" ")]
    return [nodes.rubric(title, title), paragraph]


class Rules(SphinxDirective):
    """The text of every rule, file by file."""

    def run(self) -> list[nodes.Node]:
        files: dict[str, dict[Callable[..., object], None]] = {}
        for rule in (rule for rules in RULES.values() for rule in rules):
            files.setdefault(rule.function.__module__, {})[rule.function] = None
        shown: list[nodes.Node] = []
        for name, functions in files.items():
            about = (inspect.getdoc(sys.modules[name]) or "").partition("\n\n")[0]
            text = "\n\n".join(inspect.getsource(function).rstrip() for function in functions)
            shown += [
                nodes.rubric(name, name),
                nodes.paragraph(about, about),
                nodes.literal_block(text, text, language="python"),
            ]
        return shown


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("programs", Programs)
    app.add_directive("program", Program)
    app.add_directive("functions", Functions)
    app.add_directive("rules", Rules)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

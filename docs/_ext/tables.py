"""Directives that print the tables of the compiler and of its tests.

`{programs}` the corpus of programs that the tests differentiate, area by area; `{program} name` one of those that go
wrong elsewhere; `{functions}` the functions of NumPy, `math` and SciPy that the front end knows; `{rules}` the rules;
`{passes}` the passes of the compiler in their order.
"""

from __future__ import annotations

import ast
import html
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from types import ModuleType

import numpy as np
from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from scipy import stats
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from srcad.canonicalize.prune import prune
from srcad.compiler import passes, steps
from srcad.compiler.manager import Order, Pass, passes_of
from srcad.compiler.split_sweeps import split_sweeps
from srcad.reverse import driver
from srcad.rules import libraries
from srcad.rules.external import is_external
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
    """What the front end knows by name: NumPy, math, SciPy, and methods of arrays."""

    def run(self) -> list[nodes.Node]:
        for library in ("special", "stats", "linalg", "signal", "integrate", "spatial.distance"):
            import_module(f"scipy.{library}")
        libraries.complete()
        known = {name_of(f) for f in (*PRIMITIVE_OF, *EXPANSIONS)}
        groups = {
            "NumPy": {n for n in known if n.startswith("numpy.")},
            "math": {n for n in known if n.startswith("math.")},
            "SciPy": {n for n in known if n.startswith("scipy.") and not n.endswith(".")},
            "Methods of arrays": {f"x.{name}" for name in METHODS},
        }
        return [node for title, names in groups.items() for node in listing(title, sorted(names))]


def name_of(function: object) -> str:
    """`numpy.linalg.norm` for what it is called by: a ufunc has a name and no module."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(owner, np.ufunc):  # np.add.at
        return f"numpy.{owner.__name__}.{name}"
    if isinstance(function, np.ufunc):
        return f"numpy.{name}" if getattr(np, name, None) is function else f"scipy.special.{name}"
    if str(getattr(owner, "__module__", "")).startswith("scipy.stats"):  # a method of a distribution
        known = next((one for one, value in vars(stats).items() if value is owner), "")
        return f"scipy.stats.{known}.{name}"
    # of a private module of SciPy, `scipy.linalg._basic`, the public one
    return re.sub(r"^(scipy\.\w+)\._\w+", r"\1", f"{getattr(function, '__module__', None) or 'numpy'}.{name}")


def listing(title: str, names: list[str]) -> list[nodes.Node]:
    paragraph = nodes.paragraph()
    for name in names:
        paragraph += [nodes.literal(name, name), nodes.Text(" ")]
    return [nodes.rubric(title, title), paragraph]


class Rules(SphinxDirective):
    """The text of every rule, file by file."""

    def run(self) -> list[nodes.Node]:
        files: dict[str, dict[Callable[..., object], None]] = {}
        own = [rules for prim, rules in RULES.items() if not is_external(prim)]  # examples on other pages add theirs
        for rule in (rule for rules in own for rule in rules):
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


RUNS: dict[str, Callable[..., object]] = {
    "prune_checks": prune,
    "prune_tangents": prune,
    "add_tangents": steps.with_tangents,
    "split_sweeps": split_sweeps,
    "find_written_parameters": steps.written_parameters,
    "find_step_functions": steps.step_inputs,
    "begin_reversal": driver.Reversal,
    "split_into_segments": driver.split_loops,
    "expand_arrays": driver.expand_overwritten_arrays,
    "reverse": driver.gradient,
    "list_tape": steps.tape_entries,
}
"""The function of a pass that is not called as the pass is."""


class Passes(SphinxDirective):
    """All passes in their order, of every mode and of what is compiled, a pass a line."""

    def run(self) -> list[nodes.Node]:
        readable, modes = passes.READABLE["grad"], {name: list(passes_of(o)) for name, o in passes.READABLE.items()}
        for name, own in modes.items():
            left = iter(modes["grad"])
            if not all(one in left for one in own if one in modes["grad"]):
                raise self.error(f"grad has the passes of {name} in another order: it needs a table of its own")
        rows: list[Sequence[str]] = [("From the source to the readable function",)]
        for line in lines(readable):
            in_modes = [name for name, own in modes.items() if line in own]
            rows.append(row(line, "all" if len(in_modes) == len(modes) else ", ".join(in_modes)))
        others = {one: None for own in modes.values() for one in own if one not in modes["grad"]}
        rows.append(("On the way there in other modes alone, in the order of each",))
        rows += [row(one, ", ".join(name for name, own in modes.items() if one in own)) for one in others]
        rows.append(("From the readable function to the compiled one",))
        rows += [row(line, "all" if line in passes.COMPILED else "parallel=True") for line in lines(passes.THREADED)]
        return [table(("pass", "takes", "gives", "modes", "optional", "what it does"), (20, 12, 12, 12, 8, 50), rows)]


def lines(order: Order) -> Iterator[Pass | str]:
    """The passes, and above and below those that are repeated a line that says so."""
    shown: set[tuple[Pass, ...]] = set()
    for one in order:
        if isinstance(one, Pass):
            yield one
        elif one.passes in shown:
            yield "The same group again" + (", if the pass before it has changed anything." if one.if_changed else ".")
        else:
            shown.add(one.passes)
            yield f"A group of {len(one.passes)}, repeated {one.name}:"
            yield from one.passes
            yield "End of the group."


def row(line: Pass | str, modes: str) -> Sequence[str]:
    """The cells of a pass, or the one cell of a line between passes."""
    if isinstance(line, str):
        return (line,)
    function = RUNS.get(line.name) or next(
        vars(module)[line.name] for module in (passes, steps, driver) if line.name in vars(module)
    )
    about = inspect.getdoc(function) or inspect.getdoc(sys.modules[function.__module__]) or ""
    where = "/".join(function.__module__.split(".")[1:])
    first = " ".join(about.partition("\n\n")[0].split())
    optional = "yes" if line.optional else ""
    return f"`{line.name}`", line.takes.value, line.gives.value, modes, optional, f"{first} (`{where}`)"


def table(head: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[str]]) -> nodes.table:
    """A table; a row of one cell spans all columns."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(head))
    for kind, own in ((nodes.thead, [head]), (nodes.tbody, rows)):
        part = kind()
        for cells in own:
            spans = {"morecols": len(head) - 1} if len(cells) == 1 else {}
            part += nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *inline(c)), **spans) for c in cells))
        group += part
    return nodes.table("", group)


def inline(text: str) -> list[nodes.Node]:
    """Text with `literals`."""
    return [nodes.literal(part, part) if at % 2 else nodes.Text(part) for at, part in enumerate(text.split("`"))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("programs", Programs)
    app.add_directive("program", Program)
    app.add_directive("functions", Functions)
    app.add_directive("rules", Rules)
    app.add_directive("passes", Passes)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

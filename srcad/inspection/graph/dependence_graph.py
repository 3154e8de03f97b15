"""`DependenceGraph`: what the variables of a function depend on, as DOT and as SVG."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from srcad.canonicalize.prune import prune
from srcad.compiler.generate import Generated
from srcad.errors import fail
from srcad.inspection.graph.dependences import Dependences, dependences
from srcad.inspection.graph.drawing import described, drawing

_STYLES = {
    "derivative": "color=firebrick, penwidth=1.5",
    "value": "color=gray40",
    "control": "color=gray60, style=dashed",
}


@dataclass(frozen=True)
class DependenceGraph:
    """The variables of a function and what they depend on. Printed, it is DOT, the language of Graphviz.

    A red edge is one along which a derivative passes, a grey one passes a value alone, and along a dashed one it is
    decided whether something is computed, or how often. Active variables are red; those saved have a double border.

    >>> import srcad
    >>> __name__ = "user_module"
    >>> def f(x, n):
    ...     y = x * x
    ...     return y * n
    >>> print(srcad.grad(f, target="python").graph(1.0, 2))
    digraph f {
        node [shape=box, fontname=monospace];
        n0 [label="x", shape=ellipse, color=firebrick, tooltip="x, a parameter; active"];
        n1 [label="n", shape=ellipse, tooltip="n, a parameter; no derivative passes"];
        n2 [label="y", color=firebrick, tooltip="y, a variable; active; L2"];
        n3 [label="return", color=firebrick, tooltip="what is returned; active; L3"];
        n0 -> n2 [color=firebrick, penwidth=1.5];
        n1 -> n3 [color=gray40];
        n2 -> n3 [color=firebrick, penwidth=1.5];
    }
    """

    dependences: Dependences

    @cached_property
    def dot(self) -> str:
        """The text for Graphviz."""
        lines = []
        for at, one in enumerate(self.dependences.variables):
            notes = [f"label={_quoted(one.label)}"]
            notes += ["shape=ellipse"] if one.kind == "parameter" else []
            notes += ["color=firebrick"] if one.active else []
            notes += ["peripheries=2"] if one.saved else []
            notes.append(f"tooltip={_quoted(described(one))}")
            lines.append(f"n{at} [{', '.join(notes)}];")
        lines += [f"n{one.source} -> n{one.target} [{_STYLES[one.kind]}];" for one in self.dependences.edges]
        body = "\n".join(f"    {line}" for line in ("node [shape=box, fontname=monospace];", *lines))
        return f"digraph {self.dependences.function} {{\n{body}\n}}"

    def svg(self, program: str = "dot") -> str:
        """The drawing that Graphviz makes; S319 where its program is not there or fails."""
        try:
            done = subprocess.run([program, "-Tsvg"], input=self.dot, capture_output=True, text=True, encoding="utf-8")
        except OSError as fault:
            why = f"{program} cannot be run ({fault.strerror})."
        else:
            if done.returncode == 0:
                return done.stdout
            why = f"{program} failed: {done.stderr.strip()}"
        fail(
            "S319",
            f"the graph of {self.dependences.function} cannot be drawn by Graphviz",
            why=why,
            advice="install Graphviz; show the graph in a notebook, or `srcad view` it: those need no program;\n"
            "or draw .dot with another one.",
        )

    def __str__(self) -> str:
        return self.dot

    def _repr_html_(self) -> str:
        style = files("srcad.inspection.page").joinpath("graph.css").read_text(encoding="utf-8")
        return f'<div class="srcad-view"><style>{style}</style>{drawing(self.dependences)}</div>'


def dependence_graph(made: Generated) -> DependenceGraph:
    """The graph of the primal of a generated function."""
    tape = made.function.tape
    saved = frozenset(tape[entry.name].of.lstrip("%") for entry in made.kept if entry.name in tape)
    return DependenceGraph(dependences(prune(made.lowered.function), made.active, saved))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

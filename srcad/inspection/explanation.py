"""Why a gradient is what it is: which parameters are active, what is saved and what is recomputed, with lines."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from srcad.analysis.values.parameter_roles import ParameterRole
from srcad.compiler.generate import Generated
from srcad.inspection.tables import table
from srcad.ir.nodes import Recovery, Span

SAID = {
    "active": "active",
    "not asked for": "constant: its derivative is not asked for",
    "no result depends on it": "zero: no result depends on it",
    "through steps alone": "zero: results depend on it through comparisons, roundings and the like alone",
    "as a constant alone": "zero: it is read for its shape, through whole numbers or stop_gradient alone",
}
"""The roles of parameters, in words."""


@dataclass(frozen=True)
class Explanation:
    """The reasons behind one generated function, as the compiler noted them. Printed, they are tables.

    >>> import srcad
    >>> __name__ = "user_module"
    >>> def f(x, y):
    ...     return x * x
    >>> print(srcad.grad(f, ("x", "y"), target="python").explain(1.0, 2.0))
    parameters of f
     x  active: L2
     y  zero: no result depends on it
    the reverse sweep saves and recomputes nothing
    """

    function: str
    parameters: tuple[ParameterRole, ...]
    recoveries: tuple[Recovery, ...]
    """How the reverse sweep comes by what it reads and the forward sweep has not left behind."""
    paths: tuple[str, ...]
    """How the user would write each parameter: `params["W"][0]`."""

    def __str__(self) -> str:
        rows = [
            [path, SAID[one.role] + (f": {_lines(one.spans)}" if one.spans else "")]
            for path, one in zip(self.paths, self.parameters, strict=True)
        ]
        text = table(f"parameters of {self.function}", (), rows)
        if not self.recoveries:
            return f"{text}\nthe reverse sweep saves and recomputes nothing"
        found = [[one.of.lstrip("%"), one.how, one.why, _quoted(one.span)] for one in self.recoveries]
        return f"{text}\n\n{table('what the reverse sweep reads', ('value', 'is', 'since', 'line'), found)}"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def explanation(generated: Generated) -> Explanation:
    """The reasons behind a generated function."""
    primal = generated.lowered.function
    path = {param.name: param.path for param in primal.params}
    paths = tuple(path.get(one.name, one.name) for one in generated.roles)
    return Explanation(primal.name, generated.roles, generated.recoveries, paths)


def _lines(spans: Sequence[Span]) -> str:
    return ", ".join(dict.fromkeys(f"L{span.line}" for span in spans))


def _quoted(span: Span | None) -> str:
    return "" if span is None else f"L{span.line}: {span.text.strip()}"

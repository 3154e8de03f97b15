"""Whether a gradient passes from each parameter to a result, along which lines, and if not, why."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from srcad.analysis.values.activity import flows_of
from srcad.analysis.values.step_functions import StepInput
from srcad.ir.nodes import Assign, Expr, Function, Span, Store
from srcad.ir.traversal import own_exprs, reads, walk
from srcad.ir.types import has_floats

Role = Literal["active", "not asked for", "no result depends on it", "through steps alone", "as a constant alone"]


@dataclass(frozen=True)
class ParameterRole:
    """A parameter of the flat function, and what a derivative has to do with it."""

    name: str
    role: Role
    spans: tuple[Span, ...] = ()
    """Of an active one, the lines of a shortest way to a result; of one that enters through steps, those."""


def parameter_roles(
    f: Function, wrt: Sequence[str], outputs: Iterable[Expr], steps: Sequence[StepInput]
) -> tuple[ParameterRole, ...]:
    """The roles of the parameters of a function in normal form.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> __name__ = "user_module"
    >>> def scaled(x, y, z, n):
    ...     unused = np.sin(y)
    ...     return x * n
    >>> f = normal_form(scaled, 1.0, 2.0, 3.0, 2)
    >>> for one in parameter_roles(f, ("x", "y"), f.results, ()):
    ...     print(one.name, one.role, [span.text.strip() for span in one.spans])
    x active ['return x * n']
    y no result depends on it []
    z not asked for []
    n not asked for []
    """
    wanted = {name for e in outputs for name in reads(e)}
    after: dict[str, list[tuple[str, Span | None]]] = {}
    for stmt in walk(f.body):
        span = stmt.span if isinstance(stmt, Assign | Store) else None
        for a, b in flows_of(f, stmt):
            if has_floats(f.types[a]) and has_floats(f.types[b]):
                after.setdefault(a, []).append((b, span))
    through = {one.input: one.spans for one in steps}
    read = {name for stmt in walk(f.body) for e in own_exprs(stmt) for name in reads(e)} | wanted
    found = []
    for name in (p.name for p in f.params):
        way = _shortest(name, wanted, after)
        if name not in wrt:
            found.append(ParameterRole(name, "not asked for"))
        elif way is not None:
            found.append(ParameterRole(name, "active", way))
        elif name in through:
            found.append(ParameterRole(name, "through steps alone", through[name]))
        else:
            found.append(ParameterRole(name, "as a constant alone" if name in read else "no result depends on it"))
    return tuple(found)


def _shortest(
    start: str, wanted: set[str], after: Mapping[str, Sequence[tuple[str, Span | None]]]
) -> tuple[Span, ...] | None:
    """The lines of a shortest way from a name to one that is wanted; None: there is no way."""
    ways: dict[str, tuple[Span, ...]] = {start: ()}
    pending = deque([start])
    while pending:
        name = pending.popleft()
        if name in wanted:
            lines = {(span.file, span.line): span for span in reversed(ways[name])}
            return tuple(lines.values())[::-1]
        for target, span in after.get(name, ()):
            if target not in ways:
                ways[target] = ways[name] if span is None else (*ways[name], span)
                pending.append(target)
    return None

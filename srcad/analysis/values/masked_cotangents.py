"""Masked cotangents: names whose cotangent may be exactly zero because a select or a bound did not use their value.

`np.where(x > 0, np.log(x), 0.0)` at x < 0: the logarithm is NaN and its cotangent 0, and 0 * NaN must be 0. Only what
is upstream of a select or a bound needs a guard against that; the rules of all other code stay simple.
"""

from __future__ import annotations

from enum import IntEnum

from srcad.analysis.values.activity import flows
from srcad.ir.nodes import Assign, Function, Op
from srcad.ir.traversal import reads, walk
from srcad.rules.traits import having

SELECTS = having(lambda p: p.choice == "condition")
"""Primitives whose unselected argument may be NaN."""

BOUNDS = having(lambda p: p.kind == "elementwise" and p.choice in ("maximum", "minimum"))
"""Primitives whose unused argument may be infinite, but not NaN."""


class MaskLevel(IntEnum):
    """What may be wrong with a value whose cotangent is zero."""

    BOUND = 1
    """It may be infinite: a bound did not use it."""
    SELECT = 2
    """It may be infinite or NaN: a select did not use it."""


def masked_names(f: Function, results: int = 0) -> dict[str, MaskLevel]:
    """The names upstream of a select or a bound; all others are missing. `results` is the level of the results.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def safe_root(x, y):
    ...     return np.where(x > 0.0, np.sqrt(x), 0.0) + np.maximum(y, 1.0)
    >>> f = normal_form(safe_root, 2.0, 3.0)
    >>> {name: level.name for name, level in masked_names(f).items()}
    {'%sqrt.0': 'SELECT', 'y': 'BOUND', 'x': 'SELECT'}
    """
    level: dict[str, MaskLevel] = {}
    if results:
        level = {name: MaskLevel(results) for e in f.results for name in reads(e)}
    for stmt in walk(f.body):
        match stmt:
            case Assign(_, Op(prim, args)) if prim in SELECTS | BOUNDS:
                own = MaskLevel.SELECT if prim in SELECTS else MaskLevel.BOUND
                for arg in args[1:] if prim in SELECTS else args:
                    for name in reads(arg):
                        level[name] = max(level.get(name, own), own)
            case _:
                pass
    predecessors: dict[str, list[str]] = {}
    for source, target in flows(f):
        predecessors.setdefault(target, []).append(source)
    pending = list(level)
    while pending:
        name = pending.pop()
        for source in predecessors.get(name, ()):
            if level.get(source, 0) < level[name]:
                level[source] = level[name]
                pending.append(source)
    return level

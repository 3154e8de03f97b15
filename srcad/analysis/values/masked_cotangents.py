"""Where a cotangent may be exactly zero because the value was not the one chosen.

`np.where(x > 0, np.log(x), 0.0)` at x < 0: the logarithm is NaN and its cotangent 0, and 0 * NaN must be 0. What
is upstream of a choice needs that care; other code does not, and stays plain.
"""

from __future__ import annotations

from srcad.analysis.values.activity import flows
from srcad.ir.nodes import Assign, Function, Op
from srcad.ir.traversal import reads, walk
from srcad.rules.traits import having

CHOOSES = having(lambda p: p.choice == "condition")
"""Primitives of which an argument that was not chosen may be NaN."""

BOUNDS = having(lambda p: p.kind == "elementwise" and p.choice in ("maximum", "minimum"))
"""Primitives of which the other argument may be infinite."""


def masked_names(f: Function) -> dict[str, int]:
    """2 for what a choice may leave aside, 1 for what a bound may; a name that neither can is missing."""
    level: dict[str, int] = {}
    for stmt in walk(f.body):
        match stmt:
            case Assign(_, Op(prim, args)) if prim in CHOOSES | BOUNDS:
                for arg in args[1:] if prim in CHOOSES else args:
                    for name in reads(arg):
                        level[name] = max(level.get(name, 0), 2 if prim in CHOOSES else 1)
            case _:
                pass
    before: dict[str, list[str]] = {}
    for source, target in flows(f):
        before.setdefault(target, []).append(source)
    pending = list(level)
    while pending:
        name = pending.pop()
        for source in before.get(name, ()):
            if level.get(source, 0) < level[name]:
                level[source] = level[name]
                pending.append(source)
    return level

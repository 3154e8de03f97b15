"""Arguments are never modified: an array parameter that the function writes into is copied first."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.ir.nodes import Assign, Function, Op, Var
from srcad.ir.traversal import substitute
from srcad.ir.types import Array, Type
from srcad.typing.builder import Builder


def _copied(builder: Builder, x: Var, type: Type, name: str) -> None:
    """Assign a copy with its elements in the order of the original, as the type of both says."""
    if not isinstance(type, Array) or type.layout != "F" or type.rank == 1:
        builder.emit(Assign(name, Op("copy", (x,)), builder.span))
        return
    turned = tuple(range(type.rank))[::-1]
    rows = builder.op("copy", builder.op("np.transpose", x, axes=turned))
    builder.emit(Assign(name, Op("np.transpose", (rows,), (("axes", turned),)), builder.span))


def copy_written_arguments(f: Function, builder: Builder, found: AliasClasses) -> Function:
    """Give the function arrays of its own in place of the parameters it writes into.

    A parameter that shares a class with one it writes into counts too: the reverse sweep restores whole classes.
    """
    mapping: dict[str, Var] = {}
    with builder.block() as copies:
        builder.span = f.span
        for name in (p.name for p in f.params if p.name in found.written):
            own = builder.fresh(name.rsplit(".", 1)[0], f.types[name])
            _copied(builder, Var(name), f.types[name], own.name)
            mapping[name] = own
    if not copies:
        return f
    body = tuple(copies) + substitute(f.body, mapping)
    results = tuple(mapping.get(r.name, r) if isinstance(r, Var) else r for r in f.results)
    return replace(f, body=body, results=results)

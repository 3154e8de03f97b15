"""Copies of written arguments: a parameter that the function stores into is copied first; no argument is modified."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from srcad.ir.names import base
from srcad.ir.nodes import Assign, Function, Op, Var
from srcad.ir.traversal import substitute
from srcad.ir.types import Array, Type
from srcad.typing.builder import Builder


def _emit_copy(builder: Builder, x: Var, type: Type, name: str) -> None:
    """Assign a copy with the memory layout of the original: both have the same type."""
    if not isinstance(type, Array) or type.layout != "F" or type.rank == 1:
        builder.emit(Assign(name, Op("copy", (x,)), builder.span))
        return
    reversed_axes = tuple(range(type.rank))[::-1]
    transposed_copy = builder.op("copy", builder.op("np.transpose", x, axes=reversed_axes))
    builder.emit(Assign(name, Op("np.transpose", (transposed_copy,), (("axes", reversed_axes),)), builder.span))


def copy_written_arguments(f: Function, builder: Builder, written: Container[str]) -> Function:
    """Give the function arrays of its own in place of the parameters that are written.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> def clear(x):
    ...     x[:] = 0.0
    ...     return x
    >>> f = normal_form(clear, np.ones(3))
    >>> print(text(copy_written_arguments(f, Builder.resume(f), {"x"})))
    clear(x: float64[x.0]):
        x.0 = copy(x)
        x.0[...] = 0.0
        return x.0
    """
    mapping: dict[str, Var] = {}
    with builder.block() as copies:
        builder.span = f.span
        for name in (p.name for p in f.params if p.name in written and isinstance(f.types[p.name], Array)):
            own = builder.fresh(base(name), f.types[name])
            _emit_copy(builder, Var(name), f.types[name], own.name)
            mapping[name] = own
    if not copies:
        return f
    body = tuple(copies) + substitute(f.body, mapping)
    results = tuple(mapping.get(r.name, r) if isinstance(r, Var) else r for r in f.results)
    return replace(f, body=body, results=results)

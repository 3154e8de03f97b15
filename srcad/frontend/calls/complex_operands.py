"""Functions that have not been proved right for complex numbers refuse them (`rules/complex_numbers`)."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.frontend.values.abstract_values import Abstract, HeapRef, Leaf, Seq
from srcad.frontend.values.context import Context
from srcad.ir.types import is_complex


def refuse_complex(ctx: Context, name: str, values: Iterable[Abstract]) -> None:
    """Raise S116 where there is a complex number among the values."""
    for value in values:
        match value:
            case Leaf(type=known) if is_complex(known):
                advice = "give it the real and the imaginary part, z.real and z.imag."
                ctx.fail("S116", f"{name} of complex numbers", None, advice)
            case Seq(items):
                refuse_complex(ctx, name, items)
            case HeapRef(id=ref):
                refuse_complex(ctx, name, ctx.heap[ref].items)

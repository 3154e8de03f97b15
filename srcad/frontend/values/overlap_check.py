"""Check of writes through a mask. Where the values are a view of the array itself, the strides decide in NumPy.

>>> import numpy as np
>>> from srcad.compiler.stages import normal_form
>>> from srcad.errors import SrcadError
>>> def f(x):
...     x[x > 0.0] = x[::-1]
...     return x
>>> try:
...     normal_form(f, np.ones(2))
... except SrcadError as error:
...     print(error.problems[0].code)
S401
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srcad.analysis.memory.may_alias import may_alias
from srcad.errors import fail
from srcad.ir.nodes import Block, Expr, Span
from srcad.ir.traversal import names
from srcad.ir.types import Type


@dataclass(frozen=True)
class MaskedWrite:
    array: Expr
    values: Expr
    span: Span | None


def check_masked_writes(body: Block, types: Mapping[str, Type], writes: Sequence[MaskedWrite]) -> None:
    """Raise S401 where the values that are written may be in the memory of the array."""
    if not writes:
        return
    aliases = may_alias(body, types)
    for write in writes:
        arrays, values = ({aliases.class_of(name) for name in names(expr)} for expr in (write.array, write.values))
        if not arrays.isdisjoint(values):
            fail(
                "S401",
                "a view of an array is written into the array itself, through a mask",
                write.span,
                "NumPy writes one after the other, and reads what it has written or not, as the strides are.",
                "copy the values first: x[mask] = x[:n].copy().",
            )

"""Fresh names for passes on the sequential form."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Container

from srcad import runtime, vector_math
from srcad.ir.types import Type

RESERVED = frozenset({*keyword.kwlist, *dir(builtins), "np", "math", *vars(runtime), *vars(vector_math)})
"""What generated text means by a name: a keyword, a builtin, a module, a helper that it calls."""


def fresh_name(wanted: str, kind: Type, types: dict[str, Type]) -> str:
    """A name that is neither in use nor reserved, derived from the one wanted; it is entered into `types`.

    >>> from srcad.ir.types import Scalar
    >>> types = {"total": Scalar("float64")}
    >>> fresh_name("total", Scalar("float64"), types), fresh_name("total", Scalar("float64"), types), sorted(types)
    ('total1', 'total2', ['total', 'total1', 'total2'])
    >>> fresh_name("prod_first", Scalar("int64"), types)  # a function of the run-time library
    'prod_first1'
    """
    name = unused_name(wanted, types)
    types[name] = kind
    return name


def unused_name(wanted: str, taken: Container[str], separator: str = "") -> str:
    """The name wanted, or where it is taken or reserved the first of `wanted1`, `wanted2`, ... that is not."""
    name, k = wanted, 0
    while name in taken or name in RESERVED:
        k += 1
        name = f"{wanted}{separator}{k}"
    return name

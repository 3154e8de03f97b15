"""Fresh names for passes on the sequential form."""

from __future__ import annotations

from srcad.ir.types import Type


def fresh_name(wanted: str, kind: Type, types: dict[str, Type]) -> str:
    """A name that is not in use yet, derived from the one wanted; it is entered into `types`.

    >>> from srcad.ir.types import Scalar
    >>> types = {"total": Scalar("float64")}
    >>> fresh_name("total", Scalar("float64"), types), fresh_name("total", Scalar("float64"), types), sorted(types)
    ('total1', 'total2', ['total', 'total1', 'total2'])
    """
    name, k = wanted, 0
    while name in types:
        k += 1
        name = f"{wanted}{k}"
    types[name] = kind
    return name

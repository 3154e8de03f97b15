"""The parts of a name, and fresh names for passes on the sequential form.

A name is `base.version`; the base of a compiler temporary is marked with `%`, which no identifier of the user's has.
What else there is to know of a name is said in fields (`Function.tape`): a user may call a variable `h_saved` or `d_x`.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Container

from srcad import runtime, vector_math
from srcad.ir.types import Type

RESERVED = frozenset(
    {*keyword.kwlist, *dir(builtins), "np", "math", "cuda", "special", *vars(runtime), *vars(vector_math)}
)
"""What generated text means by a name: a keyword, a builtin, a module, a helper that it calls."""


def base(name: str) -> str:
    """The name without its version.

    >>> base("acc.2"), base("%tanh.0"), base("x")
    ('acc', '%tanh', 'x')
    """
    return name.rsplit(".", 1)[0]


def stem(name: str) -> str:
    """The base without the mark of a temporary.

    >>> stem("acc.2"), stem("%tanh.0")
    ('acc', 'tanh')
    """
    return base(name).lstrip("%")


def is_temporary(name: str) -> bool:
    """Whether the compiler has made the name up: it stands for no variable of the user's program.

    >>> is_temporary("acc.2"), is_temporary("%tanh.0")
    (False, True)
    """
    return name.startswith("%")


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

"""NumPy's and math's functions in terms of the primitives; importing this fills the table of expansions."""

from srcad.rules.prelude import (
    creation,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    maths,
    products,
    reductions,
    roots,
    shapes,
    signals,
    sorting,
)

__all__ = [
    "creation",
    "einsum",
    "elementwise",
    "indexing",
    "joining",
    "linalg",
    "maths",
    "products",
    "reductions",
    "roots",
    "shapes",
    "signals",
    "sorting",
]

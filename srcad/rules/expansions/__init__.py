"""NumPy's and math's functions in terms of the primitives; importing this fills the table of expansions."""

from srcad.rules.expansions import (
    advanced_indexing,
    creation,
    einsum,
    elementwise,
    joining,
    linalg,
    math_module,
    products,
    reductions,
    roots,
    shapes,
    signals,
    sorting,
)

__all__ = [
    "advanced_indexing",
    "creation",
    "einsum",
    "elementwise",
    "joining",
    "linalg",
    "math_module",
    "products",
    "reductions",
    "roots",
    "shapes",
    "signals",
    "sorting",
]

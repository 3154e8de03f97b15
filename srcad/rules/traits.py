"""Sets of primitives that several passes ask for, each by its traits.

    >>> sorted(COMPARISONS), sorted(ALLOCATIONS)[:2]
    (['!=', '<', '<=', '==', '>', '>='], ['np.empty', 'np.empty_like'])

A question of one pass alone is asked there, in the same way.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from srcad.rules.primitive_type import Primitive
from srcad.rules.primitives import PRIMITIVES


def having(trait: Callable[[Primitive], object]) -> frozenset[str]:
    """The names of the primitives of which something is true."""
    return frozenset(name for name, primitive in PRIMITIVES.items() if trait(primitive))


# ---- operators ---------------------------------------------------------------------------------

COMPARISONS = having(lambda p: p.negation)

CONDITIONS = COMPARISONS | having(lambda p: p.operator in (ast.And, ast.Or, ast.Not))
"""Conditions and what joins them."""

RING = having(lambda p: p.algebra == "ring")
"""Sums, products and negatives: of integers exact, and defined whatever they are."""

IN_PLACE = having(lambda p: p.algebra and p.operator in (ast.Add, ast.Sub, ast.Mult, ast.Div))
"""The operators of `x op= y` on floats that passes take apart."""

# ---- shapes and new arrays ---------------------------------------------------------------------

SHAPE_QUERIES = having(lambda p: p.kind == "query" and p.reads_shape_only)
"""Their results are integers: lengths, and the number of elements."""

SHAPE_READS = having(lambda p: p.reads_shape_only)
"""Primitives that ask an array for its shape and dtype only."""

SHAPE_ARITHMETIC = RING | SHAPE_QUERIES
"""By what lengths are computed from lengths."""

ALLOCATIONS = having(lambda p: p.is_blank and p.contents)
"""New arrays of which all elements are alike, or not initialised."""

# ---- views -------------------------------------------------------------------------------------

WRITABLE_VIEWS = having(
    lambda p: p.memory is not None and p.memory.is_path and not (p.memory.may_copy or p.memory.read_only)
)
"""A store to the result is surely one to the first operand."""

# ---- evaluation --------------------------------------------------------------------------------

LAZY = having(lambda p: p.lazy)
"""Primitives of which only the first operand is surely evaluated."""

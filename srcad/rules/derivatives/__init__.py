"""Derivative rules of the primitives, and the rows of those that are functions of NumPy or `math`."""

from srcad.rules.derivatives import convolutions, decompositions, elementwise, linalg, reductions, shapes, tangents

__all__ = ["convolutions", "decompositions", "elementwise", "linalg", "reductions", "shapes", "tangents"]

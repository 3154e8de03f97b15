"""What srcad knows of Python, math and NumPy: primitives, derivative rules, and expansions into primitives."""

from srcad.rules import elementwise, linalg, prelude, reductions, shapes

__all__ = ["elementwise", "linalg", "prelude", "reductions", "shapes"]

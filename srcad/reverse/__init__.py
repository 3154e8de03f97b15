"""Reverse mode: from a function to the function that computes its gradient."""

from srcad.reverse.gradient import Gradient, gradient

__all__ = ["Gradient", "gradient"]

"""Reverse mode: from a function to the function that computes its gradient."""

from srcad.reverse.gradient import Gradient, adjoint, gradient

__all__ = ["Gradient", "adjoint", "gradient"]

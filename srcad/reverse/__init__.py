"""Reverse mode: from a function to the function that computes its gradient."""

from srcad.reverse.driver import Gradient, adjoint, gradient, jacobian

__all__ = ["Gradient", "adjoint", "gradient", "jacobian"]

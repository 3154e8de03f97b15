"""`scipy.linalg`: equations and special matrices, decompositions, functions of matrices."""

from srcad.rules.scipy import linalg, linalg_decompositions, matrix_functions

__all__ = ["linalg", "linalg_decompositions", "matrix_functions"]

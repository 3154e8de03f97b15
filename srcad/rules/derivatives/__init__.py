"""Derivative rules of the primitives, and the rows of those that are functions of NumPy, `math` or `scipy.special`."""

from srcad.rules.derivatives import (
    bessel_functions,
    complex_parts,
    convolutions,
    decompositions,
    elementwise,
    error_functions,
    fourier_transforms,
    gamma_functions,
    kelvin_and_struve,
    linalg,
    reductions,
    shapes,
    tangents,
)

__all__ = [
    "bessel_functions",
    "complex_parts",
    "convolutions",
    "decompositions",
    "elementwise",
    "error_functions",
    "fourier_transforms",
    "gamma_functions",
    "kelvin_and_struve",
    "linalg",
    "reductions",
    "shapes",
    "tangents",
]

"""What has been proved right for complex operands. Everything else refuses them (S116).

**The convention of adjoints.** The adjoint d_z of a complex value z is what the differential of the result L is made
with, dL = Re(d_z dz), so that d_z = dL/dRe z - i dL/dIm z, as in JAX. With it

- a function that is holomorphic has the rule of its real variable, with no conjugate in it: d_x += d_y * f'(x), and of
  what is linear or bilinear the transpose, `d_x += A.T @ d_y`;
- what is real and enters a complex operation is given the real part of what comes back (`reverse/adjoint/accumulation`
  does it, for all rules);
- the partial derivative p of a real function of z is so that dy = Re(p dz): conj(z) / |z| of `abs`.

So a rule of a real function holds for complex operands if the function is holomorphic; what is not, `abs`, `np.real`,
`np.imag`, `np.conj`, `np.angle`, says so in its rule. An expansion may be another function of complex numbers than NumPy
has (a variance is the mean of squares): the ones below were compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

PRIMITIVES_OF_COMPLEX = frozenset(
    """
    + - * / ** neg pos @ == !=
    abs np.abs np.exp np.log np.sqrt np.sin np.cos np.tan np.sinh np.cosh np.tanh
    complex np.real np.imag real imag np.conj np.angle
    np.where select stop_gradient cut_gradient astype np.isfinite np.isnan np.isinf
    index np.transpose reshape np.broadcast_to copy np.ascontiguousarray shape len size
    np.concatenate np.cumsum np.diag diagonal np.tril np.triu runtime.diagonals runtime.diagonals_adjoint
    np.full np.zeros_like np.ones_like np.empty_like np.full_like array
    np.sum np.mean np.prod runtime.prod_first runtime.product_of_others runtime.product_of_others_first
    runtime.unbroadcast_1d runtime.unbroadcast_2d runtime.unbroadcast_3d runtime.unbroadcast_4d runtime.unbroadcast_5d
    np.outer np.trace np.linalg.solve np.linalg.inv np.linalg.det
    tuple list.new list.append list.pop list.item list.length call result print insert_gradient check within
    """.split()
)
"""The names of primitives."""

FUNCTIONS_OF_COMPLEX: frozenset[Callable[..., Any]] = frozenset()

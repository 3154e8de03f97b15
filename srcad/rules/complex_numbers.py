"""What has been proved right for complex operands. Everything else refuses them (S116).

**The convention of adjoints.** The adjoint d_z of a complex value z is what the differential of the result L is made
with, dL = Re(d_z dz), so that d_z = dL/dRe z - i dL/dIm z, as in JAX. With it

- a function that is holomorphic has the rule of its real variable, with no conjugate in it: d_x += d_y * f'(x), and of
  what is linear or bilinear the transpose, `d_x += A.T @ d_y`;
- what is real and enters a complex operation is given the real part of what comes back (`reverse/adjoint/accumulation`
  does it, for all rules);
- the partial derivative p of a real function of z is so that dy = Re(p dz): conj(z) / |z| of `abs`.

So a rule of a real function holds for complex operands if the function is holomorphic; what is not, `abs`, `np.real`,
`np.imag`, `np.conj`, `np.angle`, says so in its rule. An expansion may be another function of complex numbers than
NumPy's (a variance is no mean of squares): the ones below were compared.
"""

from __future__ import annotations

import operator
from typing import Any, cast

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
    np.outer np.trace np.linalg.solve np.linalg.inv np.linalg.det runtime.cofactors runtime.cofactors_tangent
    runtime.with_diagonal
    np.fft.fft np.fft.ifft np.fft.rfft np.fft.irfft np.fft.hfft np.fft.ihfft np.fft.fftn np.fft.ifftn
    tuple list.new list.append list.pop list.item list.length call result print insert_gradient check within
    """.split()
)
"""The names of primitives."""

_FUNCTIONS: set[object] = (
    {abs, complex, operator.abs, operator.matmul, np.square, np.reciprocal, np.where, np.select, np.count_nonzero}
    | {np.isreal, np.iscomplex, np.isrealobj, np.iscomplexobj}
    | {np.real, np.imag, np.conj, np.angle, np.isclose, np.allclose, np.array_equal, np.complex128, np.complex64}
    # new arrays
    | {np.full, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.array, np.copy, np.asarray, np.asanyarray}
    | {np.ascontiguousarray, np.astype}
    # of another shape
    | {np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.squeeze, np.expand_dims, np.broadcast_to}
    | {
        np.atleast_1d,
        np.atleast_2d,
        np.atleast_3d,
        np.flip,
        np.fliplr,
        np.flipud,
        np.rot90,
        np.roll,
        np.tile,
        np.repeat,
    }
    | {np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack, np.append, np.split, np.array_split, np.take}
    | {np.matrix_transpose, np.diag, np.diagonal, np.diagflat, np.tril, np.triu, np.trace, np.block, np.meshgrid}
    # sums and products
    | {np.sum, np.mean, np.var, np.std, np.prod, np.cumsum, np.cumprod, np.diff, np.gradient, np.trapezoid, np.average}
    | {
        np.matmul,
        np.dot,
        np.vdot,
        np.vecdot,
        np.matvec,
        np.inner,
        np.outer,
        cast(Any, np.multiply).outer,
        np.tensordot,
        np.kron,
    }
    | {np.cross, np.einsum, np.convolve, np.correlate}
    | {np.linalg.solve, np.linalg.inv, np.linalg.det, np.linalg.norm, np.linalg.matrix_power, np.linalg.multi_dot}
    | {np.linalg.matmul, np.linalg.vecdot, np.linalg.outer, np.linalg.trace, np.linalg.diagonal, np.linalg.tensordot}
    | {np.fft.fft, np.fft.ifft, np.fft.irfft, np.fft.hfft, np.fft.fft2, np.fft.ifft2, np.fft.irfft2}
    | {np.fft.fftn, np.fft.ifftn, np.fft.irfftn, np.fft.fftshift, np.fft.ifftshift}
    | {
        np.polyval,
        cast(Any, np.polynomial.polynomial.polyval),
        np.vander,
        np.polyadd,
        np.polysub,
        np.polymul,
        np.polyder,
        np.polyint,
    }
)
FUNCTIONS_OF_COMPLEX = frozenset(_FUNCTIONS)
"""The functions that are expansions."""

METHODS_OF_COMPLEX = frozenset(
    """
    sum mean var std prod cumsum cumprod dot trace diagonal conj conjugate astype copy fill item
    reshape ravel flatten transpose swapaxes squeeze repeat take
    """.split()
)
"""The methods of arrays that are."""

"""Lighter forms of what Numba supplies: the same results, compiled in a fraction of the time.

Three things that generated code needs often are dear to compile: the texts of errors about shapes and axes, which
Numba formats in compiled code; `np.where`, which it puts together from broadcasting in full generality; and the
import of the whole of `scipy.linalg` for the addresses of BLAS. What is replaced is put back after each compilation.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def lighter() -> Iterator[None]:
    """Compile with the lighter forms; a Numba that does not have what they replace is left as it is."""
    from numba.np import arraymath, arrayobj

    usual = []
    for module, name, make in (
        (arrayobj, "raise_with_shape_context", _shape_error),
        (arraymath, "check_axis_bounds", _check_axis),
        (arraymath, "_where_generic_impl", _where),
    ):
        if hasattr(module, name):
            usual.append((module, name, getattr(module, name)))
            setattr(module, name, make())
    try:
        yield
    finally:
        for module, name, what in usual:
            setattr(module, name, what)


def blas_alone() -> None:
    """Import SciPy's bindings of BLAS and LAPACK without the rest of `scipy.linalg`, which takes 20 times as long.

    Numba asks for these modules by name, and for nothing else of `scipy.linalg`; whoever imports that later gets
    it whole. Where anything is not as expected, Numba's own import does the work.
    """
    if "scipy.linalg" in sys.modules:
        return
    try:
        import scipy

        folder = os.path.join(os.path.dirname(scipy.__file__), "linalg")
        for name in ("scipy.linalg.cython_blas", "scipy.linalg.cython_lapack"):
            spec = importlib.machinery.PathFinder.find_spec(name, [folder])
            if spec is None or spec.loader is None or name in sys.modules:
                continue
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[name] = module
    except Exception:  # a SciPy built in another way
        return


@cache
def _shape_error() -> Callable[..., None]:
    """For `x[i] = row`: Numba spends 2.5 s on formatting two shapes."""
    from numba.extending import overload

    def shapes_differ(source: Any, target: Any) -> None:
        raise NotImplementedError  # compiled code runs what is below

    @overload(shapes_differ)
    def compiled_form(source: Any, target: Any) -> Callable[..., None]:
        def fail_shortly(source: Any, target: Any) -> None:
            raise ValueError("cannot assign slice from input of different size")

        return fail_shortly

    return shapes_differ


@cache
def _check_axis() -> Callable[..., None]:
    """For `np.sum(x, axis=0)`: Numba spends 1.5 s on formatting the axis."""
    from numba.extending import register_jitable

    def check_axis_bounds(a: Any, axis: Any) -> None:
        if axis is not None:
            if isinstance(axis, tuple):
                for one in axis:
                    if one < -a.ndim or one >= a.ndim:
                        raise ValueError("axis is out of bounds")
            elif axis < -a.ndim or axis >= a.ndim:
                raise ValueError("axis is out of bounds")

    light: Callable[..., None] = register_jitable(check_axis_bounds)
    return light


@cache
def _where() -> Callable[..., Callable[..., Any]]:
    """For `np.where(c, x, y)`: a loop over equal shapes, and one that broadcasts."""
    from numba.np import arraymath

    usual: Callable[..., Callable[..., Any]] = arraymath._where_generic_impl  # type: ignore[attr-defined]

    @cache
    def light(dtype: Any, layout: str) -> Callable[..., Any]:
        choose = _chooser(dtype, usual(dtype, layout))

        def impl(condition: Any, x: Any, y: Any) -> Any:
            return choose(condition, x, y)

        return impl

    return light


def _chooser(dtype: Any, usual: Callable[..., Any]) -> Callable[..., Any]:
    import numpy as np
    from numba import types
    from numba.extending import overload, register_jitable
    from numba.np.arrayobj import _numpy_broadcast_to as stretched

    def choose(condition: Any, x: Any, y: Any) -> Any:
        raise NotImplementedError  # compiled code runs what is below

    @register_jitable
    def together(one: int, other: int) -> int:
        if one != other and one != 1 and other != 1:
            raise ValueError("shape mismatch: objects cannot be broadcast to a single shape")
        return one if other == 1 else other

    ...
    return choose

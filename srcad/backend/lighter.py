"""Lighter forms of what Numba supplies: the same results, compiled in a fraction of the time.

What generated code needs often is dear to compile: expressions on whole arrays, `np.where`, the texts of errors about
shapes and axes, the import of all of `scipy.linalg` for the addresses of BLAS. While we compile, a few functions inside
Numba are replaced by ones that do the same with less; afterwards they are put back.
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

import numpy as np


@contextmanager
def lighter(ordered_sums: bool = False) -> Iterator[None]:
    """Compile with the lighter forms; a Numba that does not have what they replace is left as it is.

    `ordered_sums`: loops with sums of floats are vectorised too.
    """
    from numba.np import arraymath, arrayobj, npyimpl

    usual = []
    for owner, name, make in (
        (arrayobj, "raise_with_shape_context", _shape_error),
        (arraymath, "check_axis_bounds", _check_axis),
        (arraymath, "_where_generic_impl", _where),
        (arraymath, "np_tril_impl_2d", _lower),
        (arraymath, "np_triu_impl_2d", _upper),
        (getattr(npyimpl, "_ArrayIndexingHelper", None), "update_indices", _update_indices),
        (arrayobj, "_empty_nd_impl", _empty),
        (arraymath, "_empty_nd_impl", _empty),
    ):
        if hasattr(owner, name):
            usual.append((owner, name, getattr(owner, name)))
            setattr(owner, name, make())
    for template, compiled in _makers():
        usual.append((template, "_impl_cache", template._impl_cache))
        template._impl_cache = compiled
    if ordered_sums:
        _ordered_sums(True)
    try:
        yield
    finally:
        if ordered_sums:
            _ordered_sums(False)
        for owner, name, what in usual:
            setattr(owner, name, what)


def _ordered_sums(vectorised: bool) -> None:
    """Whether LLVM vectorises a loop with a sum of floats: all but the sum, whose terms are added in their order.

    By itself LLVM leaves `s += exp(x[i])` one number at a time, for one addition in the order written, which is
    right where there is little else to compute.
    """
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    # an LLVM that does not know an option ends the process: only those that are known to have this one
    if 15 <= llvm.llvm_version_info[0] <= 22:
        llvm.set_option("srcad", f"-force-ordered-reductions={str(vectorised).lower()}")


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
    """For `np.where(c, x, y)`: Numba puts it together from broadcasting in full generality, in 1.5 s.

    A universal function broadcasts as well, and runs several times faster.
    """
    from numba import from_dtype, vectorize

    @cache
    def where_of(dtype: Any, layout: str) -> Callable[..., Any]:
        kind = from_dtype(dtype)

        def keep(condition: Any, x: Any, y: Any) -> Any:
            return x if condition else y

        def convert(condition: Any, x: Any, y: Any) -> Any:
            return kind(x) if condition else kind(y)

        universal: Any = vectorize
        choose = universal(keep if dtype.kind == "b" else convert)
        return lambda condition, x, y: choose(condition, x, y)

    return where_of


@cache
def _lower() -> Callable[..., Any]:
    """For `np.tril(x)`: Numba makes a matrix of ones and zeros first, and spends 0.7 s on that."""

    def lower(m: Any, k: Any = 0) -> Any:
        out = np.zeros_like(m)
        for i in range(m.shape[0]):
            for j in range(min(max(i + k + 1, 0), m.shape[1])):
                out[i, j] = m[i, j]
        return out

    return _implementation(lower)


@cache
def _upper() -> Callable[..., Any]:
    """For `np.triu(x)`."""

    def upper(m: Any, k: Any = 0) -> Any:
        out = np.zeros_like(m)
        for i in range(m.shape[0]):
            for j in range(max(i + k, 0), m.shape[1]):
                out[i, j] = m[i, j]
        return out

    return _implementation(upper)


def _implementation(function: Callable[..., Any]) -> Callable[..., Any]:
    from numba.extending import register_jitable

    function.__annotations__.clear()  # Numba compares signatures, in which its own have none
    light: Callable[..., Any] = register_jitable(function)
    return light


@cache
def _update_indices() -> Callable[..., None]:
    """For every expression on whole arrays: an axis of length 1 stays at its only place.

    Numba branches on the length inside the loop, and LLVM then makes a copy of the loop for each combination of
    answers: of two axes and three operands up to 64. A product by 0 or 1 gives the same index without a branch;
    it compiles four times as fast, and is vectorised more often.
    """
    from llvmlite import ir
    from numba import types

    def update_indices(self: Any, loop_indices: Any, name: Any) -> None:
        builder, integer = self.array.builder, self.array.context.get_value_type(types.intp)
        own = loop_indices[len(loop_indices) - len(self.indices) :]
        for index, place, length in zip(own, self.indices, self.array.shape, strict=False):
            moves = builder.icmp_unsigned(">", length, ir.Constant(integer, 1))
            builder.store(builder.mul(index, builder.zext(moves, integer)), place)

    return update_indices


@cache
def _empty() -> Callable[..., Any]:
    """For every new array: its memory is nobody else's, and LLVM is told so.

    Numba reads the address from what it has allocated; to LLVM it may be any address. Before a loop that stores to
    several new arrays it compares them all, and gives up if they are many. An instruction that does nothing hands the
    address on as that of memory of its own (`noalias`, as of C's malloc). From then on all go by that address: the
    allocation itself is read again only to be freed.
    """
    from llvmlite import ir
    from numba.np import arrayobj

    usual: Any = arrayobj._empty_nd_impl

    def empty(context: Any, builder: Any, kind: Any, shapes: Any) -> Any:
        array = usual(context, builder, kind, shapes)
        form = ir.FunctionType(array.data.type, [array.data.type])
        # with "side effects": it is executed as often as is written, so that no two addresses are the same memory
        same = ir.InlineAsm(form, "", "=r,0", True)
        # llvmlite knows no attributes of results; they stand where it writes the calling convention
        array.data = builder.call(same, [array.data], cconv="noalias")
        return array

    return empty


@cache
def _makers() -> list[tuple[Any, dict[Any, Any]]]:
    """What Numba makes arrays with, and what is compiled of it here: whoever called `np.empty` before us has had it
    compiled without `_empty`."""
    from numba.core.registry import cpu_target

    found: list[tuple[Any, dict[Any, Any]]] = []
    context: Any = cpu_target.typing_context
    context.refresh()
    for function in (np.empty, np.zeros, np.ones, np.full, np.empty_like, np.zeros_like, np.full_like):
        for template in getattr(context.resolve_value_type(function), "templates", ()):
            if isinstance(getattr(template, "_impl_cache", None), dict):
                found.append((template, {}))
    return found

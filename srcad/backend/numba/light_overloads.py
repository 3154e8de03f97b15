"""Overloads of NumPy and Numba functions with the same results that compile in a fraction of the time.

Some functions that generated code needs often are expensive to compile: array expressions, `np.where`, the messages of
errors about shapes and axes. `target` puts these overloads before Numba's own, for the functions it compiles only.
Where a version of Numba lacks a function that is replaced here, nothing is replaced.

Importing this imports Numba.

>>> np.where in [function for function, _ in forms()]
True
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import extending, imputils, types
from numba.core.runtime.context import NRTContext
from numba.core.typing import templates
from numba.np import arraymath, arrayobj, npyimpl
from numba.np.numpy_support import as_dtype, from_dtype
from numba.np.ufunc.array_exprs import _lower_array_expr

from srcad import vector_math
from srcad.backend.numba import extremes, fourier_transforms, huge_pages, strided_products

_PI_32, _NEARLY_ZERO_32 = np.float32(np.pi), np.float32(1e-20)

machine_code: Any = imputils.Registry("srcad")
"""The registry for lowerings that Numba would add to its own while it compiles generated code, and for intrinsics."""


def forms() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Functions of NumPy and Numba, each with a function of argument types that returns its replacement, or None."""
    for module, name, choose in (
        (arrayobj, "raise_with_shape_context", lambda source, target: _shapes_differ),
        (arraymath, "check_axis_bounds", lambda a, axis: _axis_in_bounds),
        (np, "where", _where),
        (np, "tril", lambda m, k=0: _lower if m.ndim == 2 else None),
        (np, "triu", lambda m, k=0: _upper if m.ndim == 2 else None),
        (np, "cbrt", _cbrt),
        (np, "sinc", _sinc),
    ):
        if hasattr(module, name):
            yield getattr(module, name), choose
    for name in (*fourier_transforms.ALONG_ONE, *fourier_transforms.ALONG_SEVERAL):
        yield getattr(np.fft, name), fourier_transforms.overload_of(name)
    yield from strided_products.forms()
    yield from extremes.forms()


def _shapes_differ(source, target):  # type: ignore[no-untyped-def]
    """For `x[i] = row`: Numba spends 2.5 s on formatting two shapes."""
    raise ValueError("cannot assign slice from input of different size")


def _axis_in_bounds(a, axis):  # type: ignore[no-untyped-def]
    """For `np.sum(x, axis=0)`: Numba spends 1.5 s on formatting the axis."""
    if axis is not None:
        if isinstance(axis, tuple):
            for one in axis:
                if one < -a.ndim or one >= a.ndim:
                    raise ValueError("axis is out of bounds")
        elif axis < -a.ndim or axis >= a.ndim:
            raise ValueError("axis is out of bounds")


def _lower(m, k=0):  # type: ignore[no-untyped-def]
    """For `np.tril(x)`: Numba makes a matrix of ones and zeros first, and spends 0.7 s on that."""
    out = np.zeros_like(m)
    for i in range(m.shape[0]):
        for j in range(min(max(i + k + 1, 0), m.shape[1])):
            out[i, j] = m[i, j]
    return out


def _upper(m, k=0):  # type: ignore[no-untyped-def]
    """For `np.triu(x)`."""
    out = np.zeros_like(m)
    for i in range(m.shape[0]):
        for j in range(max(i + k, 0), m.shape[1]):
            out[i, j] = m[i, j]
    return out


# ---- functions of scalars ------------------------------------------------------------------------------


def _cbrt(x: Any) -> Any:
    """For `np.cbrt(x)` of a scalar, of which Numba makes a power: of 27 that is 3.0000000000000004."""
    if x == types.float32:
        return lambda x: np.float32(vector_math.inline_cbrt(x))
    return (lambda x: vector_math.inline_cbrt(x)) if isinstance(x, types.Number) else None


def _sinc(x: Any) -> Any:
    """For `np.sinc(x)` of a scalar: Numba multiplies a float32 by a float64."""
    if x == types.float32:
        return _sinc_32
    return (lambda x: vector_math.sinc_by_sin(x)) if isinstance(x, types.Number) else None


def _sinc_32(x):  # type: ignore[no-untyped-def]
    y = _PI_32 * (_NEARLY_ZERO_32 if x == 0 else x)
    return np.sin(y) / y


# ---- np.where ------------------------------------------------------------------------------------------


def _where(condition: Any, x: Any, y: Any) -> Any:
    """For `np.where(c, x, y)`: Numba compiles broadcasting in full generality, which takes 1.5 s.

    The loop of a universal function broadcasts as well, and runs several times faster.
    """
    arrays = [kind for kind in (condition, x, y) if isinstance(kind, types.Array)]
    numbers = all(isinstance(kind, types.Array | types.Number | types.Boolean) for kind in (condition, x, y))
    if isinstance(condition, types.Array) and numbers and max(kind.ndim for kind in arrays) > 0:
        return lambda condition, x, y: select(condition, x, y)
    return None


def select(condition: Any, x: Any, y: Any) -> Any:
    """`np.where` of at least one array."""
    return np.where(condition, x, y)


def type_of_select(self: Any, args: Any, kws: Any) -> Any:
    """The signature of `select` (a method of Numba's templates)."""
    arrays = [kind for kind in args if isinstance(kind, types.Array)]
    if kws or len(args) != 3 or not arrays:
        return None
    dtypes = [as_dtype(kind.dtype if isinstance(kind, types.Array) else kind) for kind in args[1:]]
    layout = "F" if all(kind.layout == "F" for kind in arrays) else "C"
    array: Any = types.Array
    kind = array(from_dtype(np.promote_types(*dtypes)), max(kind.ndim for kind in arrays), layout)
    signature: Any = templates.signature
    return signature(kind, *args)


def lower_select(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    class Choose(npyimpl._Kernel):
        def generate(self, condition: Any, x: Any, y: Any) -> Any:
            (give, (which, *takes)) = self.outer_sig.return_type, self.outer_sig.args
            chosen = [self.cast(value, take, give) for value, take in zip((x, y), takes, strict=True)]
            return builder.select(self.cast(condition, which, types.boolean), *chosen)

    shape = SimpleNamespace(nin=3, nout=1, __name__="where")
    return array_loops()["numpy_ufunc_kernel"](context, builder, signature, args, shape, Choose)


# ---- array expressions --------------------------------------------------------------------------------


@cache
def array_loops() -> dict[str, Any]:
    """Numba's functions that emit the loop nest of an array expression, with branch-free broadcasting.

    The index along an axis of length 1 is always 0. Numba branches on the length inside the loop, and LLVM unswitches
    it into a copy of the loop for each combination: up to 64 for two axes and three operands. Multiplying the index by
    0 or 1 needs no branch; it compiles four times as fast, and is vectorised more often.
    """

    def update_indices(self: Any, loop_indices: Any, name: Any) -> None:
        builder, integer = self.array.builder, self.array.context.get_value_type(types.intp)
        own = loop_indices[len(loop_indices) - len(self.indices) :]
        for index, place, length in zip(own, self.indices, self.array.shape, strict=False):
            moves = builder.icmp_unsigned(">", length, ir.Constant(integer, 1))
            builder.store(builder.mul(index, builder.zext(moves, integer)), place)

    names = dict(vars(npyimpl))
    indexing, array = npyimpl._ArrayIndexingHelper, npyimpl._ArrayHelper
    names["_ArrayIndexingHelper"] = type(indexing.__name__, (indexing,), {"update_indices": update_indices})
    create = {"create_iter_indices": _with_globals(array.create_iter_indices, names)}
    names["_ArrayHelper"] = type(array.__name__, (array,), create)
    for name in ("_prepare_argument", "_build_array", "numpy_ufunc_kernel"):
        names[name] = _with_globals(names[name], names)
    return names


def lowering(form: Any) -> Any:
    """The lowering of a function; that of one of Numba's array loops is replaced by the branch-free form."""
    if isinstance(form, FunctionType) and form.__globals__ is vars(npyimpl):
        return _with_globals(form, array_loops())
    return form


@cache
def array_expression() -> Callable[..., Any]:
    """The lowering of an array expression with branch-free loops."""
    loops = ModuleType(npyimpl.__name__)
    vars(loops).update(array_loops())
    own = {"npyimpl": loops, "_legalize_parameter_names": _numbered}
    written: Callable[..., Any] = _with_globals(_lower_array_expr, {**_lower_array_expr.__globals__, **own})
    return written


@contextmanager
def _numbered(variables: Any) -> Iterator[list[str]]:
    """Names of parameters for variables, as long as an expression is written: Numba's own may be those of two.

    It names the second `x` and the first `x_1` alike.
    """
    names = [one.name for one in variables]
    numbered = [f"operand_{k}" for k in range(len(names))]
    try:
        for one, name in zip(variables, numbered, strict=True):
            one.name = name
        yield numbered
    finally:
        for one, name in zip(variables, names, strict=True):
            one.name = name


def copied(function: Any) -> Any:
    """A copy of the function object."""
    return _with_globals(function, function.__globals__)


def _with_globals(function: Any, names: dict[str, Any]) -> Any:
    """The function with other globals."""
    made = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


# ---- new arrays ----------------------------------------------------------------------------------------


class Memory(NRTContext):
    """Memory management of compiled code that marks the data of every new array as `noalias` for LLVM.

    Numba loads the address of the data from the allocation; for LLVM it may alias any other. Before a loop that stores
    to several new arrays LLVM emits overlap checks for all pairs, and gives up if there are many. An empty instruction
    returns the address as a `noalias` result, like that of C's malloc. All accesses use that address: the allocation
    itself is read again only to be freed.
    """

    allocated: Any = None
    """The latest allocation, and its bytes."""

    def meminfo_data(self, builder: Any, meminfo: Any) -> Any:
        data = super().meminfo_data(builder, meminfo)
        allocated, size = self.allocated or (None, None)
        if meminfo is not allocated:
            return data
        self.allocated = None
        huge_pages.ask_for_huge_pages(builder, data, size)
        form = ir.FunctionType(data.type, [data.type])
        # with "side effects", so that LLVM never merges two of these calls into one address
        same = ir.InlineAsm(form, "", "=r,0", True)
        # llvmlite has no result attributes; they are printed in the position of the calling convention
        return builder.call(same, [data], cconv="noalias")


def allocator() -> Any:
    """The function that Numba compiles to allocate an array, whose address it reads next."""
    return getattr(arrayobj, "_call_allocator", object)


# ---- LLVM options, overloads without side effects -----------------------------------------------------------


@contextmanager
def loops_for_llvm(ordered_sums: bool) -> Iterator[None]:
    """Set LLVM's options for the loops of generated code.

    `ordered_sums`: a loop with a float reduction is vectorised too: all but the reduction, whose terms are added in
    their order (an ordered reduction). By default LLVM leaves `s += exp(x[i])` scalar on x86, because of the ordered
    addition, which is right where there is little else to compute. On other processors it is the default.

    A loop with a short trip count is vectorised like any other. By default LLVM vectorises one of at most 15 iterations
    by tail folding, with masks, and its two cost models may then disagree, an assertion that ends the process.

    The options are those of the process; optimisation holds Numba's lock, so that no other thread optimises meanwhile.
    """
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    options = [("-vectorizer-min-trip-count", "0", "16")]
    if ordered_sums and platform.machine() in ("x86_64", "AMD64"):
        options.append(("-force-ordered-reductions", "true", "false"))
    # an unknown option ends the process: set them only in versions of LLVM that are known to have them
    if not 15 <= llvm.llvm_version_info[0] <= 22:
        options = []
    for option, ours, _ in options:
        llvm.set_option("srcad", f"{option}={ours}")
    try:
        yield
    finally:
        for option, _, default in options:
            llvm.set_option("srcad", f"{option}={default}")


def without_aliasing(function: Any, compiled: Any) -> Any:
    """A copy of a function of Numba that chooses an overload, without its side effects on the process.

    The original may define functions and intrinsics for one call, which Numba registers globally: in the copy they are
    dispatchers and intrinsics with types of their own. It may warn of non-contiguous arrays: the user can do nothing
    about it, and `warnings.catch_warnings` would affect other threads. `compiled(**options)` makes dispatchers.
    """
    module = sys.modules.get(getattr(function, "__module__", ""))
    if module is None or not isinstance(function, FunctionType) or function.__globals__ is not vars(module):
        return function
    names, changed = _module_globals(module.__name__, compiled)
    return _with_globals(function, names) if changed & _global_names(function.__code__) else function


@cache
def _module_globals(module: str, compiled: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The globals of a module of Numba with replacements, and the names that are replaced."""
    known = vars(sys.modules[module])
    own = {
        "warnings": SimpleNamespace(warn=lambda *args, **kwargs: None),
        "intrinsic": _local_intrinsic,
        "register_jitable": lambda *function, **options: (
            compiled(**options)(*function) if function else compiled(**options)
        ),
    }
    names = {**known, **{name: own[name] for name in own if name in known}}
    changed = {name for name in own if name in known}
    for name, function in known.items():
        if (
            isinstance(function, FunctionType)
            and function.__globals__ is known
            and changed & _global_names(function.__code__)
        ):
            names[name] = _with_globals(function, names)
    return names, frozenset(name for name in names if names[name] is not known[name])


@cache
def _global_names(code: CodeType) -> frozenset[str]:
    inside = [_global_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return frozenset(code.co_names).union(*inside)


def _local_intrinsic(function: Any) -> Any:
    """An intrinsic for one call that has its own type, without registration."""
    made: Any = extending._Intrinsic(function.__name__, function)
    template: Any = templates.make_intrinsic_template(made, function, function.__name__)
    own = {"_get_target_registry": lambda self, reason: machine_code}
    made._numba_type_ = types.Function(type(template)(template.__name__, (template,), own))
    return made

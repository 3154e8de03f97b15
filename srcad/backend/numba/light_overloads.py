"""Lighter forms of what Numba supplies: the same results, compiled in a fraction of the time.

What generated code needs often is dear to compile: expressions on whole arrays, `np.where`, the texts of errors about
shapes and axes. `target` puts what is below before Numba's own, for what it compiles and nobody else. Where a Numba
does not have what one of these stands for, its own does the work.

Importing this imports Numba.
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

_PI_32, _NEARLY_ZERO_32 = np.float32(np.pi), np.float32(1e-20)

machine_code: Any = imputils.Registry("srcad")
"""What Numba would add to its own tables while it compiles for us, and what is one instruction."""


def forms() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Functions of NumPy and of Numba, and what gives the form to compile for types of arguments, or None."""
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
    """For `np.where(c, x, y)`: Numba puts it together from broadcasting in full generality, in 1.5 s.

    The loop over a universal function broadcasts as well, and runs several times faster.
    """
    arrays = [kind for kind in (condition, x, y) if isinstance(kind, types.Array)]
    numbers = all(isinstance(kind, types.Array | types.Number | types.Boolean) for kind in (condition, x, y))
    if isinstance(condition, types.Array) and numbers and max(kind.ndim for kind in arrays) > 0:
        return lambda condition, x, y: select(condition, x, y)
    return None


def select(condition: Any, x: Any, y: Any) -> Any:
    """`np.where`, where one at least is an array."""
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
    return _loops()["numpy_ufunc_kernel"](context, builder, signature, args, shape, Choose)


# ---- expressions on whole arrays ---------------------------------------------------------------------


@cache
def _loops() -> dict[str, Any]:
    """The functions of Numba that write the loop of an expression on whole arrays: an axis of length 1 stays at its
    only place.

    Numba branches on the length inside the loop, and LLVM then makes a copy of the loop for each combination of
    answers: of two axes and three operands up to 64. A product by 0 or 1 gives the same index without a branch;
    it compiles four times as fast, and is vectorised more often.
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
    create = {"create_iter_indices": _with_names(array.create_iter_indices, names)}
    names["_ArrayHelper"] = type(array.__name__, (array,), create)
    for name in ("_prepare_argument", "_build_array", "numpy_ufunc_kernel"):
        names[name] = _with_names(names[name], names)
    return names


def lowering(form: Any) -> Any:
    """What writes the machine code of a function: of Numba's, one that writes the lighter loops."""
    if isinstance(form, FunctionType) and form.__globals__ is vars(npyimpl):
        return _with_names(form, _loops())
    return form


@cache
def array_expression() -> Callable[..., Any]:
    """What writes the machine code of an expression on whole arrays."""
    loops = ModuleType(npyimpl.__name__)
    vars(loops).update(_loops())
    written: Callable[..., Any] = _with_names(_lower_array_expr, {**_lower_array_expr.__globals__, "npyimpl": loops})
    return written


def copied(function: Any) -> Any:
    """Another function that does the same."""
    return _with_names(function, function.__globals__)


def _with_names(function: Any, names: dict[str, Any]) -> Any:
    """The function with other globals."""
    made = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


# ---- new arrays ----------------------------------------------------------------------------------------


class Memory(NRTContext):
    """For every new array: its memory is nobody else's, and LLVM is told so.

    Numba reads the address from what it has allocated; to LLVM it may be any address. Before a loop that stores to
    several new arrays it compares them all, and gives up if they are many. An instruction that does nothing hands the
    address on as that of memory of its own (`noalias`, as of C's malloc). From then on all go by that address: the
    allocation itself is read again only to be freed.
    """

    allocated: Any = None
    """What has just been allocated."""

    def meminfo_data(self, builder: Any, meminfo: Any) -> Any:
        data = super().meminfo_data(builder, meminfo)
        if meminfo is not self.allocated:
            return data
        self.allocated = None
        form = ir.FunctionType(data.type, [data.type])
        # with "side effects": it is executed as often as is written, so that no two addresses are the same memory
        same = ir.InlineAsm(form, "", "=r,0", True)
        # llvmlite knows no attributes of results; they stand where it writes the calling convention
        return builder.call(same, [data], cconv="noalias")


def allocator() -> Any:
    """The function that Numba compiles to allocate an array, whose address it reads next."""
    return getattr(arrayobj, "_call_allocator", object)


# ---- sums, warnings, tables ---------------------------------------------------------------------------------


@contextmanager
def loops_for_llvm(ordered_sums: bool) -> Iterator[None]:
    """LLVM's options for the loops of generated code.

    `ordered_sums`: a loop with a sum of floats is vectorised too: all but the sum, whose terms are added in their
    order. By itself LLVM leaves `s += exp(x[i])` one number at a time, for one addition in the order written, which is
    right where there is little else to compute. Processors of other kinds do it anyway.

    A loop of few turns is vectorised as any other. By itself LLVM writes one of at most 15 turns without a remainder,
    with masks, and its two models of what that costs may then disagree, which its assertions end the process for.

    The options are those of the process; whoever optimises holds Numba's lock, so that nobody else does.
    """
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    options = [("-vectorizer-min-trip-count", "0", "16")]
    if ordered_sums and platform.machine() in ("x86_64", "AMD64"):
        options.append(("-force-ordered-reductions", "true", "false"))
    # an LLVM that does not know an option ends the process: only those that are known to have these
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
    """What chooses the form of a function of Numba, without what it does to the process besides.

    It may define functions and instructions for this one call, which Numba enters in its tables: they are dispatchers
    and instructions that say their types themselves. It may warn of arrays that are not contiguous: the user can do
    nothing about it, and Python's own way to silence warnings is one of the process, which other threads see.
    `compiled(**options)` makes dispatchers.
    """
    module = sys.modules.get(getattr(function, "__module__", ""))
    if module is None or not isinstance(function, FunctionType) or function.__globals__ is not vars(module):
        return function
    names, changed = _names(module.__name__, compiled)
    return _with_names(function, names) if changed & _used(function.__code__) else function


@cache
def _names(module: str, compiled: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The names of a module of Numba, and which of them stand for something else."""
    known = vars(sys.modules[module])
    own = {
        "warnings": SimpleNamespace(warn=lambda *args, **kwargs: None),
        "intrinsic": _once,
        "register_jitable": lambda *function, **options: (
            compiled(**options)(*function) if function else compiled(**options)
        ),
    }
    names = {**known, **{name: own[name] for name in own if name in known}}
    changed = {name for name in own if name in known}
    for name, function in known.items():
        if isinstance(function, FunctionType) and function.__globals__ is known and changed & _used(function.__code__):
            names[name] = _with_names(function, names)
    return names, frozenset(name for name in names if names[name] is not known[name])


@cache
def _used(code: CodeType) -> frozenset[str]:
    inside = [_used(const) for const in code.co_consts if isinstance(const, CodeType)]
    return frozenset(code.co_names).union(*inside)


def _once(function: Any) -> Any:
    """An instruction for one call, which says its type itself."""
    made: Any = extending._Intrinsic(function.__name__, function)
    template: Any = templates.make_intrinsic_template(made, function, function.__name__)
    own = {"_get_target_registry": lambda self, reason: machine_code}
    made._numba_type_ = types.Function(type(template)(template.__name__, (template,), own))
    return made

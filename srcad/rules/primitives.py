"""The primitives: what an `Op` may apply, each with its meaning on NumPy values.

The dtype and rank of an operation's result are those of the same operation on one-element dummies, so a
primitive is described by what it does, not by a typing rule. A `Primitive` is callable: the prelude, ordinary
Python in the compiled language, calls primitives by module-level names and also runs as it stands.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad import runtime


@dataclass(frozen=True)
class Primitive:
    """One operation. Arguments come in the order of `Op.args`, static parameters as keywords."""

    name: str
    evaluate: Callable[..., Any]
    kind: str
    """elementwise, reduce, linalg, view, shape, create, query, random, effect, tuple or list."""
    cheap: bool = False
    """On scalars: doing it again beats having saved it."""
    differentiable: bool = True
    """False: the derivative is zero wherever it exists."""
    steps: tuple[int, ...] = ()
    """Arguments on which the result depends in steps: it has no derivative by them, whatever it has by the others."""
    dims: tuple[str, ...] = ()
    """The axes of the result by those of the arguments, one signature for each choice of ranks: `ij,j->j`
    is for ranks (2, 1). What one letter stands for must be equally long. A letter that only the result has is a length
    not known; `...` is any further axes."""

    def __call__(self, *args: Any, **static: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.evaluate(*args, **static)


PRIMITIVES: dict[str, Primitive] = {}
PRIMITIVE_OF: dict[object, str] = {}
"""Python callables whose call is one primitive, argument by argument."""


def _add(
    name: str,
    evaluate: Callable[..., Any],
    kind: str,
    *callables: object,
    dims: str = "",
    steps: tuple[int, ...] = (),
    **flags: bool,
) -> None:
    PRIMITIVES[name] = Primitive(name, evaluate, kind, dims=tuple(dims.split()), steps=steps, **flags)
    PRIMITIVE_OF.update(dict.fromkeys(callables, name))


def _plain(value: Any) -> Any:
    """A 0-d array as the scalar it holds."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


_name: str
_function: Any
_ufunc: Any

# ---- operators ---------------------------------------------------------------------------------

for _name, _function, _ufunc in [
    ("+", operator.add, np.add),
    ("-", operator.sub, np.subtract),
    ("*", operator.mul, np.multiply),
    ("/", operator.truediv, np.true_divide),
]:
    _add(_name, _function, "elementwise", _function, _ufunc, cheap=True)
_add("neg", operator.neg, "elementwise", operator.neg, np.negative, cheap=True)
_add("pos", operator.pos, "elementwise", operator.pos, np.positive, cheap=True)
_add("%", operator.mod, "elementwise", operator.mod, np.mod, np.remainder, cheap=True)
_add("**", operator.pow, "elementwise", operator.pow, np.power, pow)
_add("@", operator.matmul, "linalg", dims="i,i-> ij,j->i i,ij->j ij,jk->ik")

for _name, _function, _ufunc in [
    ("//", operator.floordiv, np.floor_divide),
    ("<", operator.lt, np.less),
    ("<=", operator.le, np.less_equal),
    (">", operator.gt, np.greater),
    (">=", operator.ge, np.greater_equal),
    ("==", operator.eq, np.equal),
    ("!=", operator.ne, np.not_equal),
    ("&", operator.and_, np.bitwise_and),
    ("|", operator.or_, np.bitwise_or),
    ("^", operator.xor, np.bitwise_xor),
    ("<<", operator.lshift, np.left_shift),
    (">>", operator.rshift, np.right_shift),
]:
    _add(_name, _function, "elementwise", _function, _ufunc, cheap=True, differentiable=False)
_add("~", lambda x: (not x) if isinstance(x, bool) else ~x, "elementwise", operator.invert, np.invert,
     cheap=True, differentiable=False)  # fmt: skip
_add("not", lambda x: not x, "elementwise", operator.not_, cheap=True, differentiable=False)
_add("and", lambda a, b: bool(a and b), "elementwise", cheap=True, differentiable=False)
_add("or", lambda a, b: bool(a or b), "elementwise", cheap=True, differentiable=False)

# ---- elementwise functions ---------------------------------------------------------------------

for _ufunc in [
    np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2, np.hypot,
    np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh,
    np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.logaddexp, np.logaddexp2,
    np.sqrt, np.cbrt, np.fmod, np.sinc,
]:  # fmt: skip
    _add(f"np.{_ufunc.__name__}", _ufunc, "elementwise", _ufunc)
for _ufunc in [np.maximum, np.minimum, np.fmax, np.fmin, np.fabs, np.deg2rad, np.rad2deg]:
    _add(f"np.{_ufunc.__name__}", _ufunc, "elementwise", _ufunc, cheap=True)
_add("np.copysign", np.copysign, "elementwise", np.copysign, cheap=True, steps=(1,))
PRIMITIVE_OF.update({np.radians: "np.deg2rad", np.degrees: "np.rad2deg"})
for _ufunc in [
    np.floor, np.ceil, np.trunc, np.rint, np.sign, np.signbit, np.isnan, np.isinf, np.isfinite,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.spacing, np.nextafter,
]:  # fmt: skip
    _add(f"np.{_ufunc.__name__}", _ufunc, "elementwise", _ufunc, cheap=True, differentiable=False)
_add("abs", abs, "elementwise", cheap=True)  # of a scalar; of an array it is np.abs
_add("np.abs", np.abs, "elementwise", np.abs, cheap=True)
# printed `np.sqrt`; another primitive because its derivative at 0 is 0: the norm of a zero vector
_add("root", np.sqrt, "elementwise")
_add("np.where", lambda c, a, b: _plain(np.where(c, a, b)), "elementwise", cheap=True, steps=(0,))
_add("select", lambda c, a, b: _plain(np.where(np.array(c), a, b)), "elementwise", cheap=True, steps=(0,))
_add("stop_gradient", lambda x: x, "elementwise", cheap=True, differentiable=False)
_add("float", float, "elementwise", cheap=True)
_add("max", max, "elementwise", cheap=True, differentiable=False)  # of lengths: the user's `max` is a branch
_add("min", min, "elementwise", cheap=True, differentiable=False)
_add("is_index", lambda i, n: -n <= i < n, "elementwise", cheap=True, differentiable=False)
_add("int", int, "elementwise", int, cheap=True, differentiable=False)
_add("np.uint64", np.uint64, "elementwise", cheap=True, differentiable=False)  # of an index never negative
_add("bool", bool, "elementwise", bool, cheap=True, differentiable=False)

for _function in [
    math.sin, math.cos, math.tan, math.asin, math.acos, math.atan, math.atan2,
    math.sinh, math.cosh, math.tanh, math.asinh, math.acosh,
    math.exp, math.expm1, math.log2, math.log10, math.log1p, math.sqrt, math.pow,
    math.erf, math.erfc, math.gamma, math.lgamma,
]:  # fmt: skip
    _add(f"math.{_function.__name__}", _function, "elementwise", _function)
_add("math.atanh", lambda x: math.atanh(x) if abs(x) < 1 else np.arctanh(float(x)).item(), "elementwise", math.atanh)
PRIMITIVE_OF[math.fmod] = "np.fmod"  # Numba has no math.fmod
_add("math.log", math.log, "elementwise")  # with a base it is an expansion
for _function in [math.fabs, math.degrees, math.radians]:
    _add(f"math.{_function.__name__}", _function, "elementwise", _function, cheap=True)
_add("math.copysign", math.copysign, "elementwise", math.copysign, cheap=True, steps=(1,))
for _function in [math.floor, math.ceil, math.trunc, math.isnan, math.isinf, math.isfinite]:
    _add(f"math.{_function.__name__}", _function, "elementwise", _function, cheap=True, differentiable=False)
for _ufunc in [
    np.exp,
    np.expm1,
    np.log,
    np.log1p,
    np.logaddexp,
    np.tanh,
    np.sin,
    np.cos,
]:  # of one float64, in compiled text only
    _add(f"machine.inline_{_ufunc.__name__}", _ufunc, "elementwise", differentiable=False)
_add("machine.inline_erf", math.erf, "elementwise", differentiable=False)
_add("machine.plus", lambda a, b: a + b, "elementwise", differentiable=False)
_add("runtime.digamma", runtime.digamma, "elementwise", runtime.digamma)
_add("runtime.polygamma", runtime.polygamma, "elementwise", runtime.polygamma)

# ---- views and shapes --------------------------------------------------------------------------

_add("index", lambda base, *items: base[items], "view", cheap=True)
_add("np.transpose", lambda x, axes: np.transpose(x, axes), "view", cheap=True)
_add("reshape", lambda x, *shape: x.reshape(shape), "view", cheap=True)
_add("np.broadcast_to", lambda x, *shape: np.broadcast_to(x, shape), "view", cheap=True)
_add("copy", lambda x: x.copy() if isinstance(x, np.ndarray) else x, "shape", cheap=True, dims="...->...")
_add("astype", lambda x, dtype: x.astype(dtype) if isinstance(x, np.ndarray) else np.dtype(dtype).type(x),
     "elementwise", cheap=True)  # fmt: skip
_add("np.ascontiguousarray", np.ascontiguousarray, "shape", cheap=True, dims="...->...")
_add("shape", lambda x, axis: x.shape[axis], "query", cheap=True, differentiable=False)
_add("len", len, "query", len, cheap=True, differentiable=False)
_add("size", lambda x: x.size, "query", cheap=True, differentiable=False)
_add("np.concatenate", lambda *parts, axis=0: np.concatenate(parts, axis), "shape")
_add("np.cumsum", np.cumsum, "shape", dims="i->i")
_add("np.diag", np.diagflat, "shape", dims="i,->jk")  # the matrix that has this diagonal
_add("diagonal", np.diagonal, "shape", dims="ij,->k")  # printed `np.diag`
_add("runtime.with_diagonal", runtime.with_diagonal, "shape", runtime.with_diagonal, steps=(0, 2), dims="ij,k,->ij")
_add("np.tril", np.tril, "shape", dims="ij,->ij")
_add("np.triu", np.triu, "shape", dims="ij,->ij")
_add("runtime.stable_order", runtime.stable_order, "shape", runtime.stable_order, differentiable=False, dims="i->i")
_add("nonzero", lambda x, axis=0: np.nonzero(x)[axis], "query", differentiable=False, dims="...->i")
_add("np.searchsorted", lambda a, v, side="left": np.searchsorted(a, v, side), "query", differentiable=False)

# ---- creation ----------------------------------------------------------------------------------

# np.empty evaluates to ones: nothing that is folded or typed may depend on uninitialised memory
for _name, _function in [("np.zeros", np.zeros), ("np.ones", np.ones), ("np.empty", np.ones)]:
    _add(_name, lambda *shape, dtype="float64", _make=_function: _make(shape, dtype), "create",
         cheap=True, differentiable=False)  # fmt: skip
_add("np.full", lambda value, *shape, dtype=None: np.full(shape, value, dtype), "create", cheap=True)
for _function in [np.zeros_like, np.ones_like, np.empty_like]:
    _add(f"np.{_function.__name__}", _function, "create", cheap=True, differentiable=False, dims="...->...")
_add("np.full_like", np.full_like, "create", cheap=True, steps=(0,), dims="...,->...")
_add("np.arange", np.arange, "create", cheap=True, steps=(1,), dims=",,->i")
_add("np.linspace", lambda start, stop, num: np.linspace(start, stop, num), "create", cheap=True, dims=",,->i")
_add("np.eye", lambda n, m, k=0: np.eye(n, m, k), "create", cheap=True, differentiable=False, dims=",->ij")
_add("array", lambda *items: np.array(items), "create", cheap=True)

# ---- reductions --------------------------------------------------------------------------------

for _function in [np.sum, np.mean, np.prod, np.max, np.min]:
    _add(f"np.{_function.__name__}", _function, "reduce")
for _function in [np.any, np.all, np.argmax, np.argmin, np.count_nonzero]:
    _add(f"np.{_function.__name__}", _function, "reduce", differentiable=False)
for _function in [runtime.max_first, runtime.min_first, runtime.prod_first]:
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, dims="i...->...")
_add("runtime.exact_sum", runtime.exact_sum, "shape", runtime.exact_sum, dims="i->")
for _function in [runtime.max_last, runtime.min_last]:
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, dims="ij->i")
for _function in [runtime.argmax_first, runtime.argmin_first]:
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, differentiable=False, dims="i...->...")
for _function in [runtime.product_of_others, runtime.product_of_others_first]:
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, dims="...->...")

for _function, _dims in [
    (runtime.unbroadcast_1d, "i,j->j"),
    (runtime.unbroadcast_2d, "ij,kl->kl"),
    (runtime.unbroadcast_3d, "ijk,lmn->lmn"),
    (runtime.unbroadcast_4d, "ijkl,mnop->mnop"),
    (runtime.unbroadcast_5d, "hijkl,mnopq->mnopq"),
]:
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, dims=_dims)

# ---- linear algebra ----------------------------------------------------------------------------

_add("np.outer", np.outer, "linalg", dims="i,j->ij")
_add("np.trace", np.trace, "linalg", dims="ij->")
_add("np.linalg.solve", np.linalg.solve, "linalg", dims="jj,j->j jj,jk->jk")
_add("np.linalg.inv", np.linalg.inv, "linalg", dims="jj->jj")
_add("np.linalg.det", np.linalg.det, "linalg", dims="jj->")
_add("np.linalg.cholesky", np.linalg.cholesky, "linalg", dims="jj->jj")
_add("runtime.cholesky_adjoint", runtime.cholesky_adjoint, "linalg", runtime.cholesky_adjoint, dims="ij,ij->ij")
_add("runtime.cofactors", runtime.cofactors, "linalg", runtime.cofactors, dims="ij->ij")
_add("runtime.sign_of_det", runtime.sign_of_det, "linalg", runtime.sign_of_det, differentiable=False, dims="jj->")
_add("runtime.eigenpairs", runtime.eigenpairs, "linalg", runtime.eigenpairs, dims="jj->kl")
_add("runtime.log_abs_det", runtime.log_abs_det, "linalg", runtime.log_abs_det, dims="jj->")

# ---- containers and effects --------------------------------------------------------------------

_add("tuple", lambda *items: items, "tuple", cheap=True)
_add("list.new", list, "list", differentiable=False)
_add("list.append", lambda items, item: items.append(item), "list", differentiable=False)
_add("list.pop", lambda items: items.pop(), "list", differentiable=False)
_add("list.item", lambda items, at: items[at], "list", differentiable=False)
_add("print", lambda *items: None, "effect", differentiable=False)
_add("check", lambda condition, *values, derived, error, texts: None, "effect", differentiable=False)
_add("within", lambda index, length, where: None, "effect", differentiable=False)

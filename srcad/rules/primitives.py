"""The primitives: what an `Op` may apply, each with its meaning on NumPy values and its traits. One row says all.

The dtype and rank of an operation's result are those of the same operation on one-element dummies, so a
primitive is described by what it does, not by a typing rule. A `Primitive` is callable: the prelude, ordinary
Python in the compiled language, calls primitives by module-level names and also runs as it stands.

No pass lists primitives of a kind: it asks for traits (`rules/primitive` says which there are, `rules/traits` has sets
by them). So all passes know of a primitive that is added here.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad import runtime
from srcad.ir.result_memory import EITHER, HOLDER, RESULT_MEMORY, VIEW, ResultMemory
from srcad.rules.primitive import Primitive

PRIMITIVES: dict[str, Primitive] = {}
PRIMITIVE_OF: dict[object, str] = {}
"""Python callables whose call is one primitive, argument by argument."""


def _add(name: str, evaluate: Callable[..., Any], kind: str, *callables: object, dims: str = "", **traits: Any) -> None:
    row = PRIMITIVES[name] = Primitive(name, evaluate, kind, dims=tuple(dims.split()), **traits)
    PRIMITIVE_OF.update(dict.fromkeys(callables, name))
    if row.memory is not None:
        RESULT_MEMORY[name] = row.memory


def _elementwise(name: str, evaluate: Callable[..., Any], *callables: object, **traits: Any) -> None:
    """On arrays element by element, which compiled text does in loops."""
    _add(name, evaluate, "elementwise", *callables, **{"element": name, **traits})


def _functions(*functions: Any, **traits: Any) -> None:
    """Functions of NumPy and `math`, under their own names; those of `math` know scalars alone."""
    for function in functions:
        if isinstance(function, np.ufunc):
            _elementwise(f"np.{function.__name__}", function, function, **traits)
        else:
            _add(f"math.{function.__name__}", function, "elementwise", function, **{**traits, **_SCALAR})


def _plain(value: Any) -> Any:
    """A 0-d array as the scalar it holds."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


_name: str
_function: Any
_ufunc: Any
_operator: Any
_negation: str
_noun: str

_SCALAR: dict[str, Any] = {"element": "", "dtype": "float64"}
_CHEAP: dict[str, Any] = {"cheap": True, "vector": "instructions"}
_STEP: dict[str, Any] = {**_CHEAP, "differentiable": False}

# ---- operators ---------------------------------------------------------------------------------

for _name, _function, _ufunc, _operator, _noun in [
    ("+", operator.add, np.add, ast.Add, "sum"),
    ("-", operator.sub, np.subtract, ast.Sub, "difference"),
    ("*", operator.mul, np.multiply, ast.Mult, "product"),
]:
    _elementwise(_name, _function, _function, _ufunc, **_CHEAP, cost=1, algebra="ring", operator=_operator, noun=_noun,
                 dtype="joined", weak_literals=True)  # fmt: skip
_elementwise("/", operator.truediv, operator.truediv, np.true_divide, **_CHEAP, cost=4, algebra="field", poles=True,
             operator=ast.Div, noun="quotient", dtype="float", weak_literals=True)  # fmt: skip
_elementwise("neg", operator.neg, operator.neg, np.negative, **_CHEAP, cost=1, algebra="ring", operator=ast.USub,
             noun="negative", dtype="joined", weak_literals=True)  # fmt: skip
_elementwise("pos", operator.pos, operator.pos, np.positive, **_CHEAP, operator=ast.UAdd, noun="value", dtype="joined",
             weak_literals=True)  # fmt: skip
_elementwise("**", operator.pow, operator.pow, np.power, pow, poles=True, infinite_slopes=True, operator=ast.Pow,
             noun="power", dtype="power", weak_literals=True)  # fmt: skip
# by zero and of negative integers Numba divides in another way than NumPy
_add("//", operator.floordiv, "elementwise", operator.floordiv, np.floor_divide, **_STEP, cost=25, dtype="joined",
     operator=ast.FloorDiv, noun="quotient", weak_literals=True)  # fmt: skip
_add("%", operator.mod, "elementwise", operator.mod, np.mod, np.remainder, **_CHEAP, cost=25, operator=ast.Mod,
     noun="remainder", dtype="joined", weak_literals=True)  # fmt: skip
_add("@", operator.matmul, "linalg", dims="i,i-> ij,j->i i,ij->j ij,jk->ik", operator=ast.MatMult, noun="product",
     layout="C")  # fmt: skip

for _name, _function, _ufunc, _operator, _negation in [
    ("<", operator.lt, np.less, ast.Lt, ">="),
    ("<=", operator.le, np.less_equal, ast.LtE, ">"),
    (">", operator.gt, np.greater, ast.Gt, "<="),
    (">=", operator.ge, np.greater_equal, ast.GtE, "<"),
    ("==", operator.eq, np.equal, ast.Eq, "!="),
    ("!=", operator.ne, np.not_equal, ast.NotEq, "=="),
]:
    _elementwise(_name, _function, _function, _ufunc, **_STEP, operator=_operator, negation=_negation, noun="test",
                 dtype="bool")  # fmt: skip
for _name, _function, _ufunc, _operator in [
    ("&", operator.and_, np.bitwise_and, ast.BitAnd),
    ("|", operator.or_, np.bitwise_or, ast.BitOr),
    ("^", operator.xor, np.bitwise_xor, ast.BitXor),
]:
    _elementwise(_name, _function, _function, _ufunc, **_STEP, operator=_operator, noun="mask", dtype="bits")
for _name, _function, _ufunc, _operator in [
    ("<<", operator.lshift, np.left_shift, ast.LShift),
    (">>", operator.rshift, np.right_shift, ast.RShift),
]:
    _add(_name, _function, "elementwise", _function, _ufunc, cheap=True, differentiable=False, operator=_operator,
         dtype="bits")  # fmt: skip
_elementwise("~", lambda x: (not x) if isinstance(x, bool) else ~x, operator.invert, np.invert, **_STEP, element="not",
             operator=ast.Invert, noun="mask", dtype="bits")  # fmt: skip
_add("not", lambda x: not x, "elementwise", operator.not_, **_STEP, operator=ast.Not, noun="test", dtype="bool")
_add("and", lambda a, b: bool(a and b), "elementwise", **_STEP, operator=ast.And, noun="test", dtype="bool", lazy=True)
_add("or", lambda a, b: bool(a or b), "elementwise", **_STEP, operator=ast.Or, noun="test", dtype="bool", lazy=True)

# ---- elementwise functions ---------------------------------------------------------------------

for _name in ["exp", "expm1", "tanh"]:
    _functions(getattr(np, _name), getattr(math, _name), dtype="float", vector=f"machine.inline_{_name}")
for _name in ["log", "log1p"]:  # `math.log` with a base is an expansion
    _functions(getattr(np, _name), dtype="float", vector=f"machine.inline_{_name}", poles=True)
_add("math.log", math.log, "elementwise", **_SCALAR, vector="machine.inline_log", poles=True)
_functions(math.log1p, vector="machine.inline_log1p", poles=True)
_functions(np.logaddexp, dtype="float", vector="machine.inline_logaddexp")
_functions(math.erf, vector="machine.inline_erf")
_functions(np.sin, np.cos, np.arctan, np.sinh, np.cosh, np.exp2, dtype="float", vector="call")
_functions(math.sin, math.cos, math.atan, math.atan2, math.sinh, math.cosh, vector="call")
_functions(np.arctan2, dtype="float", vector="call", weak_literals=True)
_functions(np.tan, math.tan, np.log2, math.log2, np.log10, math.log10, dtype="float", vector="call", poles=True)
_functions(math.pow, vector="call", poles=True, infinite_slopes=True)
_functions(np.arcsinh, math.asinh, np.logaddexp2, math.erfc, math.gamma, math.lgamma, dtype="float")
_functions(np.hypot, dtype="float", weak_literals=True)
_functions(np.arcsin, math.asin, np.arccos, math.acos, np.arccosh, math.acosh, dtype="float", infinite_slopes=True)
_functions(np.arctanh, dtype="float", poles=True)
_add("math.atanh", lambda x: math.atanh(x) if abs(x) < 1 else np.arctanh(float(x)).item(), "elementwise", math.atanh,
     **_SCALAR, poles=True)  # fmt: skip
_functions(np.sqrt, math.sqrt, dtype="float", vector="instructions", infinite_slopes=True)
# printed `np.sqrt`; another primitive because its derivative at 0 is 0: the norm of a zero vector
_elementwise("root", np.sqrt, dtype="float", vector="instructions")
_functions(np.cbrt, dtype="float", vector="machine.inline_cbrt", infinite_slopes=True)
_elementwise("np.fmod", np.fmod, dtype="float", vector="instructions", weak_literals=True)  # of floats
_elementwise("np.sinc", np.sinc, np.sinc, dtype="float", vector="call")
_functions(np.nextafter, dtype="float", cheap=True, steps=(1,), vector="machine.inline_nextafter", weak_literals=True)
for _ufunc in [np.maximum, np.fmax]:
    _functions(_ufunc, **_CHEAP, dtype="joined", choice="maximum", weak_literals=True)
for _ufunc in [np.minimum, np.fmin]:
    _functions(_ufunc, **_CHEAP, dtype="joined", choice="minimum", weak_literals=True)
_functions(np.fabs, math.fabs, np.deg2rad, np.rad2deg, math.degrees, math.radians, **_CHEAP, dtype="float")
PRIMITIVE_OF.update({np.radians: "np.deg2rad", np.degrees: "np.rad2deg"})
_functions(np.copysign, math.copysign, **_CHEAP, steps=(1,), dtype="float", weak_literals=True)
_functions(np.floor, np.ceil, np.trunc, np.rint, **_STEP, dtype="float")
_functions(np.sign, **_STEP, dtype="joined")
for _function in [math.floor, math.ceil, math.trunc]:
    _add(f"math.{_function.__name__}", _function, "elementwise", _function, **_STEP, dtype="int64")
_functions(np.isnan, np.isinf, np.isfinite, np.logical_and, np.logical_or, np.logical_xor, np.logical_not, **_STEP,
           dtype="bool")  # fmt: skip
for _function in [math.isnan, math.isinf, math.isfinite]:
    _add(f"math.{_function.__name__}", _function, "elementwise", _function, **_STEP, dtype="bool")
_functions(np.signbit, cheap=True, differentiable=False, dtype="bool", element="")
_functions(np.spacing, cheap=True, differentiable=False, dtype="float", element="")
_elementwise("abs", abs, **_CHEAP, dtype="joined", weak_literals=True)  # of a scalar; of an array it is np.abs
_elementwise("np.abs", np.abs, np.abs, **_CHEAP, dtype="joined")
_elementwise("np.where", lambda c, a, b: _plain(np.where(c, a, b)), cheap=True, steps=(0,), element="select",
             dtype="joined", choice="condition", weak_literals=True)  # fmt: skip
_elementwise("select", lambda c, a, b: _plain(np.where(np.array(c), a, b)), **_CHEAP, steps=(0,), dtype="joined",
             choice="condition", weak_literals=True, lazy=True, memory=ResultMemory((1, 2)), noun="choice")  # fmt: skip
_add("stop_gradient", lambda x: x, "elementwise", cheap=True, differentiable=False, memory=ResultMemory((0,)),
     elements="same")  # fmt: skip
_add("float", float, "elementwise", **_CHEAP, dtype="float64")
_add("max", max, "elementwise", **_STEP, dtype="joined", choice="maximum")  # of lengths: the user's `max` is a branch
_add("min", min, "elementwise", cheap=True, differentiable=False, dtype="joined", choice="minimum")
_add("is_index", lambda i, n: -n <= i < n, "elementwise", cheap=True, differentiable=False, dtype="bool")
_add("int", int, "elementwise", int, **_STEP, dtype="int64")
# of an index never negative
_add("np.uint64", np.uint64, "elementwise", cheap=True, differentiable=False, dtype="int64", nonnegative=True)
_add("bool", bool, "elementwise", bool, **_STEP, dtype="bool")

# of one float64, in compiled text only
for _ufunc in [np.exp, np.expm1, np.log, np.log1p, np.logaddexp, np.tanh, np.sin, np.cos]:
    _add(f"machine.inline_{_ufunc.__name__}", _ufunc, "elementwise", differentiable=False, vector="instructions")
_add("machine.inline_erf", math.erf, "elementwise", differentiable=False, vector="instructions")
_add("machine.inline_cbrt", np.cbrt, "elementwise", differentiable=False, vector="instructions")
_add("machine.inline_nextafter", np.nextafter, "elementwise", differentiable=False, vector="instructions")
_add("machine.plus", lambda a, b: a + b, "elementwise", differentiable=False)
_add("runtime.digamma", runtime.digamma, "elementwise", runtime.digamma)
_add("runtime.polygamma", runtime.polygamma, "elementwise", runtime.polygamma)

# ---- views and shapes --------------------------------------------------------------------------

_add("index", lambda base, *items: base[items], "view", **_CHEAP, cost=1, memory=VIEW, elements="some",
     noun="item")  # fmt: skip
_add("np.transpose", lambda x, axes: np.transpose(x, axes), "view", cheap=True, memory=VIEW, elements="some")
_add("reshape", lambda x, *shape: x.reshape(shape), "view", cheap=True, memory=EITHER, elements="some", lengths_from=1,
     layout="C")  # fmt: skip
_add("np.broadcast_to", lambda x, *shape: np.broadcast_to(x, shape), "view", cheap=True, elements="some",
     lengths_from=1, memory=ResultMemory((0,), is_path=True, read_only="np.broadcast_to"))  # fmt: skip
_add("copy", lambda x: x.copy() if isinstance(x, np.ndarray) else x, "shape", cheap=True, dims="...->...",
     elements="same", layout="first")  # fmt: skip
_elementwise("astype", lambda x, dtype: x.astype(dtype) if isinstance(x, np.ndarray) else np.dtype(dtype).type(x),
             **_CHEAP, layout="first")  # fmt: skip
_add("np.ascontiguousarray", np.ascontiguousarray, "shape", cheap=True, dims="...->...", memory=EITHER, elements="same",
     layout="C")  # fmt: skip
_add("shape", lambda x, axis: x.shape[axis], "query", **_STEP, shape_operands=(0,), dtype="int64", nonnegative=True,
     noun="n")  # fmt: skip
_add("len", len, "query", len, cheap=True, differentiable=False, shape_operands=(0,), dtype="int64", nonnegative=True,
     noun="n")  # fmt: skip
_add("size", lambda x: x.size, "query", cheap=True, differentiable=False, shape_operands=(0,), dtype="int64",
     nonnegative=True, noun="n")  # fmt: skip
_add("np.concatenate", lambda *parts, axis=0: np.concatenate(parts, axis), "shape", layout="C")
_add("np.cumsum", np.cumsum, "shape", dims="i->i", layout="C")
_add("np.diag", np.diagflat, "shape", dims="i,->jk")  # the matrix that has this diagonal
_add("diagonal", np.diagonal, "shape", dims="ij,->k", elements="some",  # printed `np.diag`
     memory=ResultMemory((0,), is_path=True, may_copy=True, read_only="np.diagonal"))  # fmt: skip
_add("runtime.with_diagonal", runtime.with_diagonal, "shape", runtime.with_diagonal, steps=(0, 2), dims="ij,k,->ij",
     shape_operands=(0,))  # fmt: skip
_add("np.tril", np.tril, "shape", dims="ij,->ij")
_add("np.triu", np.triu, "shape", dims="ij,->ij")
_add("runtime.stable_order", runtime.stable_order, "shape", runtime.stable_order, differentiable=False, dims="i->i",
     dtype="int64", nonnegative=True)  # fmt: skip
_add("nonzero", lambda x, axis=0: np.nonzero(x)[axis], "query", differentiable=False, dims="...->i", dtype="int64",
     nonnegative=True)  # fmt: skip
_add("np.searchsorted", lambda a, v, side="left": np.searchsorted(a, v, side), "query", differentiable=False,
     dtype="int64", nonnegative=True)  # fmt: skip

# ---- creation ----------------------------------------------------------------------------------

_contents: str
_BLANK: dict[str, Any] = {"cheap": True, "differentiable": False}
# np.empty evaluates to ones: nothing that is folded or typed may depend on uninitialised memory
for _name, _function, _contents in [
    ("np.zeros", np.zeros, "zeros"),
    ("np.ones", np.ones, "ones"),
    ("np.empty", np.ones, "uninitialised"),
]:
    _add(_name, lambda *shape, dtype="float64", _make=_function: _make(shape, dtype), "create", **_BLANK, layout="C",
         contents=_contents, lengths_from=0)  # fmt: skip
_add("np.full", lambda value, *shape, dtype=None: np.full(shape, value, dtype), "create", cheap=True, contents="value",
     lengths_from=1, layout="C", weak_literals=True)  # fmt: skip
for _name, _contents in [("zeros_like", "zeros"), ("ones_like", "ones"), ("empty_like", "uninitialised")]:
    _add(f"np.{_name}", getattr(np, _name), "create", **_BLANK, dims="...->...", contents=_contents,
         shape_operands=(0,), layout="first")  # fmt: skip
_add("np.full_like", np.full_like, "create", cheap=True, steps=(0,), dims="...,->...", contents="value",
     shape_operands=(0,), layout="first", weak_literals=True)  # fmt: skip
_add("np.arange", np.arange, "create", cheap=True, steps=(1,), dims=",,->i", layout="C")
_add("np.linspace", lambda start, stop, num: np.linspace(start, stop, num), "create", cheap=True, dims=",,->i",
     layout="C")  # fmt: skip
_add("np.eye", lambda n, m, k=0: np.eye(n, m, k), "create", **_BLANK, dims=",->ij", layout="C")
_add("array", lambda *items: np.array(items), "create", cheap=True, layout="C", noun="array")

# ---- reductions --------------------------------------------------------------------------------

_add("np.sum", np.sum, "reduce", neutral=0.0, layout="C")
_add("np.mean", np.mean, "reduce", neutral=0.0)
_add("np.prod", np.prod, "reduce", neutral=1.0)
_add("np.max", np.max, "reduce", neutral=-math.inf, choice="maximum")
_add("np.min", np.min, "reduce", neutral=math.inf, choice="minimum")
_add("np.any", np.any, "reduce", neutral=False, differentiable=False, dtype="bool")
_add("np.all", np.all, "reduce", neutral=True, differentiable=False, dtype="bool")
_POSITION: dict[str, Any] = {"differentiable": False, "dtype": "int64", "nonnegative": True}
_add("np.argmax", np.argmax, "reduce", **_POSITION, choice="maximum")
_add("np.argmin", np.argmin, "reduce", **_POSITION, choice="minimum")
_add("np.count_nonzero", np.count_nonzero, "reduce", **_POSITION)
for _name, _choice in [("max", "maximum"), ("min", "minimum")]:
    _function = getattr(runtime, f"{_name}_first")
    _add(f"runtime.{_name}_first", _function, "shape", _function, dims="i...->...", axis=0, choice=_choice)
    _function = getattr(runtime, f"{_name}_last")
    _add(f"runtime.{_name}_last", _function, "shape", _function, dims="ij->i", axis=-1, choice=_choice)
    _function = getattr(runtime, f"arg{_name}_first")
    _add(f"runtime.arg{_name}_first", _function, "shape", _function, dims="i...->...", axis=0, choice=_choice,
         **_POSITION)  # fmt: skip
_add("runtime.prod_first", runtime.prod_first, "shape", runtime.prod_first, dims="i...->...", axis=0)
_add("runtime.exact_sum", runtime.exact_sum, "shape", runtime.exact_sum, dims="i->")
for _function in [runtime.product_of_others, runtime.product_of_others_first]:
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, dims="...->...")

for _function, _dims in [
    (runtime.unbroadcast_1d, "i,j->j"),
    (runtime.unbroadcast_2d, "ij,kl->kl"),
    (runtime.unbroadcast_3d, "ijk,lmn->lmn"),
    (runtime.unbroadcast_4d, "ijkl,mnop->mnop"),
    (runtime.unbroadcast_5d, "hijkl,mnopq->mnopq"),
]:
    # the first argument itself, where that has the shape of the second; else a new sum
    _add(f"runtime.{_function.__name__}", _function, "shape", _function, dims=_dims, memory=EITHER, shape_operands=(1,))

# ---- linear algebra ----------------------------------------------------------------------------

_add("np.outer", np.outer, "linalg", dims="i,j->ij", layout="C")
_add("np.trace", np.trace, "linalg", dims="ij->")
_add("np.linalg.solve", np.linalg.solve, "linalg", dims="jj,j->j jj,jk->jk", layout="any")
_add("np.linalg.inv", np.linalg.inv, "linalg", dims="jj->jj", layout="any")
_add("np.linalg.det", np.linalg.det, "linalg", dims="jj->")
_add("np.linalg.cholesky", np.linalg.cholesky, "linalg", dims="jj->jj", layout="any")
_add("runtime.cholesky_adjoint", runtime.cholesky_adjoint, "linalg", runtime.cholesky_adjoint, dims="ij,ij->ij")
_add("runtime.cofactors", runtime.cofactors, "linalg", runtime.cofactors, dims="ij->ij")
_add("runtime.sign_of_det", runtime.sign_of_det, "linalg", runtime.sign_of_det, differentiable=False, dims="jj->")
_add("runtime.eigenpairs", runtime.eigenpairs, "linalg", runtime.eigenpairs, dims="jj->kl")
_add("runtime.log_abs_det", runtime.log_abs_det, "linalg", runtime.log_abs_det, dims="jj->")

# ---- containers and effects --------------------------------------------------------------------

_add("tuple", lambda *items: items, "tuple", cheap=True, memory=HOLDER)
_add("list.new", list, "list", differentiable=False)
_add("list.append", lambda items, item: items.append(item), "list", differentiable=False, memory=HOLDER)
_add("list.pop", lambda items: items.pop(), "list", differentiable=False, memory=ResultMemory((0,)))
_add("list.item", lambda items, at: items[at], "list", differentiable=False, memory=ResultMemory((0,)))
_add("print", lambda *items: None, "effect", differentiable=False)
_add("check", lambda condition, *values, derived, error, texts: None, "effect", differentiable=False)
_add("within", lambda index, length, where: None, "effect", differentiable=False)

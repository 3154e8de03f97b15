"""The primitives: what an `Op` may apply, each with its meaning on NumPy values and its traits. One row says all.

The dtype and rank of an operation's result are those of the same operation on one-element dummies, so a
primitive is described by what it does, not by a typing rule. A `Primitive` is callable: the prelude, ordinary
Python in the compiled language, calls primitives by module-level names and also runs as it stands.

No pass lists primitives of a kind: it asks for traits (`rules/primitive_type` says which there are, `rules/traits` has
sets by them). So all passes know of a primitive that is added here.
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
from srcad.rules.primitive_type import EVERY, Primitive

PRIMITIVES: dict[str, Primitive] = {}
PRIMITIVE_OF: dict[object, str] = {}
"""Python callables whose call is one primitive, argument by argument."""


def row(
    name: str, evaluate: Callable[..., Any], kind: str, *callables: object, dims: str = "", **traits: Any
) -> tuple[str, ...]:
    """Add a primitive, which is also what calls of `callables` are. Gives its name, for `partials`."""
    made = PRIMITIVES[name] = Primitive(name, evaluate, kind, dims=tuple(dims.split()), **traits)
    PRIMITIVE_OF.update(dict.fromkeys(callables, name))
    if made.memory is not None:
        RESULT_MEMORY[name] = made.memory
    for form in (made.vector, made.vector_single):  # in compiled text only
        if form.startswith("machine.") and form not in PRIMITIVES:
            row(form, evaluate, "elementwise", differentiable=False, vector="instructions")
    return (name,)


def elementwise(name: str, evaluate: Callable[..., Any], *callables: object, **traits: Any) -> tuple[str, ...]:
    """Add a primitive on arrays, element by element, which compiled text does in loops."""
    return row(name, evaluate, "elementwise", *callables, **{"element": name, **traits})


def functions(*several: Any, **traits: Any) -> tuple[str, ...]:
    """Add functions of NumPy and `math` under their own names; those of `math` know scalars alone."""
    names: tuple[str, ...] = ()
    for function in several:
        if isinstance(function, np.ufunc):
            names += elementwise(f"np.{function.__name__}", function, function, **traits)
        else:
            names += row(f"math.{function.__name__}", function, "elementwise", function, **{**traits, **SCALAR})
    return names


def _selected(c: Any, a: Any, b: Any) -> Any:
    """`a if c else b`, in the dtype of both: of Python's numbers one of these."""
    kinds = {type(a), type(b)}
    if kinds <= {bool, int, float, complex}:
        return next(kind for kind in (complex, float, int, bool) if kind in kinds)(a if c else b)
    return _plain(np.where(np.array(c), a, b))


def _plain(value: Any) -> Any:
    """A 0-d array as the scalar it holds."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _of_band(function: Any) -> Callable[..., Any]:
    """A function of a band, or of what has one, which is asked for types with a diagonal alone."""

    def evaluate(first: Any, *others: Any) -> Any:
        *arrays, lower, upper = others
        fits = first.shape[0] in (lower + upper + 1, *(a.shape[0] for a in arrays))
        return function(first, *arrays, lower, upper) if first.size > 1 and fits else function(first, *arrays, 0, 0)

    return evaluate


_name: str
_function: Any
_ufunc: Any
_operator: Any
_negation: str
_noun: str

SCALAR: dict[str, Any] = {"element": "", "dtype": "float64", "weak_literals": False}
CHEAP: dict[str, Any] = {"cheap": True, "vector": "instructions"}
STEP: dict[str, Any] = {**CHEAP, "differentiable": False}

# ---- operators ---------------------------------------------------------------------------------

for _name, _function, _ufunc, _operator, _noun in [
    ("+", operator.add, np.add, ast.Add, "sum"),
    ("-", operator.sub, np.subtract, ast.Sub, "difference"),
    ("*", operator.mul, np.multiply, ast.Mult, "product"),
]:
    elementwise(_name, _function, _function, _ufunc, **CHEAP, cost=1, algebra="ring", operator=_operator, noun=_noun,
                dtype="joined", weak_literals=True)  # fmt: skip
elementwise("/", operator.truediv, operator.truediv, np.true_divide, **CHEAP, cost=4, algebra="field", poles=True,
            operator=ast.Div, noun="quotient", dtype="float", weak_literals=True)  # fmt: skip
elementwise("neg", operator.neg, operator.neg, np.negative, **CHEAP, cost=1, linear=(0,), algebra="ring",
            operator=ast.USub,
            noun="negative", dtype="joined", weak_literals=True)  # fmt: skip
elementwise("pos", operator.pos, operator.pos, np.positive, **CHEAP, linear=(0,), operator=ast.UAdd, noun="value",
            dtype="joined",
            weak_literals=True)  # fmt: skip
elementwise("**", operator.pow, operator.pow, np.power, pow, poles=True, infinite_slopes=True, operator=ast.Pow,
            noun="power", dtype="power", weak_literals=True)  # fmt: skip
# by zero and of negative integers Numba divides in another way than NumPy
row("//", operator.floordiv, "elementwise", operator.floordiv, np.floor_divide, **STEP, cost=25, dtype="joined",
    operator=ast.FloorDiv, noun="quotient", weak_literals=True)  # fmt: skip
row("%", operator.mod, "elementwise", operator.mod, np.mod, np.remainder, **CHEAP, cost=25, operator=ast.Mod,
    noun="remainder", dtype="joined", weak_literals=True)  # fmt: skip
row("@", operator.matmul, "linalg", bilinear=(0, 1), dims="i,i-> ij,j->i i,ij->j ij,jk->ik", operator=ast.MatMult,
    noun="product",
    layout="C")  # fmt: skip

for _name, _function, _ufunc, _operator, _negation in [
    ("<", operator.lt, np.less, ast.Lt, ">="),
    ("<=", operator.le, np.less_equal, ast.LtE, ">"),
    (">", operator.gt, np.greater, ast.Gt, "<="),
    (">=", operator.ge, np.greater_equal, ast.GtE, "<"),
    ("==", operator.eq, np.equal, ast.Eq, "!="),
    ("!=", operator.ne, np.not_equal, ast.NotEq, "=="),
]:
    elementwise(_name, _function, _function, _ufunc, **STEP, operator=_operator, negation=_negation, noun="test",
                dtype="bool")  # fmt: skip
for _name, _function, _ufunc, _operator in [
    ("&", operator.and_, np.bitwise_and, ast.BitAnd),
    ("|", operator.or_, np.bitwise_or, ast.BitOr),
    ("^", operator.xor, np.bitwise_xor, ast.BitXor),
]:
    elementwise(_name, _function, _function, _ufunc, **STEP, operator=_operator, noun="mask", dtype="bits")
for _name, _function, _ufunc, _operator in [
    ("<<", operator.lshift, np.left_shift, ast.LShift),
    (">>", operator.rshift, np.right_shift, ast.RShift),
]:
    row(_name, _function, "elementwise", _function, _ufunc, cheap=True, differentiable=False, operator=_operator,
        dtype="bits")  # fmt: skip
elementwise("np.gcd", np.gcd, np.gcd, **STEP, dtype="bits")
elementwise("np.lcm", np.lcm, np.lcm, **STEP, dtype="bits")
elementwise("~", lambda x: (not x) if isinstance(x, bool) else ~x, operator.invert, np.invert, **STEP, element="not",
            operator=ast.Invert, noun="mask", dtype="bits")  # fmt: skip
row("not", lambda x: not x, "elementwise", operator.not_, **STEP, operator=ast.Not, noun="test", dtype="bool")
row("and", lambda a, b: bool(a and b), "elementwise", **STEP, operator=ast.And, noun="test", dtype="bool", lazy=True)
row("or", lambda a, b: bool(a or b), "elementwise", **STEP, operator=ast.Or, noun="test", dtype="bool", lazy=True)

# ---- elementwise functions ---------------------------------------------------------------------

# those that have a derivative stand with it, in `rules/derivatives/elementwise`
PRIMITIVE_OF.update({np.radians: "np.deg2rad", np.degrees: "np.rad2deg"})
functions(np.floor, np.ceil, np.trunc, np.rint, **STEP, dtype="float")
functions(np.sign, **STEP, dtype="joined")
for _function in [math.floor, math.ceil, math.trunc]:
    row(f"math.{_function.__name__}", _function, "elementwise", _function, **STEP, dtype="int64")
functions(np.isnan, np.isinf, np.isfinite, np.logical_and, np.logical_or, np.logical_xor, np.logical_not, **STEP,
          dtype="bool")  # fmt: skip
for _function in [math.isnan, math.isinf, math.isfinite]:
    row(f"math.{_function.__name__}", _function, "elementwise", _function, **STEP, dtype="bool")
functions(np.signbit, cheap=True, differentiable=False, dtype="bool", element="")
functions(np.spacing, cheap=True, differentiable=False, dtype="float", element="")
elementwise("abs", abs, **CHEAP, dtype="joined", weak_literals=True)  # of a scalar; of an array it is np.abs
elementwise("np.abs", np.abs, np.abs, **CHEAP, dtype="joined")
elementwise("np.where", lambda c, a, b: _plain(np.where(c, a, b)), cheap=True, steps=(0,), linear=(1, 2),
            element="select",
            dtype="joined", choice="condition", weak_literals=True)  # fmt: skip
elementwise("select", _selected, **CHEAP, steps=(0,), linear=(1, 2), dtype="joined",
            choice="condition", weak_literals=True, lazy=True, memory=ResultMemory((1, 2)), noun="choice")  # fmt: skip
row("stop_gradient", lambda x: x, "elementwise", cheap=True, differentiable=False, memory=ResultMemory((0,)),
    elements="same")  # fmt: skip
row("cut_gradient", lambda x, where: x, "elementwise", cheap=True, steps=(1,), dtype="joined",
    memory=ResultMemory((0,)), noun="cut")  # fmt: skip
PRIMITIVE_OF[runtime.constant] = "stop_gradient"
PRIMITIVE_OF[runtime.cut] = "cut_gradient"
PRIMITIVE_OF[runtime.chosen] = "select"
row("float", float, "elementwise", **CHEAP, dtype="float64", linear=(0,))
row("max", max, "elementwise", **STEP, dtype="joined", choice="maximum")  # of lengths: the user's `max` is a branch
row("min", min, "elementwise", cheap=True, differentiable=False, dtype="joined", choice="minimum")
row("is_index", lambda i, n: -n <= i < n, "elementwise", cheap=True, differentiable=False, dtype="bool")
row("int", int, "elementwise", int, **STEP, dtype="int64")
# of an index never negative
row("np.uint64", np.uint64, "elementwise", cheap=True, differentiable=False, dtype="int64", nonnegative=True)
row("bool", bool, "elementwise", bool, **STEP, dtype="bool")

# in compiled text only
for _ufunc in [np.sin, np.cos]:
    row(f"machine.inline_{_ufunc.__name__}", _ufunc, "elementwise", differentiable=False, vector="instructions")
row("cuda.local.array", lambda *shape, dtype: np.ones(shape, dtype), "create", differentiable=False, lengths_from=0,
    layout="C")  # fmt: skip
row("machine.plus", lambda a, b: a + b, "elementwise", differentiable=False)
row("runtime.digamma", runtime.digamma, "elementwise", runtime.digamma)
row("runtime.polygamma", runtime.polygamma, "elementwise", runtime.polygamma)

# ---- views and shapes --------------------------------------------------------------------------

row("index", lambda base, *items: base[items], "view", **CHEAP, cost=1, linear=(0,), memory=VIEW, elements="some",
    noun="item")  # fmt: skip
row(
    "np.transpose", lambda x, axes: np.transpose(x, axes), "view", cheap=True, linear=(0,), memory=VIEW, elements="some"
)
row("reshape", lambda x, *shape: x.reshape(shape), "view", cheap=True, linear=(0,), memory=EITHER, elements="some",
    lengths_from=1,
    layout="C")  # fmt: skip
row("np.broadcast_to", lambda x, *shape: np.broadcast_to(x, shape), "view", cheap=True, linear=(0,), elements="some",
    lengths_from=1, memory=ResultMemory((0,), is_path=True, read_only="np.broadcast_to"))  # fmt: skip
row("copy", lambda x: x.copy() if isinstance(x, np.ndarray) else x, "shape", cheap=True, linear=(0,), dims="...->...",
    elements="same", layout="first")  # fmt: skip
elementwise("astype", lambda x, dtype: x.astype(dtype) if isinstance(x, np.ndarray) else np.dtype(dtype).type(x),
            **CHEAP, linear=(0,), layout="first")  # fmt: skip
row("np.ascontiguousarray", np.ascontiguousarray, "shape", cheap=True, linear=(0,), dims="...->...", memory=EITHER,
    elements="same",
    layout="C")  # fmt: skip
row("shape", lambda x, axis: x.shape[axis], "query", **STEP, shape_operands=(0,), dtype="int64", nonnegative=True,
    noun="n")  # fmt: skip
row("len", len, "query", len, cheap=True, differentiable=False, shape_operands=(0,), dtype="int64", nonnegative=True,
    noun="n")  # fmt: skip
row("size", lambda x: x.size, "query", cheap=True, differentiable=False, shape_operands=(0,), dtype="int64",
    nonnegative=True, noun="n")  # fmt: skip
row("np.concatenate", lambda *parts, axis=0: np.concatenate(parts, axis), "shape", linear=EVERY, layout="C")
row("np.cumsum", np.cumsum, "shape", linear=(0,), dims="i->i", layout="C")
row("np.diag", np.diagflat, "shape", linear=(0,), dims="i,->jk")  # the matrix that has this diagonal
row("diagonal", np.diagonal, "shape", linear=(0,), dims="ij,->k", elements="some",  # printed `np.diag`
    memory=ResultMemory((0,), is_path=True, may_copy=True, read_only="np.diagonal"))  # fmt: skip
row("runtime.diagonals", runtime.diagonals, "shape", runtime.diagonals, steps=(1,), linear=(0,), elements="some",
    dims="ijk,->il ijkl,->ijm ijklm,->ijkn",
    memory=ResultMemory((0,), is_path=True, may_copy=True, read_only="np.diagonal"))  # fmt: skip
row("runtime.diagonals_adjoint", runtime.diagonals_adjoint, "shape", runtime.diagonals_adjoint, steps=(0, 2),
    linear=(1,), shape_operands=(0,), dims="ijk,il,->ijk ijkl,ijm,->ijkl ijklm,ijkn,->ijklm")  # fmt: skip
row("runtime.windows", runtime.windows, "shape", runtime.windows, steps=(1,), linear=(0,), elements="some",
    dims="i,->jk ij,->kjl ijk,->ljkm ijkl,->mjkln", memory=ResultMemory(
        (0,), is_path=True, may_copy=True, read_only="np.lib.stride_tricks.sliding_window_view"))  # fmt: skip
row("runtime.windows_adjoint", runtime.windows_adjoint, "shape", runtime.windows_adjoint, steps=(0, 2), linear=(1,),
    shape_operands=(0,), dims="i,jk,->i ij,kjl,->ij ijk,ljkm,->ijk ijkl,mjkln,->ijkl")  # fmt: skip
row("runtime.with_diagonal", runtime.with_diagonal, "shape", runtime.with_diagonal, steps=(0, 2), linear=(1,),
    dims="ij,k,->ij",
    shape_operands=(0,))  # fmt: skip
row("np.tril", np.tril, "shape", linear=(0,), dims="ij,->ij")
row("np.triu", np.triu, "shape", linear=(0,), dims="ij,->ij")
row("runtime.stable_order", runtime.stable_order, "shape", runtime.stable_order, differentiable=False, dims="i->i",
    dtype="int64", nonnegative=True)  # fmt: skip
row("nonzero", lambda x, axis=0, shared=False: np.nonzero(x)[axis], "query", differentiable=False, dims="...->i",
    dtype="int64", nonnegative=True)  # fmt: skip
row("np.searchsorted", lambda a, v, side="left": np.searchsorted(a, v, side), "query", differentiable=False,
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
    row(_name, lambda *shape, dtype="float64", _make=_function: _make(shape, dtype), "create", **_BLANK, layout="C",
        contents=_contents, lengths_from=0)  # fmt: skip
row("np.full", lambda value, *shape, dtype=None: np.full(shape, value, dtype), "create", cheap=True, linear=(0,),
    contents="value",
    lengths_from=1, layout="C", weak_literals=True)  # fmt: skip
for _name, _contents in [("zeros_like", "zeros"), ("ones_like", "ones"), ("empty_like", "uninitialised")]:
    row(f"np.{_name}", getattr(np, _name), "create", **_BLANK, dims="...->...", contents=_contents,
        shape_operands=(0,), layout="first")  # fmt: skip
row("np.full_like", np.full_like, "create", cheap=True, steps=(0,), linear=(1,), dims="...,->...", contents="value",
    shape_operands=(0,), layout="first", weak_literals=True)  # fmt: skip
row("np.arange", np.arange, "create", cheap=True, steps=(1,), dims=",,->i", layout="C")
row("np.linspace", lambda start, stop, num: np.linspace(start, stop, num), "create", cheap=True, linear=(0, 1),
    dims=",,->i",
    layout="C")  # fmt: skip
row("np.eye", lambda n, m, k=0: np.eye(n, m, k), "create", **_BLANK, dims=",->ij", layout="C")
row("array", lambda *items: np.array(items), "create", cheap=True, linear=EVERY, layout="C", noun="array")

# ---- reductions --------------------------------------------------------------------------------

row("np.sum", np.sum, "reduce", linear=(0,), neutral=0.0, layout="C")
row("np.mean", np.mean, "reduce", linear=(0,), neutral=0.0)
row("np.prod", np.prod, "reduce", neutral=1.0)
row("np.max", np.max, "reduce", neutral=-math.inf, choice="maximum")
row("np.min", np.min, "reduce", neutral=math.inf, choice="minimum")
row("np.any", np.any, "reduce", neutral=False, differentiable=False, dtype="bool")
row("np.all", np.all, "reduce", neutral=True, differentiable=False, dtype="bool")
_POSITION: dict[str, Any] = {"differentiable": False, "dtype": "int64", "nonnegative": True}
row("np.argmax", np.argmax, "reduce", **_POSITION, choice="maximum")
row("np.argmin", np.argmin, "reduce", **_POSITION, choice="minimum")
row("np.count_nonzero", np.count_nonzero, "reduce", **_POSITION)
for _name, _choice in [("max", "maximum"), ("min", "minimum")]:
    _function = getattr(runtime, f"{_name}_first")
    row(f"runtime.{_name}_first", _function, "shape", _function, dims="i...->...", axis=0, choice=_choice)
    _function = getattr(runtime, f"{_name}_last")
    row(f"runtime.{_name}_last", _function, "shape", _function, dims="...i->...", axis=-1, choice=_choice)
    _function = getattr(runtime, f"arg{_name}_first")
    row(f"runtime.arg{_name}_first", _function, "shape", _function, dims="i...->...", axis=0, choice=_choice,
        **_POSITION)  # fmt: skip
row("runtime.prod_first", runtime.prod_first, "shape", runtime.prod_first, dims="i...->...", axis=0)
row("loop.end", lambda of: 0, "query", differentiable=False, dtype="int64")  # of a loop that has run
row("runtime.snapshot_starts", runtime.snapshot_starts, "shape", differentiable=False, dims="i,,,->j", dtype="int64")
row("runtime.exact_sum", runtime.exact_sum, "shape", runtime.exact_sum, linear=(0,), dims="i->")
for _function in [runtime.product_of_others, runtime.product_of_others_first]:
    row(f"runtime.{_function.__name__}", _function, "shape", _function, dims="...->...")

for _function, _dims in [
    (runtime.unbroadcast_1d, "i,j->j"),
    (runtime.unbroadcast_2d, "ij,kl->kl"),
    (runtime.unbroadcast_3d, "ijk,lmn->lmn"),
    (runtime.unbroadcast_4d, "ijkl,mnop->mnop"),
    (runtime.unbroadcast_5d, "hijkl,mnopq->mnopq"),
]:
    # the first argument itself, where that has the shape of the second; else a new sum
    row(f"runtime.{_function.__name__}", _function, "shape", _function, linear=(0,), dims=_dims, memory=EITHER,
        shape_operands=(1,))  # fmt: skip

# ---- linear algebra ----------------------------------------------------------------------------

row("np.outer", np.outer, "linalg", bilinear=(0, 1), dims="i,j->ij", layout="C")
row("np.trace", np.trace, "linalg", linear=(0,), dims="ij->")
row("np.linalg.solve", np.linalg.solve, "linalg", dims="jj,j->j jj,jk->jk", layout="any")
row("np.linalg.inv", np.linalg.inv, "linalg", dims="jj->jj", layout="any")
row("np.linalg.det", np.linalg.det, "linalg", dims="jj->")
row("np.linalg.cholesky", np.linalg.cholesky, "linalg", dims="jj->jj", layout="any")
row("runtime.cholesky_adjoint", runtime.cholesky_adjoint, "linalg", runtime.cholesky_adjoint, dims="ij,ij->ij")
row("runtime.cofactors", runtime.cofactors, "linalg", runtime.cofactors, dims="ij->ij")
row("runtime.cofactors_tangent", runtime.cofactors_tangent, "linalg", runtime.cofactors_tangent, dims="ij,ij->ij")
for _function in [runtime.has_cholesky, runtime.has_inverse]:
    row(f"runtime.{_function.__name__}", _function, "linalg", _function, differentiable=False, dims="jj->",
        dtype="bool")  # fmt: skip
row("runtime.sign_of_det", runtime.sign_of_det, "linalg", runtime.sign_of_det, differentiable=False, dims="jj->")
row("runtime.eigenpairs", runtime.eigenpairs, "linalg", runtime.eigenpairs, dims="jj->kl")
row("runtime.real_eigenpairs", runtime.real_eigenpairs, "linalg", runtime.real_eigenpairs, dims="jj->kl")
row("runtime.singular_triplets", runtime.singular_triplets, "linalg", runtime.singular_triplets, dims="ij->kl")
row("runtime.singular_values", runtime.singular_values, "linalg", runtime.singular_values, dims="ij->k")
row("runtime.orthonormal_columns", runtime.orthonormal_columns, "linalg", runtime.orthonormal_columns, dims="ij->ij",
    layout="any")  # fmt: skip
row("runtime.pseudoinverse", runtime.pseudoinverse, "linalg", runtime.pseudoinverse, steps=(1,), dims="ij,->ji",
    layout="any")  # fmt: skip
row("runtime.log_abs_det", runtime.log_abs_det, "linalg", runtime.log_abs_det, dims="jj->")
row("runtime.lu_packed", runtime.lu_packed, "linalg", runtime.lu_packed, dims="jj->jj", layout="C")
row("runtime.lu_pivots", runtime.lu_pivots, "linalg", runtime.lu_pivots, differentiable=False, dims="jj->j",
    dtype="int64", nonnegative=True)  # fmt: skip
# whose result has a shape also where the arguments, one element each, are no pivots and no band
row("runtime.order_of_pivots", lambda pivots: runtime.order_of_pivots(np.minimum(pivots, pivots.size - 1)), "linalg",
    runtime.order_of_pivots, differentiable=False, dims="i->i", dtype="int64", nonnegative=True)  # fmt: skip
for _function, _dims, _bilinear in [
    (runtime.banded_solution, "ij,jk,,->jk", ()),
    (runtime.banded_product, "ij,jk,,->jk", (0, 1)),
    (runtime.band_of_product, "jk,jk,,->ij", (0, 1)),
]:
    row(f"runtime.{_function.__name__}", _of_band(_function), "linalg", _function, steps=(2, 3), bilinear=_bilinear,
        dims=_dims, layout="C")  # fmt: skip
row("runtime.banded_transposed", _of_band(runtime.banded_transposed), "linalg", runtime.banded_transposed, steps=(1, 2),
    linear=(0,), dims="ij,,->ij")  # fmt: skip

# which has a result also where the arguments, one element each, are no indices
row("runtime.conjugate_gradients",
    lambda rows, columns, data, b, *limits: runtime.conjugate_gradients(
        np.minimum(rows, b.size - 1), np.minimum(columns, b.size - 1), data, b, *limits),
    "linalg", runtime.conjugate_gradients, steps=(0, 1, 4, 5, 6), dims="i,i,i,j,,,->j", layout="C")  # fmt: skip

# ---- convolutions, pooling ------------------------------------------------------------------------

row("runtime.correlate_2d", runtime.correlate_2d, "linalg", runtime.correlate_2d, steps=(2,), bilinear=(0, 1),
    dims="acde,bcfg,->abhi", layout="C")  # fmt: skip
row("runtime.correlate_2d_input_adjoint", runtime.correlate_2d_input_adjoint, "linalg",
    runtime.correlate_2d_input_adjoint, steps=(0, 3), bilinear=(1, 2), dims="acde,bcfg,abhi,->acde",
    shape_operands=(0,), layout="C")  # fmt: skip
row("runtime.correlate_2d_kernel_adjoint", runtime.correlate_2d_kernel_adjoint, "linalg",
    runtime.correlate_2d_kernel_adjoint, steps=(1, 3), bilinear=(0, 2), dims="acde,bcfg,abhi,->bcfg",
    shape_operands=(1,), layout="C")  # fmt: skip

row("runtime.max_pool_2d", runtime.max_pool_2d, "linalg", runtime.max_pool_2d, steps=(1, 2), dims="abcd,,->abef",
    layout="C")  # fmt: skip
row("runtime.max_pool_2d_adjoint", runtime.max_pool_2d_adjoint, "linalg", runtime.max_pool_2d_adjoint, steps=(0, 2, 3),
    dims="abcd,abef,,->abcd", layout="C")  # fmt: skip
row("runtime.max_pool_2d_tangent", runtime.max_pool_2d_tangent, "linalg", runtime.max_pool_2d_tangent, steps=(0, 2, 3),
    dims="abcd,abcd,,->abef", layout="C")  # fmt: skip

# ---- containers and effects --------------------------------------------------------------------

row("tuple", lambda *items: items, "tuple", cheap=True, memory=HOLDER)
row("list.new", list, "list", differentiable=False)
row("list.append", lambda items, item: items.append(item), "list", differentiable=False, memory=HOLDER)
row("list.pop", lambda items: items.pop(), "list", differentiable=False, memory=ResultMemory((0,)))
row("list.item", lambda items, at: items[at], "list", differentiable=False, memory=ResultMemory((0,)))
row("list.length", len, "effect", differentiable=False, dtype="int64")
row("runtime.joined", runtime.joined, "list", differentiable=False)
row("runtime.lengths", runtime.lengths, "list", differentiable=False)
for _function in [runtime.parted_1d, runtime.parted_2d, runtime.parted_3d]:
    row(f"runtime.{_function.__name__}", _function, "list", differentiable=False, memory=ResultMemory((0,)))
row("call", lambda *values, callee: None, "call")
row("result", lambda results, at: results[at], "call")
row("print", lambda *items: None, "effect", differentiable=False)
row("insert_gradient", lambda x, *read, update: None, "effect", differentiable=False)
row("check", lambda condition, *values, derived, error, texts: None, "effect", differentiable=False)
row("within", lambda index, length, where: None, "effect", differentiable=False)

"""The public functions: each makes a `Derivative` from a request; `compiler/generate.py` does the work."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np
from typing_extensions import Unpack

from srcad.backend.modules.text_functions import function_at, function_of
from srcad.derivative import Derivative
from srcad.dispatch.pytree import flatten, unflatten
from srcad.dispatch.signature import Argnums, Parameters
from srcad.errors import fail
from srcad.kernel_adjoint import KernelAdjoint, is_kernel
from srcad.options import Choices, Options, spelled
from srcad.pullback import Vjp
from srcad.request import MODE_OF, Request, jacobian_mode
from srcad.rules.primitives import PRIMITIVE_OF

if TYPE_CHECKING:
    from srcad.sparse.sparse_jacobian import SparseJacobian

T = TypeVar("T")


@spelled
def grad(
    f: Callable[..., Any] | str, argnums: Argnums = 0, has_aux: bool = False, **options: Unpack[Choices]
) -> Derivative:
    """The gradient of a function that returns one scalar.

    `argnums` names the arguments to differentiate with respect to: a position, a parameter's name, or a tuple
    of them. The gradient comes in the structure of the argument; in a tuple of such where `argnums` is a tuple.
    With `has_aux`, `f` returns `(value, aux)`, and the result is `(gradient, aux)`.

    >>> grad(lambda x: x * x, target="python")(3.0)
    6.0

    For `f` each of these functions also takes the text of a module, as `.source` gives it: what srcad writes, it reads.

    >>> text = grad(lambda x: x * x * x, target="python").source_for(2.0)
    >>> grad(text, target="python")(2.0)
    12.0
    """
    return _derivative("grad", f, argnums, has_aux, options)


@spelled
def value_and_grad(
    f: Callable[..., Any] | str, argnums: Argnums = 0, has_aux: bool = False, **options: Unpack[Choices]
) -> Derivative:
    """Like `grad`, returning `(value, gradient)`; with `has_aux`, `((value, aux), gradient)`.

    >>> value_and_grad(lambda x: x * x, target="python")(3.0)
    (9.0, 6.0)
    """
    return _derivative("value_and_grad", f, argnums, has_aux, options)


@spelled
def jvp(
    f: Callable[..., Any] | str,
    primals: Sequence[Any] | None = None,
    tangents: Sequence[Any] | None = None,
    has_aux: bool = False,
    **options: Unpack[Choices],
) -> Any:
    """The value of `f` and its derivative in one direction, in forward mode: `(out, t_out)`.

    `primals` are the arguments of `f`, `tangents` the direction, in the same structure: None in the place of an
    argument, or of a part of one, is a tangent of zero, and integers take no other. `f` may return anything; `t_out`
    has the structure of `out`, None in the place of what is no float. With `has_aux`, `f` returns `(out, aux)`, and
    the result is `(out, t_out, aux)`. Nothing is saved: the memory needed does not grow with the length of loops.

    >>> jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.5), target="python")
    (6.0, 3.5)

    Without primals, the `Derivative` that is called with both: it has the text, and it is what should be called again.

    >>> tangent = jvp(lambda x: x * x, target="python")
    >>> tangent((3.0,), (1.0,))
    (9.0, 6.0)

    Raises S325 for tangents that do not fit the primals.
    """
    request = Request("jvp", (), False, has_aux, Options.of(options))
    if primals is None and tangents is None:
        return Derivative(_function(f), request)
    return _recent(f, request)(primals, tangents)


@spelled
def hvp(
    f: Callable[..., Any] | str,
    primals: Sequence[Any] | None = None,
    tangents: Sequence[Any] | None = None,
    *,
    argnums: Argnums = 0,
    **options: Unpack[Choices],
) -> Any:
    """The derivative of the gradient of `f` in one direction: the Hessian times a vector, without the Hessian.

    `primals` are the arguments of `f`, which returns a number, and `tangents` the direction, as for `jvp`. The result
    is the change of `grad(f, argnums)`: of the gradient by the first argument, where nothing else is asked for.

    >>> hvp(lambda x: x[0] ** 2 * x[1], ([3.0, 2.0],), ([1.0, 0.0],), target="python")
    [4.0, 6.0]

    Without primals, the `Derivative` that is called with both. It takes about as long as two gradients.
    """
    request = Request("tangent", (), False, False, Options.of(options))
    slope = _derivative("grad", f, argnums, False, options)
    if primals is None and tangents is None:
        return Derivative(slope, request)
    return _recent(slope, request)(primals, tangents)


@overload
def hessian(
    f: Callable[..., Any] | str,
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    sparse: Literal[False] = False,
    **options: Unpack[Choices],
) -> Derivative: ...


@overload
def hessian(
    f: Callable[..., Any] | str, argnums: Argnums = 0, *, sparse: Literal[True], **options: Unpack[Choices]
) -> SparseJacobian: ...


@spelled
def hessian(
    f: Callable[..., Any] | str,
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    sparse: bool = False,
    **options: Unpack[Choices],
) -> Any:
    """The second derivatives of a function that returns one scalar: the Jacobian of its gradient, in forward mode.

    In the structure of the gradient, each number and array is replaced by its gradient: an array of shape
    `x.shape + x.shape` for an array `x`, a tuple of tuples where `argnums` is a tuple. With `has_aux`, `f` returns
    `(value, aux)`, and the result is `(hessian, aux)`.

    >>> hessian(lambda x, y: x * x * y, (0, 1), target="python")(3.0, 2.0)
    ((4.0, 6.0), (6.0, 0.0))

    With `sparse`, a `SparseJacobian`: called, it gives a `scipy.sparse.csr_matrix`, computed in a few sweeps.
    """
    if sparse:
        return _sparse(_derivative("grad", f, argnums, False, options), argnums, has_aux, options, symmetric=True)
    return _derivative("hessian", f, argnums, has_aux, options)


@overload
def jacobian(
    f: Callable[..., Any] | str,
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    mode: Literal["forward", "reverse"] | None = None,
    sparse: Literal[False] = False,
    **options: Unpack[Choices],
) -> Derivative: ...


@overload
def jacobian(
    f: Callable[..., Any] | str, argnums: Argnums = 0, *, sparse: Literal[True], **options: Unpack[Choices]
) -> SparseJacobian: ...


@spelled
def jacobian(
    f: Callable[..., Any] | str,
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    mode: Literal["forward", "reverse"] | None = None,
    sparse: bool = False,
    **options: Unpack[Choices],
) -> Any:
    """The derivatives of all outputs of `f`: numbers and arrays in a structure.

    In the structure that `f` returns, each number is replaced by its gradient, as `grad` returns it. An array is
    replaced by the array of the gradients of its entries, of shape `out.shape + x.shape` for an argument `x`.
    `.compiled` returns them flat: for each output, one for each argument.

    `mode="reverse"` runs `f` once and a reverse sweep for each output, numbers or one array. `mode="forward"` runs
    `f` with a tangent for each number among the arguments. By default the cheaper one is taken, for the types and the
    lengths of the first call with such types. With `has_aux`, `f` returns `(out, aux)`, and the result is
    `(jacobian, aux)`.

    >>> jacobian(lambda x, y: (x * y, x / y), (0, 1), target="python")(3.0, 2.0)
    ((2.0, 3.0), (0.5, -0.75))

    With `sparse`, a `SparseJacobian`: called, it gives a `scipy.sparse.csr_matrix`, computed in a few sweeps.
    """
    if sparse:
        return _sparse(f, argnums, has_aux or mode is not None, options)
    known, either = jacobian_mode(mode, has_aux)
    return _derivative(known, f, argnums, has_aux, options, either)


@spelled
def vjp(
    f: Callable[..., Any] | str,
    *primals: Any,
    has_aux: bool = False,
    argnums: Argnums | None = None,
    **options: Unpack[Choices],
) -> Any:
    """`(out, pullback)`: the value of `f` at the primals, and the function from a cotangent of it to theirs.

    `f` returns numbers and arrays in any structure. `pullback(cotangent)`, with a cotangent in the structure of `out`,
    returns a tuple: for each primal the cotangent, in its structure. It may be called any number of times, and many
    pullbacks may be kept; what happens to the primals afterwards does not change what it returns. What is no float
    (an integer, a bool, a string, None, an array of integers) has no cotangent: None stands in its place, in what
    `pullback` takes and in what it returns.

    With `has_aux`, `f` returns `(out, aux)`, and the result is `(out, pullback, aux)`. `argnums` names the primals to
    differentiate with respect to; then the tuple has the cotangents of those. Primals are given by position.

    Without primals it returns the `Vjp` that is called with them, and has the texts of the two functions.

    >>> out, pullback = vjp(lambda x, y: {"product": x * y, "sum": x + y}, 3.0, 2.0, target="python")
    >>> out, pullback({"product": 1.0, "sum": 0.0})
    ({'product': 6.0, 'sum': 5.0}, (2.0, 3.0))
    """
    made = _vjp(_function(f), argnums, has_aux, Options.of(options))
    return made(*primals) if primals else made


def _vjp(f: Callable[..., Any], argnums: Argnums | None, has_aux: bool, options: Options) -> Vjp:
    """The same for each call with a function, so that its text is made once."""
    try:
        hash((f, argnums))
    except TypeError:  # a method of an object that cannot be hashed
        return Vjp(f, argnums, has_aux, options)
    return _kept_vjp(f, argnums, has_aux, options)


_kept_vjp = lru_cache(128, typed=True)(Vjp)


@spelled
def adjoint(f: Callable[..., Any] | str, argnums: Argnums = 0, **options: Unpack[Choices]) -> Derivative:
    """The adjoint of `f` in procedure style, for functions that write into their arguments.

    Called with f's arguments, then one buffer for each array argument among `argnums`, in that order: it contains the
    cotangent of the array after `f`, and is overwritten with that of the array before `f`. Returns the gradients of
    the scalars among `argnums` (None, one, or a tuple). The arguments are modified as by `f`. Where `f` returns a
    scalar, its cotangent may follow the buffers (default 1).

    >>> import numpy as np
    >>> def double(x, y):
    ...     for i in range(len(x)):
    ...         y[i] = 2.0 * x[i]
    >>> x, y, d_x, d_y = np.ones(2), np.zeros(2), np.zeros(2), np.ones(2)
    >>> adjoint(double, ("x", "y"), target="python")(x, y, d_x, d_y)
    >>> d_x, d_y, y
    (array([2., 2.]), array([0., 0.]), array([2., 2.]))
    """
    chosen = Options.of(options)
    if chosen.target == "cuda" and is_kernel(function := _function(f)):
        return KernelAdjoint.of(function, argnums, chosen)
    return _derivative("adjoint", f, argnums, False, options)


@spelled
def jit(f: Callable[..., Any] | str, **options: Unpack[Choices]) -> Derivative:
    """`f` itself, compiled through the same front end and back end as its derivatives.

    >>> jit(lambda x: x * x, target="python")(3.0)
    9.0
    """
    return Derivative(_function(f), Request("primal", (), True, False, Options.of(options)))


@spelled
def load(path: str | Path, name: str | None = None, **options: Unpack[Choices]) -> Derivative:
    """The function in a file that srcad wrote, as it is or edited, compiled as `jit` compiles one; `grad` takes it too.

    `name` says which function, where the file has several. The file is read now: load it again after an edit. The
    function takes the flat arguments that its docstring lists.
    """
    return jit(function_at(Path(path), name), **options)


@lru_cache(256)
def _made(f: Callable[..., Any] | str, request: Request) -> Derivative:
    return Derivative(_function(f), request)


def _recent(f: Callable[..., Any] | str, request: Request) -> Derivative:
    """The derivative of a function that is called at once: the one of before, where the function is the same object."""
    try:
        return _made(f, request)
    except TypeError:  # it has no hash
        return Derivative(_function(f), request)


def stop_gradient(x: T) -> T:
    """`x`, treated as a constant by every derivative: of a tensor that a tape records, `x.detach()`.

    >>> grad(lambda x: x * stop_gradient(x), target="python")(3.0)
    3.0
    """
    if isinstance(x, np.ndarray | np.generic | float | int):
        return x
    leaves, spec = flatten(x)
    constants = [leaf.detach() if hasattr(leaf, "detach") else leaf for leaf in leaves]
    return x if all(map(operator.is_, constants, leaves)) else unflatten(spec, constants)


# a call of it is lowered to the primitive
PRIMITIVE_OF[stop_gradient] = "stop_gradient"

# called inside a function, they are read as what they make
MODE_OF.update({grad: "grad", value_and_grad: "value_and_grad", jacobian: "jacobian", hessian: "hessian"})
MODE_OF.update({jvp: "jvp", vjp: "vjp", hvp: "hvp", jit: "primal"})


def _derivative(
    mode: str, f: Callable[..., Any] | str, argnums: Argnums, has_aux: bool, options: Choices, either: bool = False
) -> Derivative:
    chosen = Options.of(options)
    f = _function(f)
    wrt = Parameters.of(f).wrt(argnums)
    return Derivative(f, Request(mode, wrt, not isinstance(argnums, tuple), has_aux, chosen, either=either))


def _sparse(
    f: Callable[..., Any] | str, argnums: Argnums, more: bool, options: Choices, symmetric: bool = False
) -> SparseJacobian:
    from srcad.sparse.sparse_jacobian import SparseJacobian  # with scipy.sparse, which takes its time

    if more:
        fail("S310", "a sparse derivative has neither mode nor has_aux", advice="leave them out, or sparse=True.")
    return SparseJacobian(_function(f), argnums, Options.of(options), symmetric)


def _function(f: Callable[..., Any] | str) -> Callable[..., Any]:
    """A function, or the one that a text defines."""
    return function_of(f) if isinstance(f, str) else f

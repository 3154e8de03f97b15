"""A function that srcad differentiates, as a function of JAX: under `jit`, `vmap`, and reverse mode to any order.

JAX calls back to Python, where the compiled functions of `srcad.vjp` run. It keeps arrays only, and no pullback: so the
backward function runs the forward sweep again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from optree import PyTreeSpec
from typing_extensions import Unpack

from srcad.api import vjp
from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import fail
from srcad.interop.arguments import by_position, pulled_back
from srcad.options import Choices

try:
    import jax
except ImportError as error:
    raise ImportError("srcad.interop.jax needs JAX: pip install 'srcad[jax]'") from error


def as_jax(f: Callable[..., Any], **options: Unpack[Choices]) -> JaxFunction:
    """`f` on arrays of JAX, a `jax.custom_vjp`: its derivative is the one that srcad makes.

    Arguments and results have any structure that `srcad.vjp` takes. Arrays and floats among the arguments are JAX's,
    traced under `jit`; other leaves (an int, a bool, a string, None) are passed on as they are. Numbers of the result
    are arrays without axes. Options are those of `srcad.vjp`.

    The shapes of the result are found by a call with ones, once for the shapes of the arguments; S123 is raised (by
    JAX, in an error of its own) where a call then gives others. What `f` writes into its arguments is not seen
    outside. As of any `custom_vjp`, there is no forward mode: `jax.jacrev(jax.grad(g))` is the Hessian.

    >>> import jax
    >>> square = as_jax(lambda x, k: k * x * x, target="python")
    >>> jax.grad(lambda x: square(x, 3.0).sum())(np.float32([1.0, 2.0])).tolist()
    [6.0, 12.0]
    """
    return JaxFunction(f, options)


class JaxFunction:
    """What `as_jax` returns: `f` on arrays of JAX. `.function` is `f`.

    `value` says how it is computed where no derivative is asked for, by default by the forward sweep.
    """

    def __init__(self, function: Callable[..., Any], options: Choices, value: Callable[..., Any] | None = None) -> None:
        self.function = function
        self.options = options
        self.__name__ = str(getattr(function, "__name__", type(function).__name__))
        self.__doc__ = getattr(function, "__doc__", None)
        # texts are made once, and JAX recognises an operation by its identity
        self.vjp = lru_cache(None)(lambda argnums: vjp(function, argnums=argnums, **options))
        self.operation = lru_cache(256)(lambda *key: _Operation(self, *key))
        self.value = value or (lambda *args: self.vjp(None)(*args)[0])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`f` of the arguments."""
        leaves, spec = flatten(by_position(self.function, args, kwargs))
        fixed = tuple(None if _is_array(leaf) else (type(leaf), leaf) for leaf in leaves)
        arrays = [jax.numpy.asarray(leaf) for leaf in leaves if _is_array(leaf)]
        operation = self.operation(spec, fixed, tuple((one.shape, one.dtype) for one in arrays))
        return operation.result(operation.on_arrays(*arrays))

    def pulled(self, argnums: tuple[int, ...]) -> JaxFunction:
        """The pullback as a function of primals and cotangent."""
        return JaxFunction(
            pulled_back(self.function, argnums),
            self.options,
            lambda args, cotangent: self.vjp(argnums)(*args)[1](cotangent),
        )

    def __repr__(self) -> str:
        return f"<srcad: {self.__name__} on arrays of JAX>"


class _Operation:
    """A function for one structure of arguments and their shapes: from the arrays among them to those of the result."""

    def __init__(
        self,
        of: JaxFunction,
        spec: PyTreeSpec,
        fixed: tuple[tuple[type, Any] | None, ...],
        types: tuple[tuple[tuple[int, ...], Any], ...],
    ) -> None:
        self.of = of
        self.spec = spec
        self.fixed = fixed
        leaves, self.result_spec = flatten(of.value(*self.arguments([np.ones(*one)[()] for one in types])))
        self.constants = [None if _is_number(leaf) else (leaf,) for leaf in leaves]
        self.results = [_type_of(leaf) for leaf in leaves if _is_number(leaf)]
        owners = [at for at, part in enumerate(spec.children()) for _ in range(part.num_leaves)]
        is_float = iter(np.issubdtype(dtype, np.floating) for _, dtype in types)
        self.argnums = tuple(
            sorted({at for at, one in zip(owners, fixed, strict=True) if one is None and next(is_float)})
        )
        self.pulled = of.pulled(self.argnums)
        self.on_arrays = jax.custom_vjp(self.called)
        self.on_arrays.defvjp(lambda *arrays: (self.on_arrays(*arrays), arrays), self.backward)

    def arguments(self, arrays: Any) -> Any:
        """The arguments of `f` with these arrays, in the structure that it has."""
        given = iter(arrays)
        return unflatten(self.spec, [next(given) if one is None else one[1] for one in self.fixed])

    def result(self, arrays: Any) -> Any:
        """What `f` returns, with these arrays."""
        given = iter(arrays)
        return unflatten(self.result_spec, [next(given) if one is None else one[0] for one in self.constants])

    def called(self, *arrays: Any) -> Any:
        """The arrays of the result, computed outside of JAX."""
        return jax.pure_callback(self.run, self.results, *arrays, vmap_method="sequential")

    def run(self, *arrays: Any) -> list[Any]:
        """The same of arrays of NumPy."""
        leaves, spec = flatten(self.of.value(*self.arguments([np.asarray(one)[()] for one in arrays])))
        made = [leaf for leaf in leaves if _is_number(leaf)]
        if spec != self.result_spec or [np.shape(one) for one in made] != [one.shape for one in self.results]:
            fail(
                "S123",
                f"the shapes of what {self.of.__name__} returns depend on values",
                why="JAX has to know them: they were found by a call with ones.",
                advice="pass what they depend on as an int: it is not traced.",
            )
        return [np.asarray(one, known.dtype) for one, known in zip(made, self.results, strict=True)]

    def backward(self, arrays: Any, cotangents: Any) -> Any:
        """For each array among the arguments its cotangent; None for one of integers."""
        floats = [np.issubdtype(known.dtype, np.floating) for known in self.results]
        parts = [d if is_float else None for d, is_float in zip(cotangents, floats, strict=True)]
        whole = iter(parts)
        cotangent = unflatten(self.result_spec, [None if one else next(whole) for one in self.constants])
        found = dict(zip(self.argnums, self.pulled(self.arguments(arrays), cotangent), strict=True))
        flat: list[Any] = []
        for at, part in enumerate(self.spec.children()):
            flat += flatten(found[at])[0] if at in found else [None] * part.num_leaves
        return tuple(d for d, one in zip(flat, self.fixed, strict=True) if one is None)


def _is_array(leaf: Any) -> bool:
    """Whether JAX has this argument, and may trace it."""
    return isinstance(leaf, float | np.floating | np.ndarray | jax.Array)


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float | np.generic | np.ndarray)


def _type_of(leaf: Any) -> Any:
    """The shape and the dtype that JAX has for a result."""
    return jax.ShapeDtypeStruct(np.shape(leaf), jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype))

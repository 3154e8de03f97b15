"""The table of derivative rules and of expansions, and the decorators that fill it.

A rule is an ordinary Python function in the compiled language: it runs on NumPy arrays as it stands (its
test), and the compiler reads its text and inlines it. An expansion says what a NumPy function is in terms of
primitives; what it expands to is differentiated, so it needs no rule.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from srcad.errors import fail
from srcad.ir.nodes import Span
from srcad.rules.external import name_of
from srcad.rules.primitive_type import EVERY
from srcad.rules.primitives import PRIMITIVES

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """How adjoints pass a primitive.

    `partials`: `function(y, *args, **static)` gives the partial derivative for each argument of an elementwise
    operation; the compiler multiplies, and sums over broadcast axes. `vjp`: `function(d_y, y, *args, **static)`
    gives the contribution to each argument, of its shape or broadcasting to it. A single value stands for
    one argument, None for "no derivative". `vjp_into`: `function(d_y, y, *args, *d_args, **static)` adds them.
    """

    prim: str
    kind: str
    function: Callable[..., Any]
    ranks: tuple[int, ...] | None = None
    """The ranks of the arguments this rule is for; None: any."""
    singular: bool = False
    """The partial may be infinite or NaN: where the value is fine (`sqrt` at 0), or where it was computed and not
    chosen (`log` under `np.where`). A cotangent of exactly 0 must then give 0."""


RULES: dict[str, tuple[Rule, ...]] = {}
TANGENT_RULES: dict[str, tuple[Rule, ...]] = {}
"""Of `kind` "jvp": `function(y, *args, *tangents, **static)` gives the tangent of `y`. A tangent is None where the
argument has none."""
EXPANSIONS: dict[object, Callable[..., Any]] = {}
"""NumPy or math function -> prelude function with the same signature."""
METHODS: dict[str, Callable[..., Any]] = {}
"""Name of an array method -> prelude function, called with the array first."""
UFUNC_METHODS: dict[str, Callable[..., Any]] = {}
"""Name of a method of NumPy's functions (`reduce`) -> prelude function, called with the function first."""
STAND_INS: dict[type, Callable[[Any], Any]] = {}
"""Class of a library -> what makes the object that an object of it is read as: a dataclass with the same methods."""
STATIC: set[object] = set()
"""Functions the compiler calls itself, at compile time, all their arguments being static."""


CHANGES = [0]
"""How often rules have been added: a derivative made before does not know the last."""


def _register(
    targets: tuple[object, ...], kind: str, ranks: tuple[int, ...] | None, singular: bool
) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        CHANGES[0] += 1
        for target in targets:
            name = name_of(target, elementwise=kind == "partials")
            kept = tuple(rule for rule in RULES.get(name, ()) if rule.ranks != ranks)
            RULES[name] = (*kept, Rule(name, kind, function, ranks, singular))
        return function

    return decorate


def partials(*targets: object, singular: bool = True) -> Callable[[F], F]:
    """Register an elementwise rule for primitives, given by name or by callable.

    `singular=False` promises that the partials are finite whatever the arguments are.
    """
    return _register(targets, "partials", None, singular)


def vjp(*targets: object, ranks: tuple[int, ...] | None = None) -> Callable[[F], F]:
    """Register a structured rule, for arguments of the given ranks or of any."""
    return _register(targets, "vjp", ranks, False)


def vjp_into(*targets: object, ranks: tuple[int, ...] | None = None) -> Callable[[F], F]:
    """Register a structured rule that adds the contributions into arrays: `function(d_y, y, *args, *d_args)`.

    A `d_arg` is None for an argument that is a number, and for one that is not differentiated. What the function
    returns is the contributions to the numbers among the arguments, in their order.
    """
    return _register(targets, "vjp_into", ranks, False)


def linear(function: F | None = None, *positions: int) -> Any:
    """Say that a function is linear, or linear in the arguments at `positions` together: then it is its own tangent.

    A decorator, or a function for what exists.
    """
    if function is None:
        return lambda found: linear(found, *positions)
    if function is not None and not callable(function):
        raise TypeError(f"linear takes a function, then positions of arguments; {function!r} is none")
    name = name_of(function)
    before = PRIMITIVES[name].linear
    if before and before != (positions or EVERY):
        raise ValueError(
            f"{function.__name__} is linear in {before} together already: of a function that is linear in each of "
            "several arguments, but not in all together, give the tangent with jvp"
        )
    CHANGES[0] += 1
    PRIMITIVES[name] = replace(PRIMITIVES[name], linear=positions or EVERY)
    return function


def jvp(*targets: object, ranks: tuple[int, ...] | None = None) -> Callable[[F], F]:
    """Register a rule for tangents, where neither the partial derivatives nor linearity give a good one."""

    def decorate(function: F) -> F:
        CHANGES[0] += 1
        for target in targets:
            name = name_of(target)
            kept = tuple(rule for rule in TANGENT_RULES.get(name, ()) if rule.ranks != ranks)
            TANGENT_RULES[name] = (*kept, Rule(name, "jvp", function, ranks))
        return function

    return decorate


def find_tangent_rule(prim: str, ranks: tuple[int, ...]) -> Rule | None:
    """The rule of `jvp` for a primitive on arguments of these ranks, or None."""
    return _fitting(TANGENT_RULES.get(prim, ()), ranks)


def find_rule(prim: str, ranks: tuple[int, ...]) -> Rule | None:
    """The rule for a primitive on arguments of these ranks, or None.

    A rule for exactly these ranks goes before one for any.
    """
    return _fitting(RULES.get(prim, ()), ranks)


def refuse_unknown(prim: str, wanted: Sequence[int], span: Span | None) -> None:
    """Raise S203 where a derivative is wanted by an argument that no formula is known for."""
    for at in wanted:
        if at in PRIMITIVES[prim].unknown:
            names = list(inspect.signature(RULES[prim][0].function).parameters)
            advice = (
                "pass srcad.stop_gradient of it, if it is a constant; or write a rule (help(srcad.rules) says how)."
            )
            fail("S203", f"no derivative of {prim} by its argument {names[1 + at]} is known", span, advice=advice)


def _fitting(rules: tuple[Rule, ...], ranks: tuple[int, ...]) -> Rule | None:
    exact = [rule for rule in rules if rule.ranks == ranks]
    general = [rule for rule in rules if rule.ranks is None]
    return next(iter(exact + general), None)


def expands(*targets: object, methods: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Register a prelude function as the meaning of NumPy functions, and of array methods by name."""

    def decorate(function: F) -> F:
        EXPANSIONS.update(dict.fromkeys(targets, function))
        METHODS.update(dict.fromkeys(methods, function))
        return function

    return decorate


def ufunc_method(name: str) -> Callable[[F], F]:
    """Register a prelude function as the method of every ufunc for which no function of its own is registered."""

    def decorate(function: F) -> F:
        UFUNC_METHODS[name] = function
        return function

    return decorate


def compile_time(function: F) -> F:
    """Mark a function that prelude and rules call on static values only; the compiler runs it."""
    STATIC.add(function)
    return function


def unsupported(message: str) -> Any:
    """Say that this use of a function is not supported.

    Statically reached during compilation, it becomes an error at the user's line. A function that runs as plain Python
    raises S128 here.
    """
    fail("S128", f"{message} is not supported")


# ---- questions that lowering answers from types, at compile time -------------------------------------


def is_constant(x: Any) -> bool:
    """Whether `x` is a literal; the compiler then knows its value, and tests of it are static."""
    return isinstance(x, bool | int | float | complex)


def known_one(x: Any, axis: int) -> bool:
    """Whether the axis is known at compile time to have length 1."""
    return bool(np.shape(x)[axis] == 1)


def known_many(x: Any, axis: int) -> bool:
    """Whether the axis is known at compile time not to have length 1."""
    return bool(np.shape(x)[axis] != 1)


def known_size(x: Any, dims: Any) -> bool:
    """Whether `x` is known at compile time to have as many items as an array of these lengths; one may be -1."""
    return -1 in dims or bool(np.size(x) == math.prod(dims))


def is_packed(x: Any) -> bool:
    """Whether the array is known at compile time to be C-contiguous: Numba reshapes only such."""
    return bool(x.flags.c_contiguous)


def dtype_of(x: Any) -> str:
    """The name of the dtype of `x`: `float64` for a Python float, `int64` for an int."""
    return str((x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype).name)


# ---- static helpers ----------------------------------------------------------------------------------


@compile_time
def axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    """`axis` as NumPy takes it (None: all, negative, a tuple), as increasing non-negative axes.

    >>> axes_of((-1, 0), 3), axes_of(None, 2)
    ((0, 2), (0, 1))
    """
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    if any(not -rank <= k < rank for k in given):
        raise np.exceptions.AxisError(f"axis {axis} is out of bounds for array of dimension {rank}")
    axes = tuple(sorted(int(k) % rank for k in given))
    if len(set(axes)) != len(axes):
        raise ValueError("duplicate value in 'axis'")
    return axes


@compile_time
def axis_of(axis: int, rank: int) -> int:
    """One axis as NumPy takes it, as a non-negative one."""
    return axes_of(axis, rank)[0]


@compile_time
def dtype_name(dtype: Any) -> str:
    """`np.float32`, `"f4"`, `float`, ... as the name of a NumPy dtype."""
    return str(np.dtype(dtype).name)


@compile_time
def common_dtype(*names: str) -> str:
    """The dtype of an operation on these dtypes."""
    return str(np.result_type(*names).name)


@compile_time
def is_float_name(name: str) -> bool:
    """Whether the dtype is a floating one, real or complex."""
    return name.startswith(("float", "complex"))


@compile_time
def is_complex_name(name: str) -> bool:
    """Whether the dtype is a complex one."""
    return name.startswith("complex")


@compile_time
def inverse_of(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `axes`.

    >>> inverse_of((2, 0, 1))
    (1, 2, 0)
    """
    return tuple(axes.index(k) for k in range(len(axes)))


@compile_time
def moved(rank: int, source: Any, destination: Any) -> tuple[int, ...]:
    """The permutation of `np.moveaxis`."""
    sources = [axis_of(k, rank) for k in (source if isinstance(source, tuple | list) else (source,))]
    targets = [axis_of(k, rank) for k in (destination if isinstance(destination, tuple | list) else (destination,))]
    if len(sources) != len(targets) or len({*sources}) != len(sources) or len({*targets}) != len(targets):
        raise ValueError("axes that repeat, or differ in number")
    order = [k for k in range(rank) if k not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return tuple(order)


@compile_time
def swapped(rank: int, first: int, second: int) -> tuple[int, ...]:
    """The permutation of `np.swapaxes`."""
    order = list(range(rank))
    one, other = axis_of(first, rank), axis_of(second, rank)
    order[one], order[other] = order[other], order[one]
    return tuple(order)


@compile_time
def reversed_axes(rank: int) -> tuple[int, ...]:
    """The permutation of `x.T`."""
    return tuple(range(rank - 1, -1, -1))


def at_axis(rank: int, axis: int, item: Any) -> tuple[Any, ...]:
    """The index that applies `item` to one axis and keeps the others whole.

    >>> at_axis(3, 1, 0)
    (slice(None, None, None), 0, slice(None, None, None))
    """
    return tuple([item if k == axis else slice(None) for k in range(rank)])  # compiled, not run: `item` may be a value


@compile_time
def with_new_axes(rank: int, axes: tuple[int, ...]) -> tuple[Any, ...]:
    """The index that inserts axes of length 1 so that they come out at `axes`; `rank` counts them.

    >>> with_new_axes(2, (0,))
    (None, slice(None, None, None))
    """
    return tuple(None if k in axes else slice(None) for k in range(rank))


@compile_time
def without_axes(rank: int, axes: tuple[int, ...]) -> tuple[Any, ...]:
    """The index that drops axes of length 1."""
    return tuple(0 if k in axes else slice(None) for k in range(rank))

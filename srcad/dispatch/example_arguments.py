"""Example arguments from type annotations, to specialise a function before any call.

Nothing is guessed: an annotation without rank or dtype is an error, S316, that says how to supply them.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srcad.dispatch.leaf_conversion import leaf_type_key
from srcad.dispatch.pytree import flatten
from srcad.dispatch.signature import Parameters
from srcad.errors import SrcadError, fail


@dataclass(frozen=True)
class Example:
    """Arguments that stand for the types of a call."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    invented: frozenset[str] = frozenset()
    """Parameters whose type is given, but not the value."""


class _Undetermined(Exception):
    """An annotation does not determine the type."""


_SCALARS: dict[object, Any] = {float: 1.0, int: 2, bool: True, None: None}


def example(function: Callable[..., Any], parameters: Parameters) -> Example:
    """A value for each parameter that a caller supplies: of the type of its annotation, else its default.

    >>> def f(x: "float64[:, ::1]", n: int, scale=0.5): ...
    >>> found = example(f, Parameters.of(f))
    >>> found.args[0].shape, found.args[1:], sorted(found.invented)
    ((2, 2), (2, 0.5), ['n', 'x'])
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    invented, undetermined = set(), {}
    scope = getattr(inspect.unwrap(parameters.function), "__globals__", {})
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue  # no example
        try:
            value, is_type = _value(parameter, scope)
        except _Undetermined as reason:
            undetermined[parameter.name] = str(reason)
            continue
        if is_type:
            invented.add(parameter.name)
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = value
        else:
            args.append(value)
    if undetermined:
        _refuse(getattr(function, "__name__", "the function"), undetermined)
    return Example(tuple(args), kwargs, frozenset(invented))


def _refuse(name: str, undetermined: Mapping[str, str]) -> typing.NoReturn:
    first = next(iter(undetermined))
    listed = " and ".join([", ".join([*undetermined][:-1]), [*undetermined][-1]]) if len(undetermined) > 1 else first
    why = "\n".join(
        [
            "The text depends on the type of each argument: of an array on its dtype and its rank.",
            *(f"{parameter}{reason}." for parameter, reason in undetermined.items()),
        ]
    )
    fail(
        "S316",
        f"nobody has said of what type {listed} of {name} {'are' if len(undetermined) > 1 else 'is'}",
        why=why,
        advice=f'annotate it, as in {first}: float or {first}: "float64[:, :]";\n'
        "call the gradient, or source_for(*args), once;\n"
        'or give a signature, "(float64[:, :], float64)", to srcad show or to an entry of [tool.srcad].',
    )


def _value(parameter: inspect.Parameter, scope: Mapping[str, Any]) -> tuple[Any, bool]:
    """(an example, whether only its type is given)."""
    default = parameter.default
    given = default is not inspect.Parameter.empty
    if parameter.annotation is inspect.Parameter.empty:
        if given:
            return default, False
        raise _Undetermined(" has no annotation")
    try:
        value = _example(parameter.annotation, scope)
    except _Undetermined:
        if given:
            return default, False
        raise
    if given and _same_types(default, value):
        return default, False
    return value, True


def _same_types(one: Any, other: Any) -> bool:
    (leaves, spec), (others, other_spec) = flatten(one), flatten(other)
    return spec == other_spec and [*map(leaf_type_key, leaves)] == [*map(leaf_type_key, others)]


def _example(annotation: Any, scope: Mapping[str, Any]) -> Any:
    if isinstance(annotation, str):
        return _example_of_text(annotation, scope)
    if isinstance(annotation, typing.ForwardRef):
        return _example_of_text(annotation.__forward_arg__, scope)
    if type(annotation).__module__.partition(".")[0] == "numba":
        return _example_of_numba_type((annotation,), annotation)
    if isinstance(annotation, np.ndarray | np.generic):  # an example value, in `Annotated`
        return annotation
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if _is_alias(annotation):
        return _example(annotation.__value__, scope)
    if _is_alias(origin):  # NumPy's NDArray is an alias from 2.5 on
        return _example(origin.__value__[args], scope)
    if origin is typing.Annotated:
        return _example_of_annotated(args, scope)
    if isinstance(annotation, type | None) and annotation in _SCALARS:
        return _SCALARS[annotation]
    if annotation is np.ndarray or origin is np.ndarray:
        return _example_of_array(args)
    if isinstance(annotation, type) and issubclass(annotation, np.generic):
        return _scalar_of(annotation)
    if origin is tuple and args and Ellipsis not in args:
        return tuple(_example(arg, scope) for arg in args)
    if isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or _is_record(annotation)):
        return _example_of_record(annotation)
    raise _Undetermined(f": {getattr(annotation, '__name__', None) or annotation} does not say it")


def _is_alias(annotation: Any) -> bool:
    """Whether it is a type alias, as of `type Row = ...`; there are several classes of such aliases."""
    return type(annotation).__name__ == "TypeAliasType"


def _example_of_annotated(args: tuple[Any, ...], scope: Mapping[str, Any]) -> Any:
    for annotation in (*args[1:], args[0]):
        try:
            return _example(annotation, scope)
        except _Undetermined as reason:
            last = reason
    raise last


def _scalar_of(kind: type[np.generic]) -> Any:
    try:
        return kind(2) if issubclass(kind, np.integer) else kind(1)
    except TypeError:  # np.floating and the like
        raise _Undetermined(f": {kind.__name__} is several types") from None


def _example_of_array(args: tuple[Any, ...]) -> Any:
    """An array of `np.ndarray[tuple[int, int], np.dtype[np.float64]]`; strided, the weakest layout."""
    inside = [inner for arg in args[1:] for inner in (arg, *typing.get_args(arg))]
    dtype = next((arg for arg in inside if isinstance(arg, type) and issubclass(arg, np.generic)), None)
    lengths = typing.get_args(args[0]) if args else ()
    if not lengths or Ellipsis in lengths:
        raise _Undetermined(": np.ndarray says neither dtype nor rank" if dtype is None else ": an NDArray has no rank")
    if dtype is None:
        raise _Undetermined(": np.ndarray says no dtype")
    return np.zeros((*(2,) * len(lengths), 2), type(_scalar_of(dtype)))[..., 0]


def _example_of_record(kind: Any) -> Any:
    scope = vars(inspect.getmodule(kind) or typing)
    if dataclasses.is_dataclass(kind):
        cls: Any = kind
        instance = object.__new__(cls)  # not through __init__: it may convert or check
        for one in dataclasses.fields(cls):
            object.__setattr__(instance, one.name, _example(one.type, scope))
        return instance
    found = {name: _example(annotation, scope) for name, annotation in kind.__annotations__.items()}
    if typing.is_typeddict(kind):
        return found
    return kind(*(found[name] for name in kind._fields))


def _is_record(kind: type) -> bool:
    named = issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "__annotations__")
    return named or typing.is_typeddict(kind)


def _example_of_text(text: str, scope: Mapping[str, Any]) -> Any:
    """An annotation as a string: an expression in its module, or a type in Numba's notation."""
    try:
        meant = eval(text, dict(scope))
    except Exception:  # not Python: `float64[:, :]`
        return _example_of_numba_type(f"({text},)", text)
    if isinstance(meant, str) and meant == text:
        raise _Undetermined(f": {text} says no type")
    return _example(meant, scope)


def _example_of_numba_type(signature: Any, annotation: object) -> Any:
    from srcad.backend.numba.compilation import example_arguments

    try:
        (value,) = example_arguments(signature)
    except SrcadError:
        raise
    except Exception:  # an annotation in a notation of the user's own
        raise _Undetermined(f": {annotation} is no type that Numba reads") from None
    return value

"""Example arguments of the types that a function's annotations give: what a text is made for before any call.

Nothing is guessed. An annotation that says no rank or no dtype is no type, and the error says how to give one.
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
    """Arguments of a call that nobody made."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    invented: frozenset[str] = frozenset()
    """Parameters of which only the type was said, not the value."""


class _Unsaid(Exception):
    """An annotation does not say the type."""


_PLAIN: dict[object, Any] = {float: 1.0, int: 2, bool: True, None: None}


def example(function: Callable[..., Any], parameters: Parameters) -> Example:
    """A value for each parameter that a caller gives: of the type that its annotation says, else its default."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    invented, unsaid = set(), {}
    scope = getattr(inspect.unwrap(parameters.function), "__globals__", {})
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue  # none is given
        try:
            value, is_type = _value(parameter, scope)
        except _Unsaid as reason:
            unsaid[parameter.name] = str(reason)
            continue
        if is_type:
            invented.add(parameter.name)
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = value
        else:
            args.append(value)
    if unsaid:
        _ask(getattr(function, "__name__", "the function"), unsaid)
    return Example(tuple(args), kwargs, frozenset(invented))


def _ask(name: str, unsaid: Mapping[str, str]) -> typing.NoReturn:
    first = next(iter(unsaid))
    listed = " and ".join([", ".join([*unsaid][:-1]), [*unsaid][-1]]) if len(unsaid) > 1 else first
    why = "\n".join(
        [
            "The text depends on the type of each argument: of an array on its dtype and its rank.",
            *(f"{parameter}{reason}." for parameter, reason in unsaid.items()),
        ]
    )
    fail(
        "S316",
        f"nobody has said of what type {listed} of {name} {'are' if len(unsaid) > 1 else 'is'}",
        why=why,
        advice=f'annotate it, as in {first}: float or {first}: "float64[:, :]";\n'
        "call the gradient, or source_for(*args), once;\n"
        'or give a signature, "(float64[:, :], float64)", to srcad show or to an entry of [tool.srcad].',
    )


def _value(parameter: inspect.Parameter, scope: Mapping[str, Any]) -> tuple[Any, bool]:
    """(an example, whether only its type was said)."""
    default = parameter.default
    given = default is not inspect.Parameter.empty
    if parameter.annotation is inspect.Parameter.empty:
        if given:
            return default, False
        raise _Unsaid(" has no annotation")
    try:
        value = _of(parameter.annotation, scope)
    except _Unsaid:
        if given:
            return default, False
        raise
    if given and _alike(default, value):
        return default, False
    return value, True


def _alike(one: Any, other: Any) -> bool:
    (leaves, spec), (others, other_spec) = flatten(one), flatten(other)
    return spec == other_spec and [*map(leaf_type_key, leaves)] == [*map(leaf_type_key, others)]


def _of(annotation: Any, scope: Mapping[str, Any]) -> Any:
    if isinstance(annotation, str):
        return _of_text(annotation, scope)
    if isinstance(annotation, typing.ForwardRef):
        return _of_text(annotation.__forward_arg__, scope)
    if type(annotation).__module__.partition(".")[0] == "numba":
        return _of_numba((annotation,), annotation)
    if isinstance(annotation, np.ndarray | np.generic):  # an example itself, in `Annotated`
        return annotation
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if _is_alias(annotation):
        return _of(annotation.__value__, scope)
    if _is_alias(origin):  # NumPy's NDArray is one from 2.5 on
        return _of(origin.__value__[args], scope)
    if origin is typing.Annotated:
        return _of_annotated(args, scope)
    if isinstance(annotation, type | None) and annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is np.ndarray or origin is np.ndarray:
        return _of_array(args)
    if isinstance(annotation, type) and issubclass(annotation, np.generic):
        return _number(annotation)
    if origin is tuple and args and Ellipsis not in args:
        return tuple(_of(arg, scope) for arg in args)
    if isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or _is_record(annotation)):
        return _of_record(annotation)
    raise _Unsaid(f": {getattr(annotation, '__name__', None) or annotation} does not say it")


def _is_alias(annotation: Any) -> bool:
    """Whether it is a name of a type, as `type Row = ...` makes one; there are several classes of such."""
    return type(annotation).__name__ == "TypeAliasType"


def _of_annotated(args: tuple[Any, ...], scope: Mapping[str, Any]) -> Any:
    for said in (*args[1:], args[0]):
        try:
            return _of(said, scope)
        except _Unsaid as reason:
            last = reason
    raise last


def _number(kind: type[np.generic]) -> Any:
    try:
        return kind(2) if issubclass(kind, np.integer) else kind(1)
    except TypeError:  # np.floating and the like
        raise _Unsaid(f": {kind.__name__} is several types") from None


def _of_array(args: tuple[Any, ...]) -> Any:
    """`np.ndarray[tuple[int, int], np.dtype[np.float64]]` says both; a stride is the least that can be assumed."""
    inside = [inner for arg in args[1:] for inner in (arg, *typing.get_args(arg))]
    dtype = next((arg for arg in inside if isinstance(arg, type) and issubclass(arg, np.generic)), None)
    lengths = typing.get_args(args[0]) if args else ()
    if not lengths or Ellipsis in lengths:
        raise _Unsaid(": np.ndarray says neither dtype nor rank" if dtype is None else ": an NDArray has no rank")
    if dtype is None:
        raise _Unsaid(": np.ndarray says no dtype")
    return np.zeros((*(2,) * len(lengths), 2), type(_number(dtype)))[..., 0]


def _of_record(kind: Any) -> Any:
    scope = vars(inspect.getmodule(kind) or typing)
    if dataclasses.is_dataclass(kind):
        cls: Any = kind
        made = object.__new__(cls)  # not through __init__: it may convert or check
        for one in dataclasses.fields(cls):
            object.__setattr__(made, one.name, _of(one.type, scope))
        return made
    found = {name: _of(said, scope) for name, said in kind.__annotations__.items()}
    if typing.is_typeddict(kind):
        return found
    return kind(*(found[name] for name in kind._fields))


def _is_record(kind: type) -> bool:
    named = issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "__annotations__")
    return named or typing.is_typeddict(kind)


def _of_text(text: str, scope: Mapping[str, Any]) -> Any:
    """An annotation as text: an expression of the module it stands in, or a type of Numba's."""
    try:
        meant = eval(text, dict(scope))
    except Exception:  # a text in no language of Python's: `float64[:, :]`
        return _of_numba(f"({text},)", text)
    if isinstance(meant, str) and meant == text:
        raise _Unsaid(f": {text} says no type")
    return _of(meant, scope)


def _of_numba(signature: Any, said: object) -> Any:
    from srcad.backend.numba.compilation import example_arguments

    try:
        (value,) = example_arguments(signature)
    except SrcadError:
        raise
    except Exception:  # an annotation in a language of the user's own
        raise _Unsaid(f": {said} is no type that Numba reads") from None
    return value

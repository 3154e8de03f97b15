"""Example arguments from the annotations of a function: what `.source` shows before any call."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import numpy as np

from srcad.call.parameters import Parameters


def example_values(parameters: Parameters) -> tuple[Any, ...]:
    """A value for each parameter the caller gives: from its annotation, else its default, else a float.

    An array without a rank in its annotation counts as one of one axis; a Numba type as text
    (`x: "float64[:, :]"`) gives the rank.
    """
    found = parameters.signature.parameters
    return tuple(
        _example(found[name])
        for name in parameters.callable_names
        if found[name].kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    )


def _example(parameter: inspect.Parameter) -> Any:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return 1.0 if parameter.default is inspect.Parameter.empty else parameter.default
    return _of(annotation)


def _of(annotation: Any) -> Any:
    if isinstance(annotation, str):
        return _of_text(annotation)
    plain = {float: 1.0, int: 2, bool: True, str: "", np.float32: np.float32(1.0), np.float64: 1.0, np.int64: 2}
    if annotation in plain:
        return plain[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is np.ndarray or origin is np.ndarray:
        dtype = next((a for arg in args for a in (arg, *typing.get_args(arg)) if _is_dtype(a)), np.float64)
        return np.zeros(2, dtype)
    if origin is tuple and args and Ellipsis not in args:
        return tuple(_of(arg) for arg in args)
    return 1.0


def _of_text(annotation: str) -> Any:
    names = {"float": float, "int": int, "bool": bool, "str": str, "np.ndarray": np.ndarray, "ndarray": np.ndarray}
    if annotation in names:
        return _of(names[annotation])
    if "NDArray" in annotation or "ndarray" in annotation:
        return np.zeros(2, np.float32 if "float32" in annotation else np.float64)
    from srcad.backend.jit import example_arguments

    try:
        (value,) = example_arguments(f"({annotation},)")
    except Exception:  # an annotation in a language of the user's own
        return 1.0
    return value


def _is_dtype(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, np.generic)

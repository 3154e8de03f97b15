"""Running what lowering makes of a function, on NumPy values, and comparing with the function itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from srcad.dispatch import pytree
from srcad.dispatch.argument_types import abstract_arguments
from srcad.dispatch.leaf_conversion import is_static
from srcad.dispatch.signature import Parameters
from srcad.frontend.lowering.lower import Lowered, lower
from srcad.frontend.source.read import read
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq
from srcad.frontend.values.describe import flatten
from srcad.ir.verify import verify
from srcad.rules.primitives import PRIMITIVES
from tests.interpreter import interpret


def lowered(function: Callable[..., Any], *args: Any) -> Lowered:
    """The normal form of a function for the types of these arguments, checked to be well-formed."""
    source = read(function)
    parameters = Parameters.of(function)
    given = abstract_arguments(parameters.names, parameters.values(tuple(args), {}), ())
    result = lower(source, given.arguments, calls=False, shapes=given.shapes)
    verify(result.function, PRIMITIVES)
    return result


def run_lowered(function: Callable[..., Any], args: Sequence[Any]) -> tuple[Any, list[Any]]:
    """What the normal form computes, in the structure of the result; and the arguments as it leaves them."""
    found = lowered(function, *args)
    values = copy.deepcopy(list(args))
    flat = [leaf for leaf in pytree.flatten(values)[0] if not is_static(leaf)]
    flat += [leaf for captured in found.captures for leaf in captured.leaves()]
    return _structured(found.result, iter(interpret(found.function, flat))), values


def _structured(shape: Abstract, leaves: Iterator[Any]) -> Any:
    match shape:
        case Leaf():
            return next(leaves)
        case Seq(items, kind):
            parts = [_structured(item, leaves) for item in items]
            return parts if kind == "list" else tuple(parts)
        case Mapping(pairs):
            return {key: _structured(item, leaves) for key, item in pairs}
        case Record(cls, fields):
            return cls(**{name: _structured(item, leaves) for name, item in fields})
        case Constant(value):
            return value
    raise TypeError(shape)


def assert_same(have: Any, want: Any) -> None:
    """Equal structures, shapes and (nearly) values."""
    left, right = flatten(have), flatten(want)
    assert len(left) == len(right), (have, want)
    for x, y in zip(left, right):
        assert np.shape(x) == np.shape(y), (np.shape(x), np.shape(y))
        single = np.asarray(y).dtype == np.float32
        np.testing.assert_allclose(x, y, rtol=1e-5 if single else 1e-12, atol=1e-14)


def check(function: Callable[..., Any], *args: Any) -> None:
    """The normal form computes what the function computes, and writes what it writes into arrays."""
    given = copy.deepcopy(list(args))
    with np.errstate(all="ignore"):
        want = function(*given)
        have, left = run_lowered(function, args)
    assert_same(have, want)
    for mine, theirs in zip(left, given):
        if isinstance(mine, np.ndarray):  # of lists, dicts and objects a copy is changed
            assert_same(mine, theirs)

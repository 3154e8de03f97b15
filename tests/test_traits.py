"""What the rows of the primitives say of them is so: each trait, asked of NumPy."""

from __future__ import annotations

import ast
import itertools
from typing import Any

import numpy as np
import pytest

from srcad.ir.nodes import Op, Var
from srcad.optimize.array_statements.elementwise_ops import DTYPES, dtype_of
from srcad.rules.primitive_type import Primitive
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import having

VALUES: dict[str, Any] = {
    "bool": np.array([True, False]),
    "int64": np.array([2, 1]),
    "float32": np.array([0.5, 0.25], np.float32),
    "float64": np.array([0.5, 0.25]),
    "complex64": np.array([0.5 + 0.25j, 0.25], np.complex64),
    "complex128": np.array([0.5 + 0.25j, 0.25]),
}


INTEGERS_OTHERWISE = frozenset({"np.floor", "np.ceil", "np.trunc", "np.fmod"})
"""Of integers these are integers, in newer versions of NumPy; compiled code has floats, or an expansion: types that
differ keep such an operation on whole arrays."""


def named(names: frozenset[str]) -> Any:
    return pytest.mark.parametrize("primitive", [PRIMITIVES[n] for n in sorted(names)], ids=sorted(names))


def arities(primitive: Primitive) -> tuple[int, ...]:
    if hasattr(primitive.evaluate, "nin"):
        return (primitive.evaluate.nin,)
    return (1, 2, 3, 4)


@named(having(lambda p: p.element and p.name not in ("astype", "select")))
def test_the_dtype_of_an_element_is_that_of_the_array(primitive: Primitive) -> None:
    """Where `dtype_of` gives one at all; elsewhere the operation stays one on whole arrays."""
    tried = 0
    for count in arities(primitive):
        for dtypes in itertools.product(DTYPES, repeat=count):
            try:
                with np.errstate(all="ignore"):
                    result = primitive(*[VALUES[d] for d in dtypes])
            except (TypeError, ValueError):
                continue
            if str(result.dtype) == "int64" and primitive.name in INTEGERS_OTHERWISE:
                continue
            args = tuple(Var(f"x{k}") for k in range(count))
            found = dtype_of(Op(primitive.name, args), list(dtypes))
            tried += found is not None
            assert found in (None, str(result.dtype)), (dtypes, found, result.dtype)
    assert tried or primitive.name in ("np.gcd", "np.lcm")  # of integers alone, of which it gives none


@named(having(lambda p: p.dtype in ("bool", "int64") and p.kind in ("reduce", "elementwise", "query")))
def test_a_dtype_that_is_always_the_same(primitive: Primitive) -> None:
    static = {"axis": 0} if primitive.name == "shape" else {}
    for count, (dtype, values) in itertools.product(arities(primitive), VALUES.items()):
        for operands in ([values] * count, [values[0].item()] * count):
            try:
                result = primitive(*operands, **static)
            except (TypeError, ValueError, AttributeError, IndexError):
                continue
            kind = str(np.asarray(result).dtype)
            assert kind == primitive.dtype or (primitive.name == "np.uint64" and kind == "uint64"), dtype
            assert not primitive.nonnegative or np.all(np.asarray(result) >= 0)


@named(having(lambda p: p.negation))
def test_negations(primitive: Primitive) -> None:
    for a, b in itertools.product((1, 2, 3), repeat=2):
        assert primitive(a, b) != PRIMITIVES[primitive.negation](a, b)


@named(having(lambda p: p.operator is not None))
def test_operators(primitive: Primitive) -> None:
    kind = primitive.operator
    assert kind is not None
    a, b = ast.Name("a", ast.Load()), ast.Name("b", ast.Load())
    node: ast.expr
    if issubclass(kind, ast.operator):
        node = ast.BinOp(a, kind(), b)
    elif issubclass(kind, ast.cmpop):
        node = ast.Compare(a, [kind()], [b])
    elif issubclass(kind, ast.boolop):
        node = ast.BoolOp(kind(), [a, b])
    else:
        node = ast.UnaryOp(kind(), a)
    text = ast.unparse(ast.fix_missing_locations(ast.Expression(node)))
    for x, y in [(np.ones((2, 2)), np.eye(2))] if primitive.name == "@" else [(5, 3), (2, 2)]:
        want = eval(text, {"a": x, "b": y})
        found = primitive(x) if issubclass(kind, ast.unaryop) else primitive(x, y)
        np.testing.assert_array_equal(found, bool(want) if issubclass(kind, ast.boolop) else want)


@named(having(lambda p: p.shape_operands))
def test_only_the_shape_is_read(primitive: Primitive) -> None:
    static = {"axis": 0} if primitive.name == "shape" else {}
    at = primitive.shape_operands[0]
    images = np.arange(8.0).reshape(1, 2, 2, 2)
    rest: tuple[Any, ...] = {
        "np.full_like": (3.0,),
        "runtime.with_diagonal": (np.ones(2), 0),
        "runtime.diagonals_adjoint": (np.ones(1), 1),
        "runtime.windows_adjoint": (np.ones((1, 2, 2)), 2),
        "runtime.correlate_2d_input_adjoint": (images, np.ones((1, 1, 1, 1)), 1),
        "runtime.correlate_2d_kernel_adjoint": (images, np.ones((1, 1, 2, 2)), 1),
    }.get(primitive.name, ())
    shape: tuple[int, ...] = (2, 2)
    if "correlate" in primitive.name:
        shape = (1, 2, 2, 2) if at == 0 else (1, 2, 1, 1)
    elif at == 1:
        shape = (1,) * (int(primitive.name[-2]) if primitive.name.endswith("d") else 2)
        rest = (np.arange(2.0 ** len(shape)).reshape((2,) * len(shape)),)
    results = []
    for value in (1.0, np.nan):
        operands = [*rest]
        operands.insert(at, np.full(shape, value))
        results.append(primitive(*operands, **static))
    if primitive.contents == "uninitialised":
        results = [np.shape(result) for result in results]
    np.testing.assert_array_equal(*results)


@named(having(lambda p: p.elements))
def test_elements_of_the_first_operand(primitive: Primitive) -> None:
    x = np.arange(1.0, 5.0).reshape(2, 2)
    known = {
        "index": (0,),
        "reshape": (4,),
        "np.broadcast_to": (3, 2, 2),
        "runtime.diagonals": (0,),
        "runtime.windows": (2,),
    }
    more = known.get(primitive.name, ())
    static = {"axes": (1, 0)} if primitive.name == "np.transpose" else {}
    result = primitive(x, *more, **static)
    assert set(np.ravel(result)) <= set(np.ravel(x))
    if primitive.elements == "same":
        np.testing.assert_array_equal(result, x)


@named(having(lambda p: p.neutral is not None and p.name != "np.mean"))
def test_what_a_reduction_begins_with(primitive: Primitive) -> None:
    logical = isinstance(primitive.neutral, bool)
    for x in ([True, False], [False, False], [True]) if logical else ([2.0, -3.0], [5.0]):
        assert primitive(np.array([primitive.neutral, *x])) == primitive(np.array(x))


@named(having(lambda p: p.contents in ("zeros", "ones")))
def test_contents(primitive: Primitive) -> None:
    made = primitive(2, 3) if primitive.lengths_from == 0 else primitive(np.full((2, 3), 7.0))
    np.testing.assert_array_equal(made, np.full((2, 3), 0.0 if primitive.contents == "zeros" else 1.0))


@named(having(lambda p: p.vector.startswith("machine.")))
def test_vector_forms_are_primitives(primitive: Primitive) -> None:
    assert PRIMITIVES[primitive.vector].vector == "instructions"


@named(having(lambda p: p.algebra == "ring"))
def test_a_ring_of_integers(primitive: Primitive) -> None:
    for operands in itertools.product((-2, 0, 3), repeat=1 if primitive.name == "neg" else 2):
        assert type(primitive(*operands)) is int

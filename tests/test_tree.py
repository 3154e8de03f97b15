"""Arguments taken apart and put together; what a leaf is to the compiler."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import srcad
from srcad.dispatch.argument_types import abstract_arguments
from srcad.dispatch.leaf_conversion import argument_conversion, gradient_conversion, leaf_type, leaf_type_key
from srcad.dispatch.pytree import flatten, leaf_names, paths, places, unflatten
from srcad.dispatch.result_structure import result_builder
from srcad.dispatch.signature import Parameters
from srcad.errors import ArgumentError
from srcad.frontend.values.abstract_values import Constant, Leaf, Mapping, Record, Seq
from srcad.ir.nodes import Var
from srcad.ir.types import ONE, Array, Scalar

Point = namedtuple("Point", "u v")


@dataclass(frozen=True)
class Cell:
    weight: object
    bias: object = 2.0


NESTED = {"W": [np.ones(2), np.ones((2, 1))], "b c": Cell(1, Point(2.0, None)), 3: (4.0,)}


def test_leaves_and_structure_come_back_as_they_were():
    leaves, spec = flatten(NESTED)
    assert len(leaves) == 6
    back = unflatten(spec, leaves)
    assert list(back) == ["W", "b c", 3]
    assert back["b c"] == Cell(1, Point(2.0, None))
    assert back["W"][1] is NESTED["W"][1]


def test_a_dict_keeps_its_order_and_the_order_is_part_of_the_structure():
    one, other = {"b": 1.0, "a": 2.0}, {"a": 2.0, "b": 1.0}
    assert flatten(one)[0] == [1.0, 2.0]
    assert flatten(one)[1] != flatten(other)[1]
    assert list(unflatten(flatten(one)[1], [5, 6])) == ["b", "a"]


def test_names_a_reader_understands():
    assert leaf_names("p", paths(NESTED), set()) == [
        "p_W_0",
        "p_W_1",
        "p_b_c_weight",
        "p_b_c_bias_u",
        "p_b_c_bias_v",
        "p_3_0",
    ]
    assert places(NESTED, "p") == [
        'p["W"][0]', 'p["W"][1]', 'p["b c"].weight', 'p["b c"].bias.u', 'p["b c"].bias.v', "p[3][0]",
    ]  # fmt: skip
    assert leaf_names("x", [()], {"x"}) == ["x_1"]
    assert leaf_names("x", [("a b",), ("a_b",)], set()) == ["x_a_b", "x_a_b_1"]


def test_described_gives_lowering_structures_with_typed_leaves():
    found = abstract_arguments(("params", "mode", "n"), ({"W": np.ones((3, 1)), "b": 1}, "fast", 4), (0, 1))
    params = found.arguments["params"]
    assert isinstance(params, Mapping)
    assert dict(params.items)["b"] == Leaf(Var("params_b"), Scalar("float64"))  # an int, differentiated
    weight = dict(params.items)["W"].type
    assert isinstance(weight, Array) and weight.dims[1] == ONE and weight.dims[0].is_not_one
    assert found.arguments["mode"] == Constant("fast")
    assert found.arguments["n"].type.dtype == "int64"
    assert [leaf.name for leaf in found.leaves] == ["params_W", "params_b", "n"]
    assert [leaf.position for leaf in found.leaves] == [0, 1, 3]
    cell = abstract_arguments(("c",), (Cell([1.0], Point(2.0, 3.0)),), ()).arguments["c"]
    assert isinstance(cell, Record) and isinstance(cell.get("weight"), Seq) and cell.get("bias").cls is Point


def test_leaf_names_keep_out_of_the_way_of_parameters():
    found = abstract_arguments(("p", "p_0"), ([1.0], 2.0), ())
    assert [leaf.name for leaf in found.leaves] == ["p_0_1", "p_0"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (np.ones(3), np.ones(4), True),
        (np.ones(3), np.ones(1), False),
        (np.ones((3, 2)), np.ones((3, 2), order="F"), False),
        (np.ones((3, 2)), np.ones((3, 2), np.float32), False),
        (np.ones(3), np.ones((3, 3)), False),
        (np.ones((1, 3)), np.ones((3, 1)), False),
        (np.ones(6)[::2], np.ones(3), False),
        (np.array(1.0), np.array(2.0), True),
        (1.0, 2.0, True),
        (1.0, 1, False),
        (1.0, np.float64(1.0), False),
        (True, False, True),
        ("a", "a", True),
        ("a", "b", False),
        (None, None, True),
        (np.sin, np.cos, False),
    ],
)
def test_key_of_a_specialisation(one, other, same):
    assert (leaf_type_key(one) == leaf_type_key(other)) is same


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        (np.arange(3), "S301"),
        (np.array([True, False]), "S301"),
        (object(), "S302"),
        ({1.0, 2.0}, "S302"),
        (np.array([[1.0], [1.0, 2.0]], dtype=object), "S303"),
        (np.ones(2, np.clongdouble), "S305"),
        (np.ones(2, np.float16), "S305"),
        (np.ones(2, ">f8"), "S305"),
        (np.array(["a"]), "S305"),
        (True, "S302"),
    ],
)
def test_leaves_that_are_refused(leaf, code):
    with pytest.raises(ArgumentError, match=f'srcad error {code}: params\\["W"\\] '):
        leaf_type(leaf, "params_W", 'params["W"]', True)


@pytest.mark.parametrize("leaf", [2.0, 2, np.float64(2.0), np.float32(2.0), np.array(2.0), np.array(2.0, np.float32)])
def test_a_gradient_is_of_its_leafs_kind(leaf):
    got = gradient_conversion(leaf)(3.0)
    assert got == 3.0
    assert type(got) is (float if isinstance(leaf, int) else type(leaf))
    assert getattr(got, "dtype", None) == (
        None if isinstance(leaf, float | int) and not hasattr(leaf, "dtype") else leaf.dtype
    )


def test_gradients_of_arrays_keep_their_dtype():
    half = np.ones(2, np.float32)
    assert gradient_conversion(half)(np.ones(2)).dtype == np.float32
    assert gradient_conversion(np.ones(2))(np.ones(2)).dtype == np.float64


def test_how_leaves_are_passed():
    assert argument_conversion(np.ones(2), True) is None
    assert argument_conversion(1.0, True) is None
    assert argument_conversion(2, False) is None
    assert type(argument_conversion(2, True)(2)) is float
    assert type(argument_conversion(np.array(2.0), True)(np.array(2.0))) is np.float64


def test_results_are_put_together():
    a, b = Leaf(Var("a"), Scalar("float64")), Leaf(Var("b"), Scalar("float32"))
    result = Seq((a, Mapping((("k", Seq((b, Constant("text")), "list")),)), Record(Point, (("u", a), ("v", b)))))
    value = result_builder(result)([1.0, 2.0, 3.0, 4.0])
    assert value == (1.0, {"k": [2.0, "text"]}, Point(3.0, 4.0))
    assert type(value[1]["k"][0]) is np.float32


def test_arguments_are_laid_out_along_parameters():
    from functools import partial

    def f(a, b, c=3, *rest, d=4):
        pass

    whole = Parameters.of(f)
    assert whole.values((1, 2), {}) == (1, 2, 3, (), 4)
    assert whole.values((1, 2, 5, 6), {"d": 7}) == (1, 2, 5, (6,), 7)
    part = Parameters.of(partial(f, 1, d=9))
    assert part.callable_names == ("b", "c", "rest")
    assert part.values((2,), {}) == (1, 2, 3, (), 9)
    assert part.wrt((0, "c")) == ("b", "c")
    assert part.wrt((2, "rest")[:1]) == ("rest[0]",) and whole.wrt((3, "d")) == ("rest[0]", "d")
    for wrong in (-1, "z", (0, "a"), (), True):
        with pytest.raises(ArgumentError, match="srcad error S307"):
            whole.wrt(wrong)
    with pytest.raises(ArgumentError, match="srcad error S306"):
        whole.values((1,), {})


def test_names_of_leaves_are_identifiers_that_differ():
    """Python reads compatible characters as the same identifier, and not every digit may be in one."""

    def product(p, p_x):
        return p["x"] * p["ﬁ"] ** 2 * p["fi"] ** 3 * p["x²"] * p["x2"] ** 2 * p[("a", 1)] * p["-"] * p["lambda"] * p_x

    keys = ("x", "ﬁ", "fi", "x²", "x2", ("a", 1), "-", "lambda")
    point = {key: 1.0 + 0.1 * at for at, key in enumerate(keys)}
    for target in ("python", "cpu"):
        gradient = srcad.grad(product, target=target)
        value = product(point, 2.0)
        found = gradient(point, 2.0)
        powers = dict(zip(keys, (1, 2, 3, 1, 2, 1, 1, 1), strict=True))
        assert found == pytest.approx({key: powers[key] * value / point[key] for key in keys}, rel=1e-13)
    assert "(p_x_1, p_fi, p_fi_1, p_x2, p_x2_1, p_a_1, p_1, p_lambda, p_x, d_result=1.0)" in gradient.source_for(
        point, 2.0
    )

"""Two names for one object, and classes that are not what they look like: right, or refused with a reason."""

from __future__ import annotations

import copy
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError


class Body:
    def __init__(self, x: Any, v: Any = 1.0) -> None:
        self.x = x
        self.v = v

    def moved(self, dt: Any) -> Body:
        return Body(self.x + self.v * dt, self.v)


class Pair:
    def __init__(self, left: Body, right: Body) -> None:
        self.left, self.right = left, right


def changed_through_an_attribute(x, n):
    body = Body(x)
    pair = Pair(body, body)
    for _ in range(n):
        pair.left.x = pair.right.x * x
        pair.left, pair.right = pair.right, pair.left
    return body.x


def one_of_two_changed(x, n):
    a, b = Body(x), Body(2.0 * x)
    c = a if x * n > 1.0 else b
    a.x = 5.0 * x * x
    return c.x


def joined_object_changed(x, n):
    a, b = Body(x), Body(2.0 * x)
    c = a if x * n > 1.0 else b
    c.x = 5.0 * x * x
    return a.x + b.x


def changed_after_a_loop_that_may_not_run(x, n):
    a = Body(x)
    b = a
    for _ in range(n):
        b = b.moved(x)
    b.x = 7.0 * x * x
    return a.x


def new_object_in_each_iteration(x, n):
    body = Body(x)
    for _ in range(n):
        body = body.moved(0.1 * x)
        body.v = body.v * 0.9
    return body.x * body.v


def stored_in_a_list(x, n):
    body = Body(x)
    bodies = [body, Body(1.0)]
    for k in range(n):
        bodies[0].x = bodies[0].x * x + k
    bodies.append(body)
    bodies[2].v = x**3
    return body.x * body.v


def changed_on_one_path(x, n):
    body, other = Body(x), Body(3.0)
    same = body
    if x * n > 1.0:
        same.x = x * x
        other.x = same.x
    return body.x + other.x


def array_of_an_object_shared(x, n):
    body = Body(np.array([x, 2.0 * x]))
    other = Body(body.x)
    for _ in range(n):
        other.x += x
    return np.sum(body.x) + other.x[0]


def array_of_an_object_rebound(x, n):
    body = Body(np.array([x, 2.0 * x]))
    other = Body(body.x)
    for _ in range(n):
        other.x = other.x + x
    return np.sum(body.x) + other.x[0]


def type_of_an_attribute_changes(x, n):
    body = Body(1)
    for _ in range(n):
        body.x = body.x * x
    return body.x + x


def attribute_on_one_path(x, n):
    body = Body(x)
    if x * n > 1.0:
        body.extra = x * x
    return body.extra


def attribute_of_two_kinds(x, n):
    body = Body(x)
    if x * n > 1.0:
        body.v = [x]
    return body.x


def compared_by_identity(x, n):
    a, b = Body(x), Body(x)
    c = a if x * n > 1.0 else b
    return x if c is a else 3.0 * x


RIGHT = [
    changed_through_an_attribute,
    new_object_in_each_iteration,
    stored_in_a_list,
    changed_on_one_path,
    array_of_an_object_shared,
    array_of_an_object_rebound,
    type_of_an_attribute_changes,
    attribute_of_two_kinds,
]
REFUSED = [
    one_of_two_changed,
    joined_object_changed,
    changed_after_a_loop_that_may_not_run,
    attribute_on_one_path,
    compared_by_identity,
]


@pytest.mark.parametrize("x", [0.7, 1.3])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("f", RIGHT + REFUSED, ids=lambda f: f.__name__)
def test_right_or_refused(f: Any, n: int, x: float) -> None:
    try:
        value, gradient = srcad.value_and_grad(f, target="python")(x, n)
    except SrcadError:
        assert f in REFUSED or f is changed_through_an_attribute
    else:
        assert value == pytest.approx(f(x, n), rel=1e-12)
        assert gradient == pytest.approx((f(x + 1e-6, n) - f(x - 1e-6, n)) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused_where_a_run_decides(f: Any) -> None:
    with pytest.raises(SrcadError):
        srcad.grad(f, target="python").source_for(0.7, 1000)


# ---- arguments -----------------------------------------------------------------------------------------------------


def changes_one(a: Body, b: Body) -> Any:
    a.x = b.v * 3.0
    return b.x * a.x


def test_an_object_given_twice_is_refused_where_one_is_changed() -> None:
    gradient = srcad.grad(changes_one, target="python")
    assert gradient(Body(2.0), Body(3.0)).x == 0.0
    body = Body(2.0)
    with pytest.raises(SrcadError, match="a and b are the same Body"):
        gradient(body, body)
    with pytest.raises(SrcadError, match=r"p\[0\] and p\[1\] are the same Body"):
        srcad.grad(lambda p: changes_one(p[0], p[1]), target="python")([body, body])


def test_an_object_given_twice_may_be_read() -> None:
    body = Body(2.0)
    found = srcad.grad(lambda a, b: a.x * b.x, (0, 1), target="python")(body, body)
    assert [one.x for one in found] == [2.0, 2.0]


def test_a_list_given_twice_is_refused_where_it_is_changed() -> None:
    def f(p: Any) -> Any:
        p[0][0] = p[1][1] * 3.0
        return p[1][0]

    row = [0.3, 0.4]
    with pytest.raises(SrcadError, match="are the same list"):
        srcad.grad(f, target="python")([row, row])
    assert srcad.grad(f, target="python")([row, list(row)]) == [[0.0, 0.0], [1.0, 0.0]]


def test_arguments_are_not_changed_and_the_gradient_is_of_their_class() -> None:
    body = Body(2.0, np.ones(2))
    before = copy.deepcopy(body)
    gradient = srcad.grad(lambda a: changes_one(a, a.moved(1.0)).sum(), target="python")(body)
    assert type(gradient) is Body and gradient.v.shape == (2,)
    assert body.x == before.x and np.array_equal(body.v, before.v)


def test_an_object_with_a_cycle_is_refused() -> None:
    body = Body(2.0)
    body.v = body
    with pytest.raises(SrcadError, match="contains itself"):
        srcad.grad(lambda a: a.x, target="python")(body)


# ---- classes that are refused --------------------------------------------------------------------------------------


class Doubled(namedtuple("Doubled", "x y")):
    def __new__(cls, x: Any, y: Any) -> Any:
        return super().__new__(cls, 2.0 * x, y)


class Watched:
    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, 2.0 * value)

    def __init__(self, x: Any) -> None:
        self.x = x


class Shared:
    count = 0.0


@dataclass(frozen=True)
class Fixed:
    x: float


def _sets_a_class_attribute(x: Any) -> Any:
    Shared.count += x
    return Shared.count


def _sets_a_field_of_a_frozen_one(x: Any) -> Any:
    fixed = Fixed(x)
    fixed.x = 2.0 * x
    return fixed.x


OUTSIDE = Body(2.0)


def _sets_an_attribute_of_a_global(x: Any) -> Any:
    OUTSIDE.x = x
    return OUTSIDE.x


@pytest.mark.parametrize(
    ("f", "code"),
    [
        (lambda x: Doubled(x, 1.0).x, "S117"),
        (lambda x: Watched(x).x, "S118"),
        (_sets_a_class_attribute, "S108"),
        (_sets_a_field_of_a_frozen_one, "S118"),
        (_sets_an_attribute_of_a_global, "S108"),
        (lambda x: Body(x).missing, "S122"),
        (lambda x: Body(x, x, x).x, "S124"),
        (lambda x: Body(x) + 1.0, "S127"),
    ],
    ids=["new", "setattr", "class", "frozen", "global", "missing", "arguments", "operator"],
)
def test_refused(f: Any, code: str) -> None:
    with pytest.raises(SrcadError) as caught:
        srcad.grad(f, target="python")(2.0)
    assert caught.value.problems[0].code == code


def test_class_attributes_and_globals_are_read_at_each_call() -> None:
    class Scaled:
        scale = 2.0

        def __init__(self, x: Any) -> None:
            self.x = x

        def value(self) -> Any:
            return self.x * self.scale * OUTSIDE.x

    gradient = srcad.grad(lambda x: Scaled(x).value(), target="python")
    assert gradient(1.0) == 4.0
    Scaled.scale = 5.0
    OUTSIDE.x = 3.0
    try:
        assert gradient(1.0) == 15.0
    finally:
        OUTSIDE.x = 2.0

"""Two names for one list: what is changed through one is read through the other, or the function is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError


def changed_after_a_loop_that_may_not_run(x, n):
    a = [x]
    b = a
    for _ in range(n):
        b = [b[0] * 2.0]
    b[0] = 7.0 * x * x
    return a[0]


def one_of_two_changed(x, n):
    a = [x]
    b = [2.0 * x]
    c = a if x * n > 1.0 else b
    a[0] = 5.0 * x * x
    return c[0]


def changed_before_it_is_read_in_a_loop(x, n):
    a = [x]
    b = a
    for _ in range(n):
        a[0] = a[0] * 2.0
        b = [b[0] + 1.0]
    return b[0]


def one_list_under_two_names_after_a_loop(x, n):
    a = [x]
    b = [3.0 * x]
    for _ in range(n):
        t = [a[0] * b[0]]
        a = t
        b = t
    a[0] = 5.0 * x * x
    return b[0]


def copy_of_one_of_two(x, n):
    a = {"v": x}
    b = {"v": 2.0 * x}
    c = a if x * n > 1.0 else b
    d = c.copy()
    d["v"] = x**3
    return c["v"] * d["v"]


def own_list_made_anew(x, n):
    a = [x, 1.0]
    for _ in range(n):
        a[1] = a[1] * 0.5
        a = [a[0] * x, a[1]]
    a[0] = a[0] * 2.0
    return a[0] + a[1]


READS = [copy_of_one_of_two, own_list_made_anew]
REFUSED = [
    changed_after_a_loop_that_may_not_run,
    one_of_two_changed,
    changed_before_it_is_read_in_a_loop,
    one_list_under_two_names_after_a_loop,
]


def difference(f: Callable[..., Any], x: float, n: int) -> float:
    return float((f(x + 1e-6, n) - f(x - 1e-6, n)) / 2e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("f", READS + REFUSED, ids=lambda f: f.__name__)
def test_right_or_refused(f: Callable[..., Any], n: int) -> None:
    try:
        value, gradient = srcad.value_and_grad(f, target="python")(0.7, n)
    except SrcadError as error:
        assert f in REFUSED
        assert error.problems[0].code == "S125"
    else:
        assert value == pytest.approx(f(0.7, n), rel=1e-12)
        assert gradient == pytest.approx(difference(f, 0.7, n), rel=1e-6)


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused_where_a_run_decides(f: Callable[..., Any]) -> None:
    with pytest.raises(SrcadError) as caught:
        srcad.grad(f, target="python").source_for(0.7, 1000)
    assert caught.value.problems[0].code == "S125"


def is_one_of_two(x: float) -> float:
    a, b = [x], [2.0 * x]
    c = a if x > 1.0 else b
    return x if c is a else 3.0 * x


def test_whether_it_is_the_same_list_is_not_guessed() -> None:
    with pytest.raises(SrcadError, match="the same object"):
        srcad.grad(is_one_of_two, target="python")(0.7)


def rows_are_views(x: Any, d: int) -> Any:
    rows = [x[i, :d] for i in range(len(x))]
    x[0, 0] = 5.0
    return np.sum(rows[0])


def row_written_to(x: Any, d: int) -> Any:
    rows = [x[i, :d] * 2.0 for i in range(len(x))]
    same = rows[0]
    rows[0][0] = 5.0
    return np.sum(same)


def part_of_a_list_changed(x: Any, d: int) -> Any:
    found = []
    for v in x[0]:
        if v > 0.0:
            found.append(v)
    part = found[:d]
    whole = np.asarray(found)
    found[0] = 7.0 * x[0, 0]
    return sum(part) + sum(found) * np.sum(whole)


def appended_and_then_written_to(x: Any, d: int) -> Any:
    rows = []
    h = x[0] * 1.0
    for i in range(len(x)):
        if x[i, 0] > 0.0:
            rows.append(h)
        h[0] += x[i, 0]
    return np.sum(np.array(rows))


def item_of_rows_written_to(x: Any, d: int) -> Any:
    rows = []
    for i in range(len(x)):
        if x[i, 0] > 0.0:
            rows.append(x[i] * 2.0)
        if len(rows) > 1:
            rows[0][0] = 3.0
    return np.sum(rows[0])


def row_popped(x: Any, d: int) -> Any:
    rows = []
    for i in range(len(x)):
        if x[i, 0] > 0.0:
            rows.append(x[i] * 2.0)
    last = rows.pop()
    rows.append(last * 2.0)
    return np.sum(last)


NOT_WRITTEN_TO = [
    rows_are_views,
    row_written_to,
    appended_and_then_written_to,
    item_of_rows_written_to,
    row_popped,
]


@pytest.mark.parametrize("f", NOT_WRITTEN_TO, ids=lambda f: f.__name__)
def test_rows_of_a_list_that_is_an_array_are_not_written_to(f: Callable[..., Any]) -> None:
    with pytest.raises(SrcadError) as caught:
        srcad.grad(f, target="python")(np.ones((3, 4)), 2)
    assert caught.value.problems[0].code == "S125"


def test_a_part_of_a_list_is_another_list() -> None:
    x = np.array([[0.3, 0.5, 0.7]])
    value, gradient = srcad.value_and_grad(part_of_a_list_changed, target="python")(x, 2)
    assert value == pytest.approx(part_of_a_list_changed(x, 2), rel=1e-12)
    for at in range(3):
        up, down = x.copy(), x.copy()
        up[0, at] += 1e-6
        down[0, at] -= 1e-6
        difference = (part_of_a_list_changed(up, 2) - part_of_a_list_changed(down, 2)) / 2e-6
        assert gradient[0, at] == pytest.approx(difference, rel=1e-6)

"""What is claimed of functions that are called, against what they do: pure ones change nothing, fresh ones are new."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from types import CellType
from typing import Any

import numpy as np
import pytest

from srcad.dispatch.function_effects import FunctionEffects
from srcad.frontend.source.read import read

TABLE = np.array([1.0, 2.0, 3.0])
KEPT: list[Any] = []
STATE = {"n": 0}
CASES: list[tuple[Callable[..., Any], bool, bool]] = []


def claims(is_pure: bool, is_fresh: bool) -> Callable[[Any], Any]:
    return lambda f: CASES.append((f, is_pure, is_fresh)) or f


@claims(True, True)
def product(x, p):
    return x * p


@claims(True, True)
def polynomial(x, p):
    total = 0.0
    for i in range(3):
        total += p[i] * x[0] ** i
    return total


@claims(True, True)
def of_library(x, p):
    h = np.tanh(x * p)
    return h.sum() + math.sin(x[0])


@claims(True, True)
def of_another(x, p):
    return product(x, p) + of_library(x, p)


@claims(True, True)
def own_array(x, p):
    out = np.zeros(3)
    for i in range(3):
        out[i] = x[i] * p[i]
    return out


@claims(True, True)
def own_list(x, p):
    rows = []
    for i in range(3):
        rows.append(x[i] * p[i])
    return sum(rows)


@claims(True, True)
def reads_outside(x, p):
    return np.sum(TABLE * x) * p[0]


@claims(True, True)
def raises(x, p):
    if p[0] > 100.0:
        raise ValueError("large")
    try:
        value = math.sqrt(x[0])
    except ValueError:
        value = 0.0
    return value * p[0]


@claims(True, False)
def in_a_loop(x, p):
    z = x
    for _ in range(3):
        z = chooses(z, p)
    return z


@claims(True, True)
def new_in_a_loop(x, p):
    z = x * 1.0
    for _ in range(3):
        z = product(z, p)
    return z + z


@claims(True, False)
def chooses(x, p):
    return x if p[0] > 0.0 else p


@claims(True, False)
def a_view(x, p):
    return x[:2]


@claims(True, False)
def of_outside(x, p):
    return TABLE


@claims(True, False)
def in_a_list(x, p):
    return [x, p[0] * 2.0]


@claims(True, False)
def renamed(x, p):
    y = x
    z = y
    return z


@claims(True, False)
def in_a_comprehension(x, p):
    return [v for v in (x, p)]


@claims(False, False)
def stores(x, p):
    x[0] = p[0] * 2.0
    return x[1] * 1.0


@claims(False, False)
def stores_by_another_name(x, p):
    y = x
    y[0] = 9.0
    return 1.0


@claims(False, False)
def adds_in_place(x, p):
    x += p
    return 1.0


@claims(False, False)
def adds_to_a_view(x, p):
    y = x[1:]
    y += p[0]
    return 1.0


@claims(False, False)
def adds_in_a_loop(x, p):
    rows = [x, p]
    for row in rows:
        row += 1.0
    return 1.0


@claims(False, False)
def writes_by_out(x, p):
    np.add(x, p, out=x)
    return 1.0


@claims(False, False)
def writes_by_position(x, p):
    np.add(x, p, x)
    return 1.0


@claims(False, False)
def writes_by_method(x, p):
    x.fill(3.0)
    return 1.0


@claims(False, False)
def writes_by_function(x, p):
    np.copyto(x, p)
    return 1.0


@claims(False, False)
def writes_by_operator(x, p):
    operator.setitem(x, 0, 7.0)
    return 1.0


@claims(False, False)
def writes_by_helper(x, p):
    return stores(x, p)


@claims(False, False)
def writes_outside(x, p):
    STATE["n"] += 1
    return x[0] * p[0]


@claims(False, False)
def keeps(x, p):
    KEPT.append(x)
    return x[0] * p[0]


@claims(False, False)
def keeps_by_default(x, p, kept=KEPT):
    kept.append(x)
    return x[0] * p[0]


@claims(False, False)
def rebinds(x, p):
    global TABLE
    TABLE = TABLE + 0.0
    return x[0] * p[0]


@claims(False, False)
def by_lambda(x, p):
    put = lambda v: x.fill(v)  # noqa: E731
    put(2.0)
    return 1.0


@claims(False, False)
def by_inner_function(x, p):
    def put(v):
        x[0] = v

    put(2.0)
    return 1.0


@claims(False, False)
def through_a_list(x, p):
    rows = [x]
    rows[0][0] = 5.0
    return 1.0


@claims(False, False)
def through_what_another_gives(x, p):
    y = chooses(x, p)
    y[0] = 3.0
    return 1.0


@claims(False, False)
def through_a_sum_of_lists(x, p):
    rows = [x] + [p]
    rows[0][0] = 3.0
    return 1.0


@claims(False, False)
def through_a_dict(x, p):
    rows = {"x": x}
    rows["x"][0] = 3.0
    return 1.0


@claims(False, False)
def through_a_list_in_a_loop(x, p):
    rows = [x]
    for _ in range(2):
        rows = chooses(rows, p)
    more = rows + rows
    more[0][0] = 3.0
    return 1.0


def made(function):
    def applied(x, p):
        return function(x, p)

    return applied


applies_product = claims(True, True)(made(product))
applies_stores = claims(False, False)(made(stores))


@claims(False, False)
def of_two_closures(x, p):
    return applies_product(x, p) + applies_stores(x, p)


@claims(False, False)
def through_append(x, p):
    rows = []
    rows.append(x)
    for row in rows:
        row[0] = 4.0
    return 1.0


def twice(f):
    @functools.wraps(f)
    def called(*args):
        args[0][0] += 1.0
        return f(*args)

    return called


@claims(False, False)
@twice
def decorated(x, p):
    return x[0] * p[0]


def claimed(f: Any) -> tuple[bool, bool]:
    """What is claimed of `called(x, p)`, where that is `f`, and both are arrays."""

    def caller(x, p):
        return called(x, p)

    source = read(caller)
    source = replace(source, closure={"called": CellType(f)})
    effects = FunctionEffects(source, dict(zip(("x", "p"), arrays(), strict=True)))
    call = source.tree.body[0].value
    return effects.is_pure(call), effects.is_fresh(call)


called: Any = None


def arrays() -> tuple[Any, Any]:
    return np.array([0.5, 1.5, 2.5]), np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(("f", "is_pure", "is_fresh"), CASES, ids=[case[0].__name__ for case in CASES])
def test_claims_are_what_happens(f: Any, is_pure: bool, is_fresh: bool) -> None:
    assert claimed(f) == (is_pure, is_fresh)
    x, p = arrays()
    table, kept, state = TABLE, len(KEPT), dict(STATE)
    result = f(x, p)
    is_unchanged = all(map(np.array_equal, (x, p, TABLE), (*arrays(), np.array([1.0, 2.0, 3.0]))))
    is_unchanged = is_unchanged and TABLE is table and len(KEPT) == kept and state == STATE
    assert is_unchanged == is_pure
    parts = result if isinstance(result, list) else [result]
    is_shared = any(np.shares_memory(one, other) for one in parts for other in (x, p, TABLE))
    assert is_shared == (not is_fresh) or not is_pure

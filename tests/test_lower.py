"""Lowering: the normal form of every program of the corpus, interpreted, computes what Python computes."""

from __future__ import annotations

import time

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError, UnsupportedError
from srcad.frontend.calls.inline import inline_rule
from srcad.ir.nodes import Const, For, Function, If, Param, Slice, Var, While
from srcad.ir.traversal import walk
from srcad.ir.types import ONE, Array, Scalar, Symbol, dim
from srcad.ir.verify import Malformed, verify
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import RULES
from srcad.typing.builder import Builder
from tests.lower_programs import PROGRAMS, SCALE, calls_keyword_soup, globals_used, keyword_soup, x5
from tests.lowering import check, lowered
from tests.programs.registry import cases_without_calls

pytestmark = pytest.mark.one_in(10, least=3)

CORPUS = cases_without_calls()


DECIDED_BY_CALLS = {
    "collecting:array_list_runtime_index",
    "first_iteration:flag_from_outside_decides_the_type",
    "first_iteration:options_from_outside",
    "iterating:use_lru_int",
    "iterators:sorted_by_tuples",
}
"""Calls read what they are given, or what is outside, in another way, where this one is refused."""


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_corpus(case) -> None:
    if case.name in DECIDED_BY_CALLS:
        with pytest.raises((SrcadError, TypeError)):
            check(case.function, *case.args)
    else:
        check(case.function, *case.args)


# ---- language --------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p[0].__name__)
def test_program(program, capsys) -> None:
    function, *args = program
    check(function, *args)


def test_captures_are_read_at_each_call() -> None:
    found = lowered(globals_used, 2.0)
    assert [captured.name for captured in found.captures] == ["SCALE", "TABLE"]
    assert [param.name for param in found.function.params] == ["x", "SCALE", "TABLE_w", "TABLE_n"]
    assert [param.path for param in found.function.params][2:] == ["TABLE['w']", "TABLE['n']"]
    assert found.captures[0].read() == SCALE


def test_functions_used_are_guarded() -> None:
    found = lowered(calls_keyword_soup, 0.7)
    definition = "its definition"
    assert [(guard.name, guard.read()) for guard in found.guards] == [
        (definition, calls_keyword_soup.__code__),
        ("keyword_soup", keyword_soup),
        (definition, keyword_soup.__code__),
    ]


# ---- form ------------------------------------------------------------------------------------------


def nested(u, n):
    total = 0.0
    for step in range(n):
        for i in range(1, u.shape[0] - 1):
            if u[i] > 0:
                total += u[i - 1] * step
    return total


def test_equal_input_gives_equal_output() -> None:
    assert lowered(nested, x5, 3).function == lowered(nested, x5, 3).function


def test_loops_stay_loops() -> None:
    kinds = [type(stmt) for stmt in walk(lowered(nested, x5, 3).function.body)]
    assert kinds.count(For) == 2 and kinds.count(If) == 1 and kinds.count(While) == 0


def test_lowering_is_fast() -> None:
    taken = []
    for _ in range(4):  # the first makes what is made once; a machine may be busy in one of the others
        start = time.process_time()
        lowered(nested, x5, 3)
        taken.append(time.process_time() - start)
    assert min(taken[1:]) < 0.1


def test_verifier_sees_what_is_wrong() -> None:
    function = lowered(nested, x5, 3).function
    with pytest.raises(Malformed, match="twice"):
        verify(Function("f", function.params, function.body * 2, (), function.types), PRIMITIVES)
    with pytest.raises(Malformed, match="not defined"):
        verify(Function("f", (), (), (Var("y"),), {}), PRIMITIVES)
    with pytest.raises(Malformed, match="no type"):
        verify(Function("f", (Param("y", "y"),), (), (), {}), PRIMITIVES)


# ---- types -----------------------------------------------------------------------------------------


def test_builder_knows_lengths() -> None:
    b = Builder()
    n = dim(Symbol("x", 0))
    x = b.fresh("x", Array("float32", (n, dim(4)), "C"))
    assert b.typeof(b.op("index", x, Slice(Const(1), Const(-1)))) == Array("float32", (n - 2, dim(4)), "C")
    assert b.typeof(b.op("index", x, Slice(), Const(0))) == Array("float32", (n,), "A")
    assert b.typeof(b.op("np.transpose", x, axes=(1, 0))) == Array("float32", (dim(4), n), "F")
    assert b.typeof(b.op("index", x, Const(None), Const(0))).dims == (ONE, dim(4))
    rows = b.op("shape", x, axis=0)
    assert b.typeof(b.op("np.zeros", b.op("-", rows, Const(2)))) == Array("float64", (n - 2,), "C")
    assert b.typeof(b.op("*", x, Const(0.5))).dtype == "float32"
    assert b.typeof(b.op("*", x, b.op("np.sum", b.op("astype", x, dtype="float64")))).dtype == "float64"
    assert b.typeof(b.op("np.sum", x, axis=1)) == Array("float32", (n,), "C")
    assert b.op("+", Const(1), Const(2)) == Const(3)
    assert b.typeof(b.op("/", Const(1), rows)) == Scalar("float64")


def test_rules_are_inlined() -> None:
    b = Builder()
    a = b.fresh("A", Array("float64", (dim(Symbol("A", 0, True)), dim(Symbol("A", 1, True)))))
    v = b.fresh("x", Array("float64", (dim(Symbol("A", 1, True)),)))
    y = b.op("@", a, v)
    rule = next(rule for rule in RULES["@"] if rule.ranks == (2, 1))
    d_a, d_x = inline_rule(b, rule.function, (y, y, a, v), {})
    assert b.typeof(d_a).dims == b.typeof(a).dims
    assert b.typeof(d_x).dims == b.typeof(v).dims


# ---- errors ----------------------------------------------------------------------------------------


def refuses_type_change(x):
    y, z = 0.0, 0.0
    for i in range(len(x)):
        z = y
        y = y + x
    return z


def refuses_dynamic_index(x, i):
    return [x, 2 * x, np.ones(3)][i]


def refuses_attribute_store(x):
    x.shape = (5, 1)
    return x


def refuses_missing_name(x):
    if x > 0:
        y = x
    return undefined_name * y  # noqa: F821


def refuses_shape(x):
    return np.zeros(3) + np.zeros(4) + x


def refuses_ambiguous(x):
    return 1.0 if x > 0 else 2.0


def refuses_change_after_append(h, n):
    hs = []
    for t in range(n):
        h[0] += 1.0
        hs.append(h)
    return np.stack(hs)


def refuses_count(x):
    a, b, c = x, x
    return a


@pytest.mark.parametrize(
    ("function", "args", "code", "under"),
    [
        (refuses_type_change, (x5,), "S119", "z"),
        (refuses_dynamic_index, (x5, 1), "S123", "[x, 2 * x, np.ones(3)][i]"),
        (refuses_attribute_store, (x5,), "S118", "x.shape"),
        (refuses_missing_name, (1.0,), "S120", "undefined_name"),
        (refuses_shape, (x5,), "S127", "np.zeros(3) + np.zeros(4)"),
        (refuses_ambiguous, (x5,), "S127", "x > 0"),
        (refuses_change_after_append, (x5, 3), "S125", "h[0] += 1.0"),
        (refuses_count, (1.0,), "S127", "a, b, c = x, x"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_refused(function, args, code, under) -> None:
    with pytest.raises(SrcadError) as caught:
        lowered(function, *args)
    (problem,) = caught.value.problems
    assert isinstance(caught.value, UnsupportedError)
    assert problem.code == code, caught.value
    span = problem.span
    assert span.text[span.column : span.end_column] == under, caught.value


def is_true(x, k):
    return x * (2.0 if k is True else 3.0)


def test_one_is_not_true() -> None:
    for k, slope in ((1, 3.0), (True, 2.0), (1.0, 3.0), (0, 3.0), (False, 3.0)):
        assert srcad.grad(is_true, target="python")(1.5, k) == slope
